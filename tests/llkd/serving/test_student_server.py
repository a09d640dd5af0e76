"""A student's server as its callers meet it: a real process that lacks torch, and real clients."""

import asyncio
from pathlib import Path

import httpx2
import numpy as np
import pytest
from openai import OpenAI

from llkd.serving.folder import student_files
from llkd.serving.onnx_classifier import OnnxClassifier
from tests.support.coroutines import result_of
from tests.support.serving_process import ask, choice, serving
from tests.support.tiny_onnx_student import TEMPERATURE, make_onnx_student
from tests.support.tiny_student import CLASSES, toy_texts


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_onnx_student(tmp_path_factory.mktemp("student"))


@pytest.fixture(scope="module")
def served(folder):
    with serving(folder) as server:
        yield server


@pytest.fixture(scope="module")
def client(served):
    with OpenAI(base_url=f"{served.url}/v1", api_key="whatever", max_retries=0) as made:
        yield made


def expected(folder, texts, temperature=TEMPERATURE):
    """Probabilities ``[n, C]`` of the texts one by one, under the temperature."""
    files = student_files(folder)
    classifier = OnnxClassifier(files.graph, files.tokenizer)
    logits = np.array([classifier.logits([text])[0][0] for text in texts]) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_predictions_are_the_students_under_its_temperature(served, folder):
    texts = toy_texts(150)[0] + ["", "goal " * 500, "stock 😀 \0 <b>market</b>\u202e"]
    body = served.post("/predict", {"texts": texts}).json()
    p = expected(folder, texts)
    got = np.array([list(entry["probabilities"].values()) for entry in body["predictions"]])
    assert np.abs(got - p).max() < 1e-6
    assert body["model"] == "toy-run-1"
    assert [list(e["probabilities"]) for e in body["predictions"]] == [CLASSES] * len(texts)
    labels = [CLASSES[k] for k in p.argmax(axis=1)]
    assert [entry["label"] for entry in body["predictions"]] == labels
    assert [e["confidence"] for e in body["predictions"]] == pytest.approx(p.max(axis=1).tolist())


def test_many_callers_at_once_each_get_their_own_answer(served, folder):
    texts = toy_texts(120, seed=3)[0]

    async def call():
        limits = httpx2.Limits(max_connections=40)
        async with httpx2.AsyncClient(base_url=served.url, limits=limits, timeout=90) as client:
            replies = await asyncio.gather(
                *(client.post("/predict", json={"text": text}) for text in texts)
            )
        return [reply.json()["predictions"][0]["probabilities"]["sports"] for reply in replies]

    assert result_of(call()) == pytest.approx(expected(folder, texts)[:, 0].tolist(), abs=1e-6)


def test_the_official_client_reads_a_decision(client, folder):
    decision = client.decisions.create(
        model="gpt-6-luna",
        input="the coach of the team",
        questions=[
            {"type": "choice", "name": "topic", "instructions": "What is it about?",
             "choices": [{"value": "money", "description": "markets"}, {"value": "sports"}]},
            {"type": "choice", "instructions": "Again?",
             "choices": [{"value": " Sports "}, {"value": "MONEY"}]},
        ],
    )  # fmt: skip
    p = expected(folder, ["the coach of the team"])[0]
    first, second = decision.answers
    assert (first.type, first.name, first.choice) == ("choice", "topic", "sports")
    assert [(e.value, pytest.approx(e.probability)) for e in first.probabilities] == [
        ("money", p[1]), ("sports", p[0]),
    ]  # fmt: skip
    assert (second.name, second.choice) == (None, " Sports ")
    assert first.confidence == pytest.approx(2 * p[0] - 1)
    assert decision.model == "toy-run-1"
    assert decision.usage.input_tokens == decision.usage.total_tokens == 7


