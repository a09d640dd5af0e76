"""The plane's rows as one bytes object, and what thresholds keep of them, in whole numbers.

Signals are cut to a grid of 1/60000 of which every multiple of 0.0001 is a part, downwards and
exactly: for a threshold on the grid, ``quantised(signal) >= quantised(threshold)`` holds where and
only where ``signals.reach(signal) >= threshold`` does. The browser compares the same integers, so
that it, this module and :func:`llkd.curation.kept_rows` keep the same rows.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from llkd.curation import Plane, Threshold
from llkd.errors import ConfigError, DataError
from llkd.selection import signals
from llkd.selection.thresholds import class_thresholds

SCALE = 60_000
NO_CONFIDENCE, NO_NEED, HUMAN, EXCLUDED, GOLD_KNOWN, GOLD_RIGHT, DISAGREES, OUTSIDE = (
    1 << bit for bit in range(8)
)
UNCATEGORISED = 255
_MOST_CLASSES = 65_535

Units = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class Category:
    """A division of the rows to colour by: a code per row (255: none) and a name per code."""

    name: str
    codes: npt.NDArray[np.uint8]
    values: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Packed:
    """Rows ``[n]`` in 16-bit and 8-bit columns, and the same as ``body`` for the browser.

    ``label`` is the label shown (a person's, else the teacher's), ``none`` where there is none.
    ``version`` is a digest of all that is here: equal versions are equal rows. ``places`` are where
    rows are drawn where their signals do not say it (``mapped.on_map``).
    """

    classes: int
    need_known: bool
    confidence: Units
    need: Units
    label: npt.NDArray[np.uint8] | Units
    flags: npt.NDArray[np.uint8]
    categories: tuple[Category, ...]
    body: bytes
    version: str
    places: tuple[Units, Units] | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.flags)

    @property
    def none(self) -> int:
        """The code of a row without a label."""
        return int(np.iinfo(self.label.dtype).max)

    def message(self, key: str) -> bytes:
        """What the browser gets: the length of a JSON head, the head, the columns."""
        head = {
            "key": key,
            "version": self.version,
            "rows": self.rows,
            "classes": self.classes,
            "needKnown": self.need_known,
            "map": self.places is not None,
            "categories": [{"name": c.name, "values": c.values} for c in self.categories],
        }
        written = json.dumps(head).encode()
        return b"".join((len(written).to_bytes(4, "little"), written, self.body))


def pack(
    confidence: npt.ArrayLike,
    need: npt.ArrayLike,
    label: npt.ArrayLike,
    classes: int,
    *,
    human: npt.ArrayLike | None = None,
    excluded: npt.ArrayLike | None = None,
    gold: npt.ArrayLike | None = None,
    disagrees: npt.ArrayLike | None = None,
    outside: npt.ArrayLike | None = None,
    hidden: npt.ArrayLike | None = None,
    categories: Sequence[Category] = (),
) -> Packed:
    """Pack columns ``[n]``: signals in [0, 1] or NaN, labels and gold -1 or a class index.

    ``human``, ``excluded``, ``disagrees``, ``outside`` (no line keeps them) and ``hidden`` (not
    drawn, and counted as before) are masks; ``label`` is the label shown, of rows that a person
    labelled the person's. About 60 ms for a million rows. Raises DataError where columns differ in
    length or a label is no class.
    """
    sure, unsure = np.asarray(confidence, np.float64), np.asarray(need, np.float64)
    shown = np.asarray(label)
    n = len(shown)
    right = np.full(n, -1) if gold is None else np.asarray(gold)
    masks = [_mask(values, n) for values in (human, excluded, disagrees, outside, hidden)]
    _check(n, classes, shown, [sure, unsure, right, *masks, *(c.codes for c in categories)])
    narrow = np.uint8 if classes < np.iinfo(np.uint8).max else np.uint16
    stored: Any = np.where(shown < 0, np.iinfo(narrow).max, shown).astype(narrow)
    known = right >= 0
    flags = np.zeros(n, np.uint8)
    for bit, mask in (
        (NO_CONFIDENCE, np.isnan(sure) | masks[4]),
        (NO_NEED, np.isnan(unsure)),
        (HUMAN, masks[0]),
        (EXCLUDED, masks[1]),
        (DISAGREES, masks[2]),
        (OUTSIDE, masks[3] & ~masks[0]),
        (GOLD_KNOWN, known),
        (GOLD_RIGHT, known & (right == shown)),
    ):
        flags |= mask.astype(np.uint8) * np.uint8(bit)
    need_known = bool((flags & NO_NEED == 0).any()) if n else True
    x, y = quantised(sure), quantised(unsure)
    columns = [x, y, stored, flags, *(c.codes for c in categories)]
    body = b"".join(column.astype(column.dtype.newbyteorder("<")).tobytes() for column in columns)
    facts = repr((n, classes, need_known, [(c.name, c.values) for c in categories]))
    version = hashlib.blake2b(body, digest_size=16)
    version.update(facts.encode("utf-8", "surrogatepass"))
    return Packed(
        classes,
        need_known,
        x,
        y,
        stored,
        flags,
        tuple(categories),
        body,
        version.hexdigest(),
    )


def pack_plane(
    plane: Plane,
    categories: Sequence[Category] = (),
    gate: npt.ArrayLike | None = None,
    shown: npt.ArrayLike | None = None,
) -> Packed:
    """Pack the pool of a project, row for row of ``plane.frame``.

    ``gate``: what lines may keep; ``shown``: what is drawn. Both are masks, None lets all through.
    """
    frame = plane.frame
    student, teacher = frame["student_label"].to_numpy(), frame["teacher_label"].to_numpy()
    return pack(
        frame["confidence"],
        frame["information_need"],
        frame["label"],
        len(plane.names),
        human=frame["human_label"].to_numpy() >= 0,
        excluded=frame["excluded"],
        gold=frame["gold"],
        disagrees=(student >= 0) & (teacher >= 0) & (student != teacher),
        outside=None if gate is None else ~np.asarray(gate, dtype=bool),
        hidden=None if shown is None else ~np.asarray(shown, dtype=bool),
        categories=(*categories, *_disagreement(plane)),
    )


def _disagreement(plane: Plane) -> list[Category]:
    """How far a committee's members differ, in fifths of the texts; nothing without a committee."""
    values = plane.frame["disagreement"].to_numpy(np.float64)
    known = ~np.isnan(values)
    if not known.any():
        return []
    limits = np.quantile(values[known], [0.2, 0.4, 0.6, 0.8])
    codes = np.full(len(values), UNCATEGORISED, dtype=np.uint8)
    codes[known] = np.searchsorted(limits, values[known], side="right")
    fifths = ("members agree most", "agree", "in between", "differ", "members differ most")
    return [Category("Committee's disagreement", codes, fifths)]


