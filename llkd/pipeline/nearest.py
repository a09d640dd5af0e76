"""The nearest texts of each text of a pool: searched once for a pool and embeddings, and kept."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from llkd import curation
from llkd.config import TrainingConfig
from llkd.curation.neighbours import NEIGHBOURS
from llkd.datasets.near_duplicates import near_groups
from llkd.errors import UserError
from llkd.jobs import JobContext
from llkd.models import student_digest
from llkd.pipeline.probing import Unwatched
from llkd.signals import Ints
from llkd.store import Project, Store
from llkd.store.home import atomic_file

VERSION = 1  # of how they are found
KEPT = 4  # searches of a project
_CHUNK = 4096


def nearest_texts(
    store: Store,
    project: Project,
    config: TrainingConfig,
    rows: Ints,
    job: JobContext | Unwatched,
) -> tuple[Ints, Ints, Ints]:
    """The nearest voters of these rows ``[m, k]``, and of each row the voter that it is, twice.

    As ``curation.opinions_of`` takes them; near-duplicates are one voter. By the embeddings of the
    student that is to train. Raises UserError where there are none, JobCancelled when asked to.
    """
    student = config.student
    path = curation.embeddings_path(store, project, student)
    digest = student_digest(student, store.home.root)
    if not curation.made_by(path, student, digest):
        raise UserError(
            f"The strategy {config.selection.strategy!r} compares texts by the embeddings of the "
            f"student that trains, and there are none of {student!r} yet. Make them with: "
            f"llkd probe {curation.quoted(project.name)} --student {curation.quoted(student)}"
        )
    kept = _kept_file(path, project, student, digest, rows)
    known = _read(kept)
    if known is not None:
        return known[0], known[1], known[1]
    began = time.monotonic()
    job.progress(0, None, "Looking for near-duplicates", always=True)
    texts = store.projects.texts(project.id, ["text"])["text"].to_numpy()[rows]
    group = near_groups(
        _chunks(texts, job), len(texts), lambda wanted: [str(text) for text in texts[wanted]]
    )
    _, voter = curation.voting_groups(np.zeros(len(rows), dtype=np.int64), group)
    points = curation.read_embeddings(path)[rows]
    job.progress(0, None, "Comparing each text with those most like it", always=True)
    nearest = curation.nearest_voters(points, voter, voter, NEIGHBOURS, job.check)
    _write(kept, nearest, voter, time.monotonic() - began)
    return nearest, voter, voter


def search_seconds(store: Store, project: Project, student: str, rows: Ints) -> float:
    """How long the kept search for these rows took; 0 where there is none, or it does not say."""
    from safetensors import SafetensorError, safe_open

    path = curation.embeddings_path(store, project, student)
    digest = student_digest(student, store.home.root)
    try:
        with safe_open(_kept_file(path, project, student, digest, rows), framework="np") as file:
            return float((file.metadata() or {}).get("seconds", 0.0))
    except (OSError, SafetensorError):
        return 0.0


def _kept_file(
    embeddings: Path, project: Project, student: str, digest: str | None, rows: Ints
) -> Path:
    name = f"{_key(project, student, digest, rows)}.safetensors"
    return embeddings.parent.parent / "neighbours" / name


def _key(project: Project, student: str, digest: str | None, rows: Ints) -> str:
    facts = f"{VERSION} {NEIGHBOURS} {project.digest} {student if digest is None else digest}"
    return hashlib.sha256(facts.encode() + rows.astype(np.int64).tobytes()).hexdigest()[:16]


def _chunks(texts: np.ndarray, job: JobContext | Unwatched) -> Iterator[list[str]]:
    for start in range(0, len(texts), _CHUNK):
        job.check()
        yield [str(text) for text in texts[start : start + _CHUNK]]


def _read(path: Path) -> tuple[Ints, Ints] | None:
    """What was kept; None where nothing was, or where it is damaged and found anew."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(path)
        return arrays["nearest"].astype(np.int64), arrays["voter"].astype(np.int64)
    except (OSError, SafetensorError, KeyError):
        return None


def _write(path: Path, nearest: Ints, voter: Ints, seconds: float) -> None:
    """Keep it, and let go of the oldest."""
    from safetensors.numpy import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        arrays = {"nearest": nearest.astype(np.int32), "voter": voter.astype(np.int32)}
        save_file(arrays, temporary, metadata={"seconds": repr(seconds)})
    files = sorted(path.parent.glob("*.safetensors"), key=lambda one: one.stat().st_mtime_ns)
    for old in files[:-KEPT]:
        old.unlink(missing_ok=True)
