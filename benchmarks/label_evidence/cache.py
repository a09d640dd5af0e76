"""What takes long, computed once and kept: the LLM's scores, embeddings, what students predict."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.label_evidence.texts import TextSet
from llkd.config import TeacherConfig
from llkd.selection.signals import Floats
from llkd.store.home import Home
from llkd.teachers.base import Teacher
from llkd.teachers.registry import make_teacher
from llkd.teachers.similarity import SimilarityTeacher

PART = 512  # texts at a time: what a stopped run loses
LLM, SIMILARITY = "embedded", "similarity"


def teacher_scores(cache: Path, data: TextSet, spec: str, vectors: Floats | None = None) -> Floats:
    """Scores ``[m, C]`` of the pool's texts by a teacher of the product, as it stores them.

    Held-out texts judge students and are not asked about: NaN. ``vectors [m, d]``: embeddings of
    the texts by the encoder of a similarity teacher, which then embeds the classes alone.
    """
    config = TeacherConfig(teacher=spec)
    teachers: list[Teacher] = []  # made where something is not in the cache

    def score(texts: Sequence[str]) -> np.ndarray:
        if not teachers:
            teacher = make_teacher(config, data.labels, Home(cache / "models").root)
            if vectors is not None and isinstance(teacher, SimilarityTeacher):
                teacher.expect(data.texts, vectors)
            teachers.append(teacher)
        values = np.empty((len(texts), len(data.labels.names)), dtype=np.float32)
        for batch in teachers[0].score(texts):
            values[batch.index] = batch.scores
        return values

    # Without what is usual: a setting that is new in the product makes no other scores.
    settings = config.model_dump(mode="json", exclude_defaults=True)
    facts = json.dumps([spec, settings, data.labels.prompt_document()])
    pool = np.flatnonzero(~data.held_out)
    values = np.full((len(data.texts), len(data.labels.names)), np.nan)
    texts = [data.texts[row] for row in pool]
    values[pool] = _in_parts(cache, f"{data.name}-{data.half}-{spec}", facts, texts, score)
    return values


def embeddings(cache: Path, data: TextSet) -> Floats:
    """Mean-pooled embeddings ``[m, d]`` of length 1 by the untrained embedded student."""
    from llkd.students import load_student
    from llkd.students.student import Student

    students: list[Student] = []

    def embed(texts: Sequence[str]) -> np.ndarray:
        if not students:
            students.append(load_student("embedded", ["a", "b"], seed=0))
        return students[0].embed(list(texts))

    return _in_parts(cache, f"{data.name}-{data.half}-student", "embedded", data.texts, embed)


def remembered(cache: Path, name: str, facts: object, work: Callable[[], np.ndarray]) -> np.ndarray:
    """``work()``, kept under ``name`` and a digest of ``facts`` (JSON values)."""
    path = cache / f"{name}-{_digest(facts)}.npy"
    if not path.exists():
        _write(path, work())
    return np.load(path, allow_pickle=False)


def _in_parts(
    cache: Path,
    name: str,
    facts: str,
    texts: Sequence[str],
    work: Callable[[Sequence[str]], np.ndarray],
) -> np.ndarray:
    """``work`` of all texts, ``[m, …]``, kept in parts under a digest of texts and facts."""
    digest = _digest([facts, list(texts)])
    path = cache / f"{name}-{digest}.npy"
    if path.exists():
        return np.load(path, allow_pickle=False)
    pieces, parts, began = [], [], time.monotonic()
    for start in range(0, len(texts), PART):
        part = cache / f"{name}-{digest}-{start}.part.npy"
        if not part.exists():
            _write(part, work(texts[start : start + PART]))
        pieces.append(np.load(part, allow_pickle=False))
        parts.append(part)
    _write(path, np.concatenate(pieces))
    for part in parts:
        part.unlink()
    print(f"({name}: {len(texts):,} texts in {time.monotonic() - began:.0f} s)", flush=True)
    return np.load(path, allow_pickle=False)


def _write(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished.npy")
    np.save(unfinished, values)
    unfinished.rename(path)


def _digest(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]
