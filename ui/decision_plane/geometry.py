"""Which rows lie in a lasso: a polygon in data coordinates against a million points.

The plane is cut into cells. Where no edge of the polygon comes near, a whole cell is in or out and
its rows are looked up; only rows of the cells along the outline are tested one by one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from llkd.errors import UserError
from ui.decision_plane.packing import NO_CONFIDENCE, NO_NEED, SCALE, Packed, Units, is_number

MOST_CORNERS = 1_000
_CELLS = 256
# Grid units per cell; the last cell also holds the unit 60000.
_STEP = -(-(SCALE + 1) // _CELLS)
_JITTER = np.uint32(2_654_435_761)

Points = npt.NDArray[np.float64]


def polygon_of(corners: object) -> Points:
    """Corners ``[m, 2]`` as they came from a browser or an address, checked.

    Raises UserError unless they are 3 to 1000 pairs of numbers.
    """
    points = corners if isinstance(corners, Sequence | np.ndarray) else ()
    sound = 3 <= len(points) <= MOST_CORNERS and all(
        isinstance(pair, Sequence | np.ndarray)
        and not isinstance(pair, str)
        and len(pair) == 2
        and all(is_number(float(v) if isinstance(v, np.number) else v) for v in pair)
        for pair in points
    )
    if not sound:
        raise UserError(
            f"A region of the plane is 3 to {MOST_CORNERS:,} pairs of numbers. Draw it again."
        )
    return np.asarray([[float(x), float(y)] for x, y in points])


def coordinates(packed: Packed) -> tuple[Units, Units]:
    """Where each row is drawn, in grid units.

    Where no need is known yet a fixed scatter takes its place, so that rows can be told apart.
    """
    if packed.places is not None:
        x, y = packed.places
        return np.minimum(x, np.uint16(SCALE)), np.minimum(y, np.uint16(SCALE))
    if packed.need_known:
        return packed.confidence, packed.need
    spread = (np.arange(packed.rows, dtype=np.uint32) * _JITTER) >> np.uint32(16)
    return packed.confidence, (spread % np.uint32(SCALE + 1)).astype(np.uint16)


def placed(packed: Packed) -> np.ndarray:
    """Which rows have a place, a mask ``[n]``: on the plane, no signal that it needs is missing."""
    if packed.places is not None:
        return packed.places[0] <= SCALE
    needed = NO_CONFIDENCE | (NO_NEED if packed.need_known else 0)
    return (packed.flags & needed) == 0


def rows_inside(packed: Packed, corners: object, label: int | None = None) -> np.ndarray:
    """Positions of the rows drawn inside a polygon, in order; of one class where it is given.

    20 to 40 ms for a million rows and 200 corners. Raises UserError for what is no polygon.
    """
    x, y = coordinates(packed)
    inside_mask = inside(x, y, polygon_of(corners)) & placed(packed)
    if label is not None:
        inside_mask &= packed.label == label
    return np.flatnonzero(inside_mask)


def inside(
    x: npt.NDArray[np.uint16], y: npt.NDArray[np.uint16], polygon: Points
) -> npt.NDArray[np.bool_]:
    """Which points ``[n]``, in grid units, lie in ``polygon`` ``[m, 2]`` (data coordinates).

    Even-odd rule. The same as testing each point against each edge.
    """
    corners = np.asarray(polygon, np.float64) * SCALE
    outline = _outline(corners)
    middle = (np.arange(_CELLS) + 0.5) * _STEP
    column, row = np.meshgrid(middle, middle)
    state = np.where(outline, np.uint8(2), np.uint8(0))
    clear = ~outline
    state[clear] = even_odd(column[clear], row[clear], corners)
    cell = (y // np.uint16(_STEP)).astype(np.intp) * _CELLS
    cell += x // np.uint16(_STEP)
    answer = state.ravel()[cell]
    near = np.flatnonzero(answer == 2)
    answer[near] = even_odd(x[near].astype(np.float64), y[near].astype(np.float64), corners)
    return answer.astype(bool)


def even_odd(x: Points, y: Points, corners: Points) -> npt.NDArray[np.bool_]:
    """Even-odd rule, every point against every edge: how many edges a ray to the right crosses."""
    odd = np.zeros(len(x), bool)
    ends = np.roll(corners, -1, axis=0)
    # Sorted by y, the points that an edge can concern are a slice.
    order = np.argsort(y, kind="stable")
    xs, ys, odd_crossings = x[order], y[order], odd[order]
    for (x0, y0), (x1, y1) in zip(corners, ends, strict=True):
        if y0 == y1:
            continue
        first, last = np.searchsorted(ys, (min(y0, y1), max(y0, y1)), side="left")
        part = slice(first, last)
        odd_crossings[part] ^= xs[part] < (x1 - x0) * (ys[part] - y0) / (y1 - y0) + x0
    odd[order] = odd_crossings
    return odd


def _outline(corners: Points) -> npt.NDArray[np.bool_]:
    """Cells that an edge touches or comes near to, a mask ``[cells, cells]`` by row and column."""
    starts = np.zeros((_CELLS, _CELLS + 1), np.int32)
    cells = corners / _STEP
    for (x0, y0), (x1, y1) in zip(cells, np.roll(cells, -1, axis=0), strict=True):
        low, high = max(0, int(np.floor(min(y0, y1))) - 1), min(_CELLS - 1, int(max(y0, y1)) + 1)
        if low > high:
            continue
        rows = np.arange(low, high + 1)
        if y0 == y1:
            left = np.full(len(rows), min(x0, x1))
            right = np.full(len(rows), max(x0, x1))
        else:
            # Where the edge enters and leaves the slab of each row, and of those beside it.
            slope = (x1 - x0) / (y1 - y0)
            ends = np.clip(np.stack([rows - 1, rows + 2]), min(y0, y1), max(y0, y1))
            at = x0 + slope * (ends - y0)
            left, right = at.min(axis=0), at.max(axis=0)
        # A cell to either side makes up for rounding.
        first = np.clip(np.floor(left).astype(int) - 1, 0, _CELLS)
        past = np.clip(np.floor(right).astype(int) + 2, 0, _CELLS)
        np.add.at(starts, (rows, first), 1)
        np.add.at(starts, (rows, past), -1)
    return np.asarray(np.cumsum(starts[:, :-1], axis=1) > 0)


def nearest_positions(packed: Packed, position: int, count: int) -> np.ndarray:
    """The ``count`` rows drawn nearest to that of ``position``, nearest first, itself the first.

    By the distance on the plane as it is drawn whole, its sides of the same length.
    """
    x, y = (values.astype(np.float64) for values in coordinates(packed))
    distance = (x - x[position]) ** 2 + (y - y[position]) ** 2
    distance[~placed(packed)] = np.inf
    distance[position] = -1.0
    most = min(count, len(distance))
    near = np.argpartition(distance, most - 1)[:most]
    near = near[np.isfinite(distance[near])]
    return np.asarray(near[np.argsort(distance[near], kind="stable")])
