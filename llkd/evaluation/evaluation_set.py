"""The texts that evaluate students: held-out gold, else labels of people, else nobody's.

Where nobody knows a class, a tenth of the texts still stays out of training, so that a student can
be held against its teacher on texts that it never saw: agreement, which is not accuracy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from llkd.config import LabelSet
from llkd.curation.evaluation_rows import gold_indices
from llkd.curation.plane import Plane
from llkd.curation.random_order import random_order
from llkd.errors import UserError
from llkd.selection.signals import Ints
from llkd.store import LabelingRun

Kind = Literal["gold", "people", "teacher"]
LEAST_LABELS = 50
"""Fewer labels of people evaluate nothing. At 50 and an accuracy of 80 % the 95 % interval still
reaches 11 points to both sides: the least of which anything can be said."""
AGREEMENT_SHARE = 10
MOST_AGREEMENT = 2000


@dataclass(frozen=True)
class EvaluationSet:
    """Texts that evaluate and do not train: ``rows`` [m], ascending, their classes ``label`` [m].

    ``kind``: whose classes these are. ``sampling``: how the texts were selected, ``held out``, ``at
    random`` or ``by people`` (then they are no random sample). ``usable_labels``: how many texts of
    the pool carry a person's label that may evaluate.
    """

    kind: Kind
    rows: Ints
    label: Ints
    sampling: Literal["held out", "at random", "by people"]
    usable_labels: int


def held_out(texts: pd.DataFrame, classes: LabelSet) -> tuple[Ints, Ints]:
    """Row numbers of the held-out texts with gold, and their classes, each ``[m]``."""
    gold = gold_indices(texts, classes)
    rows = np.flatnonzero((texts["split"] == "eval").to_numpy() & (gold >= 0))
    return rows, gold[rows]


def best_evaluation_set(plane: Plane, texts: pd.DataFrame) -> EvaluationSet:
    """That of a comparison: gold where it is held out, else people's, else only the teacher's.

    ``texts`` has the columns gold and split, by row.
    """
    gold = evaluation_set_of(plane, texts, "gold")
    if len(gold.rows):
        return gold
    people = _people(plane)
    return people if _enough(people) else evaluation_set_of(plane, texts, "teacher")


def evaluation_set_of(plane: Plane, texts: pd.DataFrame, kind: Kind) -> EvaluationSet:
    """The one of that kind. Raises UserError where people gave too few labels to evaluate on."""
    people = _people(plane)
    if kind == "gold":
        rows, label = held_out(texts, plane.classes)
        return EvaluationSet("gold", rows, label, "held out", people.usable_labels)
    if kind == "people":
        if not _enough(people):
            raise UserError(too_few(people.usable_labels))
        return people
    return _teacher(plane, people.usable_labels)


def too_few(usable: int) -> str:
    """Why people's labels cannot evaluate yet, and what to do."""
    return (
        f"To evaluate students, people's labels must be at least {LEAST_LABELS} and of two "
        "classes; "
        f"{usable:,} can be used here (those that stand in the teacher's prompts do not count). "
        "Label more texts on the Curate page, in random order."
    )


def _enough(people: EvaluationSet) -> bool:
    return len(people.rows) >= LEAST_LABELS and len(np.unique(people.label)) > 1


def _people(plane: Plane) -> EvaluationSet:
    """All texts that people labelled; of a random order alone those that they took in its order.

    Texts that a teacher's prompts may hold do not evaluate: its other labels would know theirs.
    """
    frame = plane.frame
    label = frame["human_label"].to_numpy()
    rows = frame["row"].to_numpy()
    open_to = ~frame["excluded"].to_numpy() & ~np.isin(rows, in_prompts(plane.labeling_run))
    usable = (label >= 0) & open_to
    positions = np.flatnonzero(usable)
    sample = _random_sample(plane, usable, open_to)
    if len(sample) >= LEAST_LABELS and len(np.unique(label[sample])) > 1:
        return EvaluationSet("people", rows[sample], label[sample], "at random", len(positions))
    return EvaluationSet("people", rows[positions], label[positions], "by people", len(positions))


def labelled_at_random(plane: Plane, among: np.ndarray, *, excluded_too: bool = False) -> Ints:
    """Positions of the texts of ``among``, a mask ``[n]``, that people labelled in random order.

    Those before the first that has no label, in the one random order, sorted: whoever labels in
    that order labels a random sample of ``among``, whatever else was labelled before. What is
    excluded, or stands in the teacher's prompts, is passed over; ``excluded_too`` takes what is
    excluded as looked at.
    """
    frame = plane.frame
    excluded = frame["excluded"].to_numpy() & among
    open_to = among if excluded_too else among & ~excluded
    open_to = open_to & ~np.isin(frame["row"].to_numpy(), in_prompts(plane.labeling_run))
    answered = excluded | (frame["human_label"].to_numpy() >= 0)
    return _random_sample(plane, open_to & answered, open_to)


def _random_sample(plane: Plane, usable: np.ndarray, open_to: np.ndarray) -> Ints:
    """Positions of the labelled texts before the first that is not, in the random order, sorted.

    Whoever labels in that order labels a random sample, whatever else was labelled before.
    """
    place = np.full(plane.project.rows, -1, dtype=np.int64)
    place[plane.frame["row"].to_numpy()] = np.arange(len(plane.frame))
    order = place[random_order(plane.project.stages)]
    order = order[order >= 0]
    order = order[open_to[order]]
    missing = np.flatnonzero(~usable[order])
    return np.sort(order[: missing[0]] if len(missing) else order)


def in_prompts(labeling_run: LabelingRun) -> Ints:
    """Rows whose class a prompt of this pass may hold, also as the nearest example of another."""
    examples = labeling_run.teacher.get("examples") or {}
    return np.array([row for row, _ in examples.get("rows", [])], dtype=np.int64)


def _teacher(plane: Plane, labels_of_people: int) -> EvaluationSet:
    """A tenth of the texts that the teacher labelled, drawn at random, the same for all arms."""
    frame = plane.frame
    label = frame["teacher_label"].to_numpy()
    human = frame["human_label"].to_numpy() >= 0
    candidates = np.flatnonzero((label >= 0) & ~human & ~frame["excluded"].to_numpy())
    count = min(MOST_AGREEMENT, len(candidates) // AGREEMENT_SHARE)
    sample = np.sort(np.random.default_rng(1).permutation(candidates)[:count])
    return EvaluationSet(
        "teacher", frame["row"].to_numpy()[sample], label[sample], "at random", labels_of_people
    )
