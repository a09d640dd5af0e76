"""Thresholds that a person set: by class, and over a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from llkd.errors import ConfigError
from llkd.selection import signals
from llkd.selection.signals import Floats


def class_thresholds(threshold: float | Mapping[str, float], class_names: Sequence[str]) -> Floats:
    """Thresholds ``[C]`` from one number or from numbers by class name (others 0).

    Raises ConfigError for a name that is not a class.
    """
    if not isinstance(threshold, Mapping):
        return np.full(len(class_names), float(threshold))
    unknown = [name for name in threshold if name not in class_names]
    if unknown:
        raise ConfigError(
            f"A threshold is set for {unknown[0]!r}, which is not a class. "
            f"The classes are {', '.join(class_names)}."
        )
    return np.array([float(threshold.get(name, 0.0)) for name in class_names])


def above_thresholds(
    label: npt.ArrayLike,
    confidence: npt.ArrayLike,
    need: npt.ArrayLike,
    teacher_threshold: npt.ArrayLike,
    student_threshold: npt.ArrayLike,
) -> npt.NDArray[np.bool_]:
    """Rows at or above both thresholds of their class, ``[n]``.

    A row without a label (-1) is never kept; a missing signal passes only a threshold of 0.
    What passes is decided by ``signals.reach``, here as on the plane.
    """
    labels = np.asarray(label)
    safe = np.maximum(labels, 0)
    passes = labels >= 0
    for values, threshold in ((confidence, teacher_threshold), (need, student_threshold)):
        limits = np.asarray(threshold, dtype=np.float64)[safe]
        filled = np.nan_to_num(signals.reach(values), nan=-1.0)
        passes = passes & ((filled >= limits) | (limits <= 0))
    return passes
