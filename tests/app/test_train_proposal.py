"""What Train proposes where nobody chooses, why, and that a person's choice stays."""

import pytest

from llkd import curation
from llkd.config import TrainingConfig
from llkd.curation.random_order import random_order
from llkd.evaluation.advice import TABLE, edges
from llkd.evaluation.advice.edges import Line
from llkd.evaluation.comparison.conclusion import runs_a_seed
from llkd.selection.registry import label_of
from tests.support.pages import button, opened, words
from tests.support.seeded_projects import NAMES, seeded_project, train_request
from tests.support.seeded_runs import add_run

OPEN = "Label 30 texts at random"
SURE = Line("sure", "needed_neighbours", ("all", "needed_neighbours", "soft"),
            "a sure teacher, so {texts} {labels}", "which", accuracy=(0.5, 1.1))  # fmt: skip


@pytest.fixture
def table(monkeypatch):
    """A table by which sure teachers get another strategy."""
    monkeypatch.setattr(edges, "TABLE", (SURE, *TABLE))


def buttons(app):
    return [button.label for button in app.button]


def test_the_proposal_stands_there_with_its_reason_and_estimate(home, started, table):
    store, project = seeded_project(home)
    app = opened("train")
    select = app.selectbox(key="train_strategy")
    assert select.value == "auto"
    assert select.options[0] == f"Proposed: {label_of('needed_neighbours')}"
    shown = words(app)
    plane = curation.load_plane(store, project, need=False).frame
    right = (plane["teacher_label"] == plane["gold"]).mean()
    assert (
        f"The teacher is right in {100 * right:.0f}\u00a0% of the texts (by gold of 45 texts): a sure "
        "teacher, so 45 labels."
    ) in shown
    assert OPEN not in buttons(app)
    button(app, "Start training").click().run()
    assert started == [train_request(TrainingConfig())]


def test_a_finished_run_still_says_why_it_trained_so(home, table):
    store, project = seeded_project(home, n=120)
    add_run(store, project, "all")
    assert "It was so" not in words(opened("train"))
    add_run(store, project, "all", seed=1, advice={"sentence": "It was so, long ago."})
    assert "It was so, long ago." in words(opened("train"))


def test_a_choice_stays_whatever_is_proposed(home, started, table):
    seeded_project(home)
    app = opened("train")
    app.selectbox(key="train_strategy").set_value("all").run()
    assert f"{label_of('needed_neighbours')} is proposed. The teacher is right" in words(app)
    app.switch_page("pages/curate.py").run()
    app.switch_page("pages/train.py").run()
    assert app.run().selectbox(key="train_strategy").value == "all"
    button(app, "Start training").click().run()
    assert "--strategy=all" in started[0].command()


def test_a_guess_says_so_and_leads_to_what_would_make_it_surer(home, table):
    store, project = seeded_project(home, n=90, gold=False)
    app = opened("train")
    assert "The teacher's own confidence says that" in words(app)
    assert "(nobody has checked labels of the pool)" in words(app)
    button(app, OPEN).click().run()
    assert app.selectbox(key="curate_order").value == "random"
    for k, row in enumerate(random_order((90,))[:30]):
        store.decisions.decide(project.id, [int(row)], "label", NAMES[k % 3])
    app = opened("train")
    assert "by 30 texts that people labelled at random)" in words(app)


def test_labels_that_evaluate_have_no_say(home, table):
    store, project = seeded_project(home, n=120, gold=False)
    for k, row in enumerate(random_order((120,))[:60]):
        store.decisions.decide(project.id, [int(row)], "label", NAMES[k % 3])
    app = opened("train")
    assert "by 60 texts that people labelled at random" in words(app)
    app.toggle(key="train_judged_by_people").set_value(True).run()
    app.run()
    assert "people's labels, which evaluate here, had no say" in words(app)


def test_the_arms_worth_comparing_are_chosen_with_one_line_why(home, started, table):
    seeded_project(home)
    app = opened("train")
    assert app.get_by_key("train_compare_arms").value == list(SURE.arms)
    assert "Worth comparing here: 'All texts', 'Neighbour agreement + uncertainty' and" in words(
        app
    )
    button(app, f"Compare: {3 * runs_a_seed(SURE.arms)} runs").click().run()
    assert started[0].arms == SURE.arms


def test_arms_follow_the_proposal_until_somebody_chooses_others(home, monkeypatch):
    seeded_project(home)
    app = opened("train")
    usual = list(TABLE[-1].arms)
    assert app.get_by_key("train_compare_arms").value == usual
    monkeypatch.setattr(edges, "TABLE", (SURE, *TABLE))
    import streamlit as st

    st.cache_resource.clear()
    app.run()
    assert app.get_by_key("train_compare_arms").value == list(SURE.arms)
    app.session_state["train_compare_arms"] = ["all", "llkd"]
    monkeypatch.setattr(edges, "TABLE", TABLE)
    st.cache_resource.clear()
    app.run()
    assert app.get_by_key("train_compare_arms").value == ["all", "llkd"]
