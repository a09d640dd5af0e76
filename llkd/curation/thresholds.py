"""What is kept at given thresholds, how much and how right, and why a row is or is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from llkd import signals
from llkd.curation.plane import Plane
from llkd.strategies import above_thresholds, class_thresholds

Threshold = float | Mapping[str, float]


def kept_rows(
    plane: Plane, teacher_threshold: Threshold, student_threshold: Threshold
) -> np.ndarray:
    """Which pool rows are kept, a mask ``[n]``: above both thresholds of their pseudo-label.

    A person's label is kept whatever the thresholds; what a person excluded never is.
    """
    frame = plane.frame
    kept = above_thresholds(
        frame["teacher_label"],
        frame["confidence"],
        frame["information_need"],
        class_thresholds(teacher_threshold, plane.names),
        class_thresholds(student_threshold, plane.names),
    )
    human = frame["human_label"].to_numpy() >= 0
    return np.asarray((kept | human) & ~frame["excluded"].to_numpy())


def summary(plane: Plane, kept: np.ndarray) -> dict[str, Any]:
    """Counts of all rows: kept, share, per_class by name, accuracy (None without gold).

    Accuracy is the share of right labels among the kept rows that have gold; ``checked`` is how
    many those are.
    """
    frame = plane.frame
    label = frame["label"].to_numpy()[kept]
    gold = frame["gold"].to_numpy()[kept]
    known = gold >= 0
    counts = np.bincount(label[label >= 0], minlength=len(plane.names))
    return {
        "kept": int(kept.sum()),
        "rows": len(frame),
        "share": float(kept.mean()) if len(frame) else 0.0,
        "per_class": {name: int(c) for name, c in zip(plane.names, counts, strict=True)},
        "accuracy": float((label[known] == gold[known]).mean()) if known.any() else None,
        "checked": int(known.sum()),
    }


def reasons(
    plane: Plane,
    rows: np.ndarray,
    teacher_threshold: Threshold,
    student_threshold: Threshold,
) -> list[str]:
    """Why each of these plane positions is kept or not, in a few words."""
    frame = plane.frame.iloc[rows]
    teacher = class_thresholds(teacher_threshold, plane.names)
    student = class_thresholds(student_threshold, plane.names)
    told = []
    sure, need = (signals.reach(frame[name]) for name in ("confidence", "information_need"))
    for entry, confidence, information_need in zip(frame.itertuples(), sure, need, strict=True):
        label = int(entry.teacher_label)
        if entry.excluded:
            told.append("excluded by a person")
        elif entry.human_label >= 0:
            told.append("labelled by a person")
        elif label < 0:
            told.append("no teacher label")
        elif teacher[label] > 0 and not confidence >= teacher[label]:
            told.append("teacher not sure enough")
        elif student[label] > 0 and not information_need >= student[label]:
            told.append("student knows it already")
        else:
            told.append("kept")
    return told


def top_share_thresholds(plane: Plane, share: float, per_class: bool) -> tuple[Any, Any]:
    """Thresholds that keep about the most confident and neediest ``share`` of the rows.

    Both lines cut the same quantile; the quantile is found by bisection on the true count.
    With ``per_class`` the share holds within each pseudo-label ("balanced"), and the answer is
    numbers by class name. ``share`` is in (0, 1].
    """
    frame = plane.frame
    usable = frame[(frame["teacher_label"] >= 0) & ~frame["excluded"]]
    if not per_class:
        return _quantile_pair(usable, share)
    pairs = {
        name: _quantile_pair(usable[usable["teacher_label"] == k], share)
        for k, name in enumerate(plane.names)
    }
    return {n: p[0] for n, p in pairs.items()}, {n: p[1] for n, p in pairs.items()}


def _quantile_pair(frame: pd.DataFrame, share: float) -> tuple[float, float]:
    sure = frame["confidence"].to_numpy()
    need = frame["information_need"].to_numpy()
    # Sorted once: of a million rows each quantile is then two look-ups.
    sorted_sure, sorted_need = (np.sort(one[~np.isnan(one)]) for one in (sure, need))
    if not len(sorted_sure):
        return 0.0, 0.0
    blind = not len(sorted_need)
    reach = signals.reach(sure), signals.reach(need)

    def pair(quantile: float) -> tuple[float, float]:
        return _quantile(sorted_sure, quantile), 0.0 if blind else _quantile(sorted_need, quantile)

    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        teacher, student = pair(middle)
        kept = int(np.count_nonzero((reach[0] >= teacher) & (blind | (reach[1] >= student))))
        low, high = (middle, high) if kept > share * len(frame) else (low, middle)
    return pair(high)


def _quantile(ordered: np.ndarray, quantile: float) -> float:
    """The linear quantile of sorted values."""
    place = quantile * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (place - low) * (ordered[high] - ordered[low]))
