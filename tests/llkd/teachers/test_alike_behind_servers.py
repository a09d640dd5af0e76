"""The embedded model behind servers that others wrote labels as it does on this machine."""

import numpy as np
import pytest

from llkd.config import TeacherConfig
from llkd.datasets.importing import sample_label_set, sample_texts
from llkd.models import sources
from llkd.selection.signals import softmax
from llkd.teachers import make_teacher
from llkd.teachers.local.embedded import convert_gguf
from tests.support import decision_prompt, llama_server

pytestmark = pytest.mark.models
COUNT = 8


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    log = tmp_path_factory.mktemp("llama") / "log"
    with llama_server.running(llama_server.embedded_gguf(), log, slots=1, context=2048) as url:
        yield f"{url}/v1"


@pytest.fixture(scope="module")
def texts():
    """The shortest of the sample: a processor reads them."""
    return sorted(sample_texts().texts["text"], key=len)[:COUNT]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def here(texts, home):
    """Scores on this machine, unrounded."""
    own = {"teacher": "embedded", "verbaliser_score": "first_token", "precision": "fp32"}
    return scores(texts, home, **own)[0]


def scores(texts, home, **settings):
    labels = sample_label_set()
    teacher = make_teacher(TeacherConfig(**settings), labels, home)
    found = np.full((len(texts), len(labels.labels)), np.nan, np.float32)
    raw = {}
    for batch in teacher.score(texts):
        found[batch.index] = batch.scores
        raw |= dict(zip(batch.index.tolist(), batch.raw or [], strict=False))
    teacher.close()
    return found, raw


def alike(here, there):
    """The largest difference of probabilities, and the share of texts with the same label."""
    mine, theirs = softmax(here), softmax(there)
    same = mine.argmax(axis=1) == theirs.argmax(axis=1)
    return np.abs(mine - theirs).max(), same.mean()


def test_begun_answers_behind_llama_cpp(url, texts, here, home):
    there, raw = scores(
        texts, home, teacher="api:any", base_url=url, ask="prefilled", confidence="logprob"
    )
    assert all("[names:" in words for words in raw.values())
    # The file holds 4-bit weights; this server also rounds what it multiplies them with.
    apart, same = alike(here, there)
    assert apart < 0.1 and same >= 0.85


def test_decisions_of_transformers_serve(texts, here, home, tmp_path):
    folder = sources.converted(sources.EMBEDDED_TEACHER, convert_gguf, home)
    labels = sample_label_set()
    with decision_prompt.running(folder, labels, tmp_path) as served:
        there = decision_prompt.scores(served, folder, labels, texts)
    apart, same = alike(here, there)
    assert apart < 1e-3 and same == 1
