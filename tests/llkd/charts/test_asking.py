"""Candidates side by side, and what each call was worth."""

import json

import pytest

from llkd import charts

NASTY = "<a href='http://e.com'>x</a><img src=x> %{x}"


def mark(candidate, calibration, accuracy, half=0.05):
    low, high = accuracy - half, accuracy + half
    return {
        "candidate": candidate,
        "calibration": calibration,
        "accuracy": accuracy,
        "low": low,
        "high": high,
    }


def test_each_calibration_is_a_colour_and_each_candidate_a_line_of_its_own():
    marks = [mark(k, name, 0.5 + 0.1 * k) for k in range(2) for name in ("None", "Batch")]
    none, batch = charts.candidates(["a", "b"], marks, (1, "Batch")).data
    assert (none.name, batch.name) == ("None", "Batch")
    assert none.marker.color != batch.marker.color
    assert list(none.x) == pytest.approx([0.5, 0.6])
    # No two marks on the same height, and each nearest to its own candidate's line.
    heights = [*none.y, *batch.y]
    assert len(set(heights)) == 4 and [round(y) for y in heights] == [0, 1, 0, 1]
    assert list(batch.error_x.array) == pytest.approx([0.05, 0.05])
    assert list(none.marker.line.width) == [0, 0] and list(batch.marker.line.width) == [0, 3]


@pytest.mark.parametrize("accuracies", [(0.995, 0.995), (0.2, 0.9)])
def test_the_axis_holds_every_interval_and_tells_its_ticks_apart(accuracies):
    marks = [mark(k, "None", value, 0.004) for k, value in enumerate(accuracies)]
    low, high = charts.candidates(["a", "b"], marks).layout.xaxis.range
    assert high - low >= 0.2 - 1e-9
    assert all(low < one["low"] and one["high"] < high for one in marks)


def test_candidates_without_a_figure_are_an_empty_chart():
    figure = charts.candidates(["a"], [])
    assert not figure.data and list(figure.layout.yaxis.ticktext) == ["a"]


def test_both_orders_stand_at_their_own_number_of_calls():
    need, other = charts.gain_of_calls([(100, 0.5), (200, 0.6)], [(60, 0.5)], "accuracy").data
    assert list(need.x) == [100, 200] and list(need.y) == [0.5, 0.6]
    assert list(other.x) == [60] and other.line.dash == "dot"


def test_names_are_never_markup():
    figure = charts.candidates([NASTY], [mark(0, NASTY, 0.5)])
    told = json.dumps(json.loads(figure.to_json()))
    assert "<img" not in told and "<a href" not in told
    assert all(trace.hovertemplate is None for trace in figure.data)
