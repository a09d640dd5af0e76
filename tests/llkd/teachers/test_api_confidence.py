"""Where the API teacher's confidence comes from, by setting and by what the server offers."""

import collections
import json

import numpy as np
import pytest

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ConfigError, ModelError
from llkd.teachers import make_teacher
from llkd.teachers.base import NO_EXAMPLES, Example, FewShot
from tests.support.counting_meter import CountingMeter
from tests.support.faulty_server import label_of, running
from tests.support.stand_in_server import completion, serving

NAMES = ["World", "Sports", "Science"]
TOPICS = [f"topic {k:02d}" for k in range(45)]


def teacher_at(served, tmp_path, names=NAMES, *, examples=NO_EXAMPLES, meter=None, **settings):
    quick = {"teacher": "api:tiny", "base_url": served.url, "retry_seconds": 0.01}
    config = TeacherConfig(**{**quick, **settings})
    labels = LabelSet.of(list(names))
    return make_teacher(config, labels, tmp_path, examples=examples, meter=meter)


def one(teacher, text="a match"):
    (batch,) = teacher.score([text])
    return batch


def test_demanded_logprobs_that_are_not_there_are_said(tmp_path):
    with running(tmp_path / "log", logprobs=False) as server:
        teacher = teacher_at(server, tmp_path, confidence="logprob")
        with pytest.raises(ModelError, match="gives no logprobs.*Choose 'self_consistency'"):
            list(teacher.score(["a"]))
        assert len(server.lines()) == 1


def test_one_empty_answer_does_not_mean_that_there_are_no_logprobs(tmp_path):
    def answer(request, number):
        return completion("") if number == 1 else completion("B", [("B", -0.3), ("A", -1.5)])

    with serving(answer) as served:
        first, second = teacher_at(served, tmp_path, concurrency=1).score(["one", "two"])
        assert len(served.requests) == 3, "a plain text was asked about to find out"
    assert (first.source, first.answer[0], first.raw) == (
        "none",
        -1,
        ["[no usable answer] it was empty"],
    )
    assert second.source == "logprob"


def test_an_empty_server_without_logprobs_is_asked_for_votes(tmp_path):
    with serving(lambda request, n: completion("" if "logprobs" in request else "B")) as served:
        assert one(teacher_at(served, tmp_path)).source == "self_consistency"


def test_votes_are_drawn_at_temperature_one_whatever_the_server_has(tmp_path):
    with running(tmp_path / "log", wander=0.5) as server:
        batch = one(teacher_at(server, tmp_path, confidence="self_consistency", samples=9))
        lines = server.lines()
    assert batch.source == "self_consistency"
    votes = collections.Counter(line["label"] for line in lines)
    assert len(lines) == 9
    assert len(votes) > 1
    expected = [(votes[name] + 0.5) / (9 + 1.5) for name in NAMES]
    np.testing.assert_allclose(np.exp(batch.scores[0]), expected, rtol=1e-5)
    assert {line["options"]["temperature"] for line in lines} == {1.0}


@pytest.mark.parametrize("structured", [True, False])
def test_a_stated_confidence_is_a_probability(tmp_path, structured):
    with running(tmp_path / "log", structured=structured) as server:
        teacher = teacher_at(server, tmp_path, confidence="verbalized")
        batches = list(teacher.score([f"text {i}" for i in range(6)]))
        assert teacher.content_free() is None
        lines = server.lines()
    for batch in batches:
        text = f"text {batch.index[0]}"
        said = json.loads(batch.raw[0])
        scores = np.exp(batch.scores[0])
        assert batch.source == "verbalized"
        assert NAMES[scores.argmax()] == label_of(text, NAMES) == said["label"]
        np.testing.assert_allclose(scores.max(), said["confidence"] / 100, rtol=1e-5)
        np.testing.assert_allclose(scores.sum(), 1, rtol=1e-5)
    asked = ["response_format" in line["options"] for line in lines]
    if structured:
        assert all(asked)
        schema = lines[0]["options"]["response_format"]["json_schema"]
        assert schema["strict"] is True
        assert schema["schema"]["properties"]["label"]["enum"] == NAMES
    else:
        assert sum(asked) <= 4, "a complaint is remembered by all threads"
        assert not any(asked[-2:])


