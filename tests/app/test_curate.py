"""The Curate page: the plane's rows, thresholds by every way, the table and what people decide."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as hyp
from seed import (
    NAMES,
    button,
    card_data,
    direct,
    ended_job,
    living_job,
    opened,
    press,
    said,
    seeded_project,
    words,
)
from seed_runs import add_run
from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string

from llkd import commands, curation, jobs
from llkd.config import LabelSet
from ui import authorship, login, view
from ui.curate import controls, rows, walk
from ui.curate.rows import Filter
from ui.curate.scene import Scene
from ui.decision_plane import Region, kept_mask, pack_plane, snapped, tally, threshold_units
from ui.view import View
from ui.wording import plain

HOSTILE = "<img src=x onerror=alert(1)> [l](http://e.com) **b**"


def _counted(app):
    """Kept, of how many, in words: what the server counts, above the table."""
    return re.search(r"Kept by these thresholds: ([\d,]+) of ([\d,]+) texts? \((.+?)\)", words(app))


def _kept(app):
    return int(_counted(app)[1].replace(",", ""))


def _move(app, project, teacher=None, student=None):
    """As if a line had been moved: the component itself runs only in a browser."""
    held = app.session_state[view.key(project)]
    moved = {k: v for k, v in (("teacher", teacher), ("student", student)) if v is not None}
    app.session_state[view.key(project)] = replace(held, **moved)
    app.run()


def _view(app, project):
    return app.session_state[view.key(project)]


def _table(app):
    return app.dataframe[0].value


def _pick(app, label, value):
    next(one for one in app.selectbox if one.label == label).set_value(value).run()


def _act(app, words):
    """Press the button of an action, which carries the count of the texts it concerns."""
    found = [one for one in app.button if re.fullmatch(rf"{words}( of)? [\d,]+", one.label)]
    assert len(found) == 1, [one.label for one in app.button]
    return found[0].click().run()


def _plane(store, project, **source):
    return curation.load_plane(store, project, **source)


# --- before there is anything to curate ---------------------------------------------------------


@pytest.mark.parametrize("enter", [lambda **q: opened("curate", **q), lambda **q: direct("curate")])
def test_without_a_project_the_next_step_is_data(home, enter):
    app = enter()
    assert not app.exception
    assert "There is no project yet." in words(app)
    assert button(app, "Go to Data").proto.type == "primary"


def test_before_the_first_label_the_next_step_is_the_teacher(home):
    seeded_project(home, labelled=False, probed=False)
    app = opened("curate")
    assert "These texts have no teacher labels yet." in words(app)
    button(app, "Go to Teacher")
    assert "Keep everything" not in words(app)


def test_while_the_teacher_works_the_page_says_so(home):
    store, project = seeded_project(home, labelled=False, probed=False)
    with living_job(store, project):
        assert "The teacher is at work; its first labels will appear here." in words(
            opened("curate")
        )


def test_a_plane_of_the_labels_so_far_says_how_many(home):
    seeded_project(home, n=60, labelled=0.5, holdout=0.2)
    app = opened("curate")
    assert "The teacher has labelled 18 of 48 texts so far" in said(app.info)
    assert _counted(app).groups()[:2] == ("18", "48")


def test_opened_by_its_address_the_page_is_whole(home):
    seeded_project(home)
    app = direct("curate", project="city", tt="0.6")
    assert not app.exception
    assert app.query_params["tt"] == "0.6"
    assert _kept(app) == len(_table(app)) > 0


# --- thresholds ---------------------------------------------------------------------------------


def test_everything_is_kept_at_first_and_counts_are_of_all_rows(home):
    store, project = seeded_project(home, n=400)
    app = opened("curate")
    plane = _plane(store, project)
    right = (plane.frame["label"] == plane.frame["gold"]).mean()
    assert _counted(app).groups() == ("300", "300", "100.0\u00a0%")
    assert f"{100 * right:.1f}\u00a0% of the kept labels are right" in words(app)
    assert "300 kept texts with gold" in words(app)
    assert len(_table(app)) == 100
    assert "Rows 1 to 100 of 300" in words(app)


def test_moving_a_threshold_keeps_what_the_core_says_and_shows_in_the_address(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate")
    _move(app, project, 0.6, 0.3)
    expected = curation.kept_rows(_plane(store, project), 0.6, 0.3)
    assert _kept(app) == expected.sum()
    assert 0 < expected.sum() < 150
    assert app.query_params["tt"] == "0.6" and app.query_params["ts"] == "0.3"


def test_a_link_reproduces_the_view(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    link = {"tt": json.dumps({"roads": 0.7}), "ts": "0.2", "need": f"{run.id}.1"}
    app = opened("curate", **link)
    plane = _plane(store, project, run=run, epoch=1)
    expected = curation.kept_rows(plane, {"roads": 0.7}, 0.2)
    assert _kept(app) == expected.sum()
    assert next(one for one in app.selectbox if one.label == "After epoch").value == 1
    assert json.loads(app.query_params["tt"]) == {"roads": 0.7}
    assert app.query_params["need"] == f"{run.id}.1"


@pytest.mark.parametrize(
    "tt", ["x", "[[", "-3", "NaN", '{"none such": 0.5}', "true", "{" * 5000, "-1" + 400 * "0"]
)
def test_an_address_without_sense_keeps_everything(home, tt):
    _, project = seeded_project(home)
    app = opened("curate", tt=tt, ts="1e400", need="99.x", cal="magic")
    assert not app.exception and not app.error
    seen = _view(app, project)
    assert (seen.teacher, seen.student, seen.calibration) == (0.0, 1.0, None)


def test_an_address_off_the_grid_is_snapped_before_anything_is_counted(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate", tt="0.61234567", ts=json.dumps({"roads": 0.3333333}))
    seen = _view(app, project)
    assert seen.teacher == snapped(0.61234567, NAMES)
    assert seen.student == {"roads": 20_000 / 60_000, "waste": 0.0, "water": 0.0}
    plane = _plane(store, project)
    assert _kept(app) == curation.kept_rows(plane, seen.teacher, seen.student).sum()
    # What the address says now leads to the very same view.
    again = opened("curate", **{k: app.query_params[k] for k in ("tt", "ts")})
    assert _view(again, project) == seen


def test_moves_are_undone_and_done_again(home):
    _, project = seeded_project(home, n=400)
    app = opened("curate", tt="0.6")
    assert button(app, "Undo").disabled and button(app, "Redo").disabled
    start = _kept(app)
    button(app, "Top 20 %").click().run()
    top = _kept(app)
    button(app, "Keep everything").click().run()
    button(app, "Undo").click().run()
    assert _kept(app) == top
    button(app, "Undo").click().run()
    assert _kept(app) == start and app.query_params["tt"] == "0.6"
    assert button(app, "Undo").disabled
    button(app, "Redo").click().run()
    assert _kept(app) == top
    # A new move ends what could be done again.
    button(app, "Balanced 20 % per class").click().run()
    assert button(app, "Redo").disabled


def test_presets_keep_about_their_share(home):
    store, project = seeded_project(home, n=400)
    app = opened("curate")
    button(app, "Top 20 %").click().run()
    assert 55 <= _kept(app) <= 66
    button(app, "Balanced 20 % per class").click().run()
    plane = _plane(store, project)
    saved = view.View.from_query({k: app.query_params[k] for k in ("tt", "ts")}, plane.classes)
    kept = curation.kept_rows(plane, saved.teacher, saved.student)
    assert _kept(app) == kept.sum()
    for k in range(3):
        own = (plane.frame["teacher_label"] == k).to_numpy()
        assert 0.15 < kept[own].mean() < 0.27
    button(app, "Keep everything").click().run()
    assert _kept(app) == 300 and "tt" not in app.query_params


def test_thresholds_of_a_run_are_its_last_ones_class_by_class(home):
    store, project = seeded_project(home, n=200)
    add_run(store, project, "all")
    run = add_run(store, project)
    app = opened("curate")
    # Only runs whose thresholds move are offered.
    assert app.get_by_key("curate_of_run").options == [plain(run.name)]
    seen = controls.as_of_run(store, run)
    last = store.runs.steps(run).iloc[-1]
    for side in ("teacher", "student"):
        for name, value in zip(NAMES, last[f"{side}_threshold"], strict=True):
            assert getattr(seen, side)[name] == pytest.approx(value, abs=0.001)
            assert getattr(seen, side)[name] <= value
    app = opened("curate", **seen.to_query())
    assert next(o for o in app.selectbox if o.label == "Information need from").value == run.id
    plane = _plane(store, project, run=run)
    assert _kept(app) == curation.kept_rows(plane, seen.teacher, seen.student).sum()


def test_the_view_is_still_there_when_the_page_is_left_and_entered_again(home):
    _, project = seeded_project(home)
    app = opened("curate")
    _move(app, project, 0.6)
    scene_before = Region(((0.5, 0.0), (0.7, 0.0), (0.7, 1.0)), None)
    app.session_state[f"_curate_region_{project.id}"] = scene_before
    kept = _kept(app)
    app.switch_page("pages/train.py").run()
    app.switch_page("pages/curate.py").run()
    assert _kept(app) == kept
    app.run()
    assert _kept(app) == kept and app.query_params["tt"] == "0.6"
    assert app.session_state[f"_curate_region_{project.id}"] == scene_before


def test_another_project_does_not_inherit_the_thresholds_of_the_address(home):
    seeded_project(home, name="town")
    seeded_project(home)
    app = opened("curate", project="city", tt="0.9")
    assert _kept(app) < 45
    app.sidebar.selectbox[0].set_value("town").run()
    app.run()
    assert _kept(app) == 45 and "tt" not in app.query_params


# --- where information need comes from ----------------------------------------------------------


@pytest.fixture
def started(monkeypatch):
    calls = []

    def start(store, arguments, **facts):
        calls.append((list(arguments), facts["kind"]))
        return ended_job(store, store.projects.by_id(facts["project_id"]), "cancelled", "probe")

    monkeypatch.setattr(jobs, "start", start)
    return calls


def test_without_a_probe_the_page_says_so_and_starts_one(home, started):
    seeded_project(home, probed=False)
    app = opened("curate")
    assert "Information need is not known yet." in words(app)
    assert "Need" not in _table(app).columns
    button(app, "Start the probe").click().run()
    assert started == [(commands.probe("city"), "probe")]


def test_a_probe_under_way_is_watched(home):
    store, project = seeded_project(home, probed=False)
    with living_job(store, project, "probe"):
        app = opened("curate")
        assert "30 of 60 texts" in words(app)
        assert not [one for one in app.button if one.label == "Start the probe"]


def test_a_calibration_of_the_view_that_is_not_the_projects_is_said(home):
    seeded_project(home)
    app = opened("curate", cal="none")
    assert "the calibration 'none'; the project now uses 'batch'" in words(app)
    button(app, "Use 'batch'").click().run()
    assert "the project now uses" not in words(app)


# --- the table ----------------------------------------------------------------------------------


def test_the_table_lists_what_is_not_kept_with_the_reason(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate", tt="0.6", ts="0.4")
    app.get_by_key("curate_shown").set_value("Not kept").run()
    table = _table(app)
    assert set(table["Why"]) == {"teacher not sure enough", "student knows it already"}
    sure = table[table["Why"] == "student knows it already"]
    assert (sure["Confidence"] >= 60).all() and (sure["Need"] < 40).all()
    assert list(table.columns) == [
        "Text",
        "Label",
        "Gold",
        "Confidence",
        "Need",
        "Student's label",
        "Why",
    ]


def test_words_label_and_order_narrow_and_sort_the_table(home):
    seeded_project(home, n=200)
    app = opened("curate")
    app.text_input(key="curate_words").set_value("BINS number 1").run()
    assert all("bins" in t and "number" in t and "1" in t for t in _table(app)["Text"])
    app.text_input(key="curate_words").set_value("no such word").run()
    assert "No text is like that." in said(app.info)
    app.text_input(key="curate_words").set_value("").run()
    _pick(app, "Label", 2)
    assert set(_table(app)["Label"]) == {"water"}
    _pick(app, "Sort by", "Teacher confidence")
    app.toggle(key="curate_down").set_value(True).run()
    assert _table(app)["Confidence"].is_monotonic_decreasing


@pytest.mark.parametrize(
    ("header", "column"), [("Confidence", "confidence"), ("Need", "information_need")]
)
def test_a_click_on_a_header_sorts_the_whole_list(home, header, column):
    store, project = seeded_project(home, n=400)
    values = np.sort(100 * _plane(store, project).frame[column].to_numpy())
    app = opened("curate")
    for expected in (values[:100], values[::-1][:100]):
        _select(app, columns=[header])
        app.run()
        assert _table(app)[header].to_numpy() == pytest.approx(expected)


@pytest.mark.parametrize("header", ["Text", "Label", "Gold", "Student's label", "Why", "Flag"])
def test_every_column_sorts_the_whole_list(home, header):
    store, project = seeded_project(home, n=400)
    rows_ = _plane(store, project).frame["row"]
    store.people.decide(project.id, rows_.iloc[[5, 250]].tolist(), "flag")
    store.people.decide(project.id, rows_.iloc[[7, 251]].tolist(), "exclude")
    app = opened("curate", tt="0.5")
    app.get_by_key("curate_shown").set_value("All").run()
    _select(app, columns=[header])
    pages = []
    for page in (1, 2, 3):
        app.pagination[0].set_value(page).run()
        pages += _table(app)[header].tolist()
    order = NAMES.index if header in {"Label", "Gold", "Student's label"} else str.casefold
    assert len(pages) == 300 and pages == sorted(pages, key=order)
    assert len(set(pages)) > 1


def test_pages_follow_each_other_and_begin_again_with_another_filter(home):
    seeded_project(home, n=400)
    app = opened("curate")
    first = list(_table(app)["Text"])
    app.pagination[0].set_value(2).run()
    assert "Rows 101 to 200 of 300" in words(app)
    assert not set(first) & set(_table(app)["Text"])
    app.get_by_key("curate_shown").set_value("All").run()
    assert "Rows 1 to 100 of 300" in words(app)


def test_what_is_marked_on_the_plane_is_listed_whole(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate")
    box = Region(((0.5, 0.0), (0.7, 0.0), (0.7, 1.0), (0.5, 1.0)))
    app.session_state[f"_curate_region_{project.id}"] = box
    app.run()
    app.get_by_key("curate_shown").set_value("Marked on the plane").run()
    sure = _plane(store, project).frame["confidence"]
    assert f"Rows 1 to {sure.between(0.5, 0.7).sum()} of" in words(app)
    assert _table(app)["Confidence"].between(50, 70).all()
    button(app, "Clear the marking").click().run()
    assert "Rows 1 to 100 of 150" in words(app)


def test_a_persons_label_and_exclusion_win_and_can_be_undone(home):
    store, project = seeded_project(home, n=100)
    app = opened("curate", tt="0.9")
    app.get_by_key("curate_shown").set_value("Not kept").run()
    app.text_input(key="curate_words").set_value("pothole").run()
    listed = len(_table(app))
    before = _kept(app)
    app.toggle(key="curate_many").set_value(True).run()
    _pick(app, "Label to give", "waste")
    _act(app, "Set label")
    assert _kept(app) == before + listed
    assert f"{listed} texts labelled as 'waste'." in words(app)
    assert f"By people: {listed} texts labelled, 0 excluded." in words(app)
    assert (store.people.decisions(project.id)["human_label"] == "waste").all()
    # The same rows are kept now; exclude them, and nothing of them is left.
    app.get_by_key("curate_shown").set_value("Kept").run()
    assert set(_table(app)["Why"]) >= {"labelled by a person"}
    app.toggle(key="curate_many").set_value(True).run()
    _act(app, "Exclude")
    assert store.people.decisions(project.id)["excluded"].sum() >= listed
    for _ in range(2):
        button(app, "Undo last").click().run()
    assert _kept(app) == before
    assert store.people.decisions(project.id).empty
    button(app, "Undo last").click().run()
    assert "There is nothing of yours to undo." in words(app)


def test_include_again_takes_an_exclusion_back(home):
    store, project = seeded_project(home, n=60)
    excluded = store.projects.texts(project.id)["row"].iloc[-3:].tolist()
    store.people.decide(project.id, excluded, "exclude")
    app = opened("curate")
    assert _kept(app) == 42
    app.get_by_key("curate_shown").set_value("Not kept").run()
    assert set(_table(app)["Why"]) == {"excluded by a person"}
    app.toggle(key="curate_many").set_value(True).run()
    _act(app, "Include again")
    assert _kept(app) == 45


def test_a_flag_marks_texts_to_look_at_again_and_keeps_them_as_they_are(home):
    store, project = seeded_project(home, n=60)
    app = opened("curate")
    before = _kept(app)
    app.text_input(key="curate_words").set_value("number 7").run()
    app.toggle(key="curate_many").set_value(True).run()
    _act(app, "Flag")
    assert "flagged." in words(app) and not app.toggle(key="curate_many").value
    flagged = store.people.decisions(project.id)["flagged"]
    assert len(flagged) >= 1 and flagged.all()
    assert _kept(app) == before
    app.text_input(key="curate_words").set_value("").run()
    app.get_by_key("curate_shown").set_value("Flagged").run()
    assert set(_table(app)["Flag"]) == {"\u2691"}
    assert len(_table(app)) == len(flagged)
    app.toggle(key="curate_many").set_value(True).run()
    _act(app, "Unflag")
    assert not store.people.decisions(project.id)["flagged"].any()


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


def _tick(app, *places):
    """As if these rows of the table's page were ticked."""
    _select(app, rows=list(places))


