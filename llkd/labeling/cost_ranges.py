"""From a handful of measurements to a total for many, as a range: low, middle, high."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Range = tuple[float, float, float]
SURE = 0.95
# Of a figure that was measured too seldom for an interval.
ROUGH: Range = (0.5, 1.0, 2.0)


def many(measured: Sequence[float], number: int, least: float = 0.0) -> Range:
    """The sum over ``number`` new cases of what was measured on a few.

    Mean times number, with the 95 % prediction interval of that sum: from the variance ``s²`` of m
    measurements, ``number · s² · (1 + number / m)`` (Student's t, m - 1 degrees of freedom). Half
    and double where there are fewer than three; zeros where there are none. No case takes less
    than ``least``.
    """
    values = np.asarray(measured, dtype=np.float64)
    if not len(values) or not number:
        return (0.0, 0.0, 0.0)
    middle = float(values.mean()) * number
    if len(values) < 3:
        return (max(least * number, middle * ROUGH[0]), middle, middle * ROUGH[2])
    variance = number * float(values.var(ddof=1)) * (1 + number / len(values))
    return _around(middle, variance, len(values) - 1, number * least)


def spread_total(x: npt.ArrayLike, y: npt.ArrayLike, new: npt.ArrayLike) -> Range:
    """The sum of y over cases with the values ``new`` of x, from a few measured pairs.

    Least squares with the 95 % prediction interval of the sum; without a spread in x, or with
    fewer than four pairs, the mean of y as in :func:`many`.
    """
    measured_x, measured_y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    new_x = np.asarray(new, dtype=np.float64)
    number = len(new_x)
    square = float(((measured_x - measured_x.mean()) ** 2).sum()) if len(measured_x) else 0.0
    if len(measured_x) < 4 or square == 0 or not number:
        return many(measured_y.tolist(), number)
    slope = (
        float(((measured_x - measured_x.mean()) * (measured_y - measured_y.mean())).sum()) / square
    )
    if slope < 0:  # longer texts never have fewer tokens: the sample says nothing of length
        return many(measured_y.tolist(), number)
    offset = float(measured_y.mean()) - slope * float(measured_x.mean())
    middle = float((offset + slope * new_x).sum())
    noise = float(((measured_y - offset - slope * measured_x) ** 2).sum()) / (len(measured_x) - 2)
    away = float(new_x.mean() - measured_x.mean()) ** 2 / square
    variance = noise * (number + number**2 * (1 / len(measured_x) + away))
    return _around(middle, variance, len(measured_x) - 2, 0.0)


def scaled(span: Range, factor: float) -> Range:
    """Each end times a factor."""
    return (span[0] * factor, span[1] * factor, span[2] * factor)


def _around(middle: float, variance: float, freedom: int, least: float) -> Range:
    from scipy.stats import t

    reach = float(t.ppf(0.5 + SURE / 2, freedom)) * variance**0.5
    return (min(middle, max(least, middle - reach)), middle, middle + reach)
