"""A student's server under clients and checks that others wrote: typesafe-sdk, openai, jevcompat."""

import concurrent.futures
import json
import sys

import pytest
import typesafe_sdk
from jevcompat import validate
from jevcompat.checks import CHOICE, NOUL, SCORE
from jevcompat.client import Client
from openai import OpenAI
from typesafe_sdk import Choice, Noul, RetryPolicy, Score, TypeSafeClient

from tests.support.serving_process import SLOW, serving
from tests.support.tiny_onnx_student import make_onnx_student
from tests.support.tiny_student import CLASSES, toy_texts

KEY = "k" * 24
ONCE = RetryPolicy(max_retries=0)
QUESTION = {
    "type": "choice",
    "instructions": "What is it about?",
    "criteria": dict.fromkeys(CLASSES),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_onnx_student(tmp_path_factory.mktemp("student"))


@pytest.fixture(scope="module")
def served(folder):
    with serving(folder) as server:
        yield server


@pytest.fixture(scope="module")
def sdk(served):
    with TypeSafeClient(api_key="any", base_url=served.url, retry=ONCE, timeout=90) as client:
        yield client


def asked(options=CLASSES, **descriptions):
    return Choice(
        instructions="What is it about?", criteria={**dict.fromkeys(options), **descriptions}
    )


def test_the_system_one_sdk_reads_an_answer(sdk):
    reply = sdk.system_one(
        state={"message": "the coach of the team"},
        questions={"topic": asked(sports="games, teams"), "und noch 🎯": asked(reversed(CLASSES))},
    )
    first, again = reply.choices["topic"], reply.choices["und noch 🎯"]
    assert first.choice == max(first.probabilities, key=first.probabilities.get)
    assert sum(first.probabilities.values()) == pytest.approx(1)
    assert again.probabilities == pytest.approx(first.probabilities)
    assert list(again.probabilities) == list(reversed(CLASSES))
    assert first.confidence == pytest.approx(
        validate.choice_confidence(list(first.probabilities.values()))
    )
    assert reply.model == "toy-run-1" and reply.usage.input_tokens > 0
    assert reply.usage.output_tokens == 0 and len(reply.request_id) >= 8


def test_both_lists_of_models_can_be_read(sdk, served):
    (model,) = sdk.models.list().models
    with OpenAI(base_url=f"{served.url}/v1", api_key="any", max_retries=0) as client:
        assert [one.id for one in client.models.list()] == [model.name] == ["toy-run-1"]


def test_three_ways_to_ask_give_one_answer(sdk, served):
    texts = [*toy_texts(20, seed=5)[0], "", "stock\u202e 😀 <b>", "goal " * 300]
    predicted = served.post("/predict", {"texts": texts}).json()["predictions"]
    options = [{"value": name} for name in CLASSES]
    with OpenAI(base_url=f"{served.url}/v1", api_key="any", max_retries=0) as client:
        for text, expected in zip(texts, predicted, strict=True):
            one = sdk.system_one(state=text, questions={"q": asked()}).choices["q"]
            (two,) = client.decisions.create(
                model="any", input=text,
                questions=[{"type": "choice", "instructions": "Which?", "choices": options}],
            ).answers  # fmt: skip
            assert one.probabilities == pytest.approx(expected["probabilities"], abs=1e-6)
            assert {p.value: p.probability for p in two.probabilities} == pytest.approx(
                one.probabilities, abs=1e-6
            )
            assert one.choice == two.choice == expected["label"]
            assert one.confidence == pytest.approx(two.confidence, abs=1e-6)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (asked([*CLASSES, "weather"]), "'weather' is none of its classes"),
        (Noul(instructions="Is it about sports?"), "does not judge statements"),
        (Score(instructions="How much?", criteria=["little", "much"]), "no scale"),
    ],
)
def test_what_a_student_cannot_know_is_refused_in_a_sentence(sdk, question, words):
    with pytest.raises(typesafe_sdk.TypeSafeUnprocessableEntityError, match=words) as refused:
        sdk.system_one(state="goal", questions={"q": question})
    assert ", ".join(CLASSES) in str(refused.value)


def test_paths_that_are_none_and_keys_that_are_missing_are_told_in_its_words(folder, served):
    with TypeSafeClient(api_key="any", base_url=f"{served.url}/v2", retry=ONCE) as lost:
        with pytest.raises(typesafe_sdk.TypeSafeNotFoundError, match="nothing at this path"):
            lost.system_one(state="goal", questions={"q": asked()})
    with serving(folder, environment={"LLKD_SERVE_KEY": KEY}) as guarded:
        with TypeSafeClient(api_key="x" * 24, base_url=guarded.url, retry=ONCE) as stranger:
            with pytest.raises(
                typesafe_sdk.TypeSafeAuthenticationError, match="not the one of this server"
            ):
                stranger.system_one(state="goal", questions={"q": asked()})
        with TypeSafeClient(api_key=KEY, base_url=guarded.url, retry=ONCE, timeout=90) as friend:
            assert friend.system_one(state="goal", questions={"q": asked()}).choices["q"].choice


