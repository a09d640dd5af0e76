"""What is odd about a column of gold labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches

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


def classes(labels: Sequence[str]) -> list[str]:
    """The labels without those that differ from an earlier one only in capitals or spaces."""
    seen: dict[str, str] = {}
    for label in labels:
        seen.setdefault(_folded(label), label)
    return list(seen.values())


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
        groups.setdefault(_folded(label), []).append(label)
    alike = [sorted(group) for group in groups.values() if len(group) > 1]
    if not alike:
        return []
    shown = listed([" / ".join(quoted(label, 30) for label in group) for group in alike], 3)
    return [f"Some labels differ only in capitals or spaces: {shown}. They count as one class."]


def matched(gold: Sequence[str | None], names: Sequence[str]) -> tuple[list[str | None], list[str]]:
    """The labels as classes of ``names``, and what to tell.

    A label that is a class but for capitals or outer and repeated spaces counts as that class; one
    that is none of the classes is taken away and listed, with the class that it resembles.
    """
    counts = Counter(label for label in gold if label is not None)
    folded: dict[str, list[str]] = {}
    for name in names:
        folded.setdefault(_folded(name), []).append(name)
    meant: dict[str, str] = {}
    for label in counts:
        alike = folded.get(_folded(label), [])
        if label in names:
            meant[label] = label
        elif len(alike) == 1:
            meant[label] = alike[0]
    told = []
    respelled = [label for label, name in meant.items() if label != name]
    if respelled:
        shown = [f"{quoted(label, 30)} as {quoted(meant[label], 30)}" for label in respelled]
        told.append(
            f"{count(sum(counts[label] for label in respelled), 'label')} matched a class but for "
            f"capitals or spaces: {listed(shown, 5)}."
        )
    strange = [label for label, _ in counts.most_common() if label not in meant]
    if strange:
        number = sum(counts[label] for label in strange)
        shown = [_resembling(label, counts[label], names) for label in strange]
        told.append(
            f"{count(number, 'gold label')} {'is' if number == 1 else 'are'} none of the classes "
            f"and {'is' if number == 1 else 'are'} not used: {_joined(shown, 10)}."
        )
    return [None if label is None else meant.get(label) for label in gold], told


def _folded(label: str) -> str:
    return " ".join(label.casefold().split())


def _joined(items: list[str], limit: int) -> str:
    shown = items[:limit]
    if len(items) > limit:
        shown.append(f"{len(items) - limit:,} more")
    return shown[0] if len(shown) < 2 else ", ".join(shown[:-1]) + f" and {shown[-1]}"


def _resembling(label: str, times: int, names: Sequence[str]) -> str:
    close = get_close_matches(_folded(label), [_folded(name) for name in names], 1, 0.75)
    near = next((name for name in names if close and _folded(name) == close[0]), None)
    guess = f", perhaps {quoted(near, 30)}" if near else ""
    return f"{quoted(label, 30)} ({times:,}{guess})"
