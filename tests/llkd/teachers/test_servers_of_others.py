"""Our teachers and decision servers that others wrote: llama.cpp's System One, jevper's Decisions."""

import numpy as np
import pytest

from llkd.config import Label, LabelSet, TeacherConfig
from llkd.errors import ModelError
from llkd.teachers.registry import make_teacher
from tests.support import jevper_server, llama_server
from tests.support.counting_meter import CountingMeter
from tests.support.decision_gguf import write_decision_gguf

TEXTS = [
    "The striker scored twice in the final and the team won the cup",
    "Shares of the bank fell after it cut its profit forecast",
    "The company's new chip doubles the speed of phones",
]
NEWS = LabelSet(
    labels=(
        Label(name="World", description="politics and other countries"),
        Label(name="Sports", description="games, teams and players"),
        Label(name="Business", description="companies and money"),
        Label(name="Technology", description="science and computers"),
    )
)


def ask(kind, url, home, labels=NEWS, texts=TEXTS):
    """Batches in the order of the texts, what the meter counted, and the notices."""
    meter = CountingMeter()
    config = TeacherConfig(teacher=f"{kind}:m", base_url=url, timeout=600, concurrency=2)
    teacher = make_teacher(config, labels, home, meter=meter)
    try:
        batches = sorted(teacher.score(texts), key=lambda batch: int(batch.index[0]))
        return batches, meter.counts, teacher.notices
    finally:
        teacher.close()


@pytest.fixture(scope="module")
def decision_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("decision")
    with llama_server.running(write_decision_gguf(folder / "d.gguf"), folder / "log") as url:
        yield url


@pytest.fixture(scope="module")
def chat_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chat")
    with llama_server.running(llama_server.embedded_gguf(), folder / "log") as url:
        yield url


def test_llama_cpp_as_a_system_one_teacher(decision_model, tmp_path):
    batches, counts, notices = ask("systemone", decision_model, tmp_path)
    scores = np.concatenate([batch.scores for batch in batches])
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, atol=0.02)
    assert {batch.source for batch in batches} == {"probability"}
    assert all(batch.tokens_in > 20 and batch.tokens_out == 0 for batch in batches)
    assert dict(counts) == {"reserve": 3, "settle": 3}
    assert len({tuple(row) for row in scores.tolist()}) == 3, "each text has its own"
    assert any("answers as" in sentence for sentence in notices), "it names its file"


def test_jevper_as_a_decisions_teacher(chat_model, tmp_path):
    with jevper_server.running(f"{chat_model}/v1", tmp_path / "log") as url:
        batches, counts, _ = ask("decisions", url, tmp_path)
        with pytest.raises(ModelError, match="offers no System One interface"):
            ask("systemone", url, tmp_path)
    for batch in batches:
        assert np.exp(batch.scores).sum() == pytest.approx(1, abs=0.05), batch.raw
        assert batch.source == "probability"
    assert counts["settle"] == 3


def test_a_chat_server_says_that_it_is_no_decision_server(chat_model, tmp_path):
    for kind in ("systemone", "decisions"):
        with pytest.raises(ModelError, match="offers no .* interface .*auto:m finds out"):
            ask(kind, chat_model, tmp_path)
