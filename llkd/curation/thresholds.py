"""What is kept at given thresholds, how much and how right, and why a row is or is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from llkd.curation.plane import Plane
from llkd.selection import signals
from llkd.selection.thresholds import above_thresholds, class_thresholds

Threshold = float | Mapping[str, float]


def kept_rows(
    plane: Plane, teacher_threshold: Threshold, student_threshold: Threshold
) -> np.ndarray:
    """Which pool rows are kept, a mask ``[n]``: above both thresholds of their pseudo-label.

    Thresholds by class are under the classes' keys.
    A person's label is kept whatever the thresholds; what a person excluded never is.
    """
    frame = plane.frame
    above = passing_rows(plane, teacher_threshold, student_threshold)
    human = frame["human_label"].to_numpy() >= 0
    return np.asarray((above | human) & ~frame["excluded"].to_numpy())


def passing_rows(
    plane: Plane, teacher_threshold: Threshold, student_threshold: Threshold
) -> np.ndarray:
    """Which pool rows pass both thresholds of their pseudo-label, a mask ``[n]``.

    Whatever people decided of them.
    """
    frame = plane.frame
    return above_thresholds(
        frame["teacher_label"],
        frame["confidence"],
        frame["information_need"],
        class_thresholds(teacher_threshold, plane.keys),
        class_thresholds(student_threshold, plane.keys),
    )


def summary(plane: Plane, mask: np.ndarray) -> dict[str, Any]:
    """Counts of all rows: kept, share, per_class by name, accuracy (None without gold).

    Accuracy is the share of right labels among the kept rows that have gold; ``checked`` is how
    many those are.
    """
    frame = plane.frame
    label = frame["label"].to_numpy()[mask]
    gold = frame["gold"].to_numpy()[mask]
    known = gold >= 0
    counts = np.bincount(label[label >= 0], minlength=len(plane.names))
    return {
        "kept": int(mask.sum()),
        "rows": len(frame),
        "share": float(mask.mean()) if len(frame) else 0.0,
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
    label = frame["teacher_label"].to_numpy()
    known = label >= 0
    least_sure, least_need = (
        np.append(np.asarray(class_thresholds(threshold, plane.keys)), 0.0)[label]
        for threshold in (teacher_threshold, student_threshold)
    )
    # "Not at least", so that an unknown signal passes no threshold above 0.
    unsure = (least_sure > 0) & ~(frame["confidence"].to_numpy(np.float64) >= least_sure)
    needless = (least_need > 0) & ~(frame["information_need"].to_numpy(np.float64) >= least_need)
    reasons = {
        "disputed by people": frame["disputed"].to_numpy(bool),
        "excluded by a person": frame["excluded"].to_numpy(bool),
        "labelled by a person": frame["human_label"].to_numpy() >= 0,
        "no teacher label": ~known,
        "teacher not sure enough": unsure,
        "student knows it already": needless,
    }
    words: list[str] = np.select(list(reasons.values()), list(reasons), default="kept").tolist()
    return words


def top_share_thresholds(plane: Plane, share: float, per_class: bool) -> tuple[Any, Any]:
    """Thresholds that keep about the most confident and neediest ``share`` of the rows.

    Both lines cut the same quantile; the quantile is found by bisection on the true count.
    With ``per_class`` the share holds within each pseudo-label ("balanced"), and the answer is
    numbers by the key of a class. ``share`` is in (0, 1].
    """
    frame = plane.frame
    usable = frame[(frame["teacher_label"] >= 0) & ~frame["excluded"]]
    if not per_class:
        return _quantile_pair(usable, share)
    pairs = {
        key: _quantile_pair(usable[usable["teacher_label"] == k], share)
        for k, key in enumerate(plane.keys)
    }
    return {n: p[0] for n, p in pairs.items()}, {n: p[1] for n, p in pairs.items()}


def _quantile_pair(frame: pd.DataFrame, share: float) -> tuple[float, float]:
    sure = frame["confidence"].to_numpy()
    need = frame["information_need"].to_numpy()
    # Sorted once: of a million rows each quantile is then two look-ups.
    sorted_sure, sorted_need = (np.sort(values[~np.isnan(values)]) for values in (sure, need))
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
        above = int(np.count_nonzero((reach[0] >= teacher) & (blind | (reach[1] >= student))))
        low, high = (middle, high) if above > share * len(frame) else (low, middle)
    return pair(high)


def _quantile(ordered: np.ndarray, quantile: float) -> float:
    """The linear quantile of sorted values."""
    place = quantile * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (place - low) * (ordered[high] - ordered[low]))
