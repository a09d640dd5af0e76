"""Which texts say how good a teacher is, and which may be fitted on: never the same held-out ones.

The evaluation set (held-out gold) measures. The development set (gold of the pool, else people's
labels there) fits and chooses: a temperature, a calibration, the winner of a bake-off.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from llkd.config import LabelSet
from llkd.errors import UserError
from llkd.selection.signals import Ints
from llkd.store import LabelingRun, Project, Store

Truth = Literal["gold", "human"]


class EvaluationRows(NamedTuple):
    """Texts with a known class: their ``rows`` [m], ascending, and ``gold`` [m], class indices.

    ``source``: whose classes they are, gold of the data or labels that people gave here.
    ``held_out``: whether all of them are held out from training.
    """

    rows: Ints
    gold: Ints
    source: Truth
    held_out: bool


def gold_indices(texts: pd.DataFrame, classes: LabelSet) -> Ints:
    """Class index of each text's gold, -1 where there is none or it is not one of the classes."""
    return key_indices(texts["gold"], classes)


def key_indices(keys: pd.Series, classes: LabelSet) -> Ints:
    """The class index of what is stored under each of these keys, -1 where it is no class.

    At run time a bare list of names will do, too: it stands for classes never renamed.
    """
    if not isinstance(classes, LabelSet):
        classes = LabelSet.of(classes)
    codes, different = pd.factorize(keys, use_na_sentinel=True)
    places = classes.places
    index = np.array([*(places.get(key, -1) for key in different), -1], dtype=np.int64)
    return index[codes]


def rows_to_evaluate(
    store: Store, project: Project, labeling_run: LabelingRun | None = None
) -> EvaluationRows:
    """The texts to judge a teacher by: held-out gold, else all gold, else what people labelled.

    Of a ``labelling`` only texts that it has asked about, and none that stand as examples in its
    prompts; without one every text of the project. No rows where nobody has told any class.
    People choose what they label, so figures on human labels describe those texts, not the pool.
    """
    classes = _classes(project, labeling_run)
    usable = _usable(store, project, labeling_run)
    texts = store.projects.texts(project, ["gold", "split"])
    gold = np.where(usable, gold_indices(texts, classes), -1)
    held_out = (texts["split"] == "eval").to_numpy() & (gold >= 0)
    if held_out.any():
        return _rows_of_known_class(np.where(held_out, gold, -1), "gold", True)
    if (gold >= 0).any():
        return _rows_of_known_class(gold, "gold", False)
    return _rows_of_known_class(
        np.where(usable, _human(store, project, classes), -1), "human", False
    )


def development_rows(
    store: Store, project: Project, labeling_run: LabelingRun | None = None
) -> Iterator[EvaluationRows]:
    """Texts to fit and to choose on, kind by kind: gold of the pool, then people's labels there.

    Nothing that judges also fits: no held-out text is among them. Of a ``labelling`` only texts
    that it has asked about, and none that stand as examples in its prompts.
    """
    # A class that came after the teacher was asked has no score to fit to.
    classes = _classes(project, None) if labeling_run is None else labeling_run.label_set
    usable = _usable(store, project, labeling_run)
    texts = store.projects.texts(project, ["gold", "split"])
    usable &= (texts["split"] == "pool").to_numpy()
    yield _rows_of_known_class(np.where(usable, gold_indices(texts, classes), -1), "gold", False)
    yield _rows_of_known_class(
        np.where(usable, _human(store, project, classes), -1), "human", False
    )


def held_out_rows(texts: pd.DataFrame) -> Ints:
    """Row numbers of the texts that are held out to measure; ``texts`` has the column split."""
    return np.flatnonzero((texts["split"] == "eval").to_numpy())


def example_rows(labeling_run: LabelingRun) -> set[int]:
    """Rows that stand with their class in every prompt of a pass: quality leaves them out.

    Of ``nearest`` examples there are none: a text is never among its own.
    """
    examples = labeling_run.teacher.get("examples") or {}
    if examples.get("kind") not in {"fixed", "balanced"}:
        return set()
    return {int(row) for row, _ in examples["rows"]}


def _rows_of_known_class(known: Ints, source: Truth, held_out: bool) -> EvaluationRows:
    """The rows where ``known`` [n] holds a class."""
    rows = np.flatnonzero(known >= 0)
    return EvaluationRows(rows, known[rows], source, held_out)


def _classes(project: Project, labeling_run: LabelingRun | None) -> LabelSet:
    label_set = labeling_run.classes if labeling_run is not None else project.label_set
    if label_set is None:
        raise UserError(
            f"The classes of {project.name!r} are not set. Name them on the Data page first."
        )
    return label_set


def _usable(store: Store, project: Project, labeling_run: LabelingRun | None) -> np.ndarray:
    """Which rows may judge, a mask ``[n]``."""
    if labeling_run is None:
        return np.ones(project.rows, dtype=bool)
    usable = np.zeros(project.rows, dtype=bool)
    usable[store.labeling_runs.done(labeling_run)] = True
    usable[list(example_rows(labeling_run))] = False
    return usable


def _human(store: Store, project: Project, classes: LabelSet) -> Ints:
    """Class index of each text's human label ``[n]``, -1 where there is none."""
    decisions = store.decisions.current(project.id)
    labels = np.full(project.rows, -1, dtype=np.int64)
    rows = decisions.index.to_numpy(dtype=np.int64)
    labels[rows] = key_indices(decisions["human_key"], classes)
    return labels