def test_an_answer_without_its_confidence_is_an_answer(tmp_path):
    with serving(lambda request, n: completion('{"label": "Sports"}')) as served:
        batch = one(teacher_at(served, tmp_path, confidence="verbalized"))
    assert (batch.source, batch.answer[0]) == ("none", 1)
    assert np.isnan(batch.scores).all()


def test_no_confidence_is_one_answer_without_scores(tmp_path):
    meter = CountingMeter()
    with running(tmp_path / "log") as server:
        batch = one(teacher_at(server, tmp_path, confidence="none", meter=meter))
        (line,) = server.lines()
    assert (batch.source, NAMES[batch.answer[0]]) == ("none", label_of("a match", NAMES))
    assert np.isnan(batch.scores).all()
    assert line["options"]["temperature"] == 0
    assert "logprobs" not in line["options"]
    assert dict(meter.counts) == {"reserve": 1, "settle": 1}


def test_many_classes_are_asked_by_name_in_a_schema(tmp_path):
    with running(tmp_path / "log", labels=TOPICS) as server:
        teacher = teacher_at(server, tmp_path, TOPICS, confidence="none")
        batches = list(teacher.score(["about topic 33", "other"]))
        lines = server.lines()
    answers = {int(b.index[0]): TOPICS[b.answer[0]] for b in batches}
    assert answers == {0: "topic 33", 1: label_of("other", TOPICS)}
    assert all("response_format" in line["options"] for line in lines)


def test_45_classes_are_scored_in_two_stages(tmp_path):
    meter = CountingMeter()
    texts = [f"text {i}" for i in range(20)]
    with running(tmp_path / "log", labels=TOPICS) as server:
        teacher = teacher_at(server, tmp_path, TOPICS, meter=meter)
        batches = list(teacher.score(texts))
        free = teacher.content_free()
        lines = server.lines()
    assert free.shape == (3, 45)
    for batch in batches:
        text = texts[batch.index[0]]
        assert batch.source == "logprob"
        assert np.isfinite(batch.scores).all()
        assert TOPICS[batch.scores[0].argmax()] == label_of(text, TOPICS)
        calls = sum(line["text"] == text for line in lines)
        assert 2 <= calls <= 4
        assert batch.tokens_in == sum(line["tokens_in"] for line in lines if line["text"] == text)
        assert "group " in batch.raw[0]
    assert not meter.open
    assert meter.counts["settle"] == len(lines)


def test_two_stages_multiply_and_say_what_was_not_opened(tmp_path):
    inside = [("C", float(np.log(0.8))), ("A", float(np.log(0.1)))]
    outside = [("B", float(np.log(0.95))), ("A", float(np.log(0.03))), ("C", float(np.log(0.02)))]

    def answer(request, number):
        groups = "Groups of categories" in request["messages"][0]["content"]
        return completion("B", outside) if groups else completion("C", inside)

    with serving(answer) as served:
        batch = one(teacher_at(served, tmp_path, TOPICS))
        second = served.requests[1]["body"]["messages"][0]["content"]
    assert "A. topic 15\nB. topic 16" in second
    shares, all_letters = np.exp(batch.scores[0]), 0.8 + 0.1 + 13 * 0.01
    np.testing.assert_allclose(shares[17], 0.95 * 0.8 / all_letters, rtol=1e-4)
    np.testing.assert_allclose(shares[15], 0.95 * 0.1 / all_letters, rtol=1e-4)
    np.testing.assert_allclose(shares[16], 0.95 * 0.01 / all_letters, rtol=1e-4)
    np.testing.assert_allclose(shares[:15], 0.03 / 150, rtol=1e-4)
    assert batch.raw[0].endswith("| [not opened: A, C]")
    assert "in B: C [not listed: B, D" in batch.raw[0]


def test_a_best_group_without_an_answer_is_no_answer(tmp_path):
    def answer(request, number):
        groups = "Groups of categories" in request["messages"][0]["content"]
        return completion("A", [("A", -0.1)]) if groups else completion("The", [("The", -0.1)])

    with serving(answer) as served:
        batch = one(teacher_at(served, tmp_path, TOPICS, confidence="logprob"))
    assert (batch.source, batch.answer[0], batch.raw) == ("none", -1, ["A | The"])


