"""The bytes of one data file: in memory while few, else in an open file that is read in pieces."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from functools import cached_property
from typing import IO

from llkd.datasets.limits import SAMPLE_BYTES

BLOCK = 4 << 20


class _Reader(io.RawIOBase):
    """A part of an open file with a position of its own, so that several can be read at once."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._start, self._size, self._position = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, target: object) -> int:
        view = memoryview(target)  # type: ignore[arg-type]
        wanted = min(len(view), max(self._size - self._position, 0))
        data = os.pread(self._file.fileno(), wanted, self._start + self._position)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


class ByteSource:
    """Bytes that can be read from the start any number of times.

    ``size`` counts them, ``head`` is the first 256 KiB.
    """

    def __init__(self, source: bytes | IO[bytes], start: int, size: int) -> None:
        self._source, self._start, self.size = source, start, size

    @classmethod
    def of(cls, data: bytes) -> ByteSource:
        """Bytes that are in memory."""
        return cls(data, 0, len(data))

    @classmethod
    def of_file(cls, file: IO[bytes]) -> ByteSource:
        """All bytes of an open, seekable file, which is closed when no blob needs it any more."""
        return cls(file, 0, os.fstat(file.fileno()).st_size)

    def part(self, start: int, end: int) -> ByteSource:
        """The bytes from ``start`` up to ``end``, without a copy."""
        return ByteSource(self._source, self._start + start, max(min(end, self.size) - start, 0))

    def open(self) -> io.BufferedReader | io.BytesIO:
        """A stream over all bytes, independent of other streams."""
        if isinstance(self._source, bytes):
            return io.BytesIO(self._source[self._start : self._start + self.size])
        return io.BufferedReader(_Reader(self._source, self._start, self.size), 1 << 18)

    @cached_property
    def head(self) -> bytes:
        """The first 256 KiB."""
        return self.first(SAMPLE_BYTES)

    def first(self, size: int) -> bytes:
        """The first ``size`` bytes, or all."""
        return self.open().read(size)

    def last(self, size: int) -> bytes:
        """The last ``size`` bytes, or all."""
        return self.part(max(self.size - size, 0), self.size).whole()

    def whole(self) -> bytes:
        """All bytes, in memory."""
        return self.open().read()

    def blocks(self) -> Iterator[bytes]:
        """All bytes, some MiB at a time."""
        with self.open() as stream:
            while block := stream.read(BLOCK):
                yield block

    def holds(self, needle: bytes) -> bool:
        """Whether ``needle`` occurs."""
        tail = b""
        for block in self.blocks():
            joined = tail + block if tail else block
            if needle in joined:
                return True
            tail = block[-(len(needle) - 1) :] if len(needle) > 1 else b""
        return False

    def count(self, byte: bytes) -> int:
        """How often one byte occurs."""
        return sum(block.count(byte) for block in self.blocks())

    def blank(self, marks: bytes = b" \t\r\n\x0b\x0c") -> bool:
        """Whether every byte is one of ``marks``: white space by default."""
        return not any(block.strip(marks) for block in self.blocks())
