"""Plain text that looks like something else: a table, YAML, columns of a fixed width."""

from __future__ import annotations

import re

from llkd.datasets.readers.byte_source import ByteSource
from llkd.datasets.readers.delimited.separators import Separator
from llkd.datasets.readers.signatures import ending
from llkd.datasets.wording import plain

_SAMPLE = 200  # lines
_FEW = 3  # lines; fewer look like anything
_KEY = r"[A-Za-z_][\w-]*:(?:\s|$)"
_ITEM = re.compile(rf"\s*- +{_KEY}")
_INNER = re.compile(rf" {{2,}}{_KEY}")
_PLAIN_ITEM = re.compile(r"\s*- +\S")
_KEYED = re.compile(rf"\s*{_KEY}")
_BARE_KEY = re.compile(r"\s*[A-Za-z_][\w-]*:\s*$")
_QUOTED = re.compile(r'"[^"]*"\s*([,;|\t])\s*"')


def lookalike_warnings(data: ByteSource, separator: Separator, name: str) -> tuple[str, ...]:
    """A sentence where lines taken as texts look like records of another kind."""
    text = data.head[: 64 << 10].decode("utf-8", "ignore").removeprefix("\ufeff")
    lines = [line for line in text.splitlines() if line.strip()][:_SAMPLE]
    if _separated(lines, separator):
        mark = "tabs" if separator.character == "\t" else f"'{separator.character}'"
        what = f"a table separated by {mark}"
        cure = "give it the ending .tsv" if mark == "tabs" else "give it the ending .csv"
    elif _yaml(lines) or (ending(name) in {".yaml", ".yml"} and _keys(lines)):
        what, cure = "YAML", "export it as JSON or CSV"
    elif _fixed_width(lines):
        what, cure = "a table with columns of a fixed width", "export it as CSV"
    else:
        return ()
    return (
        f"{plain(name)} looks like {what}, but each of its lines was taken as a text. If it is "
        f"one, {cure} and import it again.",
    )


def _separated(lines: list[str], separator: Separator) -> bool:
    if separator.columns < 2 or separator.share < 0.9:
        return False
    quoted = sum(_QUOTED.match(line.lstrip()) is not None for line in lines)
    tabs = separator.character == "\t" and len(lines) >= _FEW
    return tabs or (len(lines) > 1 and 2 * quoted > len(lines))


def _yaml(lines: list[str]) -> bool:
    """Lists of mappings, or a key with a list below it: more than the ``Name: words`` of a talk."""
    if len(lines) < _FEW:
        return False
    items = sum(_ITEM.match(line) is not None for line in lines)
    inner = sum(_INNER.match(line) is not None for line in lines)
    if items and inner and 10 * (items + inner) >= 6 * len(lines):
        return True
    pairs = zip(lines, lines[1:], strict=False)
    headed = any(_BARE_KEY.match(a) and _PLAIN_ITEM.match(b) for a, b in pairs)
    listed = sum(bool(_PLAIN_ITEM.match(line) or _BARE_KEY.match(line)) for line in lines)
    return headed and lines[0].strip() == "---" and 10 * listed >= 6 * len(lines)


def _keys(lines: list[str]) -> bool:
    patterns = (_ITEM, _PLAIN_ITEM, _KEYED)
    return 2 * sum(any(pattern.match(line) for pattern in patterns) for line in lines) > len(lines)


def _fixed_width(lines: list[str]) -> bool:
    """Whether all lines have a gap of two spaces at one place, and most go on right behind it."""
    if len(lines) < _FEW or any("\t" in line for line in lines):
        return False
    width = min(max(map(len, lines)), 500)
    blank = [all(line[k : k + 1] in ("", " ") for line in lines) for k in range(width)]
    most = len(lines) if len(lines) == _FEW else len(lines) // 2 + 1
    for k in range(3, width):
        if blank[k - 1] and not blank[k]:
            starts = sum(line[k : k + 1].strip() != "" for line in lines)
            gaps = sum(line[k - 2 : k] == "  " and bool(line[:k].strip()) for line in lines)
            if 10 * starts >= 9 * len(lines) and gaps >= most:
                return True
    return False
