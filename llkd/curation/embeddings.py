"""The frozen student's embeddings of all texts, and the probe fitted on them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from llkd import signals
from llkd.curation.labels import TeacherLabels
from llkd.errors import StoreError
from llkd.signals import Floats, Ints
from llkd.store import Project, Store
from llkd.store.home import atomic_file
from llkd.store.runs import read_probabilities, write_probabilities

_BLOCK = 50_000


def embeddings_key(model: Mapping[str, Any], project: Project) -> str:
    """A file name for embeddings, by the model and the texts they depend on."""
    import hashlib
    import json

    facts = json.dumps([dict(model), project.digest], sort_keys=True)
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def embeddings_path(store: Store, project: Project, student: str) -> Path:
    """Where the embeddings of this project's texts by one student are kept, once made."""
    return store.runs.embeddings_file(project.id, embeddings_key({"student": student}, project))


def newest_embeddings(store: Store, project: Project) -> Path | None:
    """The file of embeddings in use; None before any were made."""
    folder = store.runs.embeddings_file(project.id, "x").parent
    found = sorted(folder.glob("*.safetensors"), key=lambda path: path.stat().st_mtime_ns)
    return found[-1] if found else None


def save_embeddings(
    path: Path, values: np.ndarray, student: str | None = None, seconds: float | None = None
) -> None:
    """Keep embeddings ``[n, d]`` of all texts in row order as safetensors, whole or not at all.

    ``student`` is the digest of the model that made them (``models.student_digest``), ``seconds``
    how long that took: part of the time of what uses them.
    """
    from safetensors.numpy import save_file

    facts = {} if student is None else {"student_sha256": student}
    facts |= {} if seconds is None else {"seconds": repr(seconds)}
    with atomic_file(path) as temporary:
        arrays = {"embeddings": np.ascontiguousarray(values, dtype=np.float32)}
        save_file(arrays, temporary, metadata=facts or None)


def made_by(path: Path, student: str, digest: str | None) -> bool:
    """Whether embeddings are those of this student as it is now, by the digest of its weights.

    Files of before 0.4 hold no digest: the embedded student has not changed since, a folder's may.
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return False
    try:
        with safe_open(path, framework="np") as file:
            known = (file.metadata() or {}).get("student_sha256")
    except (SafetensorError, OSError):
        return True  # damaged: reading it says so
    return digest is None or known == digest or (known is None and student == "embedded")


def embedding_seconds(path: Path) -> float | None:
    """How long it took to make the embeddings of one file; None where it does not say."""
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        seconds = (file.metadata() or {}).get("seconds")
    return None if seconds is None else float(seconds)


def read_embeddings(path: Path) -> np.ndarray:
    """The embeddings of one file, ``[n, d]``. Raises StoreError where it is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return np.asarray(load_file(path)["embeddings"])
    except (SafetensorError, KeyError) as error:
        raise StoreError(
            f"The embeddings {path} are damaged. Set them aside with: llkd doctor --mend; then "
            "make them again with: llkd probe"
        ) from error


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
    from llkd.probing import probe

    answer = probe(values[labels.row], labels.label, len(labels.labelling.label_set.labels))
    base, _ = signals.split_calibration(labels.calibration)
    for old in path.parent.glob(f"{labels.labelling.id}-*-{base}*-*.parquet"):
        old.unlink(missing_ok=True)
    write_probabilities(path, labels.row, answer)
    return read_probabilities(path)


def probe_file(store: Store, project: Project, labels: TeacherLabels) -> Path:
    """Where the probe's probabilities for these labels lie, once it was fitted."""
    newest = newest_embeddings(store, project)
    model = "none" if newest is None else newest.stem
    # A temperature changes no label, so a calibration and its tempered twin share the probe.
    base, _ = signals.split_calibration(labels.calibration)
    if base == signals.FITTED:  # its bias follows what people say, and its labels with it
        base += f"_{zlib.crc32(np.asarray(labels.bias, dtype=np.float64).tobytes()):08x}"
    return store.runs.probe_file(project.id, f"{labels.version}-{base}-{model}")
