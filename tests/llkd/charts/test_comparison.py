"""The arms of a comparison as a chart: one name and one colour an arm, one mark a budget."""

from llkd import charts
from llkd.evaluation.comparison.arms import OTHER_COLOUR, arm_colour
from llkd.evaluation.comparison.arms import arms as all_arms
from llkd.selection.registry import RETIRED


def mark(arm, budget="epochs", **values):
    usual = {"samples": 2900, "time": 61.4, "accuracy": 0.8, "low": 0.78, "high": 0.83}
    return {
        "arm": arm,
        "label": arm.upper(),
        "colour": arm_colour(arm),
        "budget": budget,
        **usual,
        **values,
    }


def test_every_arm_has_a_colour_of_its_own():
    names = [*all_arms(), *RETIRED, "fixed"]
    colours = {arm_colour(name) for name in names}
    assert len(colours) == len(names) and OTHER_COLOUR not in colours
    assert arm_colour("a strategy of somebody else") == OTHER_COLOUR


def test_an_arm_at_two_budgets_is_named_once_and_drawn_twice():
    marks = [mark("llkd"), mark("trust"), mark("trust", "samples", accuracy=0.81)]
    figure = charts.arms(marks, 0.71)
    assert [trace.name for trace in figure.data if trace.showlegend] == ["LLKD", "TRUST"]
    assert [trace.marker.symbol for trace in figure.data] == ["circle", "circle", "diamond"]
    assert figure.data[1].marker.color == figure.data[2].marker.color
    assert figure.data[2].hovertext == ("TRUST, matched<br>81.0% with 2,900 samples in 61 s",)
    assert round(figure.data[0].error_y.array[0], 6) == 0.03
    assert round(figure.data[0].error_y.arrayminus[0], 6) == 0.02
    assert figure.layout.shapes[0].y0 == 0.71
    assert figure.layout.xaxis.title.text == "Samples back-propagated"


def test_against_time():
    figure = charts.arms([mark("llkd")], None, "time")
    assert list(figure.data[0].x) == [61.4] and not figure.layout.shapes
    assert figure.layout.xaxis.title.text == "Whole time in seconds"


def test_ranked_the_most_accurate_is_on_top():
    marks = [mark("llkd"), mark("trust", "samples", accuracy=0.82, high=0.85), mark("random")]
    figure = charts.arms_ranked([{**marks[2], "accuracy": 0.79}, *marks[:2]], 0.71)
    assert list(figure.layout.yaxis.ticktext) == ["RANDOM", "LLKD", "TRUST"]
    assert list(figure.data[0].x) == [0.79, 0.8, 0.82]
    assert figure.layout.shapes[0].x0 == 0.71
