"""Reads JSON values one by one, with the place of every mistake.

Numbers stay as they are written (a long id is not rounded), a repeated key is counted, and
nesting beyond what Python follows is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import TextIOWrapper
from typing import Any

from llkd.datasets.readers.byte_source import ByteSource
from llkd.datasets.wording import plain
from llkd.errors import DataError

_SPACE = re.compile(r"[ \t\n\r]*")


BLOCK = 1 << 20  # characters
_NEAR = 32  # characters: a mistake so near the end of a block may be no mistake


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
        members = dict(pairs)
        if len(members) < len(pairs):
            self.repeated += 1
        return members

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

    def items(self, data: ByteSource, name: str) -> Iterator[Any]:
        """The values of the array that is the whole document; only the one at hand is in memory.

        Raises:
            DataError: a value is not valid, or something follows the array.
        """
        window = _Window(data, name)
        window.skip(1)  # the bracket
        if window.next() == "]":
            window.skip(1)
            window.expect_end()
            return
        while True:
            yield self._item(window, name)
            mark = window.next()
            if mark == "]":
                window.skip(1)
                break
            if mark != ",":
                raise window.mistake(window.position, "a comma or ']' is missing")
            window.skip(1)
            if window.next() == "]":
                raise window.mistake(window.position, "a value is missing after the comma")
        window.expect_end()

    def _item(self, window: _Window, name: str) -> Any:
        window.next()
        while True:
            counted = self.repeated, self.constants
            try:
                value, end = self._decoder.raw_decode(window.text, window.position)
            except json.JSONDecodeError as error:
                open_end = error.pos >= len(window.text) - _NEAR or error.msg.startswith("Unterm")
                if not (open_end and window.grow()):
                    raise window.mistake(error.pos, error.msg) from None
            except RecursionError:
                line, column = window.place(window.position)
                raise _too_deep(name, line, column) from None
            else:
                if end < len(window.text) or not window.grow():  # a number may go on
                    window.position = end
                    return value
            self.repeated, self.constants = counted


class _Window:
    """The part of a long text at hand: what was read is let go, more comes when asked for."""

    def __init__(self, data: ByteSource, name: str) -> None:
        self._stream = TextIOWrapper(data.open(), encoding="utf-8", newline="")
        self._name = name
        self._line = self._column = 1  # of the first character at hand
        self._size = BLOCK
        self.text = self._stream.read(BLOCK)
        self.position = 0
        self.next()

    def grow(self) -> bool:
        """Read on, twice as much each time; False at the end of the document."""
        more = self._stream.read(self._size)
        self._size *= 2
        self.text += more
        return bool(more)

    def next(self) -> str:
        """Go to the next character that is not white space; it, or nothing at the end."""
        while True:
            self.position = skip_space(self.text, self.position)
            if self.position < len(self.text):
                if self.position >= BLOCK:
                    self._let_go()
                return self.text[self.position]
            if not self.grow():
                return ""

    def _let_go(self) -> None:
        self._line, self._column = self.place(self.position)
        self.text = self.text[self.position :]
        self.position, self._size = 0, BLOCK

    def skip(self, characters: int) -> None:
        """Go on by so many characters."""
        self.position += characters

    def expect_end(self) -> None:
        """Raise DataError when anything but white space follows."""
        if self.next():
            raise self.mistake(self.position, "something follows the end of the array")

    def place(self, position: int) -> tuple[int, int]:
        """Line and column of a position in the whole text, from 1."""
        lines = self.text.count("\n", 0, position)
        if not lines:
            return self._line, self._column + position
        return self._line + lines, position - self.text.rfind("\n", 0, position)

    def mistake(self, position: int, what: str) -> DataError:
        """An error that says where the document stops being JSON."""
        end = len(self.text.rstrip())
        cut = (position >= end and not self.grow()) or what.startswith("Unterminated")
        return _mistake(self._name, *self.place(end if cut else position), what, cut)


def skip_space(text: str, position: int) -> int:
    """The next position that is not white space."""
    match = _SPACE.match(text, position)
    return match.end() if match else position


def mistake(text: str, position: int, what: str, name: str) -> DataError:
    """An error that says where ``text`` stops being JSON."""
    end = len(text.rstrip())
    cut = position >= end or what.startswith("Unterminated")
    return _mistake(name, *_place(text, end if cut else position), what, cut)


def _mistake(name: str, line: int, column: int, what: str, cut: bool) -> DataError:
    what = (what[:1].lower() + what[1:]).removesuffix(" at")
    if cut:
        return DataError(
            f"{plain(name)} ends too early: it is cut off after {_at(line, column)}. Export or "
            "download it again."
        )
    return DataError(
        f"{plain(name)} is not valid JSON at {_at(line, column)} ({what}). Repair that place or "
        "export the file again."
    )


def too_deep(text: str, position: int, name: str) -> DataError:
    """An error for nesting that cannot be followed."""
    return _too_deep(name, *_place(text, position))


def _too_deep(name: str, line: int, column: int) -> DataError:
    return DataError(
        f"{plain(name)} is too deeply nested in the value that begins at {_at(line, column)}. "
        "Export records with few levels."
    )


def _place(text: str, position: int) -> tuple[int, int]:
    """Line and column of a position, both counted from 1."""
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


def _at(line: int, column: int) -> str:
    return f"line {line:,}, column {column:,}"
