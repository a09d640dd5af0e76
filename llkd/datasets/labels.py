"""What is odd about a column of gold labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from llkd.datasets.characters import storable, visible
from llkd.datasets.wording import count, listed, quoted

_MISSING_WORDS = frozenset({"na", "n/a", "nan", "none", "null", "-"})
_TELLING = 20  # labels; fewer say little about the classes
_JOINTS = ("|", ";", "[")


def cleaned(label: str | None) -> str | None:
    """The label without outer white space; None when nothing is left of it."""
    if label is None or not visible(label):
        return None
    return storable(label.strip())


def by_frequency(gold: Sequence[str | None]) -> tuple[str, ...]:
    """The distinct labels, the most frequent first, equals by name."""
    counts = Counter(label for label in gold if label is not None)
    return tuple(sorted(counts, key=lambda label: (-counts[label], label)))


def label_warnings(gold: Sequence[str | None], column: str) -> list[str]:
    """Sentences about labels that are absent, alike, too many, or more than one in a cell."""
    counts = Counter(label for label in gold if label is not None)
    labelled = counts.total()
    if not labelled:
        return [f"The label column {quoted(column)} is blank throughout, so there is no gold."]
    warnings = []
    missing = len(gold) - labelled
    if missing:
        has = "has" if missing == 1 else "have"
        warnings.append(f"{count(missing, 'text')} of {len(gold):,} {has} no label.")
    if len(counts) == 1 and labelled >= _TELLING:
        only = next(iter(counts))
        warnings.append(f"Every label is {quoted(only)}, so there is nothing to tell apart.")
    elif len(counts) >= _TELLING and 2 * len(counts) > labelled:
        warnings.append(
            f"The label column {quoted(column)} has {len(counts):,} different labels for "
            f"{labelled:,} texts; it may be an id."
        )
    warnings += _alike(counts)
    words = [label for label in counts if label.casefold() in _MISSING_WORDS]
    if words:
        one = len(words) == 1
        warnings.append(
            f"The {'label' if one else 'labels'} {listed([quoted(w) for w in words], 5)} "
            f"({count(sum(counts[w] for w in words), 'text')}) may mean 'no label', but "
            f"{'it counts as a class' if one else 'each counts as a class'}."
        )
    several = [label for label in counts if any(joint in label for joint in _JOINTS)]
    if several:
        warnings.append(
            f"{count(len(several), 'label')} may hold several labels in one cell (for example "
            f"{quoted(several[0])}); each cell counts as one label."
        )
    return warnings


def _alike(counts: Counter[str]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for label in counts:
        groups.setdefault(" ".join(label.casefold().split()), []).append(label)
    alike = [sorted(group) for group in groups.values() if len(group) > 1]
    if not alike:
        return []
    shown = listed([" / ".join(quoted(label, 30) for label in group) for group in alike], 3)
    return [f"Some labels differ only in capitals or spaces: {shown}. They count as different."]
