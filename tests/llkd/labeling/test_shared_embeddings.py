"""A text is embedded once, whoever asks for it: label similarity, the quick estimate, another pass."""

import numpy as np
import pytest

from llkd import curation, workflows
from llkd.config import Label, LabelSet, TeacherConfig
from llkd.embedding.pool import embed_and_probe
from llkd.errors import StoreError
from llkd.jobs.progress import SilentProgress
from llkd.labeling import shared_embeddings
from llkd.store.derived.embeddings import read_rows, save_embeddings
from llkd.students.student import Student
from tests.support.tiny_student import CLASSES, WORDS, toy_texts


@pytest.fixture
def embedded(monkeypatch):
    """Every text that a student embeds."""
    texts, embed = [], Student.embed

    def counting(self, batch, *arguments, **options):
        texts.extend(batch)
        return embed(self, batch, *arguments, **options)

    monkeypatch.setattr(Student, "embed", counting)
    return texts


def project_of(store, n=40):
    import pandas as pd

    texts, _ = toy_texts(n)
    frame = pd.DataFrame({"id": [f"t{i}" for i in range(n)], "gold": None, "split": "pool"})
    frame["text"] = [f"{text} {i}" for i, text in enumerate(texts)]
    labels = tuple(Label(name=name, description=" ".join(WORDS[name])) for name in CLASSES)
    return store.projects.create(
        "toy", frame, source="toy", report={}, label_set=LabelSet(labels=labels)
    )


def label(store, project, encoder, **options):
    config = TeacherConfig(teacher=f"similarity:{encoder}")
    return workflows.label(store, project, config, SilentProgress(), **options)


def test_labelling_embeds_each_text_once_and_the_quick_estimate_none(store, encoder, embedded):
    project = project_of(store)
    result = label(store, project, encoder)
    assert result["labelled"] == 40 and result["calibration"] == "none"
    pool = [text for text in embedded if text[-1:].isdigit()]
    assert len(pool) == len(set(pool)) == 40
    labelled = store.projects.get("toy")
    embed_and_probe(store, labelled, SilentProgress(), student=encoder)
    assert len([text for text in embedded if text[-1:].isdigit()]) == 40
    kept = curation.teacher_labels(store, curation.active_labeling_run(store, labelled))
    assert len(set(kept.label.tolist())) == 2


def test_a_part_of_a_pool_is_embedded_alone_unless_all_is_there(store, encoder, embedded):
    project = project_of(store)
    label(store, project, encoder, limit=10)
    assert len([text for text in embedded if text[-1:].isdigit()]) == 10
    assert not curation.has_embeddings(store, project)
    label(store, project, encoder)
    few = store.labeling_runs.scores(curation.active_labeling_run(store, project)).scores
    assert curation.has_embeddings(store, project)
    # The same scores, whether the teacher embedded a text or found it embedded.
    embedded.clear()
    store.labeling_runs.append(
        run := curation.active_labeling_run(store, project), store.labeling_runs.scores(run)
    )
    again = TeacherConfig(teacher=f"similarity:{encoder}")
    workflows.label(store, project, again, SilentProgress())
    assert not [text for text in embedded if text[-1:].isdigit()]
    assert np.isfinite(few).all() and len(few) == 40


def test_a_large_pool_has_labels_before_it_is_embedded(store, encoder, monkeypatch):
    monkeypatch.setattr(shared_embeddings, "FIRST_LABELS", 8)
    monkeypatch.setattr(shared_embeddings, "LARGE", 16)
    project = project_of(store)
    labelled_before = []
    embed = shared_embeddings.student_embeddings

    def watched(store, project, *arguments):
        run = store.labeling_runs.all(project.id)[0]
        labelled_before.append(len(store.labeling_runs.done(run)))
        return embed(store, project, *arguments)

    monkeypatch.setattr(shared_embeddings, "student_embeddings", watched)
    assert label(store, project, encoder)["labelled"] == 40
    assert labelled_before == [8]


def test_rows_of_a_file_are_read_piece_by_piece(tmp_path, monkeypatch):
    from llkd.store.derived import embeddings

    monkeypatch.setattr(embeddings, "PIECE_ROWS", 7)
    values = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    save_embeddings(tmp_path / "e.safetensors", values)
    for rows in (np.array([3]), np.array([49, 0, 12]), np.arange(50), np.empty(0, np.int64)):
        assert np.array_equal(read_rows(tmp_path / "e.safetensors", rows), values[rows])
    with pytest.raises(StoreError, match="damaged"):
        read_rows(tmp_path / "e.safetensors", np.array([2, 50]))