def test_the_official_client_reads_messages_and_models(client):
    decision = client.decisions.create(
        model="gpt-6-luna",
        input=[
            {"role": "system", "content": "You sort messages."},
            {"role": "user", "content": [{"type": "input_text", "text": "goal match"}]},
            {"role": "user", "content": [{"type": "input_json", "data": {"a": "team"}}]},
        ],
        questions=[{"type": "choice", "instructions": "?", "choices": [{"value": c} for c in CLASSES]}],
    )  # fmt: skip
    assert decision.answers[0].choice == "sports"
    assert [model.id for model in client.models.list()] == ["toy-run-1"]


@pytest.mark.parametrize(
    ("questions", "param", "words"),
    [
        ([{"type": "predicate", "instructions": "Is it?"}], "questions[0]", "does not judge"),
        ([{"type": "score", "instructions": "?", "levels": [{"label": "a"}, {"label": "b"}]}],
         "questions[0].levels", "no scale"),
        ([{"type": "choice", "instructions": "?", "choices": [{"value": "sports"}, {"value": "sea"}]}],
         "questions[0].choices", "'sea' is none of its classes"),
        ([{"type": "choice", "instructions": "?", "choices": [{"value": True}, {"value": False}]}],
         "questions[0].choices", "'true' is none of its classes"),
        ([{"type": "choice", "instructions": "?", "choices": [{"value": "sports"}] * 2}],
         "questions[0].choices", "must be unique"),
        ([{"type": "choice", "instructions": "?", "choices": [{"value": "sports"}, {"value": "Sports"}]}],
         "questions[0].choices", "twice"),
    ],
)  # fmt: skip
def test_a_decision_that_it_cannot_make_is_refused_in_a_sentence(client, questions, param, words):
    from openai import BadRequestError

    with pytest.raises(BadRequestError) as caught:
        client.decisions.create(model="m", input="goal", questions=questions)
    assert words in caught.value.message and caught.value.param == param


def test_system_one_answers_options_in_their_order_and_renormalises(served, folder):
    body = ask(served, ["money", "sports"], state={"message": "a new goal"}).json()
    answer = body["answers"]["q"]
    p = expected(folder, ["a new goal"])[0]
    assert list(answer["probabilities"]) == ["money", "sports"]
    assert answer["probabilities"]["sports"] == pytest.approx(p[0])
    assert answer["choice"] == "sports" and answer["confidence"] == pytest.approx(2 * p[0] - 1)
    assert body["usage"] == {"input_tokens": 5, "output_tokens": 0}
    only = ask(served, ["money"]).json()["answers"]["q"]
    mass = expected(folder, ["goal match team"])[0, 1]
    assert only == {"type": "choice", "choice": "money", "confidence": 1.0,
                    "probabilities": {"money": 1.0}, "x_option_mass": pytest.approx(mass)}  # fmt: skip


def test_system_one_refuses_in_its_own_form(served):
    for question in (choice(["sports", "sea"]), {"type": "noul", "instructions": "Is it?"},
                     {"type": "score", "criteria": ["low", "high"]}):  # fmt: skip
        body = {"state": "goal", "questions": {"first": choice(CLASSES), "other": question}}
        reply = served.post("/v1/systemone", body)
        assert reply.status_code == 422
        (detail,) = reply.json()["detail"]
        assert detail["loc"][:3] == ["body", "questions", "other"] and "student" in detail["msg"]
        assert reply.headers["x-typesafe-request-id"]


@pytest.mark.parametrize("path", ["/predict", "/v1/decisions", "/v1/systemone"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b"{}", 400),
        (b'{"text": NaN, "state": NaN, "input": NaN}', 400),
        (b'{"text": "\\ud800", "input": "\\ud800", "state": "\\ud800"}', 400),
        (b'{"text": "\xff\xfe"}', 400),
        (b"[" * 200_000, 400),
        (b'{"text": 7, "input": 7, "state": 7, "questions": 7}', 400),
        (b'{"texts": ["a", null], "input": "a", "questions": [null], "state": "a"}', 400),
        (b'{"a": "' + b"x" * 2_000_000 + b'"}', 413),
    ],
    ids=lambda value: str(value)[:24],
)
def test_hostile_bodies_get_a_sentence(served, path, body, status):
    reply = served.send(path, body)
    wanted = 422 if status == 400 and path == "/v1/systemone" else status
    assert reply.status_code == wanted, reply.text
    document = reply.json()
    told = document["detail"] if path == "/v1/systemone" else document["error"]["message"]
    assert told and "Traceback" not in reply.text
    assert served.get("/ready").json() == {"ready": True}


