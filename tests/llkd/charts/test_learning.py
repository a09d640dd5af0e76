"""Learning curves, how right a selection was, and the map of a data set, as figures."""

import numpy as np
import pytest

from llkd import charts
from llkd.charts.palette import KEPT_COLOUR, class_colours
from llkd.evaluation.comparison.arms import arm_colour

NASTY = "<a href='http://e.com'>l</a> %{y}"


def _curve(name, strategy, matched=False, scale=1):
    return {
        "name": name,
        "colour": arm_colour(strategy),
        "matched": matched,
        "epochs": [
            {"epoch": 1, "samples": 10 * scale, "seconds": 1.5, "accuracy": 0.5, "macro_f1": 0.4},
            {"epoch": 2, "samples": 25 * scale, "seconds": 3.0, "accuracy": 0.7, "macro_f1": 0.6},
        ],
    }


@pytest.mark.parametrize(
    ("measure", "against", "x", "y"),
    [
        ("accuracy", "samples", [10, 25], [0.5, 0.7]),
        ("macro_f1", "seconds", [1.5, 3.0], [0.4, 0.6]),
        ("accuracy", "epoch", [1, 2], [0.5, 0.7]),
    ],
)
def test_a_run_and_its_rivals_are_drawn_over_what_they_cost(measure, against, x, y):
    curves = [_curve(NASTY, "llkd"), _curve("all", "all"), _curve("trust", "trust", True)]
    figure = charts.learning_curves(curves, measure, against, teacher=0.6)
    mine, rival, matched = figure.data
    assert (list(mine.x), list(mine.y)) == (x, y)
    assert mine.line.width > rival.line.width
    assert (mine.line.color, rival.line.color) == (KEPT_COLOUR, arm_colour("all"))
    assert (rival.line.dash, matched.line.dash) == ("solid", "dot")
    assert figure.layout.shapes[0].y0 == 0.6
    assert "<a" not in figure.to_json()


def test_how_right_leaves_a_gap_where_nothing_is_known():
    series = [("all classes", [0.8, 0.9]), ("a", [None, 1.0]), (NASTY, [0.7, None])]
    figure = charts.right_by_epoch([1, 2], series, 0.75)
    assert [list(line.y) for line in figure.data] == [[0.8, 0.9], [None, 1.0], [0.7, None]]
    assert [line.line.color for line in figure.data] == [KEPT_COLOUR, *class_colours(2)]
    assert figure.data[1].hovertext[0] == "a, epoch 1: none is known"
    assert figure.layout.shapes[0].y0 == 0.75
    assert "<a" not in figure.to_json()


def test_a_map_has_its_texts_where_they_belong():
    figure = charts.cartography([0.1, 0.4], [0.9, 0.5], [1.0, 0.5])
    (marks,) = figure.data
    assert marks.type == "scattergl"
    assert np.asarray(marks.x) == pytest.approx([0.1, 0.4])
    assert np.asarray(marks.y) == pytest.approx([0.9, 0.5])
    assert np.asarray(marks.marker.color) == pytest.approx([1.0, 0.5])
    assert {note.text for note in figure.layout.annotations} == {
        "easy to learn", "hard to learn", "ambiguous",
    }  # fmt: skip
