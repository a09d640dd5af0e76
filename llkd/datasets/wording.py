"""How names, values and counts out of a file are put into a sentence.

A file's own words are hostile: they are cut short, and characters that a terminal or a page would
obey are written as escapes.
"""

from __future__ import annotations

from collections.abc import Sequence


class Note(str):
    """Among warnings, what is worth knowing and nothing to look into."""

    __slots__ = ()


def plain(value: object, limit: int = 200) -> str:
    """``value`` as visible characters, at most ``limit`` of them."""
    text = str(value)
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def quoted(value: object, limit: int = 60) -> str:
    """``value`` in single quotes, cut to ``limit`` characters."""
    return f"'{plain(value, limit)}'"


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: ``1 row``, ``1,200 rows``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(items: Sequence[object], limit: int = 12, joint: str = "and") -> str:
    """``a, b and c``; beyond ``limit`` items the rest is only counted."""
    shown = [plain(item, 60) for item in items[:limit]]
    if len(items) > limit:
        shown.append(f"{len(items) - limit:,} more")
    if len(shown) < 2:
        return "".join(shown)
    return ", ".join(shown[:-1]) + f" {joint} {shown[-1]}"


def places(noun: str, numbers: Sequence[int], limit: int = 5) -> str:
    """Where something is: ``line 4`` or ``lines 4, 7 and 9``."""
    return f"{noun}{'' if len(numbers) == 1 else 's'} " + listed([f"{n:,}" for n in numbers], limit)


def choices(columns: Sequence[str], limit: int = 30) -> str:
    """The columns of a file, for an error that lists them; beyond ``limit`` only a count."""
    shown = ", ".join(plain(column, 60) for column in columns[:limit])
    return shown + (f" and {len(columns) - limit:,} more" if len(columns) > limit else "")
