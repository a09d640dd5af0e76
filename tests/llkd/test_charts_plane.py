"""The decision plane as a figure: which marks are where, the lines, and nothing hostile in it."""

import base64

import numpy as np
import pytest

from llkd import charts
from llkd.charts import Group, Line, Marks
from llkd.charts.palette import KEPT, NOT_KEPT, class_colours

NASTY = "<a href='http://e.com'>l</a> %{x} <img src=x>"
GROUPS = [Group("not kept", NOT_KEPT), Group("kept", KEPT)]


def _marks(n=5):
    x = np.linspace(0.5, 0.9, n)
    y = np.linspace(0.1, 0.8, n)
    hover = np.array([charts.hover_text(f"t{k}", "a", x[k], y[k]) for k in range(n)], dtype=object)
    return Marks(x, y, hover)


def _lines(figure):
    return [(s.x0, s.x1, s.y0, s.y1) for s in figure.layout.shapes if s.type == "line"]


def test_each_mark_is_drawn_once_in_the_trace_of_its_group():
    figure = charts.decision_plane(_marks(), np.array([0, 1, 1, -1, 0]), GROUPS, [])
    assert [trace.name for trace in figure.data] == ["not kept", "kept"]
    assert [trace.type for trace in figure.data] == ["scattergl", "scattergl"]
    assert list(figure.data[0].x) == pytest.approx([0.5, 0.9])
    assert list(figure.data[1].y) == pytest.approx([0.275, 0.45])
    assert [trace.marker.color for trace in figure.data] == [NOT_KEPT, KEPT]


def test_a_group_without_marks_is_no_trace():
    figure = charts.decision_plane(_marks(), np.ones(5, dtype=int), GROUPS, [])
    assert [trace.name for trace in figure.data] == ["kept"]


def test_one_pair_of_thresholds_is_two_lines_and_the_kept_corner_is_shaded():
    figure = charts.decision_plane(_marks(), np.ones(5, dtype=int), GROUPS, [Line(0.6, 0.3, KEPT)])
    upright, level = _lines(figure)
    assert upright[:2] == (0.6, 0.6)
    assert level[2:] == (0.3, 0.3)
    (corner,) = [s for s in figure.layout.shapes if s.type == "rect"]
    assert (corner.x0, corner.y0) == (0.6, 0.3)


def test_a_threshold_of_zero_is_no_line():
    figure = charts.decision_plane(_marks(), np.ones(5, dtype=int), GROUPS, [Line(0.0, 0.3, KEPT)])
    assert [line[2:] for line in _lines(figure)] == [(0.3, 0.3)]


def test_thresholds_by_class_are_lines_in_the_colours_of_the_classes():
    colours = class_colours(2)
    pairs = [Line(0.6, 0.3, colours[0]), Line(0.7, 0.4, colours[1])]
    figure = charts.decision_plane(_marks(), np.ones(5, dtype=int), GROUPS, pairs)
    assert len(_lines(figure)) == 4
    assert {s.line.color for s in figure.layout.shapes} == set(colours)
    assert not [s for s in figure.layout.shapes if s.type == "rect"]


def test_regions_are_drawn_again_as_box_and_lasso():
    regions = [{"x": [0.6, 0.8], "y": [0.1, 0.5]}, {"x": [0.5, 0.6, 0.7], "y": [0.1, 0.9, 0.2]}]
    figure = charts.decision_plane(_marks(), np.ones(5, dtype=int), GROUPS, [], regions=regions)
    box, lasso = figure.layout.shapes
    assert (box.type, box.x0, box.x1, box.y0, box.y1) == ("rect", 0.6, 0.8, 0.1, 0.5)
    assert lasso.path == "M 0.50000,0.10000 L 0.60000,0.90000 L 0.70000,0.20000 Z"


def test_the_axis_starts_a_little_below_the_data():
    figure = charts.decision_plane(_marks(), np.ones(5, dtype=int), GROUPS, [])
    assert figure.layout.xaxis.range[0] == pytest.approx(0.45)
    assert figure.layout.xaxis.range[1] > 1


def test_without_a_need_the_height_is_said_to_mean_nothing():
    figure = charts.decision_plane(_marks(), np.ones(5, dtype=int), GROUPS, [], need_known=False)
    assert "height means nothing" in figure.layout.yaxis.title.text
    assert figure.layout.yaxis.showticklabels is False


def test_no_marks_at_all_is_an_empty_plane():
    nothing = Marks(np.empty(0), np.empty(0), np.empty(0, dtype=object))
    figure = charts.decision_plane(nothing, np.empty(0, dtype=int), GROUPS, [])
    assert len(figure.data) == 0
    assert figure.layout.xaxis.range[0] == 0.0


def test_hover_says_text_label_and_both_figures_escaped_and_short():
    said = charts.hover_text(NASTY + "x" * 200, "<b>a</b>", 0.8312, 0.4)
    assert "<a" not in said and "<img" not in said and "&lt;a href" in said
    assert "confidence 83.1 %, information need 40.0 %" in said
    assert "&lt;b&gt;a&lt;/b&gt;" in said
    assert said.count("<") == 3  # our own break and bold
    assert len(charts.hover_text("x" * 1000, "a", 0.5, 0.5)) < 160
    assert "information need" not in charts.hover_text("x", "a", 0.5, float("nan"))


def test_names_are_escaped_and_no_text_is_part_of_a_template():
    figure = charts.decision_plane(_marks(), np.zeros(5, dtype=int), [Group(NASTY, KEPT)], [])
    assert "<" not in figure.data[0].name
    assert figure.data[0].hovertemplate is None
    assert figure.data[0].hoverinfo == "text"


def test_a_lone_surrogate_does_not_stop_the_figure():
    hover = np.array([charts.hover_text("bad \ud800 text", "a", 0.5, 0.5)], dtype=object)
    marks = Marks(np.array([0.5]), np.array([0.5]), hover)
    document = charts.decision_plane(marks, np.array([0]), GROUPS, []).to_json()
    assert "bad ? text" in document


def test_positions_travel_as_four_byte_numbers():
    marks = Marks(np.random.default_rng(0).random(1000), np.zeros(1000), np.full(1000, "", object))
    figure = charts.decision_plane(marks, np.zeros(1000, dtype=int), GROUPS, [])
    packed = figure.to_plotly_json()["data"][0]["x"]
    assert packed["dtype"] == "f4"
    assert len(base64.b64decode(packed["bdata"])) == 4000


def test_bars_of_kept_stand_before_all_labelled_in_class_order():
    figure = charts.kept_per_class(["a", NASTY, "c"], [5, 0, 2], [10, 0, 4])
    everything, kept = figure.data
    assert list(everything.x) == [10, 0, 4] and list(kept.x) == [5, 0, 2]
    assert list(kept.marker.color) == class_colours(3)
    assert kept.hovertext[0] == "a<br>5 of 10 kept (50.0%)"
    assert kept.hovertext[1].endswith("0 of 0 kept (0.0%)")
    assert "<img" not in figure.to_json()
    assert figure.layout.yaxis.ticktext[2] == "c"
