"""The frozen student's embeddings of all texts, and the probe fitted on them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from llkd.curation.labels import TeacherLabels
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints
from llkd.store import Project, Store
from llkd.store.derived.embeddings import read_embeddings
from llkd.store.files.probabilities import read_probabilities, write_probabilities

_BLOCK = 50_000


def embeddings_key(model: Mapping[str, Any], project: Project) -> str:
    """A file name for embeddings, by the model and the texts they depend on."""
    import hashlib
    import json

    facts = json.dumps([dict(model), project.digest], sort_keys=True)
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def embeddings_path(store: Store, project: Project, student: str) -> Path:
    """Where the embeddings of this project's texts by one student are kept, once made."""
    return store.embeddings.path(project.id, embeddings_key({"student": student}, project))


def newest_embeddings(store: Store, project: Project) -> Path | None:
    """The file of embeddings in use; None before any were made."""
    return store.embeddings.newest(project.id)


def load_embeddings(store: Store, project: Project) -> np.ndarray | None:
    """The newest embeddings of this project's texts, ``[n, d]``; None before a probe."""
    path = newest_embeddings(store, project)
    if path is None:
        return None
    values = read_embeddings(path)
    return values if len(values) == project.rows else None


def has_embeddings(store: Store, project: Project) -> bool:
    """Whether there are embeddings to compare texts by."""
    return newest_embeddings(store, project) is not None


def nearest_rows(
    store: Store, project: Project, row: int, among: np.ndarray, count: int = 200
) -> np.ndarray | None:
    """The rows ``among`` (sorted) nearest in meaning to ``row``, nearest first, itself too.

    By the cosine between the frozen student's embeddings, read a block at a time: a million of
    them are more than a server should hold. None where there are no embeddings of these texts.
    """
    from safetensors import safe_open

    path = newest_embeddings(store, project)
    if path is None:
        return None
    with safe_open(path, framework="np") as file:
        values = file.get_slice("embeddings")
        n = values.get_shape()[0]
        if n != project.rows or not 0 <= row < n:
            return None
        wanted = _unit(values[row : row + 1])[0]
        cosine = np.concatenate(
            [_unit(values[at : min(n, at + _BLOCK)]) @ wanted for at in range(0, n, _BLOCK)]
        )[among]
    best = np.argsort(-cosine, kind="stable")[:count]
    return np.asarray(among[best])


def _unit(values: np.ndarray) -> np.ndarray:
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)


def probe_signals(
    store: Store, project: Project, labels: TeacherLabels
) -> tuple[Ints, Floats] | None:
    """The probe's probabilities for these labels: kept ones, or fitted now (seconds).

    None where there are no embeddings yet (``llkd probe`` makes them) or fewer than two
    pseudo-labels to learn from. What is returned is what :func:`probe_file` holds.
    """
    path = probe_file(store, project, labels)
    if path.exists():
        return read_probabilities(path)
    values = load_embeddings(store, project)
    if values is None or len(np.unique(labels.label[labels.label >= 0])) < 2:
        return None
    from llkd.curation.probe import probe

    answer = probe(values[labels.row], labels.label, labels.labeling_run.width)
    store.probes.remove_older(project.id, labels.labeling_run.id, _probed(labels))
    write_probabilities(path, labels.row, answer)
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
