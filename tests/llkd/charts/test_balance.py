"""The bars of what is kept: in class order, and nothing hostile in them."""

from llkd import charts
from llkd.charts.palette import class_colours

NASTY = "<a href='http://e.com'>l</a> %{x} <img src=x>"


def test_bars_of_kept_stand_before_all_labelled_in_class_order():
    figure = charts.kept_per_class(["a", NASTY, "c"], [5, 0, 2], [10, 0, 4])
    everything, kept = figure.data
    assert list(everything.x) == [10, 0, 4] and list(kept.x) == [5, 0, 2]
    assert list(kept.marker.color) == class_colours(3)
    assert kept.hovertext[0] == "a<br>5 of 10 kept (50.0%)"
    assert kept.hovertext[1].endswith("0 of 0 kept (0.0%)")
    assert "<img" not in figure.to_json()
    assert figure.layout.yaxis.ticktext[2] == "c"
