"""What a run selected, class by class and epoch by epoch, and how often its labels were right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from llkd.curation.evaluation_rows import gold_indices
from llkd.curation.plane import load_plane
from llkd.errors import NotFound
from llkd.selection.signals import Ints
from llkd.store import Project, Run, Store

LEAST_KNOWN = 20
"""With fewer texts of known class nothing is said on how right a selection was."""


@dataclass(frozen=True)
class Truth:
    """What is known of the pool's right labels: a class index per row ``[n]``, -1 unknown.

    ``source`` is ``gold`` or ``human``; ``judged [n]`` is the label that is held against it: what
    the run was taught, or for people's labels what the teacher had said (a person's own label is
    right by itself).
    """

    source: Literal["gold", "human"]
    known: Ints
    judged: Ints

    @property
    def rows(self) -> int:
        """How many rows are known."""
        return int(((self.known >= 0) & (self.judged >= 0)).sum())


def selected(
    epoch: Ints,
    place: Ints,
    selected_mask: np.ndarray,
    label: Ints,
    truth: Truth | None,
    classes: int,
) -> pd.DataFrame:
    """Counts by epoch and class, a line each, and a line of all classes (``label`` -1) an epoch.

    Decisions ``[m]`` are of texts ``place`` in ``epoch``, ``chosen`` or not; ``label [n]`` is the
    class each text was taught as. Columns: epoch, label, offered, selected, and of those with a
    known truth known, right, pool_known, pool_right (all of them 0 without ``truth``). A text
    counts as often as it was decided on.
    """
    known = (
        np.zeros(len(label), bool) if truth is None else (truth.known >= 0) & (truth.judged >= 0)
    )
    right = known & (truth.known == truth.judged) if truth is not None else known
    epochs, at = np.unique(epoch, return_inverse=True)
    cell = at * classes + label[place]

    def counted(which: np.ndarray) -> np.ndarray:
        return np.bincount(cell[which], minlength=len(epochs) * classes).reshape(-1, classes)

    selected_here = np.asarray(selected_mask, dtype=bool)
    tables = {
        "offered": counted(np.ones(len(cell), bool)),
        "selected": counted(selected_here),
        "known": counted(selected_here & known[place]),
        "right": counted(selected_here & right[place]),
        "pool_known": counted(known[place]),
        "pool_right": counted(right[place]),
    }
    frame = pd.DataFrame(
        {
            "epoch": np.repeat(epochs, classes + 1),
            "label": np.tile(np.arange(-1, classes), len(epochs)),
            **{
                name: np.column_stack([table.sum(axis=1), table]).ravel()
                for name, table in tables.items()
            },
        }
    )
    return frame.astype(np.int64)


def run_truth(store: Store, project: Project, run: Run, rows: Ints, label: Ints) -> Truth | None:
    """What can judge the labels ``[m]`` of a run's rows: gold in the pool, else people's labels.

    None where of either fewer than 20 of the rows are known.
    """
    gold = gold_indices(store.projects.texts(project, ["gold"]), run.classes)[rows]
    by_gold = Truth("gold", gold, label)
    if by_gold.rows >= LEAST_KNOWN:
        return by_gold
    frame = load_plane(store, project, run=run, need=False).frame
    at = np.searchsorted(frame["row"].to_numpy(), rows)
    human = frame["human_label"].to_numpy()[at]
    by_people = Truth("human", human, frame["teacher_label"].to_numpy()[at])
    return by_people if by_people.rows >= LEAST_KNOWN else None


def of_run(store: Store, project: Project, run: Run) -> tuple[pd.DataFrame, Truth | None]:
    """:func:`selected` of a run, and by whose labels it was judged.

    Raises NotFound where the run has no decisions yet.
    """
    decisions, steps = store.runs.decisions(run), store.runs.steps(run)
    if decisions.empty or steps.empty:
        raise NotFound(
            f"Run {run.id} has selected nothing yet; its log comes with its first steps."
        )
    rows, probabilities = store.runs.targets(run)
    order = np.argsort(rows, kind="stable")
    rows, label = rows[order], probabilities[order].argmax(axis=1)
    truth = run_truth(store, project, run, rows, label)
    when = np.searchsorted(steps["step"].to_numpy(), decisions["step"].to_numpy())
    epoch = steps["epoch"].to_numpy()[when]
    place = np.searchsorted(rows, decisions["row"].to_numpy())
    selected_mask = decisions["selected"].to_numpy(dtype=bool)
    classes = len(run.labels["classes"])
    return selected(epoch, place, selected_mask, label, truth, classes), truth


def times_trained(store: Store, run: Run) -> pd.Series:
    """How often the kept student was trained on each row, indexed by row.

    With early stopping that ends with the best epoch. Where samples are gathered, what still waited
    then to fill a batch has trained nothing.
    """
    decisions = store.runs.decisions(run)
    if decisions.empty:
        return pd.Series(dtype=np.int64)
    selections = decisions.loc[decisions["selected"].to_numpy(dtype=bool), ["step", "row"]]
    best = run.best_epoch
    if best is not None:
        steps = store.runs.steps(run)
        selections = selections[
            selections["step"] <= steps.loc[steps["epoch"] <= best, "step"].max()
        ]
    complete = run.summary is not None and best in (None, run.config.epochs)
    if run.config.gather and not complete:  # the last step of all gives out what is left
        selections = selections.iloc[
            : len(selections) // run.config.batch_size * run.config.batch_size
        ]
    return selections["row"].value_counts()
