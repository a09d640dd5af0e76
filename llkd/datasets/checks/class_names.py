"""What is odd about a column of gold labels."""

from __future__ import annotations

import json
import re
from ast import literal_eval
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches

from llkd.datasets.characters import as_seen, storable, visible
from llkd.datasets.wording import Note, count, listed, quoted

_MISSING_WORDS = frozenset({"na", "n/a", "nan", "none", "null", "-"})
_TELLING = 20  # labels; fewer say little about the classes
_JOINTS = ("|", ";", "[")
_LIST_CHARACTERS = 1_000  # a longer cell is no list of one label
_PLAIN_NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)


def cleaned(label: str | None) -> str | None:
    """The label as it is seen, without outer white space; None when nothing is left of it.

    A list of one label, as annotation tools write it, is that label; an empty one is none.
    """
    if label is None or not visible(label):
        return None
    label = label.strip()
    alone = _alone(label) if label[0] == "[" and label[-1] == "]" else label
    if alone is None or not visible(alone):
        return None
    return storable(as_seen(alone).strip())


def _alone(cell: str) -> str | None:
    """What a list of one holds, None for an empty list, the cell itself for all else."""
    if len(cell) > _LIST_CHARACTERS:
        return cell
    values = None
    for read in (json.loads, literal_eval):
        try:
            values = read(cell)
            break
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    if not isinstance(values, list) or len(values) > 1:
        return cell
    if not values:
        return None
    return str(values[0]) if isinstance(values[0], str | int | float) else cell


class Cells:
    """Cleans the cells of a label column one by one, and remembers what was changed in them."""

    def __init__(self) -> None:
        self._known: dict[str | None, str | None] = {}  # a label comes often
        self._changed: Counter[str] = Counter()

    def __call__(self, cell: str | None) -> str | None:
        """The label in a cell; None where there is none."""
        if cell not in self._known:
            self._known[cell] = cleaned(cell)
        label = self._known[cell]
        if cell is not None and label is not None and label != storable(cell.strip()):
            self._changed[cell] += 1
        return label

    def changes(self, column: str) -> list[str]:
        """Sentences about lists of one label, and about labels that only look like others."""
        lists = [cell for cell in self._changed if cell.strip()[0] == "["]
        unlike = [cell for cell in self._changed if cell.strip()[0] != "["]
        warnings: list[str] = []
        if lists:
            number = sum(self._changed[cell] for cell in lists)
            warnings.append(
                Note(
                    f"{count(number, 'label')} of the column {quoted(column)} "
                    f"{'stands' if number == 1 else 'stand'} in a list of one, such as "
                    f"{quoted(lists[0], 30)}, and {'was' if number == 1 else 'were'} read as "
                    f"{quoted(self._known[lists[0]], 30)}."
                )
            )
        if unlike:
            number = sum(self._changed[cell] for cell in unlike)
            shown = [f"{_codes(cell)} as {quoted(self._known[cell], 30)}" for cell in unlike]
            warnings.append(
                f"{count(number, 'label')} of the column {quoted(column)} "
                f"{'holds' if number == 1 else 'hold'} invisible characters or letters in two "
                f"parts and {'was' if number == 1 else 'were'} read as what is seen: "
                f"{listed(shown, 3)}."
            )
        return warnings


def _codes(label: str) -> str:
    """A label in quotes, with escapes for what cannot be seen in it."""
    text = label.strip()
    if as_seen(text) == text:
        return quoted(text, 30)
    return quoted("".join(c if c.isascii() else ascii(c)[1:-1] for c in text[:30]), 60)


def class_finder(
    names: Sequence[str], spellings: Mapping[str, int] | None = None
) -> Callable[[str], int | None]:
    """A function from a label to the position of its class in ``names``, None for none.

    In this order: the very name; the very word of ``spellings``, other words with the position of
    the class that they stand for; a name, then such a word, but for capitals, spaces, composition
    and invisible characters; the same number, as 1.0 is 1. What is folded or a number counts only
    where it fits one class alone.
    """
    words = spellings or {}
    exact = {**words, **{name: place for place, name in enumerate(names)}}
    of_names = _places((_folded(name), place) for place, name in enumerate(names))
    of_words = _places((_folded(word), place) for word, place in words.items())
    numbers = _places((_number(name), place) for place, name in enumerate(names))

    def find(label: str) -> int | None:
        place = exact.get(label.strip())
        if place is None:
            folded = _folded(label)
            place = _only(of_names.get(folded) or of_words.get(folded))
        if place is None and (value := _number(label)) is not None:
            place = _only(numbers.get(value))
        return place

    return find


