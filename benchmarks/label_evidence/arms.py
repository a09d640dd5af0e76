"""The labels that are compared: LLM, similarity and their committee, each raw and refined."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.label_evidence.cache import LLM, SIMILARITY, embeddings, teacher_scores
from benchmarks.label_evidence.draws import Draw
from benchmarks.label_evidence.texts import TextSet
from llkd.curation.knn import NEIGHBOURS, nearest_voters, voting_groups
from llkd.curation.refinement import (
    RefinementAdvice,
    neighbours_for,
    refined_logits,
    refinement_advice,
)
from llkd.datasets.checks.near_duplicates import near_groups
from llkd.selection import pooling, signals
from llkd.selection.signals import Floats, Ints

SPECS = {"LLM": LLM, "similarity": SIMILARITY}
CALIBRATIONS = {"LLM": "batch", "similarity": "none"}
COMMITTEE = "committee"


@dataclass(frozen=True)
class Sources:
    """What is cached of a set: scores ``[m, C]`` by teacher, embeddings ``[m, d]``."""

    scores: dict[str, Floats]
    points: Floats


@dataclass(frozen=True)
class Arm:
    """Labels ``[n]`` and confidence ``[n]`` of a draw by a teacher, refined or not."""

    teacher: str
    refined: bool
    label: Ints
    confidence: Floats

    @property
    def name(self) -> str:
        """What the tables call it."""
        return self.teacher + (", refined" if self.refined else "")


def sources_of(cache: Path, data: TextSet, *, without_llm: bool = False) -> Sources:
    """Everything that models say of the texts of a set."""
    specs = {"similarity": SIMILARITY} if without_llm else SPECS
    points = embeddings(cache, data)
    scores = {name: teacher_scores(cache, data, spec, points) for name, spec in specs.items()}
    return Sources(scores, points)


def raw_probabilities(draw: Draw, sources: Sources) -> dict[str, Floats]:
    """Calibrated probabilities ``[n, C]`` of each teacher, and of their committee."""
    probabilities = {}
    for teacher, scores in sources.scores.items():
        bias = signals.calibration_bias(scores[draw.rows], CALIBRATIONS[teacher])
        probabilities[teacher] = signals.teacher_probabilities(scores[draw.rows], bias)
    if len(probabilities) > 1:
        logs = [
            pooling.member_logs(each, signals.pseudo_label(each)) for each in probabilities.values()
        ]
        pooled = pooling.pool(logs, pooling.equal_weights(len(logs)))
        probabilities[COMMITTEE] = np.exp(pooled.log_probabilities)
    return probabilities


def arms_of(draw: Draw, sources: Sources) -> tuple[list[Arm], RefinementAdvice]:
    """All arms of a draw, and whether the default would refine its labels."""
    probabilities = raw_probabilities(draw, sources)
    classes = len(draw.data.labels.names)
    nearest, voter = search(draw, sources.points, NEIGHBOURS)
    voters = int(voter.max()) + 1
    nearest = nearest[:, : neighbours_for(voters, classes)]
    first, second = (signals.pseudo_label(probabilities[teacher]) for teacher in CALIBRATIONS)
    arms = []
    for teacher, raw in probabilities.items():
        label = signals.pseudo_label(raw)
        arms.append(Arm(teacher, False, label, signals.confidence(raw)))
        refined = signals.softmax(refined_logits(raw, label, nearest, voter))
        arms.append(Arm(teacher, True, signals.pseudo_label(refined), signals.confidence(refined)))
    return arms, refinement_advice(first, second, classes, voters)


def search(draw: Draw, points: Floats, neighbours: int) -> tuple[Ints, Ints]:
    """The nearest voters ``[n, k]`` of a draw's texts, and the voter that each text is ``[n]``."""
    texts = [draw.data.texts[row] for row in draw.rows]
    group = near_groups(iter([texts]), len(texts), lambda rows: [texts[row] for row in rows])
    voter, own = voting_groups(np.zeros(len(texts), dtype=np.int64), group)
    return nearest_voters(points[draw.rows], voter, own, neighbours), voter