def _select(app, **parts):
    """As if rows were ticked, or a header clicked, in the table."""
    state = list(app.session_state._state._state.filtered_state)
    key = next(key for key in reversed(state) if str(key).startswith("curate_rows_"))
    app.session_state[key] = {"selection": {"rows": [], "columns": [], "cells": [], **parts}}
    app.run()


def test_a_tick_overrides_the_switch_for_all(home):
    store, project = seeded_project(home)
    app = opened("curate")
    app.toggle(key="curate_many").set_value(True).run()
    _tick(app, 2)
    row = int(_plane(store, project).frame["row"].iloc[2])
    switch = app.toggle(key="curate_many")
    assert not switch.value and switch.disabled
    assert "1 row ticked: what you do concerns only these." in words(app)
    _act(app, "Flag")
    assert "1 text flagged." in words(app)
    assert store.people.decisions(project.id).index.tolist() == [row]
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
    _act(app, action)
    assert store.people.decisions(project.id).empty
    assert "300 texts" in words(app) and "One undo takes all of it back." in words(app)
    button(app, "Cancel").click().run()
    assert store.people.decisions(project.id).empty
    assert not app.toggle(key="curate_many").value and button(app, "Flag").disabled
    app.toggle(key="curate_many").set_value(True).run()
    _act(app, action)
    button(app, "Yes, all of them").click().run()
    decisions = store.people.decisions(project.id)
    assert len(decisions) == 300 and holds(decisions)
    assert not app.toggle(key="curate_many").value
    button(app, "Undo last").click().run()
    assert store.people.decisions(project.id).empty
    assert "Undone for 300 texts: they are " in words(app)


