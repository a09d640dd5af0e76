import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from llkd.curation import Plane, kept_rows, summary
from llkd.errors import ConfigError, DataError
from llkd.selection.signals import reach
from ui.decision_plane import (
    Category,
    distinct,
    kept_mask,
    pack,
    pack_plane,
    snapped,
    tally,
    threshold_units,
)
from ui.decision_plane.geometry import coordinates, placed
from ui.decision_plane.packing import (
    DISAGREES,
    EXCLUDED,
    GOLD_KNOWN,
    GOLD_RIGHT,
    HUMAN,
    NO_CONFIDENCE,
    NO_NEED,
    SCALE,
    quantised,
)


def plane_of(n, classes, seed, grid=False):
    """A plane with everything that can be odd: NaN, no label, people's decisions, gold."""
    r = np.random.default_rng(seed)
    signal = (lambda: r.integers(0, 11, n) / 10) if grid else (lambda: r.random(n))
    teacher = r.integers(-1, classes, n)
    human = np.where(r.random(n) < 0.1, r.integers(0, classes, n), -1)
    frame = pd.DataFrame(
        {
            "row": np.arange(n),
            "gold": np.where(r.random(n) < 0.5, r.integers(0, classes, n), -1),
            "teacher_label": teacher,
            "confidence": np.where(r.random(n) < 0.1, np.nan, signal()),
            "information_need": np.where(r.random(n) < 0.1, np.nan, signal()),
            "student_label": r.integers(-1, classes, n),
            "human_label": human,
            "excluded": r.random(n) < 0.1,
            "label": np.where(human >= 0, human, teacher),
            "disagreement": np.full(n, np.nan),
        }
    )
    names = [f"class {k}" for k in range(classes)]
    called = SimpleNamespace(names=names, keys=names)
    return Plane(None, None, "none", called, frame, np.empty((n, classes)), None, "")


@given(
    unit=some.integers(0, SCALE),
    step=some.integers(-2, 2),
    value=some.one_of(some.none(), some.floats(0, 1)),
    limit=some.integers(0, SCALE),
)
def test_a_signal_passes_a_grid_threshold_where_its_units_do(unit, step, value, limit):
    # Next to the grid by a few last bits is where a plain product goes wrong.
    signal = unit / SCALE if value is None else value
    for _ in range(abs(step)):
        signal = np.nextafter(signal, np.sign(step) * 2.0)
    signal = min(1.0, max(0.0, signal))
    for candidate in (limit, unit, min(SCALE, unit + 1)):
        assert (quantised([signal])[0] >= candidate) == (reach([signal])[0] >= candidate / SCALE)


def test_every_threshold_with_four_decimals_is_on_the_grid():
    values = [float(f"{k / 10_000:.4f}") for k in range(10_001)]
    units = quantised(values)
    assert units.tolist() == [6 * k for k in range(10_001)]
    assert (units / SCALE).tolist() == values


def test_odd_signals():
    assert quantised([np.nan, np.inf, -np.inf, -0.1, 1.0000001, 1.0]).tolist() == [
        0, SCALE, 0, 0, SCALE, SCALE,
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    seed=some.integers(0, 10_000),
    classes=some.integers(1, 5),
    per_class=some.booleans(),
    grid=some.booleans(),
    data=some.data(),
)
def test_what_is_kept_is_what_the_core_keeps(seed, classes, per_class, grid, data):
    plane = plane_of(200, classes, seed, grid)
    value = some.one_of(
        some.sampled_from([0.0, 0.1, 0.3, 0.7, 1.0]),
        some.integers(0, 10_000).map(lambda k: k / 10_000),
    )
    threshold = some.fixed_dictionaries(dict.fromkeys(plane.names, value)) if per_class else value
    teacher, student = data.draw(threshold), data.draw(threshold)
    packed = pack_plane(plane)
    kept = kept_mask(
        packed, threshold_units(teacher, plane.names), threshold_units(student, plane.names)
    )
    expected = kept_rows(plane, teacher, student)
    assert kept.tolist() == expected.tolist()
    told, core = tally(packed, kept), summary(plane, expected)
    assert told["per_class"] == list(core.pop("per_class").values())
    assert {name: told[name] for name in core} == core
    # What the plane shows as the threshold is what was given, to the last bit.
    assert (snapped(teacher, plane.names), snapped(student, plane.names)) == tuple(
        next(iter(t.values())) if isinstance(t, dict) and len(set(t.values())) == 1 else t
        for t in (teacher, student)
    )


def test_flags_say_what_is_known_of_a_row():
    packed = pack(
        [0.9, np.nan, 0.5, 0.5],
        [0.1, 0.2, np.nan, 0.4],
        [0, 1, 1, -1],
        2,
        human=[True, False, False, False],
        excluded=[False, False, False, True],
        gold=[0, 0, -1, 1],
        disagrees=[False, True, False, False],
    )
    assert packed.flags.tolist() == [
        HUMAN | GOLD_KNOWN | GOLD_RIGHT,
        NO_CONFIDENCE | GOLD_KNOWN | DISAGREES,
        NO_NEED,
        EXCLUDED | GOLD_KNOWN,
    ]
    assert packed.label.tolist() == [0, 1, 1, 255]
    assert placed(packed).tolist() == [True, False, False, True]