def _places(pairs: Iterable[tuple[Hashable, int]]) -> dict[Hashable, set[int]]:
    """The positions that go with each key."""
    places_of: dict[Hashable, set[int]] = {}
    for key, place in pairs:
        places_of.setdefault(key, set()).add(place)
    return places_of


def _only(places: set[int] | None) -> int | None:
    return next(iter(places)) if places is not None and len(places) == 1 else None


def _number(label: str) -> Decimal | None:
    """The value of a plain number; None for 007, which is a code, and for all else."""
    text = label.strip()
    return Decimal(text) if len(text) < 40 and _PLAIN_NUMBER.fullmatch(text) else None


def by_frequency(gold: Sequence[str | None]) -> tuple[str, ...]:
    """The distinct labels, the most frequent first, equals by name."""
    counts = Counter(label for label in gold if label is not None)
    return tuple(sorted(counts, key=lambda label: (-counts[label], label)))


def classes(labels: Sequence[str]) -> list[str]:
    """The labels without those that differ from an earlier one only in capitals or spaces."""
    spelling_of: dict[str, str] = {}
    for label in labels:
        spelling_of.setdefault(_folded(label), label)
    return list(spelling_of.values())


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
    warnings += _alike(counts) + _same_numbers(counts)
    words = [label for label in counts if label.casefold() in _MISSING_WORDS]
    if words:
        single = len(words) == 1
        warnings.append(
            f"The {'label' if single else 'labels'} {listed([quoted(w) for w in words], 5)} "
            f"({count(sum(counts[w] for w in words), 'text')}) may mean 'no label', but "
            f"{'it counts as a class' if single else 'each counts as a class'}."
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


def _same_numbers(counts: Counter[str]) -> list[str]:
    groups: dict[float, list[str]] = {}
    for label in counts:
        if len(label) < 40 and re.fullmatch(r"[+-]?\d+(?:\.\d+)?", label, re.ASCII):
            groups.setdefault(float(label), []).append(label)
    alike = [sorted(group) for group in groups.values() if len(group) > 1]
    if not alike:
        return []
    shown = listed([" / ".join(quoted(label, 30) for label in group) for group in alike], 3)
    return [f"Some labels are one number written in several ways: {shown}. Each counts as a class."]


def matched(
    gold: Sequence[str | None], names: Sequence[str], spellings: Mapping[str, int] | None = None
) -> tuple[list[str | None], list[str]]:
    """The labels as classes of ``names``, and what to tell.

    A label that is a class but for capitals or outer and repeated spaces, or is the same number,
    counts as that class (see :func:`class_finder`), and so does one of ``spellings``. One that is
    none of the classes is taken away and listed, with the class that it resembles.
    """
    counts = Counter(label for label in gold if label is not None)
    find = class_finder(names, spellings)
    places = {label: find(label) for label in counts}
    class_of_label = {label: names[place] for label, place in places.items() if place is not None}
    warnings: list[str] = []
    words = [label for label, name in class_of_label.items() if label in (spellings or {})]
    words = [label for label in words if label != class_of_label[label]]
    if words:
        shown = [f"{quoted(word, 30)} as {quoted(class_of_label[word], 30)}" for word in words]
        number = sum(counts[word] for word in words)
        warnings.append(
            Note(
                f"{count(number, 'label')} {'uses' if number == 1 else 'use'} a word that stands "
                f"for a class, or a name that it had: {listed(shown, 5)}."
            )
        )
    respelled = [
        label for label, name in class_of_label.items() if label != name and label not in words
    ]
    if respelled:
        numbers = any(_folded(label) != _folded(class_of_label[label]) for label in respelled)
        shown = [
            f"{quoted(label, 30)} as {quoted(class_of_label[label], 30)}" for label in respelled
        ]
        warnings.append(
            f"{count(sum(counts[label] for label in respelled), 'label')} matched a class but for "
            f"capitals{', spaces or the way a number is written' if numbers else ' or spaces'}: "
            f"{listed(shown, 5)}."
        )
    strange = [label for label, _ in counts.most_common() if label not in class_of_label]
    if strange:
        number = sum(counts[label] for label in strange)
        shown = [_resembling(label, counts[label], names) for label in strange]
        warnings.append(
            f"{count(number, 'gold label')} {'is' if number == 1 else 'are'} none of the classes "
            f"and {'is' if number == 1 else 'are'} not used: {_joined(shown, 10)}."
        )
    return [None if label is None else class_of_label.get(label) for label in gold], warnings


def _folded(label: str) -> str:
    return " ".join(as_seen(label).casefold().split())


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
