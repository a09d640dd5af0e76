"""Two selections of the same texts side by side: what each holds that the other does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from llkd.curation.plane import Plane


@dataclass(frozen=True)
class Share:
    """One part of two selections: rows of the plane, how many a class, and their means.

    ``confidence`` and ``need`` are means over the rows where they are known, else None;
    ``accuracy`` is the share right of the ``checked`` rows with gold, None without any.
    """

    rows: np.ndarray
    per_class: dict[str, int]
    confidence: float | None
    need: float | None
    accuracy: float | None
    checked: int


def compare_kept(
    first: Plane, kept_one: np.ndarray, other: Plane, kept_other: np.ndarray
) -> dict[str, Share]:
    """What only the first keeps, what both keep, what only the other keeps: first, both, other.

    The planes are of one project, and may have their signals from different sources: rows that the
    first keeps are described by its plane, the others by the other's.
    """
    parts = {
        "first": (first, kept_one & ~kept_other),
        "both": (first, kept_one & kept_other),
        "other": (other, kept_other & ~kept_one),
    }
    return {name: _share(plane, rows) for name, (plane, rows) in parts.items()}


def _share(plane: Plane, rows: np.ndarray) -> Share:
    part = plane.frame.loc[rows]
    label, gold = part["label"].to_numpy(), part["gold"].to_numpy()
    counts = np.bincount(label[label >= 0], minlength=len(plane.names))
    known = gold >= 0
    return Share(
        np.flatnonzero(rows),
        dict(zip(plane.names, counts.tolist(), strict=True)),
        _mean(part["confidence"].to_numpy()),
        _mean(part["information_need"].to_numpy()),
        float((label[known] == gold[known]).mean()) if known.any() else None,
        int(known.sum()),
    )


def _mean(values: Any) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