def test_a_full_server_tells_the_sdk_when_to_come_back(folder):
    def ask(client):
        try:
            return client.system_one(state="goal", questions={"q": asked()}).choices["q"].choice
        except typesafe_sdk.TypeSafeRateLimitError as full:
            return full.retry_after_ms

    limits = ("--limit-waiting", "2", "--workers", "1")
    with serving(folder, *limits, command=[sys.executable, "-c", SLOW, "0.3", str(folder)]) as slow:
        with TypeSafeClient(api_key="any", base_url=slow.url, retry=ONCE, timeout=90) as client:
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                told = list(pool.map(ask, [client] * 16))
    waits = [one for one in told if isinstance(one, float)]
    assert waits and all(1000 <= wait <= 60_000 for wait in waits)
    assert any(one in CLASSES for one in told)


VALID = {
    "plain": {},
    "no instructions": {"questions": {"q": {"type": "choice", "criteria": dict.fromkeys(CLASSES)}}},
    "structured": {
        "state": ["goal", {"team": [1, None, True]}],
        "questions": {
            "q": {"type": "choice", "instructions": {"task": ["sort"]},
                  "criteria": {CLASSES[0]: {"owns": ["games"]}, CLASSES[1]: ["markets"]}}
        },
    },
    "ids": {"questions": {name: QUESTION for name in ("a-1", "q.2", "with space", "질문", "🎯", "__proto__")}},
    "unknown fields": {"x_trace": "1", "seed": 7},
    "empty state": {"state": ""},
    "one option": {"questions": {"q": {"type": "choice", "criteria": {CLASSES[0]: None}}}},
}  # fmt: skip
INVALID = {
    "not JSON": b'{"state": "x", "questions": {',
    "not UTF-8": b'{"state": "\xff", "questions": {}}',
    "NaN": b'{"state": "x", "questions": {"q": {"type": "choice", "criteria": {"sports": NaN}}}}',
    "deep": b'{"state": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "array": [],
    "no state": json.dumps({"model": "m", "questions": {"q": QUESTION}}).encode(),
    "state null": {"state": None},
    "no questions": b'{"model": "m", "state": "x"}',
    "empty questions": {"questions": {}},
    "empty id": {"questions": {"": QUESTION}},
    "no type": {"questions": {"q": {"instructions": "Refund?"}}},
    "other type": {"questions": {"q": {"type": "boolean", "instructions": "Refund?"}}},
    "a box": {"questions": {"q": {"type": "box"}}},
    "no options": {"questions": {"q": {"type": "choice", "criteria": {}}}},
    "map of levels": {"questions": {"q": {"type": "score", "criteria": {"0": "calm"}}}},
    "256 options": {"questions": {"q": {"type": "choice", "criteria": {f"o{k}": None for k in range(256)}}}},
    "401 questions": {"questions": {f"q{k}": QUESTION for k in range(401)}},
    "noul": {"questions": {"q": NOUL}},
    "strange options": {"questions": {"q": CHOICE}},
    "score": {"questions": {"q": SCORE}},
    "one class twice": {"questions": {"q": {"type": "choice", "criteria": {"sports": None, " SPORTS ": None}}}},
}  # fmt: skip


@pytest.mark.parametrize("name", VALID)
def test_answers_pass_the_conformance_suites_own_checks(served, name):
    request = {"model": "jev-latest", "state": "goal", "questions": {"q": QUESTION}, **VALID[name]}
    reply = Client(served.url).post_json("/v1/systemone", request)
    assert reply.status == 200, reply.excerpt()
    assert validate.validate_success(request, reply) == []


@pytest.mark.parametrize("name", INVALID)
def test_refusals_pass_the_conformance_suites_own_checks(served, name):
    case = INVALID[name]
    if isinstance(case, dict):
        case = {"model": "m", "state": "goal", "questions": {"q": QUESTION}, **case}
    reply = Client(served.url).post_json("/v1/systemone", case)
    assert validate.validate_validation_error(reply) == []
    assert len(json.loads(reply.body)["detail"]) == 1


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/systemone", 405), ("POST", "/nothing", 404)]
)
def test_other_refusals_have_the_documented_shape(served, method, path, status):
    reply = Client(served.url).request(method, path, b"{}" if method == "POST" else None)
    assert reply.status == status
    if path == "/v1/systemone":
        assert validate.validate_error_shape(reply) == []
