import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from llkd.errors import UserError
from ui.decision_plane import Region, pack, rows_inside
from ui.decision_plane.geometry import even_odd, inside, polygon_of
from ui.decision_plane.packing import SCALE


def crossings(x, y, polygon):
    """The rule as it stands in a textbook, one point at a time."""
    odd = False
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            odd = not odd
    return odd


corner = some.one_of(
    some.floats(-0.2, 1.2).map(lambda v: round(v, 6)), some.sampled_from([0.0, 0.25, 0.5, 1.0]), some.integers(0, 256).map(lambda k: k * 235 / SCALE)
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    polygon=some.lists(some.tuples(corner, corner), min_size=3, max_size=14),
    seed=some.integers(0, 99),
)
def test_cells_give_what_testing_every_point_gives(polygon, seed):
    r = np.random.default_rng(seed)
    x, y = (r.integers(0, SCALE + 1, 400).astype(np.uint16) for _ in range(2))
    # Points on the corners and along the outline are where cells could be wrong.
    near = np.clip(np.asarray(polygon) * SCALE, 0, SCALE)
    x = np.concatenate([x, near[:, 0], (near[:, 0] + np.roll(near[:, 0], 1)) / 2]).astype(np.uint16)
    y = np.concatenate([y, near[:, 1], (near[:, 1] + np.roll(near[:, 1], 1)) / 2]).astype(np.uint16)
    corners = np.asarray(polygon) * SCALE
    expected = [crossings(float(u), float(v), corners) for u, v in zip(x, y, strict=True)]
    assert even_odd(x.astype(float), y.astype(float), corners).tolist() == expected
    assert inside(x, y, np.asarray(polygon)).tolist() == expected


def test_a_star_over_many_points():
    r = np.random.default_rng(0)
    x, y = (r.integers(0, SCALE + 1, 100_000).astype(np.uint16) for _ in range(2))
    turn = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    radius = 0.35 * (1 + 0.4 * np.sin(9 * turn))
    star = np.c_[0.5 + radius * np.cos(turn), 0.5 + radius * np.sin(turn)]
    found = inside(x, y, star)
    assert (found == even_odd(x.astype(float), y.astype(float), star * SCALE)).all()
    # Its area, by the shoelace formula, is the share of even points that it holds.
    area = 0.5 * abs(np.dot(star[:, 0], np.roll(star[:, 1], -1)) - np.dot(star[:, 1], np.roll(star[:, 0], -1)))  # fmt: skip
    assert found.mean() == pytest.approx(area, abs=0.005)


def test_rows_without_a_place_are_in_no_region_and_a_class_is_looked_at_alone():
    packed = pack([0.5, 0.5, np.nan, 0.9, 1.0], [0.5, 0.5, 0.5, 0.9, 0.0], [0, 1, 0, 0, 0], 2)
    box = ((0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6))
    assert Region(box).rows(packed).tolist() == [0, 1]
    assert Region(box, 1).rows(packed).tolist() == [1]
    everything = [(-0.01, -0.01), (1.01, -0.01), (1.01, 1.01), (-0.01, 1.01)]
    assert rows_inside(packed, everything).tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize(
    "given",
    [
        None,
        "abc",
        [[0, 0], [1, 1]],
        [[0, 0], [1, 1], [0, "x"]],
        [[0, 0], [1, 1], [0, True]],
        [[0, 0], [1, 1], [0, float("nan")]],
        [[0, 0], [1, 1], [0, 1, 2]],
        [[0, 0]] * 1001,
        [["0", 0], [1, 1], [0, 1]],
    ],
)
def test_what_is_no_polygon_is_refused(given):
    with pytest.raises(UserError) as failed:
        polygon_of(given)
    assert str(failed.value) == (
        "A region of the plane is 3 to 1,000 pairs of numbers. Draw it again."
    )
