"""Reads JSON values one by one, with the place of every mistake.

Numbers stay as they are written (a long id is not rounded), a repeated key is counted, and
nesting beyond what Python follows is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from llkd.datasets.wording import plain
from llkd.errors import DataError

_SPACE = re.compile(r"[ \t\n\r]*")


class Number(str):
    """A number or truth value as the file spells it."""

    __slots__ = ()


class Reader:
    """Decodes values and counts what JSON readers usually hide."""

    def __init__(self) -> None:
        self.repeated = 0
        self.constants = 0
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=Number,
            parse_float=Number,
            parse_constant=self._constant,
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            self.repeated += 1
        return made

    def _constant(self, spelled: str) -> Number:
        self.constants += 1
        return Number(spelled)

    def line(self, text: str) -> Any:
        """The one value in ``text``; ValueError or RecursionError when there is not exactly one."""
        return self._decoder.decode(text)

    def value(self, text: str, start: int, name: str) -> tuple[Any, int]:
        """The value that begins at ``start``, and where it ends.

        Raises:
            DataError: there is no valid value, with its line and column.
        """
        try:
            return self._decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            raise mistake(text, error.pos, error.msg, name) from None
        except RecursionError:
            raise too_deep(text, start, name) from None

    def items(self, text: str, start: int, name: str) -> Iterator[Any]:
        """The values of the array whose bracket is at ``start``; nothing may follow it."""
        position = skip_space(text, start + 1)
        if text[position : position + 1] == "]":
            self._nothing_after(text, position + 1, name)
            return
        while True:
            value, position = self.value(text, position, name)
            yield value
            position = skip_space(text, position)
            mark = text[position : position + 1]
            if mark == "]":
                break
            if mark != ",":
                raise mistake(text, position, "a comma or ']' is missing", name)
            position = skip_space(text, position + 1)
            if text[position : position + 1] == "]":
                raise mistake(text, position, "a value is missing after the comma", name)
        self._nothing_after(text, position + 1, name)

    @staticmethod
    def _nothing_after(text: str, position: int, name: str) -> None:
        position = skip_space(text, position)
        if position < len(text):
            raise mistake(text, position, "something follows the end of the array", name)


def skip_space(text: str, position: int) -> int:
    """The next position that is not white space."""
    match = _SPACE.match(text, position)
    return match.end() if match else position


def mistake(text: str, position: int, what: str, name: str) -> DataError:
    """An error that says where ``text`` stops being JSON."""
    what = (what[:1].lower() + what[1:]).removesuffix(" at")
    if position >= len(text.rstrip()) or what.startswith("unterminated"):
        return DataError(
            f"{plain(name)} ends too early: it is cut off after {place(text, len(text.rstrip()))}. "
            "Export or download it again."
        )
    return DataError(
        f"{plain(name)} is not valid JSON at {place(text, position)} ({what}). Repair that place "
        "or export the file again."
    )


def too_deep(text: str, position: int, name: str) -> DataError:
    """An error for nesting that cannot be followed."""
    return DataError(
        f"{plain(name)} is too deeply nested in the value that begins at {place(text, position)}. "
        "Export records with few levels."
    )


def place(text: str, position: int) -> str:
    """``line 3, column 7`` of a position, both counted from 1."""
    line = text.count("\n", 0, position) + 1
    return f"line {line:,}, column {position - text.rfind(chr(10), 0, position):,}"
