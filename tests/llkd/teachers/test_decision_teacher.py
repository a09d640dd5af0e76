"""Decision servers as teachers, over real HTTP: what is sent, and what becomes of each failure."""

import json

import numpy as np
import pytest

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ConfigError, LLKDError, ModelError
from llkd.teachers.base import NO_EXAMPLES
from llkd.teachers.decisions.server import base_of
from llkd.teachers.registry import checked, make_teacher
from tests.support.counting_meter import CountingMeter
from tests.support.stand_in_server import serving

KINDS = ("systemone", "decisions")
LABELS = LabelSet.of(["red", "blue"])


def teacher_at(kind, url, home, labels=LABELS, meter=None, **settings):
    quick = {"retries": 2, "retry_seconds": 0.001, "concurrency": 1, "timeout": 60.0}
    config = TeacherConfig(teacher=f"{kind}:m", base_url=url, **(quick | settings))
    return make_teacher(config, labels, home, examples=NO_EXAMPLES, meter=meter)


def reply(request, probabilities=(0.75, 0.25), model="m", **usage):
    """An answer to either interface; the options get the probabilities in their order."""
    usage = {"input_tokens": 30, "output_tokens": 0} | usage
    if "state" in request:
        ((name, question),) = request["questions"].items()
        options = list(question["criteria"])
        answer = {"type": "choice", "choice": options[0], "confidence": 0.1}
        answer["probabilities"] = dict(zip(options, probabilities, strict=False))
        return {"model": model, "answers": {name: answer}, "usage": usage}
    (question,) = request["questions"]
    options = [choice["value"] for choice in question["choices"]]
    answer = {"type": "choice", "name": question["name"], "choice": options[0], "confidence": 0.1}
    answer["probabilities"] = [
        {"value": option, "probability": p}
        for option, p in zip(options, probabilities, strict=False)
    ]
    return {"model": model, "answers": [answer], "usage": usage}


def text_of(request):
    return request.get("state", request.get("input"))


