"""Figures of an evaluation in words: differences in points, shares, lists of names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llkd.evaluation.intervals import Difference


def signed(text: str) -> str:
    """Figures with the minus sign that is as wide as a plus."""
    return text.replace("-", "\u2212")


def points(difference: Difference) -> str:
    """A difference in points with its interval: +1.6 (+0.4 to +2.9)."""
    value, low, high = (100 * v for v in (difference.value, difference.low, difference.high))
    return signed(f"{value:+z.1f} ({low:+z.1f} to {high:+z.1f})")


def points_spelled(difference: Difference) -> str:
    """A difference in points with its interval, within brackets: +1.6 points, +0.4 to +2.9."""
    value, low, high = (100 * v for v in (difference.value, difference.low, difference.high))
    return signed(f"{value:+z.1f} points, {low:+z.1f} to {high:+z.1f}")


def percent(share: float) -> str:
    """A share from 0 to 1 without needless digits: 18 %, 0.4 %."""
    digits = 0 if share >= 0.01 or share == 0 else 1
    return f"{100 * share:.{digits}f}\u00a0%"


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 seed, 5,320 texts."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def share(value: float) -> str:
    """A share from 0 to 1 with one decimal: 68.5 %."""
    return f"{100 * value:.1f}\u00a0%"


def share_with_interval(value: float, interval: Sequence[float]) -> str:
    """A share with its interval: 82.4 % (80.8 to 83.9)."""
    return f"{share(value)} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"


def listed(parts: Iterable[str], word: str = "and") -> str:
    """Parts as a list in a sentence: a, b and c. At least one."""
    *first, last = parts
    return f"{', '.join(first)} {word} {last}" if first else last


def quoted(names: Iterable[str], word: str = "and") -> str:
    """Names in quotes as a list in a sentence."""
    return listed((f"'{name}'" for name in names), word)
