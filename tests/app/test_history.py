"""The History page: who decided what, filtered, and taken back by its author alone."""

import pytest

from llkd.store.decisions import ACTIONS
from tests.support.pages import button, direct, opened, said, words
from tests.support.seeded_projects import seeded_project
from ui.history import table as table_module

HOSTILE = "<img src=x onerror=alert(1)> **b**"


def table(app):
    return app.dataframe[0].value


@pytest.fixture
def city(home):
    store, project = seeded_project(home, n=40)
    decide = store.decisions.decide
    decide(project.id, [15, 16], "label", "waste", who="Ann")
    decide(project.id, [15], "label", "water", who=HOSTILE)
    decide(project.id, [15], "label", "water", who="Cy", final=True)
    decide(project.id, [20], "exclude")
    store.history.add_note(project.id, [21], HOSTILE, who="Ann")
    return store, project


def test_every_act_is_listed_with_what_held_before(city):
    app = opened("history")
    assert not app.exception
    lines = table(app)
    assert lines["Action"].tolist() == ["note", "exclude", "final label", *["label"] * 3]
    assert lines["Who"].tolist() == ["Ann", "local user", "Cy", HOSTILE, "Ann", "Ann"]
    assert (lines["Before"][3], lines["After"][3]) == ("waste", "waste / water")
    assert (lines["Before"][2], lines["After"][2]) == ("waste / water", "water")
    assert sorted(lines["State"]) == [*["overwritten"] * 2, *["stands"] * 4]
    assert "1 to 6 of 6 acts" in words(app)


def test_it_is_filtered_by_author_class_and_kind(city):
    store, project = city
    app = opened("history")
    app.selectbox(key="history_who").set_value("Ann").run()
    assert set(table(app)["Who"]) == {"Ann"} and len(table(app)) == 3
    app.selectbox(key="history_action").set_value("note").run()
    assert table(app)["After"].tolist() == [HOSTILE]
    app.selectbox(key="history_who").set_value(None).run()
    app.selectbox(key="history_action").set_value(None).run()
    app.selectbox(key="history_class").set_value(project.label_set.find_key("water")).run()
    assert table(app)["Who"].tolist() == ["Cy", HOSTILE]
    app.selectbox(key="history_action").set_value("undo").run()
    assert "Nobody has decided anything of that kind yet." in said(app.info)


def test_a_change_of_the_classes_is_there_under_the_names_of_today(city):
    store, project = city
    store.classes.rename(project.id, {"waste": "refuse"}, who="Cy")
    app = opened("history")
    lines = table(app)
    assert (lines["Action"][0], lines["Who"][0]) == ("classes", "Cy")
    assert lines["Before"][4] == "refuse"


def test_the_page_opens_by_its_own_address_and_without_a_project(home):
    assert "There is no project yet." in words(direct("history"))
    seeded_project(home)
    app = direct("history")
    app.run()
    assert "Nobody has decided anything" in said(app.info) and not app.exception


def tick(app, place):
    """As if one line of the table were ticked."""
    state = list(app.session_state._state._state.filtered_state)
    key = next(key for key in reversed(state) if str(key).startswith("history_rows_"))
    app.session_state[key] = {"selection": {"rows": [place], "columns": [], "cells": []}}
    app.run()


def test_only_ones_own_acts_are_taken_back(city, monkeypatch):
    store, project = city
    monkeypatch.setattr("ui.shell.login.who", lambda: "Ann")
    app = opened("history")
    assert "Tick one of your acts" in words(app) and button(app, "Take it back").disabled
    for place, says in ((3, "Only what you did yourself"), (5, "Somebody has decided otherwise")):
        tick(app, place)
        assert says in words(app) and button(app, "Take it back").disabled
    tick(app, 0)
    button(app, "Take it back").click().run()
    assert "Taken back on 1 text." in said(app.success)
    assert not store.history.notes(project.id)
    assert table(app)["Action"].tolist()[:2] == ["undo note", "note"]
    # On the text that nobody decided anew Ann's label stands, and so does the whole act.
    tick(app, 5)
    button(app, "Take it back").click().run()
    assert "has decided otherwise on some of these texts since" in said(app.error)
    assert len(store.decisions.current(project.id)) == 3


def test_every_action_that_there_is_can_be_filtered_by():
    assert set(ACTIONS) < set(table_module.ACTIONS_SHOWN)
