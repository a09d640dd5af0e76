"""The quote that keeps a spreadsheet from running a text as a formula, put on and taken off.

A cell that a program may take for a formula gets ``'`` in front. So does what stands in a text
after a semicolon, a tab or a line end: where a spreadsheet splits at those and not at commas, a new
cell begins there. Taking the quotes off gives back exactly what was there, so that the program's
own CSV files are read without loss.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from llkd.datasets.readers.tables import Content
from llkd.datasets.wording import count, plain

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What no cell begins with. Full-width signs are formula signs to some East Asian spreadsheets."""
OUR_COLUMNS = ("id", "text", "label", "labelled_by")
"""The first columns of a CSV file that this program has exported."""

_SIGN = r"[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}\x{FE62}\x{FE63}\x{FE66}\x{FE6B}]"
# Quotes, spaces and what cannot be seen: programs that trim a cell find the sign behind them.
_BEFORE = r"""['"\pZ\x{00}-\x{08}\x{0B}\x{0C}\x{0E}-\x{20}\x{7F}-\x{9F}\p{Cf}]*"""
_CELL = rf"(^|[;\t\r\n])({_BEFORE}{_SIGN})"
_GUARDED = rf"(^|[;\t\r\n])'({_BEFORE}{_SIGN})"
_BREAK = r"^('*[\t\r\n])"
_GUARDED_BREAK = r"^'('*[\t\r\n])"


def guarded(texts: Any) -> Any:
    """An Arrow array of texts with the quotes that make them safe; missing ones stay missing."""
    texts = pc.replace_substring_regex(texts, _CELL, r"\1'\2")
    return pc.replace_substring_regex(texts, _BREAK, r"'\1")


def unguarded(texts: Any) -> Any:
    """What :func:`guarded` was given."""
    texts = pc.replace_substring_regex(texts, _GUARDED_BREAK, r"\1")
    return pc.replace_substring_regex(texts, _GUARDED, r"\1\2")


def without_our_guards(content: Content, name: str) -> Content:
    """The content of a CSV file without the quotes, where this program exported it."""
    table = content.table
    if tuple(table.column_names[: len(OUR_COLUMNS)]) != OUR_COLUMNS:
        return content
    columns = [unguarded(column) for column in table.columns]
    changed = sum(
        pc.sum(pc.fill_null(pc.not_equal(before, after), False)).as_py() or 0
        for before, after in zip(table.columns, columns, strict=True)
    )
    if not changed:
        return content
    warning = (
        f"{plain(name)} is an export of LLKD Studio: the ' that kept spreadsheets from running "
        f"{count(changed, 'cell')} as a formula was taken away."
    )
    return replace(
        content,
        table=pa.table(columns, names=table.column_names),
        warnings=(*content.warnings, warning),
    )
