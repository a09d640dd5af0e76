"""What runs predict for the texts of their evaluation set, alone and paired by seed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from llkd.errors import NotFound
from llkd.evaluation.evaluation_set import held_out
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints
from llkd.store import Project, Run, Store


def finished_runs(store: Store, project: Project) -> list[Run]:
    """Runs that have a result, oldest first."""
    return [run for run in store.runs.all(project.id) if run.summary is not None]


def evaluation_rows(
    store: Store, project: Project, run: Run, texts: pd.DataFrame | None = None
) -> tuple[Ints, Ints]:
    """Row numbers ``[m]`` of a run's evaluation set, and their classes as the run knew them.

    Held-out gold, or the labels of people or of the teacher that were kept with the run;
    ``texts`` (gold, split) are read where they are not passed.
    """
    stored = store.runs.evaluation_labels(run)
    if stored is not None:
        return stored
    if texts is None:
        texts = store.projects.texts(project, ["gold", "split"])
    # Runs that kept no texts of their own are of before any could be added.
    return held_out(texts.iloc[: project.stages[0]], run.classes)


def run_predictions(
    store: Store,
    project: Project,
    run: Run,
    epoch: int | None = None,
    texts: pd.DataFrame | None = None,
) -> tuple[Ints, Floats] | None:
    """Gold ``[m]`` and the student's probabilities ``[m, C]`` on the run's evaluation set.

    Gold is what people know: that of held-out texts, or the labels that evaluate the run. After
    ``epoch``, or after the last; ``texts`` (gold, split) are read where they are not passed. None
    where the run was not evaluated, or where only the teacher's labels could evaluate it.
    """
    if run.config.judged_by == "teacher":
        return None
    by_row = predictions_by_row(store, project, run, epoch, texts)
    return None if by_row is None else by_row[1:]


def teacher_agreement(store: Store, project: Project, run: Run) -> tuple[Ints, Ints] | None:
    """The teacher's labels ``[m]`` and the student's on texts that did not train; not its quality.

    None for a run that is evaluated by what people know.
    """
    if run.config.judged_by != "teacher":
        return None
    by_row = predictions_by_row(store, project, run)
    return None if by_row is None else (by_row[1], signals.pseudo_label(by_row[2]))


def predictions_by_row(
    store: Store,
    project: Project,
    run: Run,
    epoch: int | None = None,
    texts: pd.DataFrame | None = None,
) -> tuple[Ints, Ints, Floats] | None:
    """As :func:`run_predictions`, of any evaluation set, with the row numbers ``[m]`` first."""
    rows, gold = evaluation_rows(store, project, run, texts)
    if epoch is None:
        # With early stopping the student that was saved is not the last.
        epoch = run.best_epoch
    try:
        index, probabilities = store.runs.evaluation(run, epoch)
    except NotFound:
        return None
    # A run numbers its evaluation texts by row, or by their place among the held-out ones.
    by_row = np.isin(index, rows).all()
    place = np.searchsorted(rows, index) if by_row else index
    if not len(index) or place.max(initial=0) >= len(gold):
        return None
    return rows[place], gold[place], probabilities


@dataclass(frozen=True)
class PairedPredictions:
    """Labels ``[S, n]`` of S pairs of students on the same n texts, and these texts' gold ``[n]``.

    ``pairs`` are the runs, ``left_out`` counts pairs with another evaluation set.
    """

    first: Ints
    second: Ints
    gold: Ints
    pairs: tuple[tuple[Run, Run], ...]
    left_out: int = 0


def paired_predictions(
    store: Store, project: Project, pairs: Iterable[tuple[Run, Run | None]]
) -> PairedPredictions | None:
    """The pairs whose students all share texts and classes of evaluation; None without any.

    Seeds that were trained at other times may have another evaluation set: those of one group are
    never scored against another's. Of several groups the largest counts, of equals the newest.
    """
    groups: dict[tuple[bytes, bytes], list[tuple[Run, Run, Ints, Ints, Ints]]] = {}
    for run, rival in pairs:
        if rival is None or "teacher" in (run.config.judged_by, rival.config.judged_by):
            continue
        run_rows = predictions_by_row(store, project, run)
        rival_rows = predictions_by_row(store, project, rival)
        if run_rows is None or rival_rows is None or not len(run_rows[0]):
            continue
        (rows, gold, first), (other_rows, other_gold, second) = run_rows, rival_rows
        if not (np.array_equal(rows, other_rows) and np.array_equal(gold, other_gold)):
            continue
        labels = (signals.pseudo_label(first), signals.pseudo_label(second))
        groups.setdefault((rows.tobytes(), gold.tobytes()), []).append((run, rival, *labels, gold))
    if not groups:
        return None
    group = max(groups.values(), key=lambda members: (len(members), members[-1][0].id))
    return PairedPredictions(
        np.stack([member[2] for member in group]),
        np.stack([member[3] for member in group]),
        group[0][4],
        tuple((member[0], member[1]) for member in group),
        sum(map(len, groups.values())) - len(group),
    )
