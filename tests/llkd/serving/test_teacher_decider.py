"""A local language model answers any question of both interfaces, as the local teacher would."""

import numpy as np
import pytest

from llkd.config import LabelSet, TeacherConfig, build
from llkd.selection import signals
from llkd.serving.app import make_app
from llkd.serving.teacher_decider import TeacherDecider
from llkd.teachers.local.teacher import LocalTeacher
from tests.support.tiny_teacher import TEMPLATE, make_llama, make_tokenizer

CONFIG = TeacherConfig(max_text_tokens=32, precision="fp32")
TEXTS = ["the cat sat on the mat", "a credit card was charged twice", "", "x" * 3000]


@pytest.fixture(scope="module")
def model():
    return make_llama()


@pytest.fixture(scope="module")
def local(model):
    def make(config, labels):
        tokenizer = make_tokenizer(TEMPLATE)
        return LocalTeacher(model, tokenizer, labels, config, identity={}, batch_tokens=512)

    return make


@pytest.fixture
def client(local):
    from starlette.testclient import TestClient

    base = local(CONFIG, LabelSet.of(["a", "b"]))
    with TestClient(make_app(TeacherDecider(base.with_question, CONFIG, "tiny"))) as client:
        yield client


def scores(teacher, texts):
    rows = np.empty((len(texts), 0))
    for batch in teacher.score(texts):
        if not rows.shape[1]:
            rows = np.empty((len(texts), batch.scores.shape[1]))
        rows[batch.index] = batch.scores
    return signals.softmax(rows)


def ask(client, questions, state="the cat sat"):
    return client.post("/v1/systemone", json={"state": state, "questions": questions})


@pytest.mark.parametrize("instructions", ["Which of these is it?", None])
def test_a_choice_is_asked_as_labelling_asks(client, local, instructions):
    labels = LabelSet.of(["cats", "credit cards"])
    described = labels.labels[0].model_copy(update={"description": "animals, at home"})
    labels = LabelSet(labels=(described, labels.labels[1]))
    config = CONFIG.model_copy(update={"instruction": instructions or CONFIG.instruction})
    p = scores(local(config, labels), TEXTS)
    question = {"type": "choice", "instructions": instructions,
                "criteria": {"cats": "animals, at home", "credit cards": None}}  # fmt: skip
    for place, text in enumerate(TEXTS):
        answer = ask(client, {"q": question}, text).json()["answers"]["q"]
        assert list(answer["probabilities"].values()) == pytest.approx(p[place].tolist(), abs=1e-5)
        assert answer["choice"] == labels.names[int(p[place].argmax())]
        assert "x_answered_by" not in answer


def test_statements_and_levels_are_answered_too(client):
    body = ask(
        client,
        {
            "true": {"type": "noul", "instructions": "Is it about a cat?"},
            "how": {"type": "score", "criteria": ["Calm", "Angry", {"level": "worst"}]},
            "long": {"type": "score", "criteria": ["x" * 70, "y"]},
            "only": {"type": "choice", "criteria": {"one": None}},
        },
    ).json()
    answers = body["answers"]
    assert 0 <= answers["true"]["noul"] <= 1
    p = list(answers["how"]["probabilities"].values())
    assert sum(p) == pytest.approx(1) and answers["how"]["legend"]["2"] == {"level": "worst"}
    assert answers["how"]["score"] == pytest.approx(p[1] + 2 * p[2])
    assert answers["only"]["probabilities"] == {"one": 1.0}
    assert body["model"] == "tiny" and body["usage"]["input_tokens"] > 0


def test_answers_depend_on_neither_names_nor_company(client):
    choice = {"type": "choice", "instructions": "Which?", "criteria": {"cats": None, "dog": None}}
    noul = {"type": "noul", "instructions": "Is it about a cat?"}
    alone = ask(client, {"q": choice}).json()["answers"]["q"]
    other = ask(client, {"n": noul, "z 🙂": choice}).json()["answers"]["z 🙂"]
    for option, p in alone["probabilities"].items():
        assert other["probabilities"][option] == pytest.approx(p, abs=1e-4)


def test_the_other_interface_gives_the_same(client):
    choice = {"type": "choice", "instructions": "Which?", "criteria": {"cats": None, "dog": None}}
    p = ask(client, {"q": choice}).json()["answers"]["q"]["probabilities"]
    question = {"type": "choice", "name": "q", "instructions": "Which?",
                "choices": [{"value": "cats"}, {"value": "dog"}]}  # fmt: skip
    body = client.post("/v1/decisions", json={"input": "the cat sat", "questions": [question]})
    found = {
        entry["value"]: entry["probability"] for entry in body.json()["answers"][0]["probabilities"]
    }
    assert found == pytest.approx(p, abs=1e-5)
    yes = {"type": "choice", "instructions": "?", "choices": [{"value": True}, {"value": False}]}
    body = client.post("/v1/decisions", json={"input": "the cat", "questions": [yes]}).json()
    assert body["answers"][0]["choice"] in (True, False)


@pytest.mark.parametrize(
    ("criteria", "words"),
    [
        ({"Yes": None, "yes": None}, "stands twice"),
        ({"a": "x" * 3000, "b": None}, "2,000"),
        ({"a": None, "x" * 300: None}, "200"),
        ({" ": None, "b": None}, "at least 1 character"),
    ],
)
def test_what_no_prompt_can_put_is_refused(client, criteria, words):
    good = {"type": "choice", "criteria": {"cats": None, "dog": None}}
    reply = ask(client, {"good": good, "bad": {"type": "choice", "criteria": criteria}})
    assert reply.status_code == 422
    (detail,) = reply.json()["detail"]
    assert detail["loc"][:3] == ["body", "questions", "bad"] and words in detail["msg"]
    assert client.post("/predict", json={"text": "a"}).status_code == 404
    assert ask(client, {"good": good}).status_code == 200


@pytest.fixture
def address(local):
    """The base URL of the decider on a port of this machine, in a thread."""
    import threading
    import time

    import uvicorn

    from llkd.serving.server import listen

    base = local(CONFIG, LabelSet.of(["a", "b"]))
    app = make_app(TeacherDecider(base.with_question, CONFIG, "tiny"))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        until = time.monotonic() + 60
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        server.should_exit = True
        thread.join(60)


@pytest.mark.parametrize("kind", ["decisions", "systemone"])
def test_a_decision_teacher_over_it_labels_as_the_local_teacher(address, local, kind, tmp_path):
    from llkd.teachers import make_teacher

    meanings = {"cats": "animals, at home", "credit cards": "", "sports": "matches"}
    labels = build(
        LabelSet, labels=[{"name": k, "description": words} for k, words in meanings.items()]
    )
    texts = [f"{text} {k}" for k in range(6) for text in TEXTS[:2]]
    config = TeacherConfig(teacher=f"{kind}:tiny", base_url=address, retry_seconds=0.01)
    teacher = make_teacher(config, labels, tmp_path)
    there = scores(teacher, texts)
    teacher.close()
    here = scores(local(CONFIG, labels), texts)
    assert np.abs(there - here).max() < 1e-4
    assert (there.argmax(axis=1) == here.argmax(axis=1)).all()