def test_more_than_400_classes_are_asked_by_name(tmp_path):
    names = [f"class number {k}" for k in range(401)]
    with running(tmp_path / "log", labels=names) as server:
        batch = one(teacher_at(server, tmp_path, names, samples=2))
        with pytest.raises(ConfigError, match="takes up to 400 classes, but there are 401"):
            teacher_at(server, tmp_path, names, confidence="logprob")
    assert batch.source == "self_consistency"
    assert names[batch.scores[0].argmax()] == label_of("a match", names)


def test_letters_that_are_hardly_meant_are_marked(tmp_path):
    top = [("I", -0.3), ("B", -1.6), ("A", -6.0), ("C", -7.0)]
    with serving(lambda request, n: completion("I", top)) as served:
        batch = one(teacher_at(served, tmp_path))
    assert batch.raw == ["I [letters: 20 %]"]
    assert batch.scores[0].argmax() == 1


@pytest.mark.parametrize("mass", [0.09, 1e-2, 1e-7])
def test_letters_that_hold_almost_nothing_are_no_answer(tmp_path, mass):
    top = [("I", float(np.log(1 - mass))), ("B", float(np.log(mass))), ("A", -30.0)]
    with serving(lambda request, n: completion("I", top)) as served:
        batch = one(teacher_at(served, tmp_path, confidence="logprob"))
    assert (batch.answer[0], batch.source) == (-1, "none")
    assert np.isnan(batch.scores).all()
    assert batch.raw[0].startswith("I [not listed: C] [letters: ")


def test_a_refusal_that_names_a_class_is_no_answer(tmp_path):
    def answer(request, number):
        body = completion(None)
        body["choices"][0]["message"]["refusal"] = "Sports is nothing I talk about"
        return body

    with serving(answer) as served:
        batch = one(teacher_at(served, tmp_path, confidence="none"))
    assert batch.answer[0] == -1
    assert batch.raw == ["[no usable answer] refused: Sports is nothing I talk about"]


def test_examples_are_sent_and_chosen_for_each_text(tmp_path):
    def choose(text):
        return [Example(9, f"like {text}", 2)]

    examples = FewShot("nearest", (), choose, {"kind": "nearest", "rows": "abc"})
    with (
        running(tmp_path / "log"),
        serving(lambda request, n: completion("B", [("B", -0.1)])) as served,
    ):
        teacher = teacher_at(served, tmp_path, examples=examples)
        list(teacher.score(["me"]))
        assert "like me" in teacher.prompt("me")
        described = teacher.describe()
    turns = served.requests[0]["body"]["messages"][1:]
    assert [(m["role"], m["content"]) for m in turns] == [
        ("user", "like me"),
        ("assistant", "C"),
        ("user", "me"),
    ]
    assert described["examples"] == {"kind": "nearest", "rows": "abc"}


def test_describe_changes_with_what_changes_answers_and_nothing_else(tmp_path):
    class Served:
        url = "http://127.0.0.1:9/v1"

    def described(**settings):
        return json.dumps(teacher_at(Served, tmp_path, **settings).describe(), sort_keys=True)

    base = described()
    for changed in (
        {"question": "«{text}»"},
        {"instruction": "Sort."},
        {"confidence": "verbalized"},
        {"confidence": "none"},
        {"confidence": "logprob"},
        {"samples": 7},
        {"max_text_tokens": 20},
        {"teacher": "api:other"},
        {"examples": FewShot("fixed", (Example(1, "x", 0),), None, {"rows": [1]})},
        {"names": ["World", "Sports", "Tech"]},
        {"names": TOPICS},
    ):
        assert described(**changed) != base, changed
    for same in ({"concurrency": 9}, {"timeout": 3}, {"retries": 2}, {"retry_seconds": 2}):
        assert described(**same) == base, same
    assert described(confidence="none", samples=7) == described(confidence="none")


def test_a_name_that_is_another_class_in_the_prompt_is_not_read_as_this_one(tmp_path):
    config = TeacherConfig(
        teacher="api:tiny", base_url="http://127.0.0.1:1", confidence="none", retry_seconds=0.01
    )
    labels = LabelSet.model_validate(
        {
            "labels": [
                {"name": "positive", "verbaliser": "good"},
                {"name": "good", "verbaliser": "great"},
                {"name": "bad"},
            ]
        }
    )
    with serving(lambda request, number: completion("good")) as served:
        teacher = make_teacher(config.model_copy(update={"base_url": served.url}), labels, tmp_path)
        assert one(teacher).answer[0] == 0, "the prompt calls only the first class so"
