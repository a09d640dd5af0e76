"""The one random order in which texts are asked about, and what of it a pass holds.

A fixed order, so that a stopped pass goes on where it was and charts are right from the first
minute even where the file is sorted by class. Texts that are added take places at random among
those that are there, which keep their order among themselves: a beginning of the order is a random
sample of all texts at any time, and the texts of before are met in the same order as ever.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from llkd.selection.signals import Ints
from llkd.store import LabelingRun, Project, Store

SEED = 0


def random_order(rows: int | Sequence[int], pool: np.ndarray | None = None) -> Ints:
    """All rows of a project, shuffled once and for all; ``pool [n]`` keeps only some.

    ``rows`` is how many there are, or how many there were after each addition (``Project.stages``).
    """
    first, *later = [rows] if isinstance(rows, int) else rows
    order = np.random.default_rng(SEED).permutation(first)
    for number, total in enumerate(later, 1):
        rng = np.random.default_rng([SEED, number])
        is_new = np.zeros(total, dtype=bool)
        is_new[rng.choice(total, total - len(order), replace=False)] = True
        joined = np.empty(total, dtype=order.dtype)
        joined[~is_new] = order
        joined[is_new] = len(order) + rng.permutation(total - len(order))
        order = joined
    return order if pool is None else order[pool[order]]


def random_sample(store: Store, labeling_run: LabelingRun) -> Ints | None:
    """The rows of a student-first pass that stand for the pool: a beginning of the random order.

    That of the texts that its last round knew. None for a pass in random order: all it holds is
    such a sample.
    """
    if not labeling_run.rounds:
        return None
    last = labeling_run.rounds[-1]
    project = stage_of_round(store.projects.by_id(labeling_run.project_id), last.get("texts"))
    pool = (store.projects.texts(project, ["split"])["split"] != "eval").to_numpy()
    return random_order(project.stages, pool)[: int(last.get("shuffled", 0))]


def stage_of_round(project: Project, texts: int | None) -> Project:
    """The project as a round knew it: with ``texts`` texts; None of before texts could be added."""
    return project.stage(0) if texts is None else project.holding(int(texts))
