"""Rows at places of their own, as on a map of meaning, and rows that were marked elsewhere."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.errors import DataError
from ui.decision_plane.packing import SCALE, Category, Packed, Units

NOWHERE = int(np.iinfo(np.uint16).max)
"""The place, on both sides, of a row that has none."""
LONGEST_NAME = 200


@dataclass(frozen=True)
class Group:
    """Texts that lie together on a map: what they are called and the middle of them, in [0, 1]."""

    name: str
    x: float
    y: float


@dataclass(frozen=True, eq=False)
class Brush:
    """Rows marked elsewhere, a mask ``[n]``: they stand out. ``words``: how they were marked."""

    rows: npt.NDArray[np.bool_]
    words: str

    def message(self, key: str, packed: Packed) -> bytes:
        """What the browser gets: the length of a JSON head, the head, one bit a row."""
        bits = np.packbits(self.rows, bitorder="little").tobytes()
        head = {
            "key": key,
            "version": packed.version,
            "stamp": f"{packed.version} {zlib.crc32(bits):08x} {self.words}",
            "count": int(np.count_nonzero(self.rows)),
            "words": self.words,
        }
        written = json.dumps(head).encode()
        return b"".join((len(written).to_bytes(4, "little"), written, bits))


def on_map(packed: Packed, places: npt.ArrayLike, categories: Sequence[Category] = ()) -> Packed:
    """The same rows at ``places [n, 2]`` in [0, 1], NaN for a row without one.

    ``categories`` are ways to colour them that come besides. Raises DataError where the rows are
    not as many. 40 ms for a million rows.
    """
    points = np.asarray(places, np.float64)
    if points.shape != (packed.rows, 2):
        raise DataError(
            f"A map of {packed.rows:,} texts needs a place, two numbers, for each of them; but the "
            f"places are {' × '.join(f'{size:,}' for size in points.shape)}."
        )
    x, y = _units(points)
    body = b"".join((x.astype("<u2").tobytes(), y.astype("<u2").tobytes(), packed.body))
    return with_categories(replace(packed, places=(x, y), body=body, version=""), categories)


def with_categories(packed: Packed, categories: Sequence[Category]) -> Packed:
    """The same rows with more ways to colour them. Raises DataError where lengths differ."""
    for category in categories:
        if len(category.codes) != packed.rows:
            raise DataError(
                f"{category.name!r} is of {len(category.codes):,} rows, not {packed.rows:,}."
            )
    added = b"".join(np.asarray(c.codes, np.uint8).tobytes() for c in categories)
    body = packed.body + added
    every = (*packed.categories, *categories)
    facts: Any = (packed.version, packed.classes, packed.need_known, packed.places is not None)
    version = hashlib.blake2b(body, digest_size=16)
    version.update(repr((facts, [(c.name, c.values) for c in every])).encode("utf-8", "replace"))
    return replace(packed, categories=every, body=body, version=version.hexdigest())


def group_json(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Groups as the script takes them; the first has its name shown first."""
    return [
        {
            "text": group.name[:LONGEST_NAME],
            "x": round(group.x * SCALE),
            "y": round(group.y * SCALE),
        }
        for group in groups
    ]


def _units(points: npt.NDArray[np.float64]) -> tuple[Units, Units]:
    known = np.isfinite(points).all(axis=1)
    units = np.full(points.shape, NOWHERE, np.uint16)
    units[known] = np.rint(np.clip(points[known], 0.0, 1.0) * SCALE).astype(np.uint16)
    return units[:, 0].copy(), units[:, 1].copy()
