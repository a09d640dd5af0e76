"""A run's charts: means over the right steps, a line a class, gaps where nothing was trained."""

import numpy as np
import pandas as pd
import pytest

from llkd import charts
from llkd.charts.palette import class_colours
from llkd.charts.training import POINTS, moving_mean, thinned

NASTY = "<a href='http://e.com'>l</a> %{y}"


def _steps(n=100, classes=2):
    return pd.DataFrame(
        {
            "step": np.arange(n),
            "loss": [None if k == 1 else 2.0 - k / n for k in range(n)],
            "batch": 8,
            "selected": np.arange(n) % 5,
            "teacher_threshold": [[0.5 + 0.001 * k] * classes for k in range(n)],
            "student_threshold": [[0.1 * (j + 1) for j in range(classes)] for _ in range(n)],
        }
    )


def test_moving_mean_looks_back_and_skips_what_is_missing():
    found = moving_mean(np.array([1.0, np.nan, 3.0, 5.0]), 2)
    assert list(found) == [1.0, 1.0, 3.0, 4.0]


def test_thinned_keeps_first_and_last_and_no_more_than_asked():
    assert list(thinned(3)) == [0, 1, 2]
    places = thinned(10_000, 50)
    assert len(places) == 50 and places[0] == 0 and places[-1] == 9_999
    assert (np.diff(places) > 0).all()


def test_loss_counts_steps_from_one_and_leaves_a_skipped_step_out():
    raw, mean = charts.loss(_steps()).data
    assert list(raw.x[:3]) == [1, 2, 3]
    assert np.isnan(raw.y[1])
    assert mean.y[-1] == pytest.approx(np.mean([2.0 - k / 100 for k in range(90, 100)]))


def test_share_selected_is_out_of_the_batch():
    raw, mean = charts.share_selected(_steps()).data
    assert raw.y[4] == pytest.approx(0.5)
    assert mean.y[-1] == pytest.approx(np.mean(np.arange(5)) / 8)


def test_a_run_of_one_step_has_a_chart():
    for make in (charts.loss, charts.share_selected):
        assert len(make(_steps(1)).data[1].x) == 1


def test_a_long_run_is_thinned():
    assert len(charts.loss(_steps(5_000)).data[0].x) == POINTS


def test_thresholds_are_a_line_a_class_in_its_colour():
    figure = charts.thresholds(_steps(classes=3), "student", ["a", NASTY, "c"])
    assert [line.line.color for line in figure.data] == class_colours(3)
    assert [line.y[-1] for line in figure.data] == pytest.approx([0.1, 0.2, 0.3])
    assert figure.data[0].hovertext[0] == "a<br>step 1: 10.0%"
    assert "<a" not in figure.to_json()
    assert figure.layout.yaxis.title.text == "Student threshold"


def test_evaluation_has_both_figures_of_every_epoch():
    epochs = [
        {"epoch": 1, "accuracy": 0.5, "macro_f1": 0.4},
        {"epoch": 2, "accuracy": 0.7, "macro_f1": 0.6},
    ]
    accuracy, macro = charts.evaluation(epochs).data
    assert list(accuracy.y) == [0.5, 0.7] and list(macro.y) == [0.4, 0.6]
    assert list(accuracy.x) == [1, 2]
