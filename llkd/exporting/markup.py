"""Names and texts of people, put into Markdown and YAML where they can mean nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

_TICKS = re.compile("`+")
_REPLACED = "\N{REPLACEMENT CHARACTER}"


def visible(text: object, limit: int = 200) -> str:
    """One line of at most ``limit`` characters, with U+FFFD for what cannot be shown."""
    line = " ".join(str(text).split())
    line = "".join(ch if ch.isprintable() else _REPLACED for ch in line)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def code(text: object, table: bool = False, limit: int = 200) -> str:
    """The text as a Markdown code span, in which nothing is a link, a tag or an emphasis.

    In a ``table`` its bars do not end the cell.
    """
    line = visible(text, limit)
    if not line:
        return "(empty)"
    fence = "`" * (max([0, *map(len, _TICKS.findall(line))]) + 1)
    # A space that Markdown takes away again keeps an outer backtick from joining the fence.
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    span = f"{fence}{pad}{line}{pad}{fence}"
    return span.replace("|", "\\|") if table else span


def yaml_string(text: object, limit: int = 200) -> str:
    """The text as a double-quoted YAML string."""
    return json.dumps(visible(text, limit), ensure_ascii=False)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: bool = False) -> str:
    """A Markdown table; with ``numbers`` all columns but the first are set to the right."""
    marks = ["---", *(["---:" if numbers else "---"] * (len(heads) - 1))]
    return "\n".join(f"| {' | '.join(line)} |" for line in [heads, marks, *rows])


def fenced(text: str, language: str) -> str:
    """The text as a block of code that it cannot end."""
    fence = "`" * (max([2, *map(len, _TICKS.findall(text))]) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def share(value: float | None) -> str:
    """A share from 0 to 1 in per cent; a dash where unknown."""
    return "–" if value is None else f"{100 * value:.1f} %"


def size(bytes_: int) -> str:
    """A size on disk: 812 bytes, 4.2 MB."""
    if bytes_ < 1000:
        return f"{bytes_} bytes"
    unit, step = ("kB", 1e3) if bytes_ < 1e6 else ("MB", 1e6) if bytes_ < 1e9 else ("GB", 1e9)
    return f"{bytes_ / step:,.1f} {unit}"
