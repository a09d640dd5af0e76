"""Strategies as the pages show them: one that somebody adds, and those that are retired."""

import pytest

from llkd import charts
from llkd.evaluation.comparison.arms import arm_colour
from llkd.selection.registry import RETIRED, STRATEGIES
from tests.support.pages import button, opened, words
from tests.support.seeded_projects import seeded_project
from tests.support.seeded_runs import add_run
from tests.support.toy_strategy import TOY


def test_the_form_shows_labels_and_keeps_names(home):
    seeded_project(home)
    select = opened("train").selectbox(key="train_strategy")
    first, *others = select.options
    assert others == [spec.label for spec in STRATEGIES.values()]
    assert select.value == "auto" and first.startswith("Proposed: ")
    assert first.removeprefix("Proposed: ") in others
    assert not {spec.label for spec in RETIRED.values()} & set(select.options)


def test_a_strategy_that_somebody_adds_is_in_the_form_and_in_the_comparison(
    home, started, monkeypatch
):
    monkeypatch.setitem(STRATEGIES, "every_other", TOY)
    seeded_project(home)
    app = opened("train")
    assert "Every other text" in app.selectbox(key="train_strategy").options
    app.selectbox(key="train_strategy").set_value("every_other").run()
    assert TOY.summary in words(app)
    button(app, "Start training").click().run()
    assert not app.error and "--strategy=every_other" in started[0].command()
    pills = app.get_by_key("train_compare_arms")
    assert "Every other text" in pills.options


def test_a_run_of_it_is_shown_under_its_label_and_in_its_colour(home, monkeypatch):
    monkeypatch.setitem(STRATEGIES, "every_other", TOY)
    store, project = seeded_project(home)
    run = add_run(store, project, "every_other")
    assert run.name == f"run {run.id}: Every other text"
    drawn = []
    real = charts.accuracy_against_samples
    monkeypatch.setattr(
        charts,
        "accuracy_against_samples",
        lambda marks, teacher: drawn.extend(marks) or real(marks, teacher),
    )
    app = opened("results")
    assert not app.exception and f"run {run.id}: Every other text" in str(
        [table.value for table in app.dataframe]
    )
    assert [(mark["strategy"], mark["colour"]) for mark in drawn] == [
        ("Every other text", "#123456")
    ]


@pytest.mark.parametrize(("name", "label"), [("small_loss", "Small loss"), ("trust", "Trust")])
def test_runs_of_a_retired_strategy_still_open_with_their_figures(home, name, label):
    store, project = seeded_project(home, n=120)
    selection = {"trust_score": "need", "trust_weight": "right"} if name == "trust" else {}
    run = store.runs.get(add_run(store, project, name, window=2, **selection).id)
    assert run.config.selection.strategy == name
    assert run.config.selection.trust_weight == ("right" if selection else "none")
    app = opened("results")
    assert not app.exception and not app.error
    (table,) = [one.value for one in app.dataframe if "Who" in one.value.columns]
    (row,) = [line for _, line in table.iterrows() if line["Who"] == f"run {run.id}: {label}"]
    assert row["Accuracy"].startswith(f"{100 * run.summary.accuracy:.1f}")
    assert row["Back-propagated"] == run.summary.backpropagated > 0
    assert arm_colour(name) == RETIRED[name].colour
    app = opened("train")
    assert not app.exception and not app.error
    assert "Finished runs (1)" in str([one.label for one in app.selectbox])
