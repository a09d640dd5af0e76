"""Rows at places of their own, and rows that were marked elsewhere: what the browser gets."""

import json

import numpy as np
import pytest

from llkd.errors import DataError
from ui.decision_plane import Brush, Category, Group, Region, kept_mask, on_map, pack, tally
from ui.decision_plane.geometry import coordinates, nearest_positions, placed
from ui.decision_plane.mapped import NOWHERE, group_json, with_categories
from ui.decision_plane.packing import SCALE


def rows(n=5):
    r = np.random.default_rng(n)
    return pack(r.random(n), r.random(n), r.integers(-1, 2, n), 2)


def read(message):
    length = int.from_bytes(message[:4], "little")
    return json.loads(message[4 : 4 + length]), message[4 + length :]


def test_places_come_before_the_signals_and_the_rest_is_as_it_was():
    plain = pack([0.5, np.nan, 1], [0.25, 0.5, 0], [0, 1, -1], 2)
    mapped = on_map(plain, [[0, 1], [0.5, 0.25], [np.nan, 0.5]])
    head, body = read(mapped.message("one"))
    assert head["map"] and head["version"] == mapped.version != plain.version
    assert np.frombuffer(body[:12], "<u2").tolist() == [
        0, SCALE // 2, NOWHERE, SCALE, SCALE // 4, NOWHERE,
    ]  # fmt: skip
    assert body[12:] == plain.body
    # A row without a confidence has a place, one without a place has none; thresholds are as ever.
    assert placed(plain).tolist() == [True, False, True]
    assert placed(mapped).tolist() == [True, True, False]
    assert coordinates(mapped)[1].tolist() == [SCALE, SCALE // 4, SCALE]
    for thresholds in ([0, 0], [30_000, 0]):
        kept = kept_mask(mapped, thresholds, thresholds)
        assert kept.tolist() == kept_mask(plain, thresholds, thresholds).tolist()
        assert tally(mapped, kept) == tally(plain, kept)


def test_a_lasso_on_a_map_holds_the_dots_inside_it():
    r = np.random.default_rng(3)
    places = r.random((20_000, 2))
    places[::7] = np.nan
    mapped = on_map(rows(20_000), places)
    triangle = ((0.2, 0.1), (0.9, 0.4), (0.3, 0.95))
    # Inside a triangle is to the left of each of its sides.
    x, y = np.rint(places.T * SCALE) / SCALE
    inside = np.ones(len(places), bool)
    for (x0, y0), (x1, y1) in zip(triangle, triangle[1:] + triangle[:1], strict=True):
        inside &= (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0
    assert 4_000 < inside.sum() < 8_000
    assert Region(triangle).rows(mapped).tolist() == np.flatnonzero(inside).tolist()
    # What was drawn on one map stays what it held, whatever the next one looks like.
    lasso = Region(triangle).on("first", mapped)
    other = on_map(rows(20_000), places[::-1])
    assert lasso.rows(other).tolist() == np.flatnonzero(inside).tolist()
    assert lasso != Region(triangle) != Region(triangle).on("second", other)
    only = np.flatnonzero(inside & (mapped.label == 1))
    assert Region(triangle, 1).rows(mapped).tolist() == only.tolist()


def test_the_nearest_dots_are_those_on_the_map():
    mapped = on_map(rows(5), [[0.5, 0.5], [0.5, 0.6], [np.nan, np.nan], [0.9, 0.5], [0.45, 0.5]])
    assert nearest_positions(mapped, 0, 4).tolist() == [0, 4, 1, 3]


def test_the_version_changes_with_a_place_and_only_then():
    plain = rows(2)
    first = on_map(plain, [[0, 0], [1, 1]])
    assert first.version == on_map(plain, [[0, 0], [1, 1]]).version
    others = {
        on_map(plain, [[0, 0], [1, 0.5]]).version,
        on_map(plain, [[0, 0], [np.nan, 1]]).version,
        on_map(rows(2), [[0, 0], [1, 1]], [Category("a", np.zeros(2, np.uint8), ("b",))]).version,
        on_map(rows(2), [[0, 0], [1, 1]], [Category("a", np.zeros(2, np.uint8), ("c",))]).version,
        plain.version,
    }
    assert len(others) == 5 and first.version not in others


def test_more_ways_to_colour_come_last():
    plain = pack([0.5], [0.5], [0], 1, categories=[Category("a", np.array([3], np.uint8), ("x",))])
    more = with_categories(plain, [Category("b", np.array([7], np.uint8), ("y", "z"))])
    head, body = read(more.message("k"))
    assert [one["name"] for one in head["categories"]] == ["a", "b"]
    assert list(body[-2:]) == [3, 7] and not head["map"]


def test_marked_rows_are_bits_in_the_order_of_the_rows():
    plain = rows(11)
    marked = np.zeros(11, bool)
    marked[[0, 3, 10]] = True
    head, body = read(Brush(marked, "marked on the map").message("k", plain))
    assert (head["key"], head["version"], head["count"]) == ("k", plain.version, 3)
    assert head["words"] == "marked on the map"
    assert list(body) == [0b1001, 0b100]
    others = {
        read(Brush(~marked, "marked on the map").message("k", plain))[0]["stamp"],
        read(Brush(marked, "of the list").message("k", plain))[0]["stamp"],
        read(Brush(marked, "marked on the map").message("k", rows(12)))[0]["stamp"],
    }
    assert len(others) == 3 and head["stamp"] not in others


def test_names_of_groups_are_cut_and_stand_on_the_grid():
    assert group_json([Group("a" * 500, 0.5, 1)]) == [{"text": "a" * 200, "x": 30_000, "y": SCALE}]


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: on_map(rows(3), [[0, 0]]), "A map of 3 texts needs a place, two numbers, for each of them; but the places are 1 × 2."),
        (lambda: on_map(rows(2), [0, 0]), "A map of 2 texts needs a place, two numbers, for each of them; but the places are 2."),
        (lambda: with_categories(rows(2), [Category("a", np.zeros(3, np.uint8), ())]), "'a' is of 3 rows, not 2."),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(act, words):
    with pytest.raises(DataError) as failed:
        act()
    assert str(failed.value) == words
