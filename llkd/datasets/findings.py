"""Which records are usable texts, and the sentences about those that are not or look odd."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from llkd.datasets.characters import CONTROL, looks_misdecoded, storable, visible
from llkd.datasets.limits import LONG_TEXT
from llkd.datasets.records import Records
from llkd.datasets.wording import count, places, quoted


@dataclass
class Sorting:
    """Which records are kept, by position, and what was found on the way."""

    keep: list[int] = field(default_factory=list)
    blank: list[int] = field(default_factory=list)
    lists: list[int] = field(default_factory=list)
    duplicates: int = 0
    conflicts: set[int] = field(default_factory=set)


def sort_texts(
    texts: Sequence[str | None],
    gold: Sequence[str | None],
    lists: set[int],
    keep_duplicates: bool,
) -> Sorting:
    """Sort the rows: usable, blank, lists, or the same as a text before but for outer spaces."""
    sorting = Sorting()
    first: dict[str, int] = {}
    for row, text in enumerate(texts):
        if row in lists:
            sorting.lists.append(row)
        elif text is None or not visible(text):
            sorting.blank.append(row)
        else:
            before = first.setdefault(text.strip(), row)
            if before != row:
                if gold[row] != gold[before] and None not in (gold[row], gold[before]):
                    sorting.conflicts.add(before)
                if not keep_duplicates:
                    sorting.duplicates += 1
                    continue
            sorting.keep.append(row)
    return sorting


def sorting_told(records: Records, column: str, sorting: Sorting) -> list[str]:
    """About texts that were left out, changed from another type, or labelled twice."""
    warnings = []
    if sorting.blank:
        one = len(sorting.blank) == 1
        warnings.append(
            f"{count(len(sorting.blank), 'text')} of {records.table.num_rows:,} in the column "
            f"{quoted(column)} {'is' if one else 'are'} blank and {'was' if one else 'were'} left "
            f"out ({places('record', [records.number(row) for row in sorting.blank])})."
        )
    if sorting.lists:
        one = len(sorting.lists) == 1
        warnings.append(
            f"{count(len(sorting.lists), 'value')} of the column {quoted(column)} "
            f"{'is a list or an object' if one else 'are lists or objects'} and no text, and "
            f"{'was' if one else 'were'} left out "
            f"({places('record', [records.number(row) for row in sorting.lists])})."
        )
    typed = records.typed.get(column, 0)
    if typed:
        warnings.append(
            f"{count(typed, 'value')} of the column {quoted(column)} "
            f"{'is' if typed == 1 else 'are'} no text but a number, date or truth value; each was "
            "kept as it is written."
        )
    if sorting.conflicts:
        one = len(sorting.conflicts) == 1
        numbers = sorted(records.number(row) for row in sorting.conflicts)
        warnings.append(
            f"{count(len(numbers), 'text')} {'comes' if one else 'come'} again with another label "
            f"({places('record', numbers)}); the first label counts."
        )
    return warnings


def replaced_told(records: Records, columns: Iterable[str | None]) -> list[str]:
    """About values of these columns that held no valid Unicode."""
    return [
        f"{count(records.replaced[column], 'value')} of the column {quoted(column)} "
        f"{'holds' if records.replaced[column] == 1 else 'hold'} characters that are no valid "
        "Unicode; each was replaced by �."
        for column in columns
        if column is not None and records.replaced.get(column)
    ]


def typed_labels(records: Records, label: str) -> list[str]:
    """About labels that are numbers, truth values, lists or objects in the file."""
    typed, lists = records.typed.get(label, 0), len(records.lists.get(label, ()))
    warnings = []
    if typed and typed < records.table.num_rows - records.table.column(label).null_count:
        warnings.append(
            f"The label column {quoted(label)} mixes words with numbers or truth values; 1 and '1' "
            "count as the same label."
        )
    if lists:
        warnings.append(
            f"{count(lists, 'label')} in the column {quoted(label)} "
            f"{'is a list or an object' if lists == 1 else 'are lists or objects'}; each counts as "
            "one label, as it is written."
        )
    return warnings


def text_warnings(texts: list[str], numbers: list[int]) -> tuple[list[str], list[str]]:
    """The texts with what cannot be stored replaced, and what is odd about them."""
    long = [n for text, n in zip(texts, numbers, strict=True) if len(text) > LONG_TEXT]
    controls = [n for text, n in zip(texts, numbers, strict=True) if CONTROL.search(text)]
    broken = [row for row, text in enumerate(texts) if storable(text) != text]
    wrong = sum(map(looks_misdecoded, texts))
    warnings = []
    if long:
        warnings.append(
            f"{count(len(long), 'text')} {'has' if len(long) == 1 else 'have'} more than "
            f"{LONG_TEXT:,} characters ({places('record', long)}); models see only the beginning."
        )
    if controls:
        warnings.append(
            f"{count(len(controls), 'text')} {'holds' if len(controls) == 1 else 'hold'} control "
            f"characters ({places('record', controls)}); they were kept."
        )
    if broken:
        texts = list(texts)
        for row in broken:
            texts[row] = storable(texts[row])
        where = places("record", [numbers[row] for row in broken])
        warnings.append(
            f"{count(len(broken), 'text')} {'holds' if len(broken) == 1 else 'hold'} NUL or other "
            f"characters that cannot be stored ({where}); each was replaced by �."
        )
    if wrong > 1 and wrong * 50 > len(texts):
        warnings.append(
            f"{count(wrong, 'text')} look wrongly decoded before they were saved (such as 'Ã©' for "
            "'é'); they were kept as they are."
        )
    return texts, warnings