def test_a_question_about_one_list_is_not_answered_for_another(home):
    store, project = seeded_project(home, n=400)
    app = opened("curate")
    app.toggle(key="curate_many").set_value(True).run()
    _act(app, "Exclude")
    button(app, "Yes, all of them")
    app.text_input(key="curate_words").set_value("number 12").run()
    assert not [one for one in app.button if one.label == "Yes, all of them"]
    assert "One undo takes all of it back." not in words(app)
    assert store.people.decisions(project.id).empty


def test_a_hundred_texts_are_not_asked_about(home):
    store, project = seeded_project(home, n=100, holdout=0.0)
    app = opened("curate")
    app.toggle(key="curate_many").set_value(True).run()
    _act(app, "Flag")
    assert len(store.people.decisions(project.id)) == 100


def test_unlabel_gives_a_text_back_to_the_teacher(home):
    store, project = seeded_project(home)
    row = int(_plane(store, project).frame["row"].iloc[0])
    store.people.decide(project.id, [row], "label", "water", who="Ana <ana@example.com>")
    app = opened("curate")
    _tick(app, 0)
    _act(app, "Unlabel")
    assert _plane(store, project).frame["human_label"].iloc[0] == -1
    button(app, "Undo last").click().run()
    assert "is labelled as 'water' again." in words(app)
    assert _plane(store, project).frame["human_label"].iloc[0] == NAMES.index("water")


