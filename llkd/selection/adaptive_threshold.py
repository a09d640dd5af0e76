"""One signal's threshold per class, which moves with the batches it has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from llkd.selection.moving_mean import MovingMean
from llkd.selection.signals import Bools, Floats, Ints


@dataclass(frozen=True)
class AdaptiveThreshold:
    """One signal's threshold per class: scale x whole-data average x class average / largest.

    ``noise [C]`` is the variance of each uncorrected class average where a single text has a
    variance of 1: v_t = momentum^2 v_{t-1} + (1 - momentum)^2 / (texts of the class in the batch).
    """

    overall: MovingMean
    per_class: MovingMean
    noise: Floats

    @classmethod
    def fresh(cls, classes: int) -> AdaptiveThreshold:
        """A threshold that has seen no batch."""
        return cls(MovingMean.zeros(1), MovingMean.zeros(classes), np.zeros(classes))

    def update(self, values: Floats, label: Ints, momentum: float) -> AdaptiveThreshold:
        """Take in one batch; an empty one changes nothing."""
        if not len(values):
            return self
        means, present = class_means(values, label, len(self.per_class.total))
        overall = self.overall.update(np.array([values.mean()]), np.array([True]), momentum)
        texts = np.bincount(label, minlength=len(means))
        moved = momentum**2 * self.noise + (1 - momentum) ** 2 / np.maximum(texts, 1)
        noise = np.where(present, moved, self.noise)
        return AdaptiveThreshold(overall, self.per_class.update(means, present, momentum), noise)

    def texts(self, momentum: float) -> Floats:
        """The effective number of texts in each class average, ``[C]``; 0 for a class not seen.

        As many as a plain mean of the same variance has (Kish 1965): (1 - momentum^t)^2 / v_t.
        """
        corrected = 1.0 - momentum ** self.per_class.updates.astype(np.float64)
        return np.divide(
            corrected**2, self.noise, out=np.zeros_like(self.noise), where=self.noise > 0
        )

    def value(
        self, momentum: float, scale: float, class_specific: bool, shrinkage: float = 0.0
    ) -> Floats:
        """Thresholds ``[C]``. A class not yet seen has ratio 1.

        With ``shrinkage`` k the ratio r of a class with n texts in its average becomes
        (n r + k) / (n + k): nearer to 1 the fewer they are.
        """
        overall = float(self.overall.value(momentum)[0])
        classes = self.per_class.value(momentum)
        largest = classes.max(initial=0.0)
        ratio = np.ones(len(classes))
        if class_specific and largest > 0:
            ratio = np.where(self.per_class.updates > 0, classes / largest, 1.0)
            if shrinkage > 0:
                texts = self.texts(momentum)
                ratio = (texts * ratio + shrinkage) / (texts + shrinkage)
        return scale * overall * ratio

    def state(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "overall": self.overall.state(),
            "per_class": self.per_class.state(),
            "noise": self.noise.tolist(),
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> AdaptiveThreshold:
        """From the JSON values of :meth:`state`."""
        per_class = MovingMean.restored(state["per_class"])
        # Checkpoints of before 0.4 do not hold it, and their runs do not shrink.
        noise = state.get("noise", np.zeros(len(per_class.total)))
        return cls(
            MovingMean.restored(state["overall"]), per_class, np.asarray(noise, dtype=np.float64)
        )


def class_means(values: Floats, label: Ints, classes: int) -> tuple[Floats, Bools]:
    """Mean of ``values`` within each class and whether the class occurs, both ``[C]``."""
    counts = np.bincount(label, minlength=classes)
    sums = np.bincount(label, weights=values, minlength=classes)
    return sums / np.maximum(counts, 1), counts > 0
