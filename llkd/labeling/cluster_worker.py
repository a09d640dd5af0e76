"""A teacher on a node of a cluster: it gets texts and gives back scores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ClusterError
from llkd.labeling.text_ranges import range_digest
from llkd.models.sources import shared_cache_folder
from llkd.teachers import make_teacher
from llkd.teachers.base import Example, FewShot, Floats, ScoredBatch, Teacher


@dataclass(frozen=True)
class TeacherSetup:
    """What every worker makes its teacher of. ``examples`` without a way to choose them."""

    config: TeacherConfig
    labels: LabelSet
    examples: FewShot
    chooses: bool
    """Whether every text comes with examples of its own."""


@dataclass(frozen=True)
class Question:
    """Texts to score, or (``prompt``, ``content_free``) what else a teacher is asked for.

    ``examples``: those of each text, where they are chosen for it.
    """

    texts: tuple[str, ...] = ()
    sha256: str = ""
    ask: Literal["score", "content_free", "prompt"] = "score"
    examples: tuple[tuple[Example, ...], ...] = ()


@dataclass(frozen=True)
class RangeScores:
    """Scores of one range, a batch for each source, and how many of its texts were cut."""

    sha256: str
    batches: tuple[ScoredBatch, ...]
    cut: int


class TeacherWorker:
    """A teacher and what it is asked; ``identity`` says exactly how it asks."""

    def __init__(self, setup: TeacherSetup) -> None:
        """Load the teacher. Raises what loading it raises."""
        self._chosen_for: dict[str, tuple[Example, ...]] = {}
        examples = setup.examples
        if setup.chooses:
            examples = replace(examples, choose=lambda text: self._chosen_for[text])
        self._teacher = make_teacher(setup.config, setup.labels, _home(), examples=examples)
        _fix_batches(self._teacher)
        self.identity = self._teacher.describe()

    def __call__(self, question: Question) -> RangeScores | Floats | str | None:
        """Answer one question."""
        if question.examples:
            self._chosen_for = dict(zip(question.texts, question.examples, strict=True))
        if question.ask == "content_free":
            return self._teacher.content_free()
        if question.ask == "prompt":
            return self._teacher.prompt(question.texts[0])
        before = self._teacher.cut
        batches = list(self._teacher.score(question.texts))
        return RangeScores(
            range_digest(question.texts), tuple(_by_source(batches)), self._teacher.cut - before
        )


def teacher_worker(setup: TeacherSetup) -> TeacherWorker:
    """What ``cluster.worker`` calls on the node."""
    return TeacherWorker(setup)


def _home() -> Path:
    """Where this node keeps converted weights; the home of the job may be on another machine."""
    named = os.environ.get("LLKD_HOME")
    return Path(named) if named else shared_cache_folder().parent


def _fix_batches(teacher: Teacher) -> None:
    """On a CPU batches have one size: the fastest differs by worker, and scores a little with it.

    On a GPU the fastest is many times as fast as the usual one, and its scores differ anyway.
    """
    from llkd.teachers.local.batch_size import BatchSizer
    from llkd.teachers.local.teacher import LocalTeacher

    if isinstance(teacher, LocalTeacher) and teacher.on_cpu:
        teacher.sizer = BatchSizer(teacher.batch_tokens, (1.0,))


def _by_source(batches: Sequence[ScoredBatch]) -> list[ScoredBatch]:
    """One batch for each source, in the order of the texts."""
    sources: dict[str, list[ScoredBatch]] = {}
    for batch in batches:
        sources.setdefault(batch.source, []).append(batch)
    return [_joined(of_source) for of_source in sources.values()]


def _joined(batches: Sequence[ScoredBatch]) -> ScoredBatch:
    index = np.concatenate([batch.index for batch in batches])
    order = np.argsort(index, kind="stable")
    raw: list[Any] | None = None
    if any(batch.raw is not None for batch in batches):
        words: list[Any] = []
        for batch in batches:
            words += batch.raw or [None] * len(batch.index)
        raw = [words[place] for place in order]
    return ScoredBatch(
        index=index[order],
        scores=np.concatenate([batch.scores for batch in batches])[order],
        answer=np.concatenate([batch.answer for batch in batches])[order],
        source=batches[0].source,
        raw=raw,
        tokens_in=sum(batch.tokens_in for batch in batches),
        tokens_out=sum(batch.tokens_out for batch in batches),
    )


def checked(scores: RangeScores, sha256: str, texts: int) -> RangeScores:
    """The scores, once they are those of this range of so many texts. Raises ClusterError."""
    positions = [int(place) for batch in scores.batches for place in batch.index]
    if scores.sha256 != sha256 or sorted(positions) != list(range(texts)):
        raise ClusterError("A worker sent the scores of other texts than it was asked about.")
    return scores
