"""Decision servers that others wrote, over small local models, as teachers.

llama.cpp's own (System One), ``transformers serve`` (System One), jevper (OpenAI Decisions over a
chat model) and jevcompat's reference server with its faults. What each said is kept by a relay, so
that labels are compared with the very probabilities that came.
"""

import json

import numpy as np
import pytest
from jevcompat.mock import FAULTS, MockConfig, Running, respond, validate_request
from openai.types.decision_create_params import DecisionCreateParams
from pydantic import TypeAdapter

from llkd.config import Label, LabelSet, TeacherConfig
from llkd.errors import ModelError
from llkd.store import Store
from llkd.teachers import make_teacher
from tests.support import jevper_server, llama_server, transformers_server
from tests.support.command_line import typed
from tests.support.counting_meter import CountingMeter
from tests.support.decision_gguf import write_decision_gguf
from tests.support.paid_labelling import make_project
from tests.support.recording_relay import relaying
from tests.support.tiny_teacher import TEMPLATE, make_llama, make_tokenizer

LABELS = LabelSet(
    labels=(
        Label(name="World", description="politics and wars of other countries"),
        Label(name="Sports", description="games, matches, teams"),
        Label(name="Business", description=""),
    )
)
TEXTS = [
    "The team won the cup final on penalties after a goalless match.",
    "Shares fell as the bank reported a loss for the third quarter.",
    "The two presidents signed a peace treaty in Geneva on Monday.",
    "Er sagte: „Tor!“ 😀 <b>2:1</b>\u202e",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="module")
def decides(folder):
    """llama.cpp's server over the embedded model as a decision model."""
    model = write_decision_gguf(folder / "decisions.gguf")
    with llama_server.running(model, folder / "decisions.log") as url:
        yield url


@pytest.fixture(scope="module")
def chats(folder):
    """llama.cpp's server over the embedded model as it is."""
    with llama_server.running(llama_server.embedded_gguf(), folder / "chat.log") as url:
        yield url


@pytest.fixture(scope="module")
def tiny(folder):
    """``transformers serve`` over a random model."""
    make_llama().save_pretrained(folder / "tiny")
    make_tokenizer(TEMPLATE).save_pretrained(folder / "tiny")
    with transformers_server.running(folder / "tiny", folder / "tiny.log") as url:
        yield url, str(folder / "tiny")


def teacher_at(teacher, url, home, labels=LABELS, meter=None, **settings):
    quick = {"retries": 3, "retry_seconds": 0.01, "timeout": 300.0, "concurrency": 2}
    config = TeacherConfig(teacher=teacher, base_url=url, **(quick | settings))
    return make_teacher(config, labels, home, meter=meter)


def answers(teacher, texts=TEXTS):
    """Scores ``[n, C]`` and raw answers of the texts."""
    batches = sorted(teacher.score(texts), key=lambda batch: int(batch.index[0]))
    teacher.close()
    return np.concatenate([each.scores for each in batches]), [each.raw[0] for each in batches]


def told(relay, labels=LABELS):
    """The probabilities ``[n, C]`` that the other server said, by the text that was asked about."""
    names, rows = [label.name for label in labels.labels], {}
    for each in relay.answered():
        if each.path.endswith("/systemone"):
            ((_, answer),) = each.reply["answers"].items()
            shares, text = answer["probabilities"], each.request["state"]
        else:
            (answer,) = each.reply["answers"]
            shares = {one["value"]: one["probability"] for one in answer["probabilities"]}
            text = each.request["input"]
        rows[text] = [shares[name] for name in names]
    return np.array([next(row for key, row in rows.items() if text in key) for text in TEXTS])


def assert_as_told(relay, scores, meter):
    np.testing.assert_allclose(np.exp(scores), told(relay), rtol=1e-3, atol=2e-6)
    usage = [each.reply["usage"]["input_tokens"] for each in relay.answered()]
    assert sum(used[0] for _, used in meter.settled) == sum(usage) > 0
    assert all(used[0] <= most[0] for most, used in meter.settled), "never more than was set aside"


def test_llama_cpps_own_decision_server_labels(decides, tmp_path):
    meter = CountingMeter()
    with relaying(decides) as relay:
        teacher = teacher_at("systemone:any", relay.url, tmp_path, meter=meter)
        scores, _ = answers(teacher)
    assert_as_told(relay, scores, meter)
    assert len(relay.exchanges) == len(TEXTS)
    for each in relay.exchanges:
        assert validate_request(each.request, MockConfig()) == []
    assert any("answers as" in sentence and ".gguf" in sentence for sentence in teacher.notices)


