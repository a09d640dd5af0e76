"""The texts of classes that were split: what was said of them waits until somebody says it anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from llkd.config import Label
from llkd.curation.labels import TeacherLabels, teacher_labels
from llkd.selection.signals import Ints
from llkd.store import Project, Store


@dataclass(frozen=True)
class SplitTexts:
    """Pool texts ``rows [m]`` of one class that was split and that no person has labelled since.

    Those that ``people`` had labelled come first, then those with ``gold``, then those that the
    ``teacher`` gave it (how many of each). ``parts`` are the names of the classes that it became.
    """

    label: Label
    parts: tuple[str, ...]
    rows: Ints
    people: int
    gold: int
    teacher: int


def split_texts(
    store: Store, project: Project, labels: TeacherLabels | None = None
) -> list[SplitTexts]:
    """The lists that wait, of each class that was split its own; none for one without texts.

    ``labels`` of the pass in use are derived where they are not given. What a person excluded waits
    for nothing.
    """
    label_set = project.label_set
    split = [] if label_set is None else label_set.split_classes
    if label_set is None or not split:
        return []
    texts = store.projects.texts(project, ["gold", "split"])
    decisions = store.decisions.current(project.id)
    open_rows = (texts["split"] == "pool").to_numpy(copy=True)
    done = decisions["human_key"].isin(list(label_set.places)) | decisions["excluded"].astype(bool)
    open_rows[decisions.index[done].to_numpy(dtype=np.int64)] = False
    human_key = np.full(project.rows, None, dtype=object)
    human_key[decisions.index.to_numpy(dtype=np.int64)] = decisions["human_key"].to_numpy()
    by_teacher = _teacher_keys(store, project, labels)
    lists = []
    for old in split:
        keys = [old.identity, *old.also]
        by_people = open_rows & pd.Series(human_key).isin(keys).to_numpy()
        by_gold = open_rows & texts["gold"].isin(keys).to_numpy() & ~by_people
        rest = open_rows & by_teacher.isin(keys).to_numpy() & ~by_people & ~by_gold
        rows = np.concatenate([np.flatnonzero(part) for part in (by_people, by_gold, rest)])
        if len(rows):
            places = label_set.shares(old.identity)
            names = tuple(label_set.names[place] for place in places if place >= 0)
            counts = (int(part.sum()) for part in (by_people, by_gold, rest))
            lists.append(SplitTexts(old, names, rows, *counts))
    return lists


def said_before(store: Store, project: Project, rows: Ints) -> dict[int, str]:
    """Of each of these rows (500 at most) what a person had said of it, where that was split."""
    split = [] if project.label_set is None else project.label_set.split_classes
    names = {key: old.name for old in split for key in (old.identity, *old.also)}
    if not names or not len(rows):
        return {}
    decisions = store.decisions.current(project.id, rows=[int(row) for row in rows])
    return {
        int(row): f"{names[key]} ({who})"
        for row, key, who in zip(
            decisions.index, decisions["human_key"], decisions["who"], strict=True
        )
        if key in names
    }


def _teacher_keys(store: Store, project: Project, labels: TeacherLabels | None) -> pd.Series:
    """The key of the class that the teacher gave each text ``[n]``; None where it gave none."""
    keys = np.full(project.rows, None, dtype=object)
    if labels is None:
        labeling_run = store.labeling_runs.in_use(project.id, project.labelling_id)
        labels = None if labeling_run is None else teacher_labels(store, labeling_run)
    if labels is not None and labels.named_class is not None:
        keys_asked = np.array([*labels.labeling_run.label_set.keys, None], dtype=object)
        keys[labels.row] = keys_asked[labels.named_class]
    return pd.Series(keys)
