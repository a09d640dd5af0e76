"""Classes asked for by name, behind begun answers where the server goes on from them."""

import math

import numpy as np
import pytest

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ModelError
from llkd.teachers.prompts import label_turns
from tests.support.api_teachers import LABELS, teacher_at
from tests.support.counting_meter import CountingMeter
from tests.support.naming_server import OPTION, SmallModel
from tests.support.stand_in_server import completion, serving

NAMES = ["World", "Sports", "Science"]
TEXTS = ["News of the World", "All of Sports", "A bit of Science"]


def ask(served, tmp_path, labels=LABELS, texts=TEXTS, **settings):
    settings = {"confidence": "logprob", "concurrency": 1, **settings}
    teacher = teacher_at(served, tmp_path, labels, **settings)
    batches = list(teacher.score(texts))
    teacher.close()
    scores = np.full((len(texts), len(labels.labels)), np.nan, np.float32)
    for batch in batches:
        scores[batch.index] = batch.scores
    return scores, [batch.raw[0] for batch in batches], teacher


def begun(served):
    return [r["body"] for r in served.requests if r["body"]["messages"][-1]["role"] == "assistant"]


def test_names_are_scored_by_the_tokens_that_begin_them(tmp_path):
    with serving(SmallModel(NAMES)) as served:
        scores, raw, _ = ask(served, tmp_path, ask="names")
    assert scores.argmax(axis=1).tolist() == [0, 1, 2]
    np.testing.assert_allclose(np.exp(scores[0]), [0.028, 0.006, 0.006], rtol=1e-5)
    assert raw[0] == "The [names: 4 %]"
    assert len(served.requests) == 3 and not begun(served)
    assert "- World\n- Sports\n- Science" in served.requests[0]["body"]["messages"][0]["content"]


@pytest.mark.parametrize(("most", "taken"), [(1000, 1000), (20, 20), (5, 5)])
def test_as_many_words_are_listed_as_the_server_allows(tmp_path, most, taken):
    with serving(SmallModel(NAMES, most=most)) as served:
        scores, _, _ = ask(served, tmp_path, ask="names")
    assert np.isfinite(scores).all()
    assert served.requests[-1]["body"]["top_logprobs"] == taken


@pytest.mark.parametrize("goes_on", ["plain", "option", "mark"])
def test_answers_are_begun_as_the_server_wants_it(tmp_path, goes_on):
    with serving(SmallModel(NAMES, goes_on)) as served:
        scores, raw, _ = ask(served, tmp_path, ask="prefilled")
    np.testing.assert_allclose(np.exp(scores[1]), [0.09, 0.42, 0.09], rtol=1e-5)
    assert raw[1].endswith("[names: 60 %]")
    last = begun(served)[-1]
    assert last["messages"][-1]["content"] == "The category of this text is"
    assert bool(last.get(OPTION)) == (goes_on == "option")
    assert ("prefix" in last["messages"][-1]) == (goes_on == "mark")
    turns = [(m["role"], m["content"]) for m in last["messages"]]
    assert turns == label_turns(TeacherConfig(), LABELS, TEXTS[-1])  # a local model's very words


@pytest.mark.parametrize("goes_on", ["never", "refused"])
def test_a_server_that_begins_a_new_turn_is_not_asked_so(tmp_path, goes_on):
    with serving(SmallModel(NAMES, goes_on)) as served, pytest.raises(ModelError) as said:
        ask(served, tmp_path, ask="prefilled")
    assert "does not go on from a begun answer" in str(said.value)
    assert not any(r["body"].get("logprobs") for r in served.requests), "no text was asked about"
    assert all(r["body"]["messages"][0]["role"] == "system" for r in served.requests)


def test_a_server_that_counts_no_tokens_is_not_asked_so(tmp_path):
    with serving(SmallModel(NAMES, tokens=False)) as served, pytest.raises(ModelError):
        ask(served, tmp_path, ask="prefilled")