def test_undo_says_what_it_undid_and_returns_to_it(home):
    store, project = seeded_project(home, n=400)
    frame = _plane(store, project).frame
    text = store.projects.texts(project.id)["text"].iloc[int(frame["row"].iloc[207])]
    app = opened("curate")
    app.pagination[0].set_value(3).run()
    _tick(app, 7)
    _act(app, "Set label")
    app.pagination[0].set_value(1).run()
    button(app, "Undo last").click().run()
    assert f"Undone: \u201c{text}\u201d is unlabelled again." in words(app)
    assert "Rows 201 to 300 of 300" in words(app)
    assert "The whole text" in words(app) and app.text[0].value == text

    # A text that the list does not hold is shown in a list of its own.
    _tick(app, 7)
    _act(app, "Exclude")
    app.text_input(key="curate_words").set_value("no such word").run()
    button(app, "Undo last").click().run()
    assert f"Undone: \u201c{text}\u201d is included again." in words(app)
    assert app.get_by_key("curate_shown").value == "Picked"
    assert _table(app)["Text"].tolist() == [text]


def test_nobody_undoes_what_somebody_else_decided(home, monkeypatch):
    store, project = seeded_project(home)
    store.people.decide(project.id, [20], "exclude", who="somebody else")
    store.people.decide(project.id, [21], "exclude")
    app = opened("curate")
    button(app, "Undo last").click().run()
    assert "There is nothing of yours to undo." in words(app)
    assert len(store.people.decisions(project.id)) == 2
    # The same person in another session undoes their own: known by name with a login ...
    monkeypatch.setattr(login, "who", lambda: "Ana <ana@example.com>")
    ana = opened("curate")
    _tick(ana, 0)
    _act(ana, "Flag")
    again = opened("curate")
    button(again, "Undo last").click().run()
    assert "is no longer flagged." in words(again)
    # ... and without one by the browser.
    monkeypatch.setattr(login, "who", lambda: login.LOCAL_USER)
    for browser, undone in (("one", False), ("two", False), ("one", True)):
        monkeypatch.setattr(authorship, "_cookies", lambda b=browser: {"_streamlit_xsrf": b})
        there = opened("curate")
        if browser == "one" and not undone:
            _tick(there, 1)
            _act(there, "Flag")
            continue
        button(there, "Undo last").click().run()
        assert ("is no longer flagged." in words(there)) == undone
    assert len(store.people.decisions(project.id)) == 2


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
    assert HOSTILE in set(_table(app)["Label"])
    shown = [str(one.value) for one in [*app.markdown, *app.caption, *app.success]]
    assert HOSTILE not in "\n".join(shown)
    app.toggle(key="curate_many").set_value(True).run()
    _pick(app, "Label to give", HOSTILE)
    _act(app, "Set label")
    assert f"45 texts labelled as {HOSTILE!r}." in words(app)
    assert HOSTILE not in "\n".join(str(one.value) for one in app.caption)


# --- saved selections ---------------------------------------------------------------------------


