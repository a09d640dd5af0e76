"""The Curate page's table: order, filters, ticks, and what people decide in it."""

import re

import numpy as np
import pytest
from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string

from tests.support.curate_page import (
    core_plane,
    filter_by,
    kept_figures,
    search,
    table_rows,
)
from tests.support.pages import button, card_data, opened, said, words
from tests.support.seeded_projects import NAMES, seeded_project
from ui.curate import rows
from ui.decision_plane import Region
from ui.shell import authorship, login

HOSTILE = "<img src=x onerror=alert(1)> [l](http://e.com) **b**"


def pick_option(app, label, value):
    next(one for one in app.selectbox if one.label == label).set_value(value).run()


def press_action(app, words):
    """Press the button of an action, which carries the count of the texts it concerns."""
    found = [one for one in app.button if re.fullmatch(rf"{words}( of)? [\d,]+", one.label)]
    assert len(found) == 1, [one.label for one in app.button]
    return found[0].click().run()


def test_the_table_lists_what_is_not_kept_with_the_reason(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate", tt="0.6", ts="0.4")
    app.get_by_key("curate_shown").set_value("Not kept").run()
    table = table_rows(app)
    assert set(table["Why"]) == {"teacher not sure enough", "student knows it already"}
    sure = table[table["Why"] == "student knows it already"]
    assert (sure["Confidence"] >= 60).all() and (sure["Student uncertainty"] < 40).all()
    assert list(table.columns) == [
        "Text",
        "Label",
        "Gold",
        "Confidence",
        "Student uncertainty",
        "Student's label",
        "Why",
    ]


def test_words_label_and_order_narrow_and_sort_the_table(home):
    _, project = seeded_project(home, n=200)
    app = opened("curate")
    search(app, "BINS number 1")
    assert all("bins" in t and "number" in t and "1" in t for t in table_rows(app)["Text"])
    search(app, "no such word")
    assert "No matches." in said(app.info)
    search(app, "")
    filter_by(app, "label", project.label_set.keys[2])
    assert set(table_rows(app)["Label"]) == {"water"}
    pick_option(app, "Sort by", "confidence")
    app.toggle(key="curate_down").set_value(True).run()
    assert table_rows(app)["Confidence"].is_monotonic_decreasing


@pytest.mark.parametrize(
    ("header", "column"),
    [("Confidence", "confidence"), ("Student uncertainty", "information_need")],
)
def test_a_click_on_a_header_sorts_the_whole_list(home, header, column):
    store, project = seeded_project(home, n=400)
    values = np.sort(100 * core_plane(store, project).frame[column].to_numpy())
    app = opened("curate")
    for expected in (values[:100], values[::-1][:100]):
        select_rows(app, columns=[header])
        app.run()
        assert table_rows(app)[header].to_numpy() == pytest.approx(expected)


@pytest.mark.parametrize("header", ["Text", "Label", "Gold", "Student's label", "Why", "Flag"])
def test_every_column_sorts_the_whole_list(home, header):
    store, project = seeded_project(home, n=400)
    rows_ = core_plane(store, project).frame["row"]
    store.decisions.decide(project.id, rows_.iloc[[5, 250]].tolist(), "flag")
    store.decisions.decide(project.id, rows_.iloc[[7, 251]].tolist(), "exclude")
    app = opened("curate", tt="0.5")
    app.get_by_key("curate_shown").set_value("All").run()
    select_rows(app, columns=[header])
    pages = []
    for page in (1, 2, 3):
        app.pagination[0].set_value(page).run()
        pages += table_rows(app)[header].tolist()
    order = NAMES.index if header in {"Label", "Gold", "Student's label"} else str.casefold
    assert len(pages) == 300 and pages == sorted(pages, key=order)
    assert len(set(pages)) > 1


def test_pages_follow_each_other_and_begin_again_with_another_filter(home):
    seeded_project(home, n=400)
    app = opened("curate")
    first = list(table_rows(app)["Text"])
    app.pagination[0].set_value(2).run()
    assert "Rows 101 to 200 of 300" in words(app)
    assert not set(first) & set(table_rows(app)["Text"])
    app.get_by_key("curate_shown").set_value("All").run()
    assert "Rows 1 to 100 of 300" in words(app)


def test_what_is_marked_on_the_plane_is_listed_whole(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate")
    box = Region(((0.5, 0.0), (0.7, 0.0), (0.7, 1.0), (0.5, 1.0)))
    app.session_state[f"_curate_region_{project.id}"] = box
    app.run()
    app.get_by_key("curate_shown").set_value("Marked on the plane").run()
    sure = core_plane(store, project).frame["confidence"]
    assert f"Rows 1 to {sure.between(0.5, 0.7).sum()} of" in words(app)
    assert table_rows(app)["Confidence"].between(50, 70).all()
    button(app, "Clear lasso").click().run()
    assert "Rows 1 to 100 of 150" in words(app)


def test_a_persons_label_and_exclusion_win_and_can_be_undone(home):
    store, project = seeded_project(home, n=100)
    app = opened("curate", tt="0.9")
    app.get_by_key("curate_shown").set_value("Not kept").run()
    search(app, "pothole")
    listed = len(table_rows(app))
    before = kept_figures(app)
    app.toggle(key="curate_many").set_value(True).run()
    pick_option(app, "Label to give", "waste")
    press_action(app, "Set label")
    assert kept_figures(app) == before + listed
    assert f"{listed} texts labelled as 'waste'." in words(app)
    assert f"By people: {listed} texts labelled, 0 excluded." in words(app)
    assert (store.decisions.current(project.id)["human_label"] == "waste").all()
    # The same rows are kept now; exclude them, and nothing of them is left.
    app.get_by_key("curate_shown").set_value("Kept").run()
    assert set(table_rows(app)["Why"]) >= {"labelled by a person"}
    app.toggle(key="curate_many").set_value(True).run()
    press_action(app, "Exclude")
    assert store.decisions.current(project.id)["excluded"].sum() >= listed
    for _ in range(2):
        button(app, "Undo last").click().run()
    assert kept_figures(app) == before
    assert store.decisions.current(project.id).empty
    button(app, "Undo last").click().run()
    assert "There is nothing of yours to undo." in words(app)


def test_include_again_takes_an_exclusion_back(home):
    store, project = seeded_project(home, n=60)
    excluded = store.projects.texts(project.id)["row"].iloc[-3:].tolist()
    store.decisions.decide(project.id, excluded, "exclude")
    app = opened("curate")
    assert kept_figures(app) == 42
    app.get_by_key("curate_shown").set_value("Not kept").run()
    assert set(table_rows(app)["Why"]) == {"excluded by a person"}
    app.toggle(key="curate_many").set_value(True).run()
    press_action(app, "Include again")
    assert kept_figures(app) == 45


def test_a_flag_marks_texts_to_look_at_again_and_keeps_them_as_they_are(home):
    store, project = seeded_project(home, n=60)
    app = opened("curate")
    before = kept_figures(app)
    search(app, "number 7")
    app.toggle(key="curate_many").set_value(True).run()
    press_action(app, "Flag")
    assert "flagged." in words(app) and not app.toggle(key="curate_many").value
    flagged = store.decisions.current(project.id)["flagged"]
    assert len(flagged) >= 1 and flagged.all()
    assert kept_figures(app) == before
    search(app, "")
    app.get_by_key("curate_shown").set_value("All").run()
    filter_by(app, "flag", "yes")
    assert set(table_rows(app)["Flag"]) == {"\u2691"}
    assert len(table_rows(app)) == len(flagged)
    app.toggle(key="curate_many").set_value(True).run()
    press_action(app, "Unflag")
    assert not store.decisions.current(project.id)["flagged"].any()


def test_without_a_tick_there_is_nothing_to_do(home):
    seeded_project(home)
    app = opened("curate")
    assert all(button(app, name).disabled for name in ("Set label", "Exclude", "Include again"))
    assert not button(app, "Undo last").disabled


def test_too_many_rows_at_once_are_refused_in_words(home, monkeypatch):
    monkeypatch.setattr(rows, "MOST_AT_ONCE", 10)
    seeded_project(home)
    app = opened("curate")
    app.toggle(key="curate_many").set_value(True).run()
    assert "At most 10 rows can be changed at once" in words(app)
    assert button(app, "Exclude").disabled


def tick_rows(app, *places):
    """As if these rows of the table's page were ticked."""
    select_rows(app, rows=list(places))


def select_rows(app, **parts):
    """As if rows were ticked, or a header clicked, in the table."""
    state = list(app.session_state._state._state.filtered_state)
    key = next(key for key in reversed(state) if str(key).startswith("curate_rows_"))
    app.session_state[key] = {"selection": {"rows": [], "columns": [], "cells": [], **parts}}
    app.run()


def test_a_tick_overrides_the_switch_for_all(home):
    store, project = seeded_project(home)
    app = opened("curate")
    app.toggle(key="curate_many").set_value(True).run()
    tick_rows(app, 2)
    row = int(core_plane(store, project).frame["row"].iloc[2])
    switch = app.toggle(key="curate_many")
    assert not switch.value and switch.disabled
    assert "1 row ticked: what you do concerns only these." in words(app)
    press_action(app, "Flag")
    assert "1 text flagged." in words(app)
    assert store.decisions.current(project.id).index.tolist() == [row]
    # Nothing is ticked and nothing switched on after it.
    assert button(app, "Flag").disabled and not app.toggle(key="curate_many").value


@pytest.mark.parametrize(
    ("action", "holds"),
    [
        ("Set label", lambda d: (d["human_label"] == "roads").all()),
        ("Exclude", lambda d: d["excluded"].all()),
        ("Flag", lambda d: d["flagged"].all()),
    ],
)
def test_more_than_a_hundred_texts_are_asked_about_and_undone_in_one_step(home, action, holds):
    store, project = seeded_project(home, n=400)
    app = opened("curate")
    app.toggle(key="curate_many").set_value(True).run()
    assert [b.label for b in app.button if b.label.startswith(action)] == [
        f"{action} of 300" if action == "Set label" else f"{action} 300"
    ]
    press_action(app, action)
    assert store.decisions.current(project.id).empty
    assert "300 texts" in words(app) and "One undo takes all of it back." in words(app)
    button(app, "Cancel").click().run()
    assert store.decisions.current(project.id).empty
    assert not app.toggle(key="curate_many").value and button(app, "Flag").disabled
    app.toggle(key="curate_many").set_value(True).run()
    press_action(app, action)
    button(app, "Yes, all of them").click().run()
    decisions = store.decisions.current(project.id)
    assert len(decisions) == 300 and holds(decisions)
    assert not app.toggle(key="curate_many").value
    button(app, "Undo last").click().run()
    assert store.decisions.current(project.id).empty
    assert "Undone for 300 texts: they are " in words(app)


def test_a_question_about_one_list_is_not_answered_for_another(home):
    store, project = seeded_project(home, n=400)
    app = opened("curate")
    app.toggle(key="curate_many").set_value(True).run()
    press_action(app, "Exclude")
    button(app, "Yes, all of them")
    search(app, "number 12")
    assert not [one for one in app.button if one.label == "Yes, all of them"]
    assert "One undo takes all of it back." not in words(app)
    assert store.decisions.current(project.id).empty


def test_a_hundred_texts_are_not_asked_about(home):
    store, project = seeded_project(home, n=100, holdout=0.0)
    app = opened("curate")
    app.toggle(key="curate_many").set_value(True).run()
    press_action(app, "Flag")
    assert len(store.decisions.current(project.id)) == 100


def test_unlabel_gives_a_text_back_to_the_teacher(home):
    store, project = seeded_project(home)
    row = int(core_plane(store, project).frame["row"].iloc[0])
    store.decisions.decide(project.id, [row], "label", "water", who="Ana <ana@example.com>")
    app = opened("curate")
    tick_rows(app, 0)
    press_action(app, "Unlabel")
    assert core_plane(store, project).frame["human_label"].iloc[0] == -1
    button(app, "Undo last").click().run()
    assert "is labelled as 'water' again." in words(app)
    assert core_plane(store, project).frame["human_label"].iloc[0] == NAMES.index("water")


def test_undo_says_what_it_undid_and_returns_to_it(home):
    store, project = seeded_project(home, n=400)
    frame = core_plane(store, project).frame
    text = store.projects.texts(project.id)["text"].iloc[int(frame["row"].iloc[207])]
    app = opened("curate")
    app.pagination[0].set_value(3).run()
    tick_rows(app, 7)
    press_action(app, "Set label")
    app.pagination[0].set_value(1).run()
    button(app, "Undo last").click().run()
    assert f"Undone: \u201c{text}\u201d is unlabelled again." in words(app)
    assert "Rows 201 to 300 of 300" in words(app)
    data = card_data(app)
    assert data["cards"][data["at"] - data["start"]]["text"] == text

    # A text that the list does not hold is shown in a list of its own.
    tick_rows(app, 7)
    press_action(app, "Exclude")
    search(app, "no such word")
    button(app, "Undo last").click().run()
    assert f"Undone: \u201c{text}\u201d is included again." in words(app)
    assert app.get_by_key("curate_shown").value == "Picked"
    assert table_rows(app)["Text"].tolist() == [text]


def test_nobody_undoes_what_somebody_else_decided(home, monkeypatch):
    store, project = seeded_project(home)
    store.decisions.decide(project.id, [20], "exclude", who="somebody else")
    store.decisions.decide(project.id, [21], "exclude")
    app = opened("curate")
    button(app, "Undo last").click().run()
    assert "There is nothing of yours to undo." in words(app)
    assert len(store.decisions.current(project.id)) == 2
    # The same person in another session undoes their own: known by name with a login ...
    monkeypatch.setattr(login, "who", lambda: "Ana <ana@example.com>")
    ana = opened("curate")
    tick_rows(ana, 0)
    press_action(ana, "Flag")
    again = opened("curate")
    button(again, "Undo last").click().run()
    assert "is no longer flagged." in words(again)
    # ... and without one by the browser.
    monkeypatch.setattr(login, "who", lambda: login.LOCAL_USER)
    for browser, undone in (("one", False), ("two", False), ("one", True)):
        monkeypatch.setattr(authorship, "request_cookies", lambda b=browser: {"_streamlit_xsrf": b})
        there = opened("curate")
        if browser == "one" and not undone:
            tick_rows(there, 1)
            press_action(there, "Flag")
            continue
        button(there, "Undo last").click().run()
        assert ("is no longer flagged." in words(there)) == undone
    assert len(store.decisions.current(project.id)) == 2


def test_a_browser_is_known_by_its_cookie_though_each_page_masks_it_anew():
    made = {generate_xsrf_token_string(b"0123456789abcdef", 7) for _ in range(20)}
    assert len(made) == 20 and len({authorship.token_of(one) for one in made}) == 1
    other = generate_xsrf_token_string(b"0123456789abcdeg", 7)
    assert authorship.token_of(other) not in {authorship.token_of(one) for one in made}
    assert [authorship.token_of(odd) for odd in ("x", "2||00|1", "2|zz|00|1")] == [
        "x", "2||00|1", "2|zz|00|1",
    ]  # fmt: skip


def test_hostile_texts_and_class_names_are_shown_as_they_are(home):
    store, project = seeded_project(home, names=[HOSTILE, "$(rm)", "=1+1"])
    app = opened("curate")
    assert not app.exception
    assert HOSTILE in set(table_rows(app)["Label"])
    shown = [str(one.value) for one in [*app.markdown, *app.caption, *app.success]]
    assert HOSTILE not in "\n".join(shown)
    app.toggle(key="curate_many").set_value(True).run()
    pick_option(app, "Label to give", HOSTILE)
    press_action(app, "Set label")
    assert f"45 texts labelled as {HOSTILE!r}." in words(app)
    assert HOSTILE not in "\n".join(str(one.value) for one in app.caption)
