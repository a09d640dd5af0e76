"""Train keeps the chosen selection in the address: a reload must not train on something else."""

from llkd.config.selection_rule import read_rule
from tests.support.pages import button, opened, words
from tests.support.seeded_projects import seeded_project

CUT = "first <b>cut</b> & more"


def test_a_reload_keeps_the_selection_that_train_was_opened_with(home):
    store, project = seeded_project(home)
    store.selections.save(project.id, CUT, read_rule({"teacher_threshold": 0.5}), {"kept": 1})
    app = opened("train", selection=CUT)
    assert app.selectbox(key="train_strategy").value == "saved"
    assert app.selectbox(key="train_saved_rows").value == CUT
    assert "You train on" in words(app) and button(app, "Start training")
    app.selectbox(key="train_strategy").set_value("neighbours").run()
    assert "selection" not in app.query_params
    app.selectbox(key="train_strategy").set_value("saved").run()
    assert app.query_params["selection"] in (CUT, [CUT])


def test_a_selection_that_is_gone_is_not_chosen(home):
    seeded_project(home)
    app = opened("train", selection="gone")
    assert app.selectbox(key="train_strategy").value != "saved"
    assert not app.exception and not app.error
