"""Search by typed meaning: nearest first, and a process that keeps the model and may be killed."""

import os
import signal

import numpy as np
import pytest

from llkd import curation
from llkd.curation import query_process
from llkd.curation.query_process import QueryProcess
from llkd.errors import UserError
from llkd.jobs.progress import SilentProgress
from tests.support.seeded_projects import seeded_project
from tests.support.tiny_student import make_encoder

WORDS = ["team coach goal match", "stock market bank price", "the new one today"]


@pytest.fixture
def embedded(home, tmp_path):
    """A project whose texts a tiny encoder has embedded."""
    from llkd.embedding.pool import embed_texts

    store, project = seeded_project(home, n=40, probed=False, words=WORDS)
    student = make_encoder(tmp_path / "encoder")
    embed_texts(store, project, student, SilentProgress())
    return store, project, student


def as_in_use(store, project, student, monkeypatch):
    monkeypatch.setattr("llkd.curation.meaning.student_in_use", lambda *_: student)


def test_scores_are_cosines_and_texts_without_an_embedding_have_none(home):
    store, project = seeded_project(home, n=40)
    values = curation.load_embeddings(store, project)
    scores = curation.meaning_scores(store, project, 3.0 * values[7])
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    assert scores == pytest.approx(unit @ unit[7], abs=1e-6)
    assert np.argmax(scores) == 7 and scores[7] == pytest.approx(1.0)
    with pytest.raises(UserError, match="another student"):
        curation.meaning_scores(store, project, np.ones(3))
    bare, other = seeded_project(home, n=40, name="bare", probed=False)
    assert np.isnan(curation.meaning_scores(bare, other, np.ones(3))).all()


def test_the_nearest_are_those_of_what_passes():
    scores = np.array([0.1, 0.9, np.nan, 0.5, 0.8])
    mask = np.array([True, False, True, True, True])
    assert curation.nearest_places(scores, mask, 2).tolist() == [3, 4]
    assert curation.nearest_places(scores, mask, 9).tolist() == [0, 3, 4]


def test_without_embeddings_it_is_said_how_to_make_them(home):
    store, project = seeded_project(home, n=40, probed=False)
    with pytest.raises(UserError, match="llkd probe city"):
        curation.student_of_embeddings(store, project)


@pytest.mark.parametrize("text", ["a coach of the team", "stock", "", "\x00\u05d0 &<b>"])
def test_a_typed_text_is_embedded_as_the_texts_are(embedded, text, monkeypatch):
    from llkd.embedding.queries import embed_query
    from llkd.students import load_student

    store, project, student = embedded
    as_in_use(store, project, student, monkeypatch)
    vector = embed_query(store, project, text)
    expected = load_student(student, ["a", "b"], seed=0).embed([text])[0]
    assert vector == pytest.approx(expected, abs=1e-6)
    texts = store.projects.texts(project.id)["text"]
    own = embed_query(store, project, texts[3])
    assert curation.meaning_scores(store, project, own)[3] == pytest.approx(1.0, abs=1e-5)


def test_other_weights_are_refused(embedded, tmp_path, monkeypatch):
    store, project, student = embedded
    as_in_use(store, project, student, monkeypatch)
    assert curation.student_of_embeddings(store, project) == student
    make_encoder(student, seed=1)
    with pytest.raises(UserError, match="other weights"):
        curation.student_of_embeddings(store, project)


def test_a_process_keeps_the_student_and_another_follows_a_killed_one(embedded):
    store, _, student = embedded
    process = QueryProcess(str(store.home.root), student)
    try:
        first = process.vector("the coach\nof a team")
        kept = process.pid
        assert process.vector("the coach\nof a team").tolist() == first.tolist()
        assert process.pid == kept
        os.kill(kept, signal.SIGKILL)
        assert process.vector("the coach\nof a team") == pytest.approx(first, abs=1e-6)
        assert process.pid != kept
    finally:
        process.close()


def test_what_fails_there_is_said_here(home, tmp_path):
    process = QueryProcess(str(home), str(tmp_path / "none"))
    try:
        with pytest.raises(UserError, match="There is no student folder"):
            process.vector("a bus")
    finally:
        process.close()


def test_one_model_is_held_at_a_time(embedded, tmp_path):
    store, _, student = embedded
    other = make_encoder(tmp_path / "other", seed=1)
    try:
        first = query_process.query_vector(str(store.home.root), student, "team")
        (held,) = query_process.running()
        second = query_process.query_vector(str(store.home.root), other, "team")
        assert len(query_process.running()) == 1 and query_process.running() != [held]
        with pytest.raises(ProcessLookupError):  # waited for: it is no more
            os.kill(held, 0)
        assert first.tolist() != second.tolist()
    finally:
        query_process.stop()
