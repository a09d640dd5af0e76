"""Finished figures: made once for the same parts, anew for any other, and as Plotly makes them."""

import gc

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io
import pytest
from hypothesis import given
from hypothesis import strategies as some

from llkd import charts
from ui.shell import figures

PLAIN = some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text()
PARTS = some.recursive(
    PLAIN, lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner), max_leaves=8
)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setattr(figures, "CACHED", type(figures.CACHED)())
    monkeypatch.setattr(figures, "FRAME_DIGESTS", {})


def made_of(calls):
    def make(*parts, **named):
        calls.append(repr(parts))
        return go.Figure(go.Bar(y=[len(calls)]))

    return make


def test_a_figure_is_made_once_for_the_same_parts_and_is_sent_as_plotly_would():
    counts, names = np.array([3, 4]), ["roads", "<b>waste</b>"]
    one = figures.finished(charts.label_histogram, counts, names)
    assert figures.finished(charts.label_histogram, counts.copy(), list(names)) is one
    whole = charts.label_histogram(counts, names)
    assert plotly.io.to_json(one.to_dict(), validate=False) == plotly.io.to_json(whole)
    assert figures.finished(charts.label_histogram, counts + 1, names) is not one
    assert figures.finished(charts.label_histogram, counts, names[::-1]) is not one


def test_one_value_of_a_million_makes_another_figure():
    calls = []
    make, values = made_of(calls), np.zeros(1_000_000)
    frame = pd.DataFrame({"x": values})
    for where in (0, 500_001, 999_999):
        changed = values.copy()
        changed[where] = 1e-9
        figures.finished(make, changed)
        figures.finished(make, pd.DataFrame({"x": changed}))
        figures.finished(make, frame)
        figures.finished(make, values)
    assert len(calls) == 3 * 2 + 2


@given(PARTS, PARTS)
def test_parts_that_differ_are_never_taken_for_the_same(one, other):
    same = repr(one) == repr(other)
    assert (figures.digest(one) == figures.digest(other)) == same


def test_kinds_that_look_alike_are_told_apart():
    alike = [1, 1.0, "1", True, np.int64(1), [1], [[1]], {"1": None}, ["1", None], np.array([1]),
             np.array([1.0]), np.array([[1]]), "1None", ["a", "b"], ["ab"], [["a"], "b"]]  # fmt: skip
    assert len({figures.digest(one) for one in alike}) == len(alike)


def test_a_frame_that_is_gone_is_not_remembered_for_another_in_its_place():
    calls = []
    make = made_of(calls)
    for value in range(50):
        figures.finished(make, pd.DataFrame({"x": [value], "y": [[value, 0.5]]}))
    assert len(calls) == 50
    gc.collect()
    assert not figures.FRAME_DIGESTS
    # The order and the names of columns count.
    figures.finished(make, pd.DataFrame({"a": [1], "b": [2]}))
    figures.finished(make, pd.DataFrame({"b": [1], "a": [2]}))
    assert len(calls) == 52


def test_a_kept_figure_cannot_be_changed():
    one = figures.finished(charts.label_histogram, [1], ["a"])
    with pytest.raises((AttributeError, TypeError)):
        one.update_layout(height=3)
    with pytest.raises(AttributeError):
        one.height = 3


def test_few_are_kept_and_none_that_is_very_large(monkeypatch):
    calls = []
    make = made_of(calls)
    for number in range(figures.MOST + 20):
        figures.finished(make, number)
    assert len(figures.CACHED) == figures.MOST
    figures.finished(make, 0)  # the oldest went
    assert len(calls) == figures.MOST + 21
    monkeypatch.setattr(figures, "MOST_LETTERS", 10)
    figures.finished(make, "large")
    figures.finished(make, "large")
    assert len(calls) == figures.MOST + 23


def test_what_is_no_plain_value_is_refused():
    with pytest.raises(TypeError, match="not by object"):
        figures.finished(charts.label_histogram, object())