def test_a_selection_is_saved_loaded_and_deleted(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate", tt="0.6", ts="0.3")
    kept = _kept(app)
    app.text_input(key="curate_name_0").set_value("first <b>cut</b>").run()
    button(app, "Save selection").click().run()
    assert "Saved as 'first <b>cut</b>'." in said(app.success)
    (saved,) = store.people.selections(project.id)
    assert saved["view"] == {
        "teacher_threshold": 0.6,
        "student_threshold": 0.3,
        "calibration": "batch",
        "run": None,
        "epoch": None,
    }
    assert saved["counts"]["kept"] == kept
    button(app, "Keep everything").click().run()
    assert _kept(app) == 150
    button(app, "Load").click().run()
    assert _kept(app) == kept
    button(app, "Delete").click().run()
    assert store.people.selections(project.id) == []
    assert "Saved selections" not in words(app)


def test_a_taken_or_missing_name_is_one_sentence(home):
    store, project = seeded_project(home)
    app = opened("curate")
    button(app, "Save selection").click().run()
    assert "A selection needs a name of 1 to 100 characters." in said(app.error)
    store.people.save_selection(project.id, "mine", {}, {"kept": 1})
    app.run()
    app.text_input(key="curate_name_0").set_value("mine").run()
    button(app, "Save selection").click().run()
    assert "There is a selection 'mine' already. Choose another name." in said(app.error)


# --- the parts, without a page ------------------------------------------------------------------

thresholds = hyp.one_of(
    hyp.floats(0, 1),
    hyp.dictionaries(hyp.sampled_from(NAMES), hyp.floats(0, 1), min_size=1),
)


@given(thresholds, thresholds, hyp.sampled_from([None, (3, None), (3, 2)]))
def test_a_view_survives_the_address_and_a_saved_selection(teacher, student, source):
    full = [
        view.rounded_all(t if isinstance(t, float) else {n: t.get(n, 0.0) for n in NAMES})
        for t in (teacher, student)
    ]
    run, epoch = source or (None, None)
    one = View(full[0], full[1], run, epoch, "none")
    assert View.from_query(one.to_query(), LabelSet.of(NAMES)) == one
    assert View.from_json(json.loads(json.dumps(one.to_json("none"))), LabelSet.of(NAMES)) == one


@given(hyp.floats(0, 1))
def test_rounding_a_threshold_drops_no_row_and_keeps_zero_apart(value):
    rounded = view.rounded(value)
    assert rounded <= value + 1e-9 or rounded == view.STEP
    assert (rounded == 0) == (value == 0)


def test_the_threshold_of_a_class_or_the_largest():
    assert view.value_of({"roads": 0.1, "waste": 0.7}, None) == 0.7
    assert view.value_of({"roads": 0.1}, "water") == 0.0


def test_unknown_signals_are_sorted_last_both_ways(home):
    store, project = seeded_project(home, n=60, labelled=0.5, holdout=0.2)
    plane = _plane(store, project)
    texts = store.projects.texts(project.id)["text"]
    for down in (False, True):
        found = rows.listed(
            plane,
            pack_plane(plane),
            np.ones(len(plane.frame), dtype=bool),
            texts,
            Filter("All", order="Teacher confidence", descending=down),
        )
        sure = plane.frame["confidence"].to_numpy()[found]
        known = sure[~np.isnan(sure)]
        assert np.isnan(sure[len(known) :]).all()
        assert (np.diff(known) <= 0).all() if down else (np.diff(known) >= 0).all()


def test_words_are_looked_for_as_they_are_and_missing_texts_are_no_hit(home):
    store, project = seeded_project(home, n=60)
    plane = _plane(store, project)
    texts = store.projects.texts(project.id)["text"].copy()
    texts.iloc[20] = "a (strange] *text"
    texts.iloc[21] = None
    everything = np.ones(len(plane.frame), dtype=bool)
    found = rows.listed(
        plane, pack_plane(plane), everything, texts, Filter("All", words="(STRANGE] *te")
    )
    assert plane.frame["row"].iloc[found].tolist() == [20]


def test_what_the_browser_gets_is_counted_as_the_core_counts(home):
    store, project = seeded_project(home, n=200)
    people = store.people
    people.decide(project.id, [60, 61, 62], "label", "waste")
    people.decide(project.id, [62, 63], "exclude")
    plane = _plane(store, project)
    packed = pack_plane(plane)
    for teacher, student in ((0.0, 0.0), (0.61, 0.23), ({"roads": 0.7}, {"water": 0.3})):
        units = [threshold_units(t, plane.names) for t in (teacher, student)]
        mine = tally(packed, kept_mask(packed, *units))
        core = curation.summary(plane, curation.kept_rows(plane, teacher, student))
        assert mine == {**core, "per_class": list(core["per_class"].values())}


# --- replay -------------------------------------------------------------------------------------


def test_a_run_is_replayed_step_by_step(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    steps = store.runs.steps(run)
    app = opened("curate")
    app.toggle(key="curate_replay").set_value(True).run()
    slider = next(one for one in app.slider if one.label == "Step")
    assert (slider.min, slider.max) == (1, len(steps))
    # Nothing moves before one asks for it.
    assert _view(app, project) == View() and "Put the thresholds of this step" in words(app)
    slider.set_value(3).run()
    seen = _view(app, project)
    assert (seen.run, seen.epoch) == (run.id, 1)
    for side in ("teacher", "student"):
        wanted = view.rounded_all(dict(zip(NAMES, steps.iloc[2][f"{side}_threshold"], strict=True)))
        assert getattr(seen, side) == wanted
    plane = _plane(store, project, run=run, epoch=1)
    assert _kept(app) == curation.kept_rows(plane, seen.teacher, seen.student).sum()
    batch, selected = int(steps.iloc[2]["batch"]), int(steps.iloc[2]["selected"])
    assert f"Step 3 of {len(steps)}, in epoch 1: {selected} of the {batch} texts" in words(app)
    button(app, "Undo").click().run()
    assert _view(app, project) == View()


def test_the_last_step_is_put_on_the_plane_by_a_button(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    app = opened("curate")
    app.toggle(key="curate_replay").set_value(True).run()
    button(app, "Put the thresholds of this step on the plane").click().run()
    assert _view(app, project) == replace(controls.as_of_run(store, run), epoch=2)


def test_without_a_run_that_had_thresholds_there_is_no_replay(home):
    store, project = seeded_project(home)
    add_run(store, project, "all")
    assert "Replay a run step by step" not in words(opened("curate"))


def test_a_text_says_at_which_steps_it_was_selected_and_why_not_at_the_others(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    steps = store.runs.steps(run)
    decisions = store.runs.decisions(run)
    why = set()
    for row in decisions["row"].unique():
        found = curation.history(store, run, row)
        mine = decisions[decisions["row"] == row]
        assert found["step"].tolist() == (mine["step"] + 1).tolist()
        assert found["selected"].tolist() == mine["selected"].tolist()
        target = store.runs.target(run, row)
        for one in found.itertuples():
            thresholds = steps.iloc[one.step - 1]
            sure = target.max() >= thresholds["teacher_threshold"][target.argmax()] - 1e-6
            assert (one.why == "teacher not sure enough") == (not sure and not one.selected)
            assert sure or not one.selected
            why.add(one.why)
    assert why == {"selected", "teacher not sure enough", "student knew it already"}
    assert curation.history(store, run, 10**6).empty


def test_a_text_that_was_passed_over_by_chance_says_so(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project, "random")
    row = store.runs.decisions(run).query("not selected")["row"].iloc[0]
    assert "not drawn" in set(curation.history(store, run, row)["why"])
    for strategy, why in (
        ("learnability", "others scored higher"),
        ("trust", "others scored higher"),
        ("small_loss", "its label looked wrong to the student"),
    ):
        # A window of one batch: with a longer one small_loss would still take everything.
        run = add_run(store, project, strategy, window=1, epochs=6)
        said = {
            reason
            for row in curation.load_plane(store, project).frame["row"]
            for reason in curation.history(store, run, int(row)).get("why", [])
        }
        assert said == {"selected", why}


# --- one by one, comparing, leaving with a selection ---------------------------------------------


def test_texts_are_decided_one_by_one_and_the_list_stays_as_it_was(home):
    store, project = seeded_project(home, n=100)
    app = opened("curate", tt="0.8")
    app.get_by_key("curate_shown").set_value("Not kept").run()
    listed = _table(app)["Text"].tolist()
    app.toggle(key="curate_one_by_one").set_value(True).run()
    data = card_data(app)
    assert (data["total"], data["at"], data["names"]) == (len(listed), 0, NAMES)
    assert [card["text"] for card in data["cards"]] == listed[: len(data["cards"])]
    first, second = (card["row"] for card in data["cards"][:2])
    ids = press(app, ("label", "waste"), ("exclude", None))
    after = card_data(app)
    assert after["confirmed"] == ids
    # The texts are decided now and left the list of those not kept; the walk goes on all the same.
    assert (after["list"], after["total"], after["at"]) == (data["list"], len(listed), 2)
    held = store.people.decisions(project.id)
    assert held.loc[first, "human_label"] == "waste" and held.loc[second, "excluded"]
    assert after["cards"][0]["state"] == {"label": "waste", "excluded": False}
    assert after["cards"][1]["state"] == {"label": None, "excluded": True}
    # What the list says of a text but for people stays.
    assert [card["why"] for card in after["cards"]] == [card["why"] for card in data["cards"]]
    assert [one["target"] for one in after["own"]] == ids[::-1]
    [name] = press(app, ("undo", ids[1]))
    back = card_data(app)
    assert back["to"] == {name: 1}
    assert back["messages"][name] == f"Undone: \u201c{listed[1]}\u201d is included again."
    press(app, ("undo", ids[0]))
    assert store.people.decisions(project.id).empty


def test_a_press_that_comes_again_is_done_once_also_after_its_undo(home):
    store, project = seeded_project(home)
    app = opened("curate")
    app.toggle(key="curate_one_by_one").set_value(True).run()
    [name] = press(app, ("label", "water"))
    key = card_data(app)["key"]
    sent = app.session_state[key]
    app.run()
    assert len(store.people.edits(project.id)) == 1
    # The same session's mark in another session: a page loaded anew sends what it kept.
    again = opened("curate")
    again.session_state["_author_session"] = app.session_state["_author_session"]
    again.toggle(key="curate_one_by_one").set_value(True).run()
    again.session_state[key] = sent
    again.run()
    assert card_data(again)["confirmed"] == [name]
    assert len(store.people.edits(project.id)) == 1
    press(again, ("undo", name))
    assert store.people.edits(project.id) == []
    app.session_state[key] = sent
    app.run()
    third = opened("curate")
    third.session_state["_author_session"] = app.session_state["_author_session"]
    third.session_state[key] = sent
    third.run()
    assert store.people.edits(project.id) == []


def test_what_a_page_that_is_gone_left_unsent_is_stored_where_the_table_is_shown(home):
    store, project = seeded_project(home)
    app = opened("curate")
    data = card_data(app)
    assert data["hidden"] and "cards" not in data
    one = {"id": "0" * 20, "row": 20, "do": "label", "label": "water"}
    sent = {"told": {"list": "x", "at": 3, "presses": [one]}}
    for _ in range(2):
        app.session_state[data["key"]] = sent
        app.run()
    assert card_data(app)["confirmed"] == ["0" * 20]
    assert "By people: 1 text labelled" in words(app)
    assert store.people.decisions(project.id)["human_label"].to_dict() == {20: "water"}


def test_presses_that_make_no_sense_change_nothing(home):
    store, project = seeded_project(home)
    held_out = 0
    good = {"id": "a" * 20, "row": 20, "do": "label", "label": "water"}
    odd = [
        {**good, "id": "A" * 20},
        {**good, "id": 5},
        {**good, "id": "b" * 32},
        {**good, "row": -1},
        {**good, "row": True},
        {**good, "row": float("nan")},
        {**good, "row": 10**12},
        {**good, "id": "c" * 20, "row": held_out},
        {**good, "id": "d" * 20, "label": "no such class"},
        {**good, "id": "9" * 20, "key": "no such class"},
        {**good, "label": None},
        {**good, "do": "burn"},
        {**good, "do": "undo", "target": "x"},
        {**good, "id": "e" * 20, "do": "undo", "target": "f" * 20},
        [],
        None,
    ]
    app = opened("curate")
    app.toggle(key="curate_one_by_one").set_value(True).run()
    key = card_data(app)["key"]
    for told in ({"presses": odd, "at": "x", "list": 3}, {"presses": 7}, [], None):
        app.session_state[key] = {"told": told}
        app.run()
        assert not app.exception and not app.error
    assert store.people.edits(project.id) == []
    app.session_state[key] = {"told": {"presses": odd, "at": 0, "list": ""}}
    app.run()
    assert set(card_data(app)["refused"]) == {"c" * 20, "d" * 20, "9" * 20}


def test_nobody_undoes_somebody_elses_decision_by_its_name(home):
    store, project = seeded_project(home)
    other = store.people.decide(project.id, [20], "exclude")
    named = store.people.decide(project.id, [21], "exclude", who="Ana")
    app = opened("curate")
    app.toggle(key="curate_one_by_one").set_value(True).run()
    press(app, ("undo", other), ("undo", named), ("undo", other[-20:]))
    assert len(store.people.decisions(project.id)) == 2


def test_the_browser_holds_enough_texts_and_not_too_much(home):
    seeded_project(home, n=400, holdout=0.0, words=["x" * 30_000, "y" * 3_000, "short"])
    app = opened("curate")
    app.toggle(key="curate_one_by_one").set_value(True).run()
    for at in (0, 7, 200, 398, 399, 400):
        data = card_data(app)
        app.session_state[data["key"]] = {"told": {"list": data["list"], "at": at, "presses": []}}
        app.run()
        data = card_data(app)
        rows_held = [card["row"] for card in data["cards"]]
        assert data["at"] == at and rows_held == list(
            range(data["start"], data["start"] + len(rows_held))
        )
        assert not rows_held or rows_held[-1] >= min(at + 2, 399)
        assert sum(len(card["text"]) for card in data["cards"]) <= 2 * walk.LETTERS_AHEAD + 60_000
        for card in data["cards"]:
            assert len(card["text"]) <= walk.LONGEST_TEXT
            assert card["cut"] in (0, 30_000 + len(f", message number {card['row']}") - 20_000)


def test_with_many_classes_the_names_are_all_there(home):
    names = [f"class {k}" for k in range(12)]
    store, project = seeded_project(home, n=100, names=names)
    app = opened("curate")
    app.toggle(key="curate_one_by_one").set_value(True).run()
    assert card_data(app)["names"] == names
    press(app, ("label", "class 11"))
    assert store.people.decisions(project.id)["human_label"].tolist() == ["class 11"]


def _saved(app, store, project, name, **view_of):
    seen = View(**view_of)
    plane = _plane(store, project)
    kept = curation.kept_rows(plane, seen.teacher, seen.student)
    counts = curation.summary(plane, kept)
    store.people.save_selection(project.id, name, seen.to_json(plane.calibration), counts)
    return kept


def test_two_saved_selections_are_compared_and_a_part_is_listed(home):
    store, project = seeded_project(home, n=200)
    sure = _saved(None, store, project, "sure", teacher=0.7)
    needy = _saved(None, store, project, "needy", student=0.5)
    app = opened("curate")
    app.toggle(key="curate_compare").set_value(True).run()
    assert [one.value for one in app.selectbox if one.label in {"First", "Second"}] == [
        "sure",
        "needy",
    ]
    table = app.dataframe[0].value.set_index("Texts")
    frame = _plane(store, project).frame
    for title, rows_ in (
        ("Only in the first", sure & ~needy),
        ("In both", sure & needy),
        ("Only in the second", needy & ~sure),
    ):
        line = table.loc[title]
        assert line["How many"] == rows_.sum() > 0
        assert line["Mean confidence"] == pytest.approx(100 * frame["confidence"][rows_].mean())
        assert line["Mean need"] == pytest.approx(100 * frame["information_need"][rows_].mean())
        assert line["of waste"] == (frame["label"][rows_] == 1).sum()
        right = (frame["label"] == frame["gold"])[rows_].mean()
        assert line["Right, of those with gold"] == pytest.approx(100 * right)
    app.button(key="curate_list_first").click().run()
    assert f"of {(sure & ~needy).sum()}" in words(app)
    assert (app.dataframe[-1].value["Confidence"] >= 70).all()
    assert (app.dataframe[-1].value["Need"] < 50).all()


def test_a_compared_selection_may_be_deleted(home):
    store, project = seeded_project(home, n=200)
    for k in range(3):
        _saved(None, store, project, f"cut {k}", teacher=0.5 + k / 10)
    app = opened("curate")
    app.toggle(key="curate_compare").set_value(True).run()
    app.selectbox(key="curate_first").set_value("cut 0").run()
    app.selectbox(key="curate_saved").set_value("cut 0").run()
    button(app, "Delete").click().run()
    assert not app.exception and not app.error
    assert app.selectbox(key="curate_first").value in {"cut 1", "cut 2"}
    button(app, "Delete").click().run()
    assert not app.exception and not app.error


def test_a_saved_selection_is_taken_to_export_and_to_train(home):
    store, project = seeded_project(home, n=200)
    kept = _saved(None, store, project, "sure", teacher=0.7)
    _saved(None, store, project, "later", teacher=0.9)
    app = opened("curate")
    app.selectbox(key="curate_saved").set_value("sure").run()
    app.button(key="curate_export_saved").click().run()
    assert app.get_by_key("export_what").value == "A saved selection"
    assert app.selectbox(key="export_saved").value == "sure"
    assert app.metric[0].value == str(kept.sum())
    app.switch_page("pages/curate.py").run()
    app.selectbox(key="curate_saved").set_value("sure").run()
    app.button(key="curate_train_saved").click().run()
    assert app.selectbox(key="train_strategy").value == "saved"
    assert app.selectbox(key="train_saved_rows").value == "sure"


def test_what_is_kept_now_is_trained_on_with_one_click(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate", tt="0.7")
    kept = int(curation.kept_rows(_plane(store, project), 0.7, 0.0).sum())
    app.button(key="curate_train_kept").click().run()
    assert not app.exception and not app.error
    [saved] = store.people.selections(project.id)
    assert saved["name"].startswith("kept on ") and saved["counts"]["kept"] == kept
    assert saved["view"]["teacher_threshold"] == 0.7
    assert app.selectbox(key="train_strategy").value == "saved"
    assert app.selectbox(key="train_saved_rows").value == saved["name"]

    app.switch_page("pages/curate.py").run()
    next(f for f in app.text_input if f.label == "Name of this selection").input("sure ones").run()
    app.button(key="curate_train_kept").click().run()
    assert app.selectbox(key="train_saved_rows").value == "sure ones"
    app.switch_page("pages/curate.py").run()
    next(f for f in app.text_input if f.label == "Name of this selection").input("sure ones").run()
    app.button(key="curate_train_kept").click().run()
    assert "There is a selection 'sure ones' already" in said(app.error)
    assert len(store.people.selections(project.id)) == 2


def test_a_selection_just_saved_is_the_one_that_is_picked(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate", tt="0.6")
    for k, (name, threshold) in enumerate((("first", 0.6), ("second", 0.8))):
        _move(app, project, threshold)
        app.text_input(key=f"curate_name_{k}").set_value(name).run()
        button(app, "Save selection").click().run()
        assert app.selectbox(key="curate_saved").value == name
    app.selectbox(key="curate_saved").set_value("first").run()
    app.run()
    assert app.selectbox(key="curate_saved").value == "first"
    app.selectbox(key="curate_saved").set_value("second").run()
    app.button(key="curate_train_saved").click().run()
    assert app.selectbox(key="train_saved_rows").value == "second"
    app.switch_page("pages/curate.py").run()
    app.run()
    app.selectbox(key="curate_saved").set_value("second").run()
    app.button(key="curate_export_saved").click().run()
    assert app.selectbox(key="export_saved").value == "second"


def test_the_next_step_carries_the_selection_or_says_that_it_does_not(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate")
    assert not [one for one in app.button if one.key == "curate_train_these"]
    assert "does not take" not in words(app)
    _move(app, project, 0.7)
    kept = _kept(app)
    assert f"it does not take these {kept} texts along." in words(app)
    button(app, f"Next: train on these {kept} texts").click().run()
    assert app.selectbox(key="train_strategy").value == "saved"
    [selection] = store.people.selections(project.id)
    assert app.selectbox(key="train_saved_rows").value == selection["name"]
    assert selection["counts"]["kept"] == kept
    # The same again is not saved twice.
    app.switch_page("pages/curate.py").run()
    app.run()
    app.button(key="curate_train_these").click().run()
    assert len(store.people.selections(project.id)) == 1
    assert app.selectbox(key="train_saved_rows").value == selection["name"]
    app.switch_page("pages/curate.py").run()
    app.run()
    button(app, "Next: train a student").click().run()
    assert app.title[0].value == "Train"


def test_texts_nearest_in_meaning_are_listed_nearest_first(home):
    store, project = seeded_project(home, n=200)
    values = curation.load_embeddings(store, project)
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    among = _plane(store, project).frame["row"].to_numpy()
    found = curation.nearest_rows(store, project, int(among[7]), among, 20)
    expected = among[np.argsort(-(unit @ unit[among[7]])[among])[:20]]
    assert found.tolist() == expected.tolist() and found[0] == among[7]
    assert curation.nearest_rows(store, project, 10**6, among) is None

    app = opened("curate")
    app.toggle(key="curate_one_by_one").set_value(True).run()
    first = card_data(app)["cards"][0]
    app.button(key=f"curate_like_{first['row']}").click().run()
    assert "Nearest in meaning" in app.get_by_key("curate_shown").options
    assert card_data(app)["cards"][0]["text"] == first["text"]
    app.toggle(key="curate_one_by_one").set_value(False).run()
    texts = store.projects.texts(project.id)["text"]
    nearest = curation.nearest_rows(store, project, int(among[0]), among, 200)
    assert _table(app)["Text"].tolist() == texts.iloc[nearest].tolist()[:100]
    button(app, "Clear the list").click().run()
    assert "Nearest in meaning" not in app.get_by_key("curate_shown").options
    assert f"of {len(among)}" in words(app)


def test_without_a_probe_nothing_is_searched_by_meaning(home):
    store, project = seeded_project(home, probed=False)
    assert not curation.has_embeddings(store, project)
    assert curation.nearest_rows(store, project, 0, np.arange(3)) is None
    app = opened("curate")
    app.toggle(key="curate_one_by_one").set_value(True).run()
    assert not [one for one in app.button if "like this" in one.label]


def test_a_comparison_colours_the_plane_by_which_selection_holds_a_text(home):
    store, project = seeded_project(home, n=200)
    sure = _saved(None, store, project, "sure", teacher=0.7)
    needy = _saved(None, store, project, "needy", student=0.5)
    plane = _plane(store, project)
    where = Scene.__new__(Scene)
    where.key, where.people, where.plane = ("test", str(home)), "0", plane
    parts = {"only a": sure & ~needy, "both": sure & needy, "only b": needy & ~sure}
    (one,) = where.coloured_by("a / b", (1, 2), parts).categories
    assert one.values == ("only a", "both", "only b")
    for code, rows_ in enumerate(parts.values()):
        assert ((one.codes == code) == rows_).all()


def test_a_click_that_meets_no_part_of_the_page_draws_all_of_it(home):
    """Streamlit refuses to draw a part alone that has not been drawn yet."""

    def script():
        import streamlit as st

        from ui.curate import scene

        st.session_state["runs"] = st.session_state.get("runs", 0) + 1
        st.button("Decide", on_click=scene.redraw)

    from streamlit.testing.v1 import AppTest

    app = AppTest.from_function(script).run()
    app.button[0].click().run()
    assert not app.exception
    assert app.session_state["runs"] == 2