def test_a_server_that_repeats_the_beginning_goes_on_from_it(tmp_path):
    model = SmallModel(NAMES, tokens=False)

    def answer(request, number):
        body = model(request, number)
        last = request["messages"][-1]
        if last["role"] == "assistant":
            message = body["choices"][0]["message"]
            message["content"] = last["content"] + message["content"]
        return body

    with serving(answer) as served:
        scores, raw, _ = ask(served, tmp_path, ask="prefilled")
    assert scores.argmax(axis=1).tolist() == [0, 1, 2]
    assert raw[0] == "World [names: 60 %]", "what was sent is no answer of the model"


CARDS = LabelSet.of(["card arrival", "card payment", "loan"])


def cards(request, number):
    """The first token of two of the names is the same; what follows it tells them apart."""
    last = request["messages"][-1]
    length = sum(5 + len(m["content"].split()) for m in request["messages"])
    if last["role"] == "user":
        return completion("card", [("card", -0.3), ("loan", -2.0)], usage=(length + 5, 1))
    if last["content"].endswith("card"):
        top = [(" payment", math.log(0.3)), (" arrival", math.log(0.1)), (" is", math.log(0.6))]
        return completion(" payment", top, usage=(length, 1))
    return completion(" card", [(" card", -0.3), (" loan", -2.0)], usage=(length, 1))


@pytest.mark.parametrize("way", ["names", "prefilled"])
def test_names_that_begin_alike_are_told_apart_by_what_follows(tmp_path, way):
    meter = CountingMeter()
    with serving(cards) as served:
        scores, _, _ = ask(served, tmp_path, CARDS, ["a card payment"], ask=way, meter=meter)
    expected = [math.exp(-0.3) * 0.25, math.exp(-0.3) * 0.75, math.exp(-2)]
    np.testing.assert_allclose(np.exp(scores[0]), expected, rtol=1e-5)
    assert meter.counts["settle"] == len(served.requests), "every call is counted"


def test_names_that_begin_alike_share_where_the_server_cannot_go_on(tmp_path):
    def answer(request, number):
        if request["messages"][-1]["role"] == "assistant":
            return 400, {"error": {"message": "assistant prefill is not supported"}}
        return cards(request, number)

    with serving(answer) as served:
        scores, raw, teacher = ask(served, tmp_path, CARDS, ["a card payment"], ask="names")
    assert scores[0][0] == scores[0][1] == pytest.approx(-0.3 - math.log(2))
    assert raw == ["card [names: 87 %] [not told apart: card arrival, card payment]"]
    assert any("begin alike" in sentence for sentence in teacher.notices)


def test_more_classes_than_letters_are_asked_for_at_once(tmp_path):
    names = [f"{letter}{letter}name" for letter in "abcdefghijklmnopqrstuvwxyz"]
    with serving(SmallModel(names)) as served:
        scores, _, _ = ask(
            served, tmp_path, LabelSet.of(names), ["about qqname"], ask="names", confidence="auto"
        )
    assert scores[0].argmax() == 16
    assert len(served.requests) == 1


def test_without_log_probabilities_names_are_asked_for_in_words(tmp_path):
    with serving(lambda request, number: completion("Sports")) as served:
        scores, _, teacher = ask(served, tmp_path, confidence="auto", ask="names", samples=3)
    assert scores.argmax(axis=1).tolist() == [1, 1, 1]
    assert any("no log-probabilities" in sentence for sentence in teacher.notices)


def test_a_pass_by_letters_is_described_as_it_always_was(tmp_path):
    def described(**settings):
        teacher = teacher_at("http://127.0.0.1:1/v1", tmp_path, **settings)
        teacher.close()
        return teacher.describe()

    assert described() == described(ask="letters") == described(ask="letters", lead="Well:")
    assert not {"asked_by", "lead", "ask"} & described().keys()
    named, prefilled = described(ask="names"), described(ask="prefilled")
    assert named["asked_by"] == "names" and prefilled["asked_by"] == "prefilled"
    assert named == described(ask="names", lead="Well:")
    assert prefilled != described(ask="prefilled", lead="Well:")
    # What is stated or voted does not depend on it.
    assert described(ask="names", confidence="verbalized") == described(confidence="verbalized")