def test_the_message_is_a_head_and_columns_in_little_endian_order():
    codes = np.array([0, 255], np.uint8)
    packed = pack(
        [0.5, 1], [0, 0.25], [1, -1], 2, categories=[Category("Split \u202e", codes, ("a",))]
    )
    message = packed.message("one")
    length = int.from_bytes(message[:4], "little")
    head = json.loads(message[4 : 4 + length])
    assert head == {
        "key": "one",
        "version": packed.version,
        "rows": 2,
        "classes": 2,
        "needKnown": True,
        "map": False,
        "categories": [{"name": "Split \u202e", "values": ["a"]}],
    }
    body = message[4 + length :]
    assert np.frombuffer(body[:4], "<u2").tolist() == [30_000, 60_000]
    assert np.frombuffer(body[4:8], "<u2").tolist() == [0, 15_000]
    assert list(body[8:]) == [1, 255, 0, 0, 0, 255]


def test_many_classes_take_two_bytes_a_label():
    packed = pack([1, 1, 1], [1, 1, 1], [299, 0, -1], 300)
    assert packed.label.dtype == np.uint16
    assert kept_mask(packed, [0] * 300, [0] * 299 + [1]).tolist() == [True, True, False]
    assert kept_mask(packed, [0] * 299 + [SCALE], [0] * 300).tolist() == [True, True, False]
    assert len(packed.body) == 3 * 7


def test_the_version_changes_with_any_row_and_only_then():
    def version(**changes):
        given = {"confidence": [0.1, 0.2], "need": [0.3, 0.4], "label": [0, 1], "classes": 2}
        return pack(**{**given, **changes}).version

    assert version() == version()
    assert (
        len({version(), version(need=[0.3, 0.5]), version(classes=3), version(human=[0, 1])}) == 4
    )


def test_before_the_probe_rows_are_spread_and_only_confidence_counts():
    packed = pack([0.2, 0.8, np.nan], [np.nan] * 3, [0, 0, 0], 1)
    assert not packed.need_known
    assert kept_mask(packed, [30_000], [0]).tolist() == [False, True, False]
    assert kept_mask(packed, [0], [1]).tolist() == [False, False, False]
    assert placed(packed).tolist() == [True, True, False]
    x, y = coordinates(packed)
    # (i * 2654435761 mod 2**32) >> 16, mod 60001: as the browser computes it.
    assert (x.tolist(), y.tolist()) == ([12_000, 48_000, 0], [0, 40_503, 15_470])


def test_no_rows_and_no_classes():
    empty = pack([], [], [], 0)
    assert tally(empty, kept_mask(empty, [], [])) == {
        "kept": 0, "rows": 0, "share": 0.0, "per_class": [], "accuracy": None, "checked": 0,
    }  # fmt: skip
    unlabelled = pack([0.5], [0.5], [-1], 0)
    assert kept_mask(unlabelled, [], []).tolist() == [False]


def test_a_tiny_threshold_stays_above_zero():
    assert threshold_units(1e-9, ["a"]).tolist() == [1]
    assert threshold_units({"b": 0.5}, ["a", "b"]).tolist() == [0, 30_000]


@pytest.mark.parametrize(
    ("act", "kind", "words"),
    [
        (lambda: threshold_units(1.7, ["a"]), ConfigError, "A threshold is a number from 0 to 1. But it was: 1.7"),
        (lambda: threshold_units(float("nan"), ["a"]), ConfigError, "A threshold is a number from 0 to 1. But it was: nan"),
        (lambda: threshold_units({"x": 0.5}, ["a"]), ConfigError, "A threshold is set for 'x', which is not a class. The classes are a."),
        (lambda: pack([0.1], [0.1, 0.2], [0], 1), DataError, "The columns of the plane differ in length: 1 and 2 rows."),
        (lambda: pack([0.1], [0.1], [3], 3), DataError, "A label of the plane is 3, but the 3 classes are numbered from 0; a row without a label has -1."),
        (lambda: pack([0.1], [0.1], [-2], 3), DataError, "A label of the plane is -2, but the 3 classes are numbered from 0; a row without a label has -1."),
        (lambda: pack([], [], [], 70_000), DataError, "The plane shows up to 65,534 classes, not 70,000."),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(act, kind, words):
    with pytest.raises(kind) as failed:
        act()
    assert str(failed.value) == words


def test_colours_are_never_there_twice():
    from llkd.charts.palette import class_colours

    colours = distinct(class_colours(300))
    assert len(set(colours)) == 300
    assert colours[:32] == [one.lower() for one in class_colours(32)]
    assert all(len(one) == 7 and int(one[1:], 16) >= 0 for one in colours)