def score(teacher, texts):
    found = [batch for batch in teacher.score(texts)]
    teacher.close()
    return sorted(found, key=lambda batch: int(batch.index[0]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_is_one_call_with_a_probability_for_every_class(kind, tmp_path):
    meter = CountingMeter()
    with serving(lambda request, number: reply(request, model="m-1.2")) as served:
        teacher = teacher_at(kind, served.url, tmp_path, meter=meter)
        (batch,) = score(teacher, ["hello"])
        (sent,) = served.requests
    np.testing.assert_allclose(np.exp(batch.scores[0]), [0.75, 0.25], rtol=1e-6)
    assert (batch.source, batch.raw, batch.tokens_in, batch.tokens_out) == (
        *("probability", ["red"]),
        *(30, 0),
    )
    assert sent["path"] == f"/v1/{kind}"
    assert text_of(sent["body"]) == "hello"
    assert sent["body"].keys() == (
        {"model", "state", "questions"} if kind == "systemone" else {"model", "input", "questions"}
    )
    assert dict(meter.counts) == {"reserve": 1, "settle": 1}
    assert teacher.notices == ["Asked for the model 'm', the server answers as 'm-1.2'."]
    described = teacher.describe()
    assert described["kind"] == kind
    assert "concurrency" not in json.dumps(described)


def test_the_address_may_be_written_as_either_interface_writes_it(tmp_path):
    for words in ("http://h:1", "http://h:1/", "http://h:1/v1/", "http://h:1/v1/systemone"):
        assert base_of(words) == "http://h:1/v1"
    assert base_of("https://h/inference/v1/decisions") == "https://h/inference/v1"
    with serving(lambda request, number: reply(request)) as served:
        root = served.url.removesuffix("/v1")
        ways = [root, served.url, f"{served.url}/systemone"]
        teachers = [teacher_at("systemone", url, tmp_path) for url in ways]
        assert len({json.dumps(teacher.describe()) for teacher in teachers}) == 1, "one cache"
        for teacher in teachers:
            score(teacher, ["hello"])
        assert {sent["path"] for sent in served.requests} == {"/v1/systemone"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (401, {"error": {"message": "no such key"}}, "no such key"),
        (403, {"detail": {"error_type": "x", "message": "not yours"}}, "not yours"),
        (402, {"error": {"message": "no credit left"}}, "status 402: no credit left"),
        (429, {"error": {"code": "insufficient_quota", "message": "used up"}}, "used up"),
        (404, {"error": {"message": "no such model: m"}}, "does not know the model 'm'"),
        (404, {"detail": "Not Found"}, "offers no .* interface .*auto:m finds out"),
        (405, {"detail": "Method Not Allowed"}, "status 405.*auto:m"),
        (501, {"error": {"message": "This model is not a decision model"}}, "not a decision"),
        (418, "teapot", "status 418"),
    ],
)
def test_what_no_further_try_can_mend_ends_the_pass_at_once_and_costs_nothing(
    kind, status, body, sentence, tmp_path
):
    meter = CountingMeter()
    with serving(lambda request, number: (status, body)) as served:
        teacher = teacher_at(kind, served.url, tmp_path, meter=meter)
        with pytest.raises(ModelError, match=sentence):
            score(teacher, ["a", "b", "c"])
        assert len(served.requests) == 1
    assert dict(meter.counts) == {"reserve": 1, "release": 1}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("first", "spent"),
    [
        ((429, {"error": {"message": "busy"}}), "release"),
        ((429, {"error": {"message": "busy"}}, {"Retry-After": "0.01"}), "release"),
        ((500, {"error": {"message": "broken"}}), "release"),
        ((503, "<html><title>loading</title></html>"), "release"),
        ((529, {"error": {"message": "overloaded"}}), "release"),
        ((408, {"error": {"message": "slow"}}), "lose"),
        ((0, ""), "lose"),
        ((200, '{"answers": [{"type": "cho'), "lose"),
        ((200, "<html>welcome</html>"), "lose"),
        ((200, {"error": {"message": "overloaded", "code": 503}}), "lose"),
        ((200, {"error": {"message": "rate limit exceeded", "code": 429}}), "release"),
    ],
)
def test_what_another_try_may_mend_is_tried_again_and_metered(kind, first, spent, tmp_path):
    meter = CountingMeter()
    with serving(lambda request, number: first if number == 1 else reply(request)) as served:
        (batch,) = score(teacher_at(kind, served.url, tmp_path, meter=meter), ["hello"])
        assert len(served.requests) == 2
    assert np.isfinite(batch.scores).all()
    assert dict(meter.counts) == {"reserve": 2, spent: 1, "settle": 1}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_text_goes_to_review_with_the_reason(kind, status, tmp_path):
    def answer(request, number):
        if "forbidden" in text_of(request):
            return status, {"detail": [{"loc": ["body", "state"], "msg": "it is not decent"}]}
        return reply(request)

    meter = CountingMeter()
    with serving(answer) as served:
        texts = ["forbidden", "good", "also forbidden", "fine"]
        found = score(teacher_at(kind, served.url, tmp_path, meter=meter), texts)
    assert [bool(np.isfinite(batch.scores).all()) for batch in found] == [False, True, False, True]
    assert "[refused]" in found[0].raw[0]
    assert "it is not decent" in found[2].raw[0]
    assert meter.counts["release"] == meter.counts["reserve"] - meter.counts["settle"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_refuses_every_text_ends_the_pass(kind, tmp_path):
    with serving(lambda request, number: (422, {"detail": "unknown option set"})) as served:
        with pytest.raises(ModelError, match="refuses the request: unknown option set"):
            score(teacher_at(kind, served.url, tmp_path), ["a", "b", "c"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_question_goes_to_review(kind, tmp_path):
    def answer(request, number):
        whole = reply(request)
        if "no" in text_of(request):
            refusal = {"type": "refusal", "name": "category"}
            whole["answers"] = [refusal] if kind == "decisions" else {"category": refusal}
        return whole

    with serving(answer) as served:
        found = score(teacher_at(kind, served.url, tmp_path), ["yes", "no"])
    assert found[1].raw == ["[no usable answer] refused: no reason was told."]
    assert np.isnan(found[1].scores).all()
    assert found[1].answer[0] == -1
    assert found[1].tokens_in == 30, "it was paid"


@pytest.mark.parametrize("kind", KINDS)
def test_a_choice_alone_is_a_label_without_a_confidence(kind, tmp_path):
    def answer(request, number):
        whole = reply(request)
        answers = whole["answers"]
        (answers[0] if kind == "decisions" else answers["category"]).pop("probabilities")
        return whole

    with serving(answer) as served:
        teacher = teacher_at(kind, served.url, tmp_path)
        (batch,) = score(teacher, ["hello"])
    assert (int(batch.answer[0]), batch.source) == (0, "none")
    assert np.isnan(batch.scores).all()
    assert "no confidence" in teacher.notices[0]


MANY = LabelSet.of([f"class {n}" for n in range(60)])


def limited(most, words):
    """Takes so many options, and finds "class 41" the likeliest, or the group that holds it."""

    def answer(request, number):
        if "state" in request:
            options = request["questions"]["category"]["criteria"]
        else:
            choices = request["questions"][0]["choices"]
            options = {choice["value"]: choice.get("description") for choice in choices}
        if len(options) > most:
            return 400, {"error": {"message": words.format(n=len(options), most=most)}}
        holds = [
            "class 41" in (name, *(meaning or "").split("; ")) for name, meaning in options.items()
        ]
        return reply(request, [0.9 if here else 0.1 / len(options) for here in holds])

    return answer


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "words",
    [
        "questions.category: too many options ({n}), this model supports at most {most}",
        "Too many choices for this model.",
        "labels that are not single tokens: more than {most} options cannot be told apart",
    ],
)
def test_a_server_of_fewer_options_is_asked_in_two_stages_from_then_on(kind, words, tmp_path):
    meter = CountingMeter()
    with serving(limited(26, words)) as served:
        teacher = teacher_at(kind, served.url, tmp_path, MANY, meter)
        found = score(teacher, ["one", "two"])
    for batch in found:
        assert int(batch.scores.argmax()) == 41
        assert batch.raw[0].startswith("group ")
        assert "class 41" in batch.raw[0]
    assert sum("two stages" in sentence for sentence in teacher.notices) == 1
    # One text found out (each refusal free), then two calls for each.
    assert meter.counts["settle"] >= 4
    assert meter.counts["reserve"] == meter.counts["settle"] + meter.counts["release"]


def test_more_than_255_classes_take_two_stages_and_more_than_their_square_are_refused(
    tmp_path, monkeypatch
):
    labels = LabelSet.of([f"class {n}" for n in range(300)])
    with serving(lambda request, number: reply(request, [0.9, *[0.1 / 299] * 299])) as served:
        teacher = teacher_at("systemone", served.url, tmp_path, labels)
        (batch,) = score(teacher, ["hello"])
        sizes = [len(sent["body"]["questions"]["category"]["criteria"]) for sent in served.requests]
    assert sizes == [2, 150]
    assert batch.scores.shape == (1, 300)
    assert np.exp(batch.scores.astype(float)).sum() == pytest.approx(1, abs=0.02)
    assert int(batch.scores.argmax()) == 0
    monkeypatch.setattr("llkd.teachers.decisions.teacher.MOST_OPTIONS", 5)
    with pytest.raises(ConfigError, match="up to 25 classes, but there are 60"):
        teacher_at("decisions", served.url, tmp_path, MANY)


def test_a_gateway_that_wants_the_other_form_under_this_address_gets_it(tmp_path):
    def answer(request, number):
        if "input" in request:
            return 422, {"detail": [{"loc": ["body", "state"], "msg": "Field required"}]}
        return reply(request)

    meter = CountingMeter()
    with serving(answer) as served:
        found = score(teacher_at("decisions", served.url, tmp_path, meter=meter), ["a", "b"])
        assert [("state" in sent["body"]) for sent in served.requests] == [False, True, True]
        assert {sent["path"] for sent in served.requests} == {"/v1/decisions"}
    assert all(np.isfinite(batch.scores).all() for batch in found)
    assert dict(meter.counts) == {"reserve": 3, "release": 1, "settle": 2}


def test_a_text_refused_at_first_does_not_change_the_form_for_good(tmp_path):
    def answer(request, number):
        if "state" in request:
            return 400, {"error": {"message": "input is required"}}
        if "bad" in request["input"]:
            return 400, {"error": {"message": "the input must be a decent string"}}
        return reply(request)

    with serving(answer) as served:
        found = score(teacher_at("decisions", served.url, tmp_path), ["bad", "good"])
        assert [("state" in sent["body"]) for sent in served.requests[:3]] == [False, True, False]
        assert sum("state" in sent["body"] for sent in served.requests) == 1
    assert "the input must be a decent string" in found[0].raw[0]
    assert np.isfinite(found[1].scores).all()


def test_what_costs_nothing_told_is_counted_in_full_and_the_bound_is_learnt(tmp_path):
    reserved = []

    class Looking(CountingMeter):
        def reserve(self, tokens_in, tokens_out):
            reserved.append(tokens_in)
            return super().reserve(tokens_in, tokens_out)

    with serving(lambda request, number: reply(request)) as served:
        score(teacher_at("systemone", served.url, tmp_path, meter=Looking()), ["hello"] * 3)
    assert reserved[0] > 1024 > 100 > reserved[1] == reserved[2] >= 30
    with serving(lambda request, number: reply(request, input_tokens=None)) as served:
        meter = CountingMeter()
        (batch,) = score(teacher_at("systemone", served.url, tmp_path, meter=meter), ["hello"])
    assert batch.tokens_in == reserved[0], "told nothing, it counts as the most there can have been"


@pytest.mark.parametrize("kind", KINDS)
def test_an_address_or_a_model_is_needed(kind, tmp_path):
    with pytest.raises(ConfigError, match="needs a base URL"):
        checked(TeacherConfig(teacher=f"{kind}:m"))
    with pytest.raises(LLKDError):
        checked(TeacherConfig(teacher=kind, base_url="http://127.0.0.1:9/v1"))


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_with_more_than_any_question_has_is_not_read(kind, tmp_path):
    with serving(lambda request, number: reply(request, x_more=["option"] * 500_000)) as served:
        with pytest.raises(ModelError, match="sends 5 MiB as the answer to one question"):
            score(teacher_at(kind, served.url, tmp_path, retries=0), ["hello"])
