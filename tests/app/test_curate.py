"""The Curate page: the plane's rows, thresholds by every way, and where information need comes from."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as hyp

from llkd import curation
from llkd.config import LabelSet
from llkd.config.selection_rule import (
    ThresholdRule,
    from_address,
    read_rule,
    rule_on_grid,
    to_address,
)
from llkd.config.text_view import TextView
from llkd.evaluation import audits
from llkd.jobs.requests import ProbeRequest
from tests.support.curate_page import (
    core_plane,
    kept_figures,
    kept_sentence,
    move_lines,
    plane_view,
    scene_of,
    table_rows,
    thresholds,
)
from tests.support.pages import button, card_data, direct, opened, press, said, words
from tests.support.seeded_projects import NAMES, living_job, seeded_project
from tests.support.seeded_runs import add_run
from ui.curate import controls, rows, view
from ui.curate.rows import Listing
from ui.decision_plane import Region, kept_mask, pack_plane, snapped, tally, threshold_units
from ui.shell.wording import plain


@pytest.mark.parametrize("enter", [lambda **q: opened("curate", **q), lambda **q: direct("curate")])
def test_without_a_project_the_next_step_is_data(home, enter):
    app = enter()
    assert not app.exception
    assert "There is no project yet." in words(app)
    assert button(app, "Go to Data").proto.type == "primary"


def test_before_the_first_label_a_person_may_begin_or_let_a_teacher(home):
    seeded_project(home, labelled=False, probed=False)
    app = opened("curate")
    assert "These texts have no teacher labels yet." in words(app)
    button(app, "Label the rest with a teacher")
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
    assert kept_sentence(app).groups()[:2] == ("18", "48")


def test_opened_by_its_address_the_page_is_whole(home):
    seeded_project(home)
    app = direct("curate", project="city", tt="0.6")
    assert not app.exception
    assert app.query_params["tt"] == "0.6"
    assert kept_figures(app) == len(table_rows(app)) > 0


def test_everything_is_kept_at_first_and_counts_are_of_all_rows(home):
    store, project = seeded_project(home, n=400)
    app = opened("curate")
    plane = core_plane(store, project)
    right = (plane.frame["label"] == plane.frame["gold"]).mean()
    assert kept_sentence(app).groups() == ("300", "300", "100.0\u00a0%")
    assert f"You keep all 300 texts: {100 * right:.0f}\u00a0% of their labels" in words(app)
    assert len(table_rows(app)) == 100
    assert "Rows 1 to 100 of 300" in words(app)


def test_the_sentence_on_top_follows_a_released_line(home):
    store, project = seeded_project(home, n=400)
    app = opened("curate", tt="0.6")
    plane = core_plane(store, project)
    right = (plane.frame["label"] == plane.frame["gold"]).to_numpy()
    for teacher in (0.6, 0.5):
        move_lines(app, project, teacher)
        mask = curation.kept_rows(plane, teacher, 0.0)
        assert (
            f"Of the {mask.sum()} texts you keep {100 * right[mask].mean():.0f}\u00a0% are "
            f"right; of the whole pool {100 * right.mean():.0f}\u00a0%.** Judged by gold."
            in words(app)
        )


def test_without_gold_thirty_labels_at_random_make_the_sentence(home):
    store, project = seeded_project(home, n=200, gold=False)
    app = opened("curate", tt="0.6")
    assert "Not known yet: how many of the" in words(app)
    assert [one.label for one in app.button if one.proto.type == "primary"] == [
        f"Train on these {kept_figures(app)}"
    ]
    # A click on the button begins a blind audit of the pool; a walk in random order serves, too.
    button(app, "Label 30 at random")
    app.get_by_key("curate_shown").set_value("All").run()
    app.selectbox(key="curate_order").set_value("random").run()
    app.run()
    app.toggle(key="curate_one_by_one").set_value(True).run()
    data = card_data(app)
    assert data["total"] == 200 and data["at"] == 0
    press(app, *[("label", "roads")] * 30)
    app.run()
    frame = core_plane(store, project).frame
    labelled = frame["human_label"] >= 0
    right = (frame["teacher_label"] == 0)[labelled].mean()
    wrong = (frame["teacher_label"] != 0)[labelled].sum()
    pool = round(100 * (right + wrong / 200))
    assert f"of the whole pool {pool}\u00a0% (" in words(app)
    assert "labelled in random order, with the teacher's label in view." in words(app)


def test_a_blind_audit_of_the_pool_makes_the_sentence(home):
    store, project = seeded_project(home, n=200, gold=False)
    app = opened("curate")
    button(app, "Label 30 at random").click().run()
    [audit] = store.audits.all(project.id)
    assert audit.size == 200
    population = store.audits.population(audit)
    for row, key in zip(population.row[:40].tolist(), population.label[:40], strict=True):
        audits.answer(store, audit, row, str(key))
    words_now = words(opened("curate", tt="0.5"))
    assert "of the whole pool 100\u00a0% (" in words_now
    assert "Judged by a blind audit of 40 texts." in words_now


def test_moving_a_threshold_keeps_what_the_core_says_and_shows_in_the_address(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate")
    move_lines(app, project, 0.6, 0.3)
    expected = curation.kept_rows(core_plane(store, project), 0.6, 0.3)
    assert kept_figures(app) == expected.sum()
    assert 0 < expected.sum() < 150
    assert app.query_params["tt"] == "0.6" and app.query_params["ts"] == "0.3"


def test_a_link_reproduces_the_view(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    link = {"tt": json.dumps({"roads": 0.7}), "ts": "0.2", "need": f"{run.id}.1"}
    app = opened("curate", **link)
    plane = core_plane(store, project, run=run, epoch=1)
    expected = curation.kept_rows(plane, {"roads": 0.7}, 0.2)
    assert kept_figures(app) == expected.sum()
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
    seen = plane_view(app, project)
    assert (seen.teacher_threshold, seen.student_threshold, seen.calibration) == (0.0, 1.0, None)


def test_an_address_off_the_grid_is_snapped_before_anything_is_counted(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate", tt="0.61234567", ts=json.dumps({"roads": 0.3333333}))
    seen = plane_view(app, project)
    assert seen.teacher_threshold == snapped(0.61234567, NAMES)
    assert seen.student_threshold == {"roads": 20_000 / 60_000, "waste": 0.0, "water": 0.0}
    plane = core_plane(store, project)
    assert (
        kept_figures(app)
        == curation.kept_rows(plane, seen.teacher_threshold, seen.student_threshold).sum()
    )
    # What the address says now leads to the very same view.
    again = opened("curate", **{k: app.query_params[k] for k in ("tt", "ts")})
    assert plane_view(again, project) == seen


def test_moves_are_undone_and_done_again(home):
    _, project = seeded_project(home, n=400)
    app = opened("curate", tt="0.6")
    assert button(app, "Undo").disabled and button(app, "Redo").disabled
    start = kept_figures(app)
    button(app, "Top 20 %").click().run()
    top = kept_figures(app)
    button(app, "Keep everything").click().run()
    button(app, "Undo").click().run()
    assert kept_figures(app) == top
    button(app, "Undo").click().run()
    assert kept_figures(app) == start and app.query_params["tt"] == "0.6"
    assert button(app, "Undo").disabled
    button(app, "Redo").click().run()
    assert kept_figures(app) == top
    # A new move ends what could be done again.
    button(app, "Balanced 20 % per class").click().run()
    assert button(app, "Redo").disabled


def test_presets_keep_about_their_share(home):
    store, project = seeded_project(home, n=400)
    app = opened("curate")
    button(app, "Top 20 %").click().run()
    assert 55 <= kept_figures(app) <= 66
    button(app, "Balanced 20 % per class").click().run()
    plane = core_plane(store, project)
    saved = from_address({k: app.query_params[k] for k in ("tt", "ts")}, plane.classes)
    kept = curation.kept_rows(plane, saved.teacher_threshold, saved.student_threshold)
    assert kept_figures(app) == kept.sum()
    for k in range(3):
        own = (plane.frame["teacher_label"] == k).to_numpy()
        assert 0.15 < kept[own].mean() < 0.27
    button(app, "Keep everything").click().run()
    assert kept_figures(app) == 300 and "tt" not in app.query_params


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
            assert getattr(seen, f"{side}_threshold")[name] == pytest.approx(value, abs=0.001)
            assert getattr(seen, f"{side}_threshold")[name] <= value
    app = opened("curate", **to_address(seen))
    assert next(o for o in app.selectbox if o.label == "Student uncertainty from").value == run.id
    plane = core_plane(store, project, run=run)
    assert (
        kept_figures(app)
        == curation.kept_rows(plane, seen.teacher_threshold, seen.student_threshold).sum()
    )


def test_the_view_is_still_there_when_the_page_is_left_and_entered_again(home):
    _, project = seeded_project(home)
    app = opened("curate")
    move_lines(app, project, 0.6)
    scene_before = Region(((0.5, 0.0), (0.7, 0.0), (0.7, 1.0)), None)
    app.session_state[f"_curate_region_{project.id}"] = scene_before
    kept = kept_figures(app)
    app.switch_page("pages/train.py").run()
    app.switch_page("pages/curate.py").run()
    assert kept_figures(app) == kept
    app.run()
    assert kept_figures(app) == kept and app.query_params["tt"] == "0.6"
    assert app.session_state[f"_curate_region_{project.id}"] == scene_before


def test_another_project_does_not_inherit_the_thresholds_of_the_address(home):
    seeded_project(home, name="town")
    seeded_project(home)
    app = opened("curate", project="city", tt="0.9")
    assert kept_figures(app) < 45
    app.sidebar.selectbox[0].set_value("town").run()
    app.run()
    assert kept_figures(app) == 45 and "tt" not in app.query_params


def test_without_a_probe_the_page_says_so_and_starts_one(home, started):
    seeded_project(home, probed=False)
    app = opened("curate")
    assert "Student uncertainty is not known yet." in words(app)
    assert "Student uncertainty" not in table_rows(app).columns
    button(app, "Start the quick estimate").click().run()
    assert started == [ProbeRequest(project="city")]


def test_a_probe_under_way_is_watched(home):
    store, project = seeded_project(home, probed=False)
    with living_job(store, project, "probe"):
        app = opened("curate")
        assert "30 of 60 texts" in words(app)
        assert not [one for one in app.button if one.label == "Start the quick estimate"]


def test_a_calibration_of_the_view_that_is_not_the_projects_is_said(home):
    seeded_project(home)
    app = opened("curate", cal="none")
    assert "the calibration 'none'; the project now uses 'batch'" in words(app)
    button(app, "Use 'batch'").click().run()
    assert "the project now uses" not in words(app)


@given(thresholds, thresholds, hyp.sampled_from([None, (3, None), (3, 2)]))
def test_a_view_survives_the_address_and_a_saved_selection(teacher, student, source):
    full = [
        view.rounded_all(t if isinstance(t, float) else {n: t.get(n, 0.0) for n in NAMES})
        for t in (teacher, student)
    ]
    run, epoch = source or (None, None)
    rule = ThresholdRule(
        teacher_threshold=full[0],
        student_threshold=full[1],
        run=run,
        epoch=epoch,
        calibration="none",
    )
    assert from_address(to_address(rule), LabelSet.of(NAMES)) == rule
    stored = json.loads(json.dumps(rule.model_dump(mode="json")))
    assert rule_on_grid(read_rule(stored), LabelSet.of(NAMES)) == rule


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
    plane = core_plane(store, project)
    texts = store.projects.texts(project.id)["text"]
    for down in (False, True):
        wanted = TextView(order="confidence", descending=down)
        found = rows.listed(scene_of(store, plane, texts), Listing("All", wanted))
        sure = plane.frame["confidence"].to_numpy()[found]
        known = sure[~np.isnan(sure)]
        assert np.isnan(sure[len(known) :]).all()
        assert (np.diff(known) <= 0).all() if down else (np.diff(known) >= 0).all()


def test_words_are_looked_for_as_they_are_and_missing_texts_are_no_hit(home):
    store, project = seeded_project(home, n=60)
    texts = store.projects.texts(project.id)["text"].copy()
    texts.iloc[20] = "a (strange] *text"
    texts.iloc[21] = None
    found = np.flatnonzero(curation.matching(texts, curation.word_query("*TEXT (STRANGE]")))
    assert found.tolist() == [20]


def test_what_the_browser_gets_is_counted_as_the_core_counts(home):
    store, project = seeded_project(home, n=200)
    decisions = store.decisions
    decisions.decide(project.id, [60, 61, 62], "label", "waste")
    decisions.decide(project.id, [62, 63], "exclude")
    plane = core_plane(store, project)
    packed = pack_plane(plane)
    for teacher, student in ((0.0, 0.0), (0.61, 0.23), ({"roads": 0.7}, {"water": 0.3})):
        units = [threshold_units(t, plane.names) for t in (teacher, student)]
        mine = tally(packed, kept_mask(packed, *units))
        core = curation.summary(plane, curation.kept_rows(plane, teacher, student))
        assert mine == {**core, "per_class": list(core["per_class"].values())}