def test_long_texts_many_texts_and_other_forms_are_refused(served):
    too_long = served.post("/predict", {"texts": ["a", "x" * 100_001]})
    assert (too_long.status_code, too_long.json()["error"]["param"]) == (413, "texts[1]")
    assert ask(served, CLASSES, state="x" * 100_001).status_code == 413
    many = served.post("/predict", {"texts": ["a"] * 257})
    assert many.status_code == 413 and "at most 256" in many.json()["error"]["message"]
    plain = served.send("/predict", b'{"text": "a"}', content_type="text/plain")
    assert plain.status_code == 415
    packed = served.send("/predict", b"xx", content_encoding="br")
    assert packed.status_code == 415 and "gzip" in packed.json()["error"]["message"]
    image = served.post("/v1/decisions", {
        "input": [{"role": "user", "content": [{"type": "input_image", "image_url": "http://x"}]}],
        "questions": [{"type": "choice", "instructions": "?", "choices": [{"value": c} for c in CLASSES]}],
    })  # fmt: skip
    assert image.status_code == 400 and "Images" in image.json()["error"]["message"]


def test_packed_bodies_are_read_within_the_limit(served):
    import gzip

    def packed(data):
        return served.send("/predict", gzip.compress(data), content_encoding="gzip")

    assert packed(b'{"text": "goal"}').json()["predictions"][0]["label"] == "sports"
    assert packed(b'{"text": "' + b"a" * 50_000_000 + b'"}').status_code == 413
    half = gzip.compress(b'{"text": "goal"}')[:-4]
    broken = served.send("/predict", half, content_encoding="gzip")
    assert broken.status_code == 400 and "no whole gzip" in broken.json()["error"]["message"]


def test_other_methods_paths_and_an_old_protocol(served):
    head = served.client.head("/health")
    assert head.status_code == 200 and head.content == b""
    options = served.client.options("/predict")
    assert options.status_code == 405 and options.headers["allow"] == "POST"
    assert served.get("/predict").status_code == 405
    gone = served.get("/nothing")
    assert gone.status_code == 404 and "/predict" in gone.json()["error"]["message"]
    reply = served.raw(
        b"POST /predict HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b'Content-Length: 16\r\n\r\n{"text": "goal"}'
    )
    assert reply.startswith(b"HTTP/1.1 200") and b'"label":"sports"' in reply
    assert served.raw(b"\x16\x03\x01 this is no HTTP\r\n\r\n").startswith(b"HTTP/1.1 400")


def test_pages_hold_words_and_nothing_that_runs(served):
    page = served.get("/")
    assert "<h1>A text classifier</h1>" in page.text and "<td>1</td>" in page.text
    assert "<code>&lt;b&gt;two&lt;/b&gt;</code>" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    document = served.get("/openapi.json").json()
    assert {"/predict", "/v1/decisions", "/v1/systemone"} <= set(document["paths"])
    assert "PredictRequest" in document["components"]["schemas"]
    assert "POST /v1/systemone" in served.get("/docs").text


def test_counters_say_how_much_and_never_what(served):
    served.post("/predict", {"texts": ["goal xyzzy", "stock xyzzy"]})
    text = served.get("/metrics").text
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[:1] != "#")
    assert float(values["llkd_texts_total"]) >= 2
    assert float(values['llkd_requests_total{path="/predict",status="200"}']) >= 1
    assert float(values["llkd_waiting_texts"]) == 0
    assert "xyzzy" not in text and "/nothing" not in text


def test_the_process_has_loaded_no_torch(served):
    maps = Path(f"/proc/{served.process.pid}/maps").read_text()
    assert "onnxruntime" in maps and "torch" not in maps
