"""Charts of results: the right figures in the right cells, colours that stay, names made safe."""

import numpy as np
import pytest

from llkd import charts
from llkd.charts.palette import KEPT_COLOUR, NOT_KEPT, RIGHT, WRONG, class_colours
from llkd.evaluation.comparison.arms import arm_colour

NASTY = "<a href='http://e.com'>l</a> %{y}"


def _run(name, strategy, samples, accuracy):
    low, high = accuracy - 0.05, accuracy + 0.04
    return {
        "name": name,
        "strategy": strategy,
        "colour": arm_colour(strategy),
        "backpropagated": samples,
        "accuracy": accuracy,
        "low": low,
        "high": high,
    }


def test_runs_stand_by_samples_with_their_intervals_and_the_teacher_as_a_line():
    runs = [_run("run 1", "llkd", 200, 0.8), _run("run 2", "all", 1000, 0.7)]
    figure = charts.accuracy_against_samples(runs, 0.65)
    llkd, everything = figure.data
    assert (list(llkd.x), list(llkd.y)) == ([200], [0.8])
    assert list(llkd.error_y.array) == pytest.approx([0.04])
    assert list(llkd.error_y.arrayminus) == pytest.approx([0.05])
    assert llkd.marker.color == KEPT_COLOUR
    assert everything.marker.color == arm_colour("all")
    assert figure.layout.shapes[0].y0 == 0.65
    assert figure.layout.annotations[0].text == "the teacher itself"


def test_runs_of_one_strategy_share_a_trace_and_no_teacher_is_no_line():
    runs = [_run("run 1", "llkd", 200, 0.8), _run("run 3", "llkd", 210, 0.82)]
    figure = charts.accuracy_against_samples(runs, None)
    assert len(figure.data) == 1 and not figure.layout.shapes
    assert list(figure.data[0].hovertext) == [
        "run 1<br>80.0% with 200 samples",
        "run 3<br>82.0% with 210 samples",
    ]


def test_f1_has_a_bar_a_class_and_series():
    series = [("teacher", [0.5, 0.6], NOT_KEPT), (NASTY, [0.7, 0.8], KEPT_COLOUR)]
    figure = charts.f1_per_class(["a", NASTY], series)
    assert [list(bar.y) for bar in figure.data] == [[0.5, 0.6], [0.7, 0.8]]
    assert [bar.marker.color for bar in figure.data] == [NOT_KEPT, KEPT_COLOUR]
    assert "<a" not in figure.to_json()


def test_confusion_shades_by_row_and_writes_the_counts():
    figure = charts.confusion([[8, 2], [0, 0]], ["a", NASTY])
    shades, counts = figure.data
    assert np.asarray(shades.z).tolist() == [[0.8, 0.2], [0.0, 0.0]]
    written = [(note.text, note.x, note.y) for note in figure.layout.annotations]
    assert written == [("8", 0, 0), ("2", 1, 0), ("0", 0, 1), ("0", 1, 1)]
    assert (list(counts.x), list(counts.y)) == ([0, 1, 0, 1], [0, 0, 1, 1])
    assert counts.hovertext[1].startswith("true: a<br>student: ")
    assert counts.hovertext[1].endswith("2 (20.0%)")
    assert "<a" not in figure.to_json()
    assert list(figure.layout.yaxis.range) == [1.5, -0.5]  # the first class on top


def test_equal_looking_names_keep_their_own_cells():
    long = "x" * 40
    figure = charts.confusion([[1, 0], [0, 1]], [long + "1", long + "2"])
    assert list(figure.layout.xaxis.tickvals) == [0, 1]


def test_many_classes_have_no_room_for_counts():
    many = 30
    figure = charts.confusion(np.eye(many, dtype=int).tolist(), [str(k) for k in range(many)])
    marks = figure.data[1]
    assert marks.mode == "markers" and not figure.layout.annotations
    assert len(marks.x) == many**2, "a cell can be clicked all the same"


def test_the_chosen_cell_is_outlined_and_right_or_wrong_by_its_colour():
    for cell, colour in (((0, 1), WRONG), ((1, 1), RIGHT)):
        (outline,) = charts.confusion([[8, 2], [0, 1]], ["a", "b"], cell=cell).layout.shapes
        assert (outline.y0, outline.x0) == (cell[0] - 0.48, cell[1] - 0.48)
        assert outline.line.color == colour
    assert not charts.confusion([[1]], ["a"]).layout.shapes


def test_selected_when_leaves_a_gap_where_a_class_has_no_text():
    epochs = [
        {"epoch": 1, "selected_share_per_class": {"a": 0.5, "b": None}},
        {"epoch": 2, "selected_share_per_class": {"a": 0.25, "b": None}},
    ]
    first, second = charts.selected_when(epochs, ["a", "b"]).data
    assert list(first.y) == [0.5, 0.25]
    assert list(second.y) == [None, None]
    assert second.hovertext[0] == "b, epoch 1: none"
    assert [line.line.color for line in (first, second)] == class_colours(2)


def test_an_answer_is_sorted_and_every_class_keeps_its_colour():
    figure = charts.probabilities({"a": 0.2, "b": 0.5, NASTY: 0.3})
    (bar,) = figure.data
    assert list(bar.x) == [0.5, 0.3, 0.2]
    colours = class_colours(3)
    assert list(bar.marker.color) == [colours[1], colours[2], colours[0]]
    assert list(bar.text) == ["50.0%", "30.0%", "20.0%"]
    assert "<a" not in figure.to_json()


def test_an_answer_over_many_classes_shows_the_most_probable():
    values = {str(k): k / 100 for k in range(40)}
    figure = charts.probabilities(values, most=5)
    assert list(figure.data[0].x) == [0.39, 0.38, 0.37, 0.36, 0.35]


def _luminance(colour):
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in colour]
    return sum(part * v for part, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("page", [(1.0, 1.0, 1.0), (0.055, 0.067, 0.09)])
def test_numbers_of_dark_cells_are_readable_on_a_light_and_a_dark_page(page):
    figure = charts.confusion([[9, 1], [4, 6]], ["a", "b"])
    colours = [annotation.font.color for annotation in figure.layout.annotations]
    assert colours == ["#ffffff", None, None, "#ffffff"]
    for at, shade in figure.data[0].colorscale[2:]:
        *blue, alpha = (float(part) for part in shade[5:-1].split(","))
        cell = [alpha * c / 255 + (1 - alpha) * p for c, p in zip(blue, page, strict=True)]
        assert at >= 0.5 and 1.05 / (_luminance(cell) + 0.05) >= 4.5
