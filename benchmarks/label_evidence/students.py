"""Students that learn a pool's labels, and what they answer on held-out texts."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.label_evidence.cache import remembered
from benchmarks.label_evidence.draws import Draw
from llkd.config import SelectionConfig, TrainingConfig
from llkd.curation.probe import fit_probe
from llkd.selection.signals import Floats, Ints

EPOCHS, LARGEST = 3, 400


def linear_student(draw: Draw, points: Floats, label: Ints) -> Ints:
    """Answers ``[h]`` of a logistic regression on the frozen embeddings ``points [m, d]``."""
    questions = points[draw.held_out]
    if (label == label[0]).all():
        return np.full(len(questions), label[0])
    model = fit_probe(points[draw.rows], label, len(draw.data.labels.names))
    return np.asarray(model.probabilities(questions).argmax(axis=1))


def minilm_student(cache: Path, draw: Draw, label: Ints, seed: int) -> Ints:
    """Answers ``[h]`` of the embedded student trained on all of these labels, as the product does.

    On the first LARGEST texts of the pool.
    """
    rows, label = draw.rows[:LARGEST], label[:LARGEST]
    data = draw.data
    config = TrainingConfig(selection=SelectionConfig(strategy="all"), epochs=EPOCHS, seed=seed)

    def work() -> Ints:
        from llkd.students import load_student
        from llkd.training.loop import train
        from llkd.training.records import TrainingData

        names = data.labels.names
        inputs = TrainingData(
            [data.texts[row] for row in rows], np.arange(len(rows)), np.eye(len(names))[label]
        )
        student = load_student("embedded", names, seed, config.window)
        with tempfile.TemporaryDirectory() as folder:
            train(student, inputs, config, names, Path(folder))
        texts = [data.texts[row] for row in draw.held_out]
        return np.asarray(student.probabilities(texts).argmax(axis=1))

    settings = {**config.model_dump(mode="json", exclude_defaults=True), "head": config.head_start}
    facts = [settings, rows.tolist(), label.tolist()]
    return remembered(cache, f"{data.name}-{data.half}-minilm", facts, work)
