"""The one random order in which texts are asked about, and what of it a pass holds.

A fixed order, so that a stopped pass goes on where it was and charts are right from the first
minute even where the file is sorted by class.
"""

from __future__ import annotations

import numpy as np

from llkd.selection.signals import Ints
from llkd.store import LabelingRun, Store

SEED = 0


def random_order(rows: int, pool: np.ndarray | None = None) -> Ints:
    """All rows of a project, shuffled once and for all; ``pool [rows]`` keeps only some."""
    order = np.random.default_rng(SEED).permutation(rows)
    return order if pool is None else order[pool[order]]


def random_sample(store: Store, labeling_run: LabelingRun) -> Ints | None:
    """The rows of a student-first pass that stand for the pool: a beginning of the random order.

    None for a pass in random order: all it holds is such a sample.
    """
    if not labeling_run.rounds:
        return None
    split = store.projects.texts(labeling_run.project_id, ["split"])["split"]
    pool = (split != "eval").to_numpy()
    return random_order(len(pool), pool)[: int(labeling_run.rounds[-1].get("shuffled", 0))]
