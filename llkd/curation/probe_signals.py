"""What the probe answers for the texts that a teacher labelled: kept, or fitted now."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from llkd.curation.embeddings import load_embeddings, newest_embeddings
from llkd.curation.labels import TeacherLabels
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints
from llkd.store import Project, Store
from llkd.store.files.probabilities import read_probabilities, write_probabilities


def probe_signals(
    store: Store, project: Project, labels: TeacherLabels
) -> tuple[Ints, Floats] | None:
    """The probe's probabilities for these labels: kept ones, or fitted now (seconds).

    None where there are no embeddings yet (``llkd probe`` makes them) or fewer than two
    pseudo-labels to learn from. What is returned is what :func:`probe_file` holds; texts that were
    added since the embeddings were made are not in it.
    """
    path = probe_file(store, project, labels)
    if path.exists():
        return read_probabilities(path)
    values = load_embeddings(store, project)
    if values is None:
        return None
    there = labels.row < len(values)
    row, label = labels.row[there], labels.label[there]
    if len(np.unique(label[label >= 0])) < 2:
        return None
    from llkd.curation.probe import probe

    answer = probe(values[row], label, labels.labeling_run.width)
    store.probes.remove_older(project.id, labels.labeling_run.id, _probed(labels))
    write_probabilities(path, row, answer)
    return read_probabilities(path)


def probe_file(store: Store, project: Project, labels: TeacherLabels) -> Path:
    """Where the probe's probabilities for these labels lie, once it was fitted."""
    newest = newest_embeddings(store, project)
    model = "none" if newest is None else newest.stem
    base = _probed(labels)
    if labels.refinement is not None:
        base += f"_{labels.refinement.search[-8:]}"
    if (
        signals.split_calibration(labels.calibration)[0] == signals.FITTED
    ):  # its bias follows what people say, and its labels with it
        base += f"_{zlib.crc32(np.asarray(labels.bias, dtype=np.float64).tobytes()):08x}"
    if not labels.labeling_run.as_asked:  # its labels are not those of its scores alone
        base += f"_{zlib.crc32(np.asarray(labels.label, dtype=np.int64).tobytes()):08x}"
    return store.probes.path(project.id, f"{labels.version}-{base}-{model}")


def _probed(labels: TeacherLabels) -> str:
    """What changes labels: a temperature does not, so it shares the probe of its calibration."""
    base, _ = signals.split_calibration(labels.calibration)
    return base if labels.refinement is None else f"refined_{base}"
