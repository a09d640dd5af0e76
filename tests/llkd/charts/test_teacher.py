"""Figures of a teacher's labels: their numbers, their colours, and nothing hostile in them."""

import numpy as np
import pytest

from llkd import charts
from llkd.charts.palette import KEPT_COLOUR, RIGHT, WRONG, class_colour, class_colours
from llkd.evaluation.confidence_metrics import reliability_table, risk_coverage

NASTY = "<img src=x onerror=alert(1)> %{x} <a href='http://e.com'>l</a>"


def _everything(figure):
    return figure.to_json()


def test_colours_stay_with_their_class_and_never_repeat_early():
    assert class_colours(3) == class_colours(5)[:3]
    assert len(set(class_colours(32))) == 32
    assert all(len(colour) == 7 and colour[0] == "#" for colour in class_colours(40))
    assert class_colour(0) not in {KEPT_COLOUR, RIGHT, WRONG}


def test_label_histogram_has_a_bar_a_class_in_order():
    figure = charts.label_histogram([30, 0, 10], ["a", "b", "c"])
    (bar,) = figure.data
    assert list(bar.x) == [30, 0, 10]
    assert list(bar.y) == ["a", "b", "c"]
    assert list(bar.text) == ["30  (75.0 %)", "0  (0.0 %)", "10  (25.0 %)"]
    assert list(bar.marker.color) == class_colours(3)
    assert figure.layout.yaxis.autorange == "reversed"


def test_label_histogram_before_the_first_label():
    (bar,) = charts.label_histogram([0, 0], ["a", "b"]).data
    assert list(bar.text) == ["0", "0"]


def test_equal_looking_names_keep_their_own_bars():
    long = "x" * 60
    (bar,) = charts.label_histogram([1, 2], [long + "a", long + "b"]).data
    assert len(set(bar.y)) == 2


def test_confidence_histogram_counts_every_stated_confidence_once():
    sure = np.array([0.0, 0.049, 0.5, 0.999, 1.0, np.nan, 0.7])
    label = np.array([0, 0, 1, 1, 0, 1, -1])
    figure = charts.confidence_histogram(sure, label, ["a", "b"])
    a, b = figure.data
    assert sum(a.y) == 3 and sum(b.y) == 2  # NaN and the unlabelled row are left out
    assert a.y[0] == 2 and a.y[-1] == 1  # both edges belong to a bin
    assert figure.layout.barmode == "stack"
    assert figure.layout.legend.traceorder == "normal"


def test_reliability_draws_filled_bins_only():
    table = reliability_table([0.1, 0.9, 0.92], [0, 1, 0], bins=10)
    diagonal, curve = charts.reliability(table).data
    assert list(diagonal.x) == [0, 1] == list(diagonal.y)
    assert list(curve.y) == [0.0, 1.0, 0.0]
    assert curve.x == pytest.approx([0.1, 0.9, 0.92])
    assert list(curve.customdata) == [1, 1, 1]


def test_reliability_of_nothing_is_an_empty_curve():
    _, curve = charts.reliability(reliability_table([], [])).data
    assert len(curve.x) == 0


def test_risk_coverage_is_the_curve_it_was_given():
    points = risk_coverage([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 1])
    (curve,) = charts.risk_coverage(points).data
    assert list(curve.x) == [0.25, 0.5, 0.75, 1.0]
    assert curve.y == pytest.approx([0, 0, 1 / 3, 1 / 4])


def test_class_names_are_never_markup():
    names = [NASTY, "b"]
    for figure in (
        charts.label_histogram([1, 2], names),
        charts.confidence_histogram([0.5, 0.6], [0, 1], names),
    ):
        told = _everything(figure)
        assert "<img" not in told and "<a href" not in told
        assert "\\u003cimg" not in told
        for trace in figure.data:
            assert "%{x} " not in (trace.hovertemplate or "").replace("%{x:", "")
