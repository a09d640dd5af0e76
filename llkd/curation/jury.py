"""Who judges students: held-out gold, else the labels that people gave, else nobody.

Where nobody knows a class, a tenth of the texts still stays out of training, so that a student can
be held against its teacher on texts that it never saw: agreement, which is not accuracy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from llkd.config import LabelSet
from llkd.curation.judging import gold_indices
from llkd.curation.order import random_order
from llkd.curation.plane import Plane
from llkd.errors import UserError
from llkd.signals import Ints
from llkd.store import Labelling

Kind = Literal["gold", "people", "teacher"]
LEAST_LABELS = 50
"""Fewer labels of people judge nothing. At 50 and an accuracy of 80 % the 95 % interval still
reaches 11 points to both sides: the least of which anything can be said."""
AGREEMENT_SHARE = 10
MOST_AGREEMENT = 2000


@dataclass(frozen=True)
class Jury:
    """Texts that judge and do not train: ``rows`` [m], ascending, and their classes ``label`` [m].

    ``kind``: whose classes these are. ``chosen``: how the texts were chosen, ``held out``, ``at
    random`` or ``by people`` (then they are no random sample). ``given``: how many texts of the
    pool carry a person's label that may judge.
    """

    kind: Kind
    rows: Ints
    label: Ints
    chosen: Literal["held out", "at random", "by people"]
    given: int


def held_out(texts: pd.DataFrame, classes: LabelSet) -> tuple[Ints, Ints]:
    """Row numbers of the held-out texts with gold, and their classes, each ``[m]``."""
    gold = gold_indices(texts, classes)
    rows = np.flatnonzero((texts["split"] == "eval").to_numpy() & (gold >= 0))
    return rows, gold[rows]


def best_jury(plane: Plane, texts: pd.DataFrame) -> Jury:
    """Who judges a comparison: gold where it is held out, else people, else only the teacher.

    ``texts`` has the columns gold and split, by row.
    """
    gold = jury_of(plane, texts, "gold")
    if len(gold.rows):
        return gold
    people = _people(plane)
    return people if _enough(people) else jury_of(plane, texts, "teacher")


def jury_of(plane: Plane, texts: pd.DataFrame, kind: Kind) -> Jury:
    """The judges of that kind. Raises UserError where people gave too few labels to judge by."""
    people = _people(plane)
    if kind == "gold":
        rows, label = held_out(texts, plane.classes)
        return Jury("gold", rows, label, "held out", people.given)
    if kind == "people":
        if not _enough(people):
            raise UserError(too_few(people.given))
        return people
    return _teacher(plane, people.given)


def too_few(given: int) -> str:
    """Why people's labels cannot judge yet, and what to do."""
    return (
        f"To judge students, people's labels must be at least {LEAST_LABELS} and of two classes; "
        f"{given:,} can be used here (those that stand in the teacher's prompts do not count). "
        "Label more texts on the Curate page, in random order."
    )


def _enough(people: Jury) -> bool:
    return len(people.rows) >= LEAST_LABELS and len(np.unique(people.label)) > 1


def _people(plane: Plane) -> Jury:
    """All texts that people labelled; of a random order alone those that they took in its order.

    Texts that a teacher's prompts may hold do not judge: its other labels would know theirs.
    """
    frame = plane.frame
    label = frame["human_label"].to_numpy()
    rows = frame["row"].to_numpy()
    open_to = ~frame["excluded"].to_numpy() & ~np.isin(rows, in_prompts(plane.labelling))
    usable = (label >= 0) & open_to
    chosen = np.flatnonzero(usable)
    sample = _random_sample(plane, usable, open_to)
    if len(sample) >= LEAST_LABELS and len(np.unique(label[sample])) > 1:
        return Jury("people", rows[sample], label[sample], "at random", len(chosen))
    return Jury("people", rows[chosen], label[chosen], "by people", len(chosen))


def _random_sample(plane: Plane, usable: np.ndarray, open_to: np.ndarray) -> Ints:
    """Positions of the labelled texts before the first that is not, in the random order, sorted.

    Whoever labels in that order labels a random sample, whatever else was labelled before.
    """
    place = np.full(plane.project.rows, -1, dtype=np.int64)
    place[plane.frame["row"].to_numpy()] = np.arange(len(plane.frame))
    order = place[random_order(plane.project.rows)]
    order = order[order >= 0]
    order = order[open_to[order]]
    missing = np.flatnonzero(~usable[order])
    return np.sort(order[: missing[0]] if len(missing) else order)


def in_prompts(labelling: Labelling) -> Ints:
    """Rows whose class a prompt of this pass may hold, also as the nearest example of another."""
    examples = labelling.teacher.get("examples") or {}
    return np.array([row for row, _ in examples.get("rows", [])], dtype=np.int64)


def _teacher(plane: Plane, given: int) -> Jury:
    """A tenth of the texts that the teacher labelled, drawn at random, the same for all arms."""
    frame = plane.frame
    label = frame["teacher_label"].to_numpy()
    human = frame["human_label"].to_numpy() >= 0
    candidates = np.flatnonzero((label >= 0) & ~human & ~frame["excluded"].to_numpy())
    count = min(MOST_AGREEMENT, len(candidates) // AGREEMENT_SHARE)
    drawn = np.sort(np.random.default_rng(1).permutation(candidates)[:count])
    return Jury("teacher", frame["row"].to_numpy()[drawn], label[drawn], "at random", given)