def test_a_gateway_of_openais_interface_over_a_chat_model_labels(chats, folder, tmp_path):
    meter = CountingMeter()
    with jevper_server.running(f"{chats}/v1", folder / "jevper.log") as url, relaying(url) as relay:
        scores, _ = answers(teacher_at("decisions:any", relay.url, tmp_path, meter=meter))
    assert_as_told(relay, scores, meter)
    for each in relay.exchanges:
        sent = TypeAdapter(DecisionCreateParams).validate_python(each.request)
        assert sent.keys() == each.request.keys()
        assert [
            list(question) for question in sent["questions"]
        ]  # an Iterable checks as it is read


@pytest.mark.parametrize(
    ("server", "kind", "words"),
    [("decides", "systemone", "System One"), ("chats", "api", "chat")],
)
def test_what_a_server_speaks_is_found_out_and_said(request, home, server, kind, words):
    url = request.getfixturevalue(server)
    make_project(home, "toy", 4)
    done = typed("label", "toy", "--teacher=auto:m", f"--base-url={url}", "--limit=3", "--no-probe")
    assert done.returncode == 0, done.stderr
    assert words in done.stdout + done.stderr
    store = Store(home)
    (run,) = store.labeling_runs.all(store.projects.get("toy").id)
    store.close()
    assert run.teacher["kind"] == kind


def test_transformers_serve_labels_and_its_limit_of_options_is_kept(tiny, tmp_path):
    url, model = tiny
    meter = CountingMeter()
    with relaying(url) as relay:
        scores, _ = answers(teacher_at(f"systemone:{model}", relay.url, tmp_path, meter=meter))
        assert_as_told(relay, scores, meter)
        assert all(validate_request(each.request, MockConfig()) == [] for each in relay.exchanges)
        relay.exchanges.clear()
        many = LabelSet.of([f"class {k}" for k in range(40)])
        teacher = teacher_at(f"systemone:{model}", relay.url, tmp_path, many)
        scores, _ = answers(teacher, TEXTS[:2])
        refused = [each for each in relay.exchanges if each.status == 422]
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, atol=1e-3)
    assert any("takes 26 options" in sentence for sentence in teacher.notices)
    assert 1 <= len(refused) <= 2, "asked again with too many"
    with pytest.raises(ModelError, match="pinned to"):
        answers(teacher_at("systemone:another", url, tmp_path), TEXTS[:1])


# Faults that end the pass with a sentence.
ENDS = {
    "xssi-200",
    "wrong-route",
    "reject-jev-latest",
    "auth-rejects-header",
    "no-null-description",
}
CONCERNS = [fault for fault, (rule, _) in FAULTS.items() if not rule.startswith(("noul", "score"))]
LEAKS = {"id-leaks", "batch-leaks", "order-leaks"}


@pytest.mark.parametrize("fault", [None, *CONCERNS])
def test_a_reference_server_with_any_fault_mislabels_nothing(fault, tmp_path):
    """And it is busy for every third request, with a ``Retry-After`` of 0."""
    faults = frozenset([fault] if fault else [])
    teacher = None
    with Running(MockConfig(faults=faults, busy_every=3)) as server:
        teacher = teacher_at(
            "systemone:jev-latest", server.url, tmp_path, retry_seconds=0.001, concurrency=1
        )
        try:
            scores, raw = answers(teacher, TEXTS[:3])
        except ModelError as ended:
            assert fault in ENDS, ended
            assert len(str(ended).splitlines()) == 1
            return
    assert fault not in ENDS
    for text, row, words in zip(TEXTS[:3], scores, raw, strict=True):
        request = json.loads(teacher.prompt(text))
        ((_, right),) = respond(MockConfig(faults=faults & LEAKS), request)["answers"].items()
        assert LABELS.names[int(row.argmax())] == right["choice"], words
        # Probabilities that add up to 1.2 are made to add up to 1.
        expected = list(right["probabilities"].values())
        np.testing.assert_allclose(
            np.exp(row), expected, atol=0.07 if fault == "choice-sum" else 2e-6
        )
