"""Two Gaussians on a line, fitted by expectation maximisation; no randomness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.selection.signals import Floats

ROUNDS = 200
LEAST_VARIANCE = 5e-4  # of values scaled to 0..1, as DivideMix has it


@dataclass(frozen=True)
class Mixture:
    """Two components, the lower mean first: means, variances and shares, each ``[2]``."""

    mean: Floats
    variance: Floats
    share: Floats

    def low(self, values: npt.ArrayLike) -> Floats:
        """Posterior of the lower component, ``[n]``; 1 below its mean.

        A wide upper component would else claim the far low end, too.
        """
        points = np.asarray(values, dtype=np.float64)
        posterior = np.exp(_log_joint(points, self))
        both = posterior.sum(axis=1)
        share = np.divide(posterior[:, 0], both, out=np.zeros(len(points)), where=both > 0)
        return np.where(points <= self.mean[0], 1.0, share)

    def state(self) -> dict[str, list[float]]:
        """As JSON values."""
        return {name: getattr(self, name).tolist() for name in ("mean", "variance", "share")}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Mixture:
        """From the JSON values of :meth:`state`."""
        return cls(*(np.asarray(state[name]) for name in ("mean", "variance", "share")))


def fit_two(values: npt.ArrayLike) -> Mixture | None:
    """Fit ``values [n]``, started at the quartiles; None where all are alike."""
    points = np.asarray(values, dtype=np.float64)
    scale = float(np.ptp(points)) if len(points) else 0.0
    if scale <= 1e-9:
        return None
    offset = float(points.min())
    unit = (points - offset) / scale
    mixture = Mixture(
        np.quantile(unit, [0.25, 0.75]),
        np.full(2, max(float(unit.var()), LEAST_VARIANCE)),
        np.array([0.5, 0.5]),
    )
    for _ in range(ROUNDS):
        joint = _log_joint(unit, mixture)
        weight = np.exp(joint - np.logaddexp(joint[:, :1], joint[:, 1:]))
        mass = weight.sum(axis=0) + 1e-12
        mean = weight.T @ unit / mass
        variance = (weight * (unit[:, None] - mean) ** 2).sum(axis=0) / mass + LEAST_VARIANCE
        moved = float(np.abs(mean - mixture.mean).max())
        mixture = Mixture(mean, variance, mass / mass.sum())
        if moved < 1e-6:
            break
    order = np.argsort(mixture.mean, kind="stable")
    return Mixture(
        mixture.mean[order] * scale + offset,
        mixture.variance[order] * scale**2,
        mixture.share[order],
    )


def _log_joint(points: Floats, mixture: Mixture) -> Floats:
    """ln(share x density) of each component, ``[n, 2]``."""
    away = points[:, None] - mixture.mean
    return np.asarray(
        np.log(mixture.share)
        - 0.5 * (np.log(2 * np.pi * mixture.variance) + away**2 / mixture.variance)
    )
