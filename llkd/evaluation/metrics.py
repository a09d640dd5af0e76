"""How good labels are: accuracy, macro-F1, and a line for each class. No torch.

``n`` rows, ``C`` classes. A gold label of -1 is unknown and a label of -1 is missing (the teacher
gave none): such rows are left out of what they cannot speak to, and a figure that no row speaks to
is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from llkd.errors import DataError
from llkd.selection.signals import Floats, Ints


def _pair(label: npt.ArrayLike, gold: npt.ArrayLike) -> tuple[Ints, Ints]:
    """The rows that have both, as two arrays of the same length."""
    labels, golds = np.asarray(label, dtype=np.int64), np.asarray(gold, dtype=np.int64)
    if labels.shape != golds.shape or labels.ndim != 1:
        raise DataError(
            f"Labels and gold labels must be two lists of the same length, but they have the "
            f"shapes {list(labels.shape)} and {list(golds.shape)}."
        )
    both = (labels >= 0) & (golds >= 0)
    return labels[both], golds[both]


def accuracy(label: npt.ArrayLike, gold: npt.ArrayLike) -> float | None:
    """Share of rows whose label equals gold, in [0, 1]; None where no row has both."""
    labels, golds = _pair(label, gold)
    return float((labels == golds).mean()) if len(labels) else None


def confusion_matrix(label: npt.ArrayLike, gold: npt.ArrayLike, classes: int) -> Ints:
    """Counts ``[C, C]``: row = gold class, column = given label."""
    labels, golds = _pair(label, gold)
    for name, values in (("label", labels), ("gold label", golds)):
        if len(values) and values.max() >= classes:
            raise DataError(f"A {name} is class {values.max()}, but there are {classes} classes.")
    return np.bincount(golds * classes + labels, minlength=classes**2).reshape(classes, classes)


def _table(confusion: npt.NDArray[Any]) -> tuple[Floats, Floats, Floats, Floats]:
    """Precision, recall, F1 and support of each class, each ``[C]``; 0 where undefined."""
    right = np.diag(confusion).astype(np.float64)
    predicted, support = confusion.sum(axis=0), confusion.sum(axis=1)

    def ratio(top: Floats, bottom: Any) -> Floats:
        return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)

    return (
        ratio(right, predicted),
        ratio(right, support),
        ratio(2 * right, predicted + support),
        support,
    )


def macro_f1_of(confusion: npt.NDArray[Any]) -> float | None:
    """Macro-F1 of a confusion matrix ``[C, C]`` of counts or weights; None where it is empty."""
    occurs = (confusion.sum(axis=0) + confusion.sum(axis=1)) > 0
    return float(_table(confusion)[2][occurs].mean()) if occurs.any() else None


ClassRow = TypedDict(
    "ClassRow",
    {"class": str, "precision": float, "recall": float, "f1": float, "support": int},
)
"""One class: its name, shares in [0, 1] (0 where undefined), and how many rows belong to it."""


def class_table(
    label: npt.ArrayLike, gold: npt.ArrayLike, class_names: Sequence[str]
) -> list[ClassRow]:
    """Precision, recall, F1 and support of each class, in the order of ``class_names``."""
    parts = _table(confusion_matrix(label, gold, len(class_names)))
    return [
        {
            "class": name,
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
            "support": int(support),
        }
        for name, precision, recall, f1, support in zip(class_names, *parts, strict=True)
    ]


def macro_f1(label: npt.ArrayLike, gold: npt.ArrayLike, classes: int) -> float | None:
    """Mean F1 over the classes that occur in gold or in the labels; None without such a row."""
    return macro_f1_of(confusion_matrix(label, gold, classes))
