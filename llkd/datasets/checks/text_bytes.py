"""The bytes of a chunk of texts as an array, and where each text begins: for looks at all at once.

Nothing is copied. In UTF-8 a byte below 128 is that character of ASCII and no part of another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TextBytes:
    """Text k is ``data[ends[k] : ends[k + 1]]``; a missing one has no bytes."""

    data: npt.NDArray[np.uint8]
    ends: npt.NDArray[np.int32]

    @classmethod
    def of(cls, texts: pa.StringArray) -> TextBytes:
        """Of an Arrow array of strings."""
        _, offsets, data = texts.buffers()
        if not len(texts) or data is None:
            return cls(np.zeros(0, np.uint8), np.zeros(len(texts) + 1, np.int32))
        ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
        return cls(np.frombuffer(data, np.uint8)[ends[0] : ends[-1]], ends - ends[0])

    def kinds(self, table: bytes) -> npt.NDArray[np.uint8]:
        """What a table of 256 entries says of each byte."""
        return np.frombuffer(self.data.tobytes().translate(table), dtype=np.uint8)

    def counts(self, places: Rows) -> Rows:
        """How many of these ascending places lie in each text."""
        return np.diff(np.searchsorted(places, self.ends))

    def texts_at(self, places: Rows) -> Rows:
        """The texts that bytes at these ascending places belong to, each once."""
        return np.flatnonzero(self.counts(places))

    def plain_ends(self) -> Mask:
        """Which texts begin and end with a visible character of ASCII; no empty one does."""
        filled = self.ends[:-1] < self.ends[1:]
        if not filled.any():
            return filled
        begins = np.minimum(self.ends[:-1], len(self.data) - 1)
        first, last = self.data[begins], self.data[self.ends[1:] - 1]
        return filled & _between(first) & _between(last)


def _between(codes: npt.NDArray[np.uint8]) -> Mask:
    return np.asarray((codes > 0x20) & (codes < 0x7F))


def matching(texts: pa.StringArray, pattern: str, rows: Rows | None = None) -> Rows:
    """Which texts, of those at ``rows`` or of all, match a pattern of RE2's; no missing one."""
    here = texts if rows is None else texts.take(pa.array(rows))
    matches = pc.fill_null(pc.match_substring_regex(here, pattern), False)
    places = np.flatnonzero(matches.to_numpy(zero_copy_only=False))
    return places if rows is None else rows[places]
