"""A teacher whose scoring is spread over a cluster: to labelling it is a teacher like any other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from llkd.cluster.connection import Cluster
from llkd.config import ExecutorConfig, LabelSet, TeacherConfig
from llkd.labeling.cluster_worker import Question, RangeScores, TeacherSetup, checked
from llkd.labeling.text_ranges import text_ranges
from llkd.teachers.base import CONTENT_FREE, FewShot, Floats, ScoredBatch
from llkd.teachers.registry import display_name, kind_of

RANGE_TEXTS = 64
"""Texts of a range: what is lost with a worker, and how far apart news of progress are."""
RANGE_TEXTS_ON_GPUS = 1024
_WORKER = "llkd.labeling.cluster_worker:teacher_worker"


def spreads(config: TeacherConfig, executor: ExecutorConfig) -> bool:
    """Whether this teacher is spread over workers: one that is a model, not a server or a file."""
    return executor.on_cluster and kind_of(config).uses_device


def stays_here(config: TeacherConfig, executor: ExecutorConfig) -> str | None:
    """Why a teacher is asked from this machine although a cluster is named; None otherwise."""
    if not executor.on_cluster or spreads(config, executor):
        return None
    return f"{display_name(config)} runs no model here, so it is asked from this machine."


class ClusterTeacher:
    """Asks one teacher on each worker about fixed ranges of texts.

    ``heartbeat`` is called about once a second and raises where the work is to end; ``status``
    says how many workers there are; ``cut`` counts texts as a teacher's own does.
    """

    def __init__(
        self,
        config: TeacherConfig,
        labels: LabelSet,
        executor: ExecutorConfig,
        *,
        examples: FewShot,
        plan: Path | None,
        check: Callable[[], None],
    ) -> None:
        """Connect, and wait for the first worker. ``plan``: the file of the ranges, if any.

        Raises UserError and ClusterError as :class:`~llkd.cluster.connection.Cluster` does.
        """
        self.cut = 0
        self._examples, self._plan = examples, plan
        self._cluster = Cluster(executor, check)
        self.sentence = self._cluster.size.sentence
        try:
            chooses = examples.choose is not None
            setup = TeacherSetup(config, labels, replace(examples, choose=None), chooses)
            self._cluster.begin(_WORKER, setup)
        except BaseException:
            self._cluster.close()
            raise

    @property
    def heartbeat(self) -> Callable[[], None]:
        """What is called about once a second."""
        return self._cluster.check

    @heartbeat.setter
    def heartbeat(self, check: Callable[[], None]) -> None:
        self._cluster.check = check

    @property
    def status(self) -> str:
        """How many workers are ready, and on how many nodes."""
        workers, nodes = len(self._cluster.nodes), len(set(self._cluster.nodes.values()))
        return f"{workers} worker{'s' * (workers != 1)} on {nodes} node{'s' * (nodes != 1)}"

    def describe(self) -> dict[str, Any]:
        """What the teachers on the workers are, all of them the same."""
        return cast(dict[str, Any], self._cluster.identity)

    def holds(self, text: str) -> bool:
        """Whether the text is itself an example of the prompt."""
        return self._examples.holds(text)

    def score(self, texts: Sequence[str]) -> Iterator[ScoredBatch]:
        """Yield the scores of each range as it is done."""
        size = RANGE_TEXTS_ON_GPUS if self._cluster.gpus else RANGE_TEXTS
        ranges = text_ranges(texts, size, self._plan)
        questions = (
            self._question([texts[position] for position in each.positions], each.sha256)
            for each in ranges
        )
        for number, result in self._cluster.results(questions):
            positions = np.array(ranges[number].positions, dtype=np.int64)
            scores = checked(cast(RangeScores, result), ranges[number].sha256, len(positions))
            self.cut += scores.cut
            for batch in scores.batches:
                yield replace(batch, index=positions[batch.index])

    def content_free(self) -> Floats | None:
        """Scores of texts without content, by one worker."""
        question = replace(self._question(CONTENT_FREE), ask="content_free")
        return cast(Floats | None, self._answer(question))

    def prompt(self, text: str) -> str:
        """The prompt of this text, by one worker."""
        return str(self._answer(replace(self._question([text]), ask="prompt")))

    def close(self) -> None:
        """Let the workers go."""
        self._cluster.close()

    def _question(self, texts: Sequence[str], sha256: str = "") -> Question:
        choose = self._examples.choose
        examples = () if choose is None else tuple(tuple(choose(text)) for text in texts)
        return Question(tuple(texts), sha256, examples=examples)

    def _answer(self, question: Question) -> Any:
        return next(result for _, result in self._cluster.results([question]))