def quantised(values: npt.ArrayLike) -> Units:
    """Signals on the grid, ``[n]`` from 0 to 60000, rounded down; what is missing is 0.

    0 passes only a threshold of 0, which is the rule for a missing signal.
    """
    reach = np.asarray(signals.reach(values), np.float64)
    missing = ~(np.asarray(values, np.float64) > 0)
    filled = np.clip(np.where(missing, 0.0, reach), 0.0, 1.0)
    units = np.floor(filled * SCALE)
    # The product may be off by one in its last bit, the quotient is what thresholds are made of.
    units += (units + 1) / SCALE <= filled
    units -= units / SCALE > filled
    return units.astype(np.uint16)


def threshold_units(threshold: Threshold, names: Sequence[str]) -> Units:
    """Thresholds on the grid, ``[C]``: the nearest; above 0 stays above 0.

    Raises ConfigError for a name that is no class or a number outside 0 to 1.
    """
    values = class_thresholds(threshold, names)
    for value in values:
        if not 0.0 <= value <= 1.0:
            raise ConfigError(f"A threshold is a number from 0 to 1. But it was: {value:g}")
    return np.where(values > 0, np.maximum(1, np.rint(values * SCALE)), 0).astype(np.uint16)


def threshold_of(units: Sequence[int] | Units, names: Sequence[str]) -> float | dict[str, float]:
    """Grid thresholds ``[C]`` as the core takes them: one number, or numbers by class name."""
    values = [int(unit) / SCALE for unit in units]
    if len(set(values)) <= 1:
        return values[0] if values else 0.0
    return dict(zip(names, values, strict=True))


def snapped(threshold: Threshold, names: Sequence[str]) -> float | dict[str, float]:
    """The thresholds as the plane shows them: the nearest on the grid."""
    return threshold_of(threshold_units(threshold, names), names)


def kept_mask(packed: Packed, teacher: npt.ArrayLike, student: npt.ArrayLike) -> np.ndarray:
    """Which rows are kept at grid thresholds ``[C]``, a mask ``[n]``: what the browser colours.

    At or above both thresholds of the label; a person's label always, an excluded row never.
    """
    mask = packed.label != packed.none
    for column, limits in ((packed.confidence, teacher), (packed.need, student)):
        by_class = np.asarray(limits, np.uint16)
        if len(by_class) and (by_class == by_class[0]).all():
            mask &= column >= by_class[0]
            continue
        by_label = np.zeros(packed.none + 1, np.uint16)
        by_label[: packed.classes] = by_class
        mask &= column >= by_label[packed.label]
    mask &= packed.flags & OUTSIDE == 0
    mask |= packed.flags & HUMAN != 0
    mask &= packed.flags & EXCLUDED == 0
    return mask


def tally(packed: Packed, mask: np.ndarray) -> dict[str, Any]:
    """Counts of the kept rows, as the browser shows them.

    ``per_class`` by index; ``accuracy`` among the ``checked`` rows that have gold, else None.
    """
    flags, label = packed.flags[mask], packed.label[mask]
    checked = int(np.count_nonzero(flags & GOLD_KNOWN))
    right = int(np.count_nonzero(flags & GOLD_RIGHT))
    counts = np.bincount(label, minlength=packed.none + 1)[: packed.classes]
    return {
        "kept": len(flags),
        "rows": packed.rows,
        "share": len(flags) / packed.rows if packed.rows else 0.0,
        "per_class": [int(count) for count in counts],
        "accuracy": right / checked if checked else None,
        "checked": checked,
    }


def is_number(value: object) -> TypeGuard[float]:
    """A finite number, not a truth value: what may come back from a browser."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _mask(values: npt.ArrayLike | None, n: int) -> np.ndarray:
    return np.zeros(n, bool) if values is None else np.asarray(values, bool)


def _check(n: int, classes: int, label: np.ndarray, columns: Sequence[np.ndarray]) -> None:
    lengths = sorted({n, *(len(column) for column in columns)})
    if len(lengths) > 1:
        raise DataError(
            f"The columns of the plane differ in length: {lengths[0]:,} and {lengths[-1]:,} rows."
        )
    if not 0 <= classes < _MOST_CLASSES:
        raise DataError(f"The plane shows up to {_MOST_CLASSES - 1:,} classes, not {classes:,}.")
    if n and (label.max() >= classes or label.min() < -1):
        raise DataError(
            f"A label of the plane is {int(label.max())}, but the {classes:,} classes are "
            f"numbered from 0; a row without a label has -1."
        )
