"""The Teacher page's trust side: calibration, judging, review, rounds, and the bake-off."""

import json

import numpy as np
import pytest
from seed import NAMES, button, ended_job, opened, said, seeded_project, words
from streamlit.testing.v1 import AppTest

from llkd import commands, curation, evaluation, jobs
from llkd.config import Spending, TeacherConfig
from llkd.store import Scores
from ui import reads
from ui.teacher.rounds import at, sentence
from ui.teacher.trust import in_a_sentence

HOSTILE = ["<b>roads</b> [x](http://e.com) ![i](http://e.com/x.png)", "I am sorry.", ""]
PANEL = """
from ui import reads
from ui.teacher.{module} import {name}
store = reads.store()
project = store.projects.get("city")
labelling = store.labellings.get(project.labelling_id)
{name}(store, project, {argument})
"""


@pytest.fixture
def started(monkeypatch):
    """What was started instead of a process."""
    calls = []

    def start(store, arguments, **facts):
        calls.append((list(arguments), facts))
        return store.jobs.create(
            facts["kind"], facts["title"], list(arguments), facts["project_id"], "auto"
        )

    monkeypatch.setattr(jobs, "start", start)
    return calls


def panel(module, name, argument="labelling"):
    """One panel on a page of its own."""
    script = PANEL.format(module=module, name=name, argument=argument)
    return AppTest.from_string(script, default_timeout=60).run()


def label_by_hand(store, project, rows):
    """A person gives these texts their true class, which the text begins with."""
    texts = store.projects.texts(project.id)["text"]
    for name, first in zip(NAMES, ("pothole", "bins", "leak"), strict=True):
        mine = [int(row) for row in rows if texts.iloc[row].startswith(first)]
        store.people.decide(project.id, mine, "label", name)


def unanswered(store, project, rows, raws=HOSTILE):
    """Texts whose answers were of no use."""
    labelling = curation.current_labelling(store, project)
    store.labellings.append(
        labelling,
        Scores(
            np.asarray(rows),
            np.full((len(rows), len(NAMES)), np.nan, np.float32),
            np.full(len(rows), -1),
            np.array(["none"] * len(rows), dtype=object),
            np.array([raws[k % len(raws)] for k in range(len(rows))], dtype=object),
        ),
    )
    return labelling


def metrics(app):
    return {one.label: one.value for one in app.metric}


# --- calibration ---------------------------------------------------------------------------------


def test_a_temperature_is_fitted_kept_and_takes_effect_at_once(home):
    store, project = seeded_project(home, 400)
    labelling = curation.current_labelling(store, project)
    app = opened("teacher")
    before, figures = curation.teacher_labels(store, labelling), metrics(app)
    app.toggle(key=f"calibration_{labelling.id}_tempered").set_value(True).run()
    assert not app.exception and not app.error
    now = store.labellings.get(labelling.id)
    assert now.calibration == "batch+temperature"
    fit = now.fits["batch"]
    assert (fit["rows"], fit["source"], fit["held_out"]) == (300, "gold", False)
    shown = words(app)
    assert f"Temperature {fit['temperature']:.2f}" in shown
    assert "fitted on 300 texts with gold" in shown and "on other texts than it was fitted" in shown
    quality = reads.teacher_quality(store, project, now)
    assert quality.report["ece"] < float(figures["Calibration error"])
    assert metrics(app)["Calibration error"] == f"{quality.report['ece']:.3f}"
    assert f"{figures['Calibration error']}** before" in shown
    after = reads.teacher_labels(store, now)
    assert (after.label == before.label).all()
    assert abs(after.confidence - before.confidence).max() > 0.01
    plane = reads.plane(store, project)
    assert plane.calibration == "batch+temperature"
    assert plane.temperature == fit["temperature"]
    # Another base keeps the temperature on, fitted anew for it; and it can be switched off.
    app.segmented_control(key=f"calibration_{labelling.id}").set_value("none").run()
    now = store.labellings.get(labelling.id)
    assert now.calibration == "none+temperature" and set(now.fits) == {"batch", "none"}
    app.toggle(key=f"calibration_{labelling.id}_tempered").set_value(False).run()
    assert store.labellings.get(labelling.id).calibration == "none"
    assert "Temperature 0" not in words(app)


def test_another_fit_is_another_confidence_though_the_calibration_is_called_the_same(home):
    store, project = seeded_project(home, 200)
    store.labellings.set_calibration(project.labelling_id, "batch+temperature")
    found = []
    for temperature in (0.5, 3.0):
        fit = {"temperature": temperature, "rows": 150, "source": "gold", "held_out": False}
        store.labellings.set_fit(project.labelling_id, "batch", fit)
        labelling = store.labellings.get(project.labelling_id)
        confidence = reads.teacher_labels(store, labelling).confidence
        plane = reads.plane(store, project).frame["confidence"].to_numpy()
        quality = reads.teacher_quality(store, project, labelling)
        found.append((confidence.mean(), plane.mean(), quality.confidence.mean()))
    assert all(sharp > soft + 0.05 for sharp, soft in zip(*found, strict=True))


def test_without_a_known_class_there_is_no_temperature_to_fit(home):
    store, project = seeded_project(home, gold=False)
    app = opened("teacher")
    toggle = app.toggle(key=f"calibration_{project.labelling_id}_tempered")
    assert toggle.disabled
    assert "A temperature is fitted on at least 10 texts whose true class is known" in words(app)
    label_by_hand(store, project, range(12))
    app.run()
    assert not app.toggle(key=f"calibration_{project.labelling_id}_tempered").disabled


def test_a_teacher_that_is_always_right_says_why_nothing_is_fitted(home):
    store, project = seeded_project(home, gold=False)
    labels = curation.teacher_labels(store, curation.current_labelling(store, project))
    for k, name in enumerate(NAMES):
        mine = labels.row[labels.label == k][:5].tolist()
        store.people.decide(project.id, mine, "label", name)
    app = opened("teacher")
    app.toggle(key=f"calibration_{project.labelling_id}_tempered").set_value(True).run()
    assert "one of them labelled wrongly" in said(app.error)
    assert store.labellings.get(project.labelling_id).calibration == "batch"


def test_more_labels_offer_to_fit_again(home):
    store, project = seeded_project(home, 200, gold=False)
    label_by_hand(store, project, range(40))
    app = opened("teacher")
    app.toggle(key=f"calibration_{project.labelling_id}_tempered").set_value(True).run()
    shown = words(app)
    assert "fitted on 40 texts that you labelled" in shown
    assert "on the very texts it was fitted on: a little flattering." in shown
    assert not any(one.label == "Fit again" for one in app.button)
    label_by_hand(store, project, range(40, 60))
    app.run()
    assert "By now it can be fitted on 60 texts that you labelled." in words(app)
    button(app, "Fit again").click().run()
    assert store.labellings.get(project.labelling_id).fits["batch"]["rows"] == 60
    assert not any(one.label == "Fit again" for one in app.button)


# --- trust ---------------------------------------------------------------------------------------


def test_the_figures_are_those_of_the_held_out_texts(home):
    store, project = seeded_project(home, 400)
    labelling = curation.current_labelling(store, project)
    app = opened("teacher")
    labels = curation.teacher_labels(store, labelling)
    known = curation.judged_rows(store, project, labelling)
    assert known.held_out and len(known.rows) == 100
    right, sure = labels.label[known.rows] == known.gold, labels.confidence[known.rows]
    figures = metrics(app)
    assert figures["Calibration error"] == f"{evaluation.ece(sure, right):.3f}"
    assert figures["Separation"] == f"{evaluation.auroc(sure, right):.3f}"
    low, high = evaluation.auroc_interval(sure, right)
    (separation,) = (one for one in app.metric if one.label == "Separation")
    assert separation.delta == f"{low:.2f} to {high:.2f}"
    assert figures["Mean risk"] == f"{evaluation.aurc(sure, right):.3f}"
    shown = words(app)
    assert f"On average it says **{100 * sure.mean():.1f}\u00a0%**" in shown
    assert f"is right **{100 * right.mean():.1f}\u00a0%** of the time: it is too modest by" in shown
    table = app.dataframe[0].value
    for k in range(3):
        mine = labels.label[known.rows] == k
        assert table["auroc"][k] == pytest.approx(evaluation.auroc(sure[mine], right[mine]))
        assert table["ece"][k] == pytest.approx(evaluation.ece(sure[mine], right[mine]))


def test_without_gold_it_is_judged_on_what_people_labelled(home):
    store, project = seeded_project(home, 200, gold=False)
    app = opened("teacher")
    assert "Accuracy" not in metrics(app)
    assert "Nobody knows yet how often the teacher is right" in words(app)
    assert button(app, "Label some on Curate") and button(app, "Bring in gold on Data")
    label_by_hand(store, project, range(43))
    app.run()
    labels = curation.teacher_labels(store, curation.current_labelling(store, project))
    known = curation.judged_rows(store, project)
    right = (labels.label[known.rows] == known.gold).mean()
    assert metrics(app)["Accuracy"] == f"{100 * right:.1f}\u00a0%"
    shown = words(app)
    assert "Judged on 43 texts that you labelled." in shown
    assert "You chose what to label" in shown and "On so few texts" in shown
    # A label that is taken back judges no more.
    store.people.undo(project.id)
    app.run()
    assert "Judged on 43 texts" not in words(app)


@pytest.mark.parametrize(
    ("says", "right", "of", "verdict"),
    [
        (0.95, 60, 100, "too sure by 35 points"),
        (0.50, 80, 100, "too modest by 30 points"),
        (0.75, 70, 100, "honest on the whole"),
        # Between 15 and 65 per cent is no knowledge.
        (0.57, 4, 11, "too few texts to tell"),
        # The same distance is no chance any more with many texts.
        (0.75, 7000, 10000, "too sure by 5 points"),
    ],
)
def test_a_verdict_needs_more_than_chance(says, right, of, verdict):
    assert verdict in in_a_sentence(says, right, of)


def test_texts_that_stand_as_examples_in_the_prompt_judge_nothing(home, monkeypatch):
    store, project = seeded_project(home, 60, holdout=0.0)
    labelling = curation.current_labelling(store, project)
    assert len(reads.judged(store, project, labelling).rows) == 60
    other = store.labellings.find_or_create(
        project.id,
        label_set=project.label_set,
        config=TeacherConfig(examples="fixed", example_count=2, example_source="gold"),
        fingerprint="with examples",
        teacher={"kind": "embedded", "examples": {"kind": "fixed", "rows": [[3, 0], [7, 1]]}},
        calibration="batch",
    )
    store.labellings.append(other, store.labellings.scores(labelling))
    judged = reads.judged(store, project, other)
    assert len(judged.rows) == 58 and not {3, 7} & set(judged.rows.tolist())


# --- texts without a usable answer ---------------------------------------------------------------


def tick(app, store, project, rows, ticked):
    """Tick rows of the review's table, as a click in the browser would."""
    import zlib

    stamp = zlib.crc32(np.asarray(rows, dtype=np.int64).tobytes())
    key = f"review_rows_{stamp}_{store.people.version(project.id)}"
    app.session_state[key] = {"selection": {"rows": ticked, "columns": [], "cells": []}}
    return app.run()


def test_where_every_text_was_answered_there_is_nothing_to_review(home):
    seeded_project(home)
    app = panel("review", "review")
    assert not app.exception and words(app) == ""


def test_raw_answers_stand_only_where_no_markup_is_read(home):
    store, project = seeded_project(home, labelled=0.9)
    unanswered(store, project, range(54, 60))
    app = panel("review", "review")
    assert "6 texts got no usable answer; **6** still to be decided" in words(app)
    table = app.dataframe[0].value
    assert table["answer"].tolist() == HOSTILE * 2
    tick(app, store, project, range(54, 60), [0])
    assert [one.value for one in app.code][1] == HOSTILE[0]
    for kind in (app.markdown, app.caption, app.button):
        assert not any("http" in str(getattr(one, "value", "")) for one in kind)


def test_a_person_decides_on_the_ticked_texts_and_can_take_it_back(home):
    store, project = seeded_project(home, labelled=0.9)
    unanswered(store, project, range(54, 60))
    app = panel("review", "review")
    assert button(app, "Set label").disabled and button(app, "Exclude").disabled
    tick(app, store, project, range(54, 60), [1, 2])
    app.selectbox[0].select("water").run()
    button(app, "Set label of 2").click().run()
    decided = store.people.decisions(project.id)
    assert decided["human_label"].to_dict() == {55: "water", 56: "water"}
    assert "2 texts labelled as 'water'." in words(app)
    assert "**4** still to be decided" in words(app)
    assert len(app.dataframe[0].value) == 4
    tick(app, store, project, [54, 57, 58, 59], [0, 1, 2, 3])
    button(app, "Exclude 4").click().run()
    assert store.people.decisions(project.id)["excluded"].sum() == 4
    assert "all of them decided by now" in words(app)
    assert not any(one.label == "Ask these again" for one in app.button)
    app.segmented_control[0].set_value("All").run()
    assert (
        app.dataframe[0].value["decided"].tolist()
        == ["excluded", "water", "water"] + ["excluded"] * 3
    )
    button(app, "Undo last").click().run()
    assert "**4** still to be decided" in words(app)
    assert reads.plane(store, project).frame.set_index("row")["label"][55] == NAMES.index("water")


def test_many_are_shown_page_by_page(home):
    store, project = seeded_project(home, 160, labelled=0.25)
    unanswered(store, project, range(40, 160))
    app = panel("review", "review")
    assert len(app.dataframe[0].value) == 50
    app.session_state[f"review_page_{project.labelling_id}_To decide_3"] = 3
    app.run()
    assert len(app.dataframe[0].value) == 20


def test_they_can_be_asked_again(home, started):
    store, project = seeded_project(home, labelled=0.9)
    unanswered(store, project, range(54, 60))
    button(panel("review", "review"), "Ask these again").click().run()
    ((arguments, facts),) = started
    assert arguments == commands.label("city", TeacherConfig(), ask_again=True)
    assert facts["kind"] == "label"


def test_asking_again_keeps_to_the_budget_and_to_the_texts_that_were_asked(home, started):
    store, project = seeded_project(home, labelled=0.5)
    unanswered(store, project, range(30, 40))
    job = ended_job(store, project, "finished")
    store.jobs.remember(job.id, labelling_id=project.labelling_id)
    limits = Spending(calls=90)
    budgeted = commands.label("city", TeacherConfig(), spending=limits)
    store.jobs.update(job.id, arguments=budgeted)
    button(panel("review", "review"), "Ask these again").click().run()
    ((arguments, _),) = started
    wanted = commands.label("city", TeacherConfig(), spending=limits, limit=40, ask_again=True)
    assert arguments == wanted


# --- rounds --------------------------------------------------------------------------------------


def rounds(**more):
    return [
        {
            "round": k + 1,
            "labelled": 100 * (k + 1),
            "drawn_at_random": 20,
            "accuracy": 0.6 + 0.04 * k,
            "agreement": 0.7 + 0.02 * k,
            "random_labelled": 50 * (k + 1),
            "random_accuracy": 0.5 + 0.05 * k,
            "random_agreement": 0.6,
            "measured_on": 240,
            **more,
        }
        for k in range(4)
    ]


def test_without_rounds_there_is_no_curve(home):
    seeded_project(home)
    assert words(panel("rounds", "curve")) == ""


def test_the_curve_compares_at_the_same_number_of_calls(home):
    store, project = seeded_project(home)
    store.labellings.set_rounds(project.labelling_id, rounds())
    app = panel("rounds", "curve")
    shown = words(app)
    assert "After **400 texts** the student is right on **72.0\u00a0%**." in shown
    assert (
        "With 200 drawn at random it is right on 65.0\u00a0%; with as many in order of need on "
        "64.0\u00a0%: 1.0 points less."
    ) in shown
    assert "Measured on 240 texts." in shown and "may be chance" in shown
    spec = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert [trace["name"] for trace in spec["data"]] == ["in order of need", "drawn at random"]


def test_without_gold_it_is_agreement_and_says_so(home):
    store, project = seeded_project(home, gold=False)
    none = {"accuracy": None, "random_accuracy": None}
    store.labellings.set_rounds(project.labelling_id, rounds(**none))
    shown = words(panel("rounds", "curve"))
    assert "agrees with the teacher on **76.0\u00a0%**" in shown
    assert "Agreement is not accuracy" in shown


def test_a_curve_is_read_between_its_points_and_not_beyond():
    curve = [(100, 0.5), (200, 0.7)]
    assert at(curve, 150) == pytest.approx(0.6)
    assert at(curve, 100) == 0.5 and at(curve, 200) == 0.7
    assert at(curve, 99) is None and at(curve, 201) is None
    assert at([(80, 0.4)], 80) == 0.4 and at([(80, 0.4)], 81) is None
    assert "of need" not in sentence([(100, 0.5)], [(50, 0.4)], "is right on {}")


# --- the bake-off --------------------------------------------------------------------------------


def measure(calibration, accuracy):
    figures = dict.fromkeys(("macro_f1", "auroc", "ece", "aurc"), 0.5)
    low, high = accuracy - 0.05, accuracy + 0.05
    return {
        "calibration": calibration,
        "accuracy": accuracy,
        "accuracy_low": low,
        "accuracy_high": high,
        **figures,
    }


def result(**more):
    """A result document; the second candidate is the best."""
    costs = {"seconds": 12.0, "tokens_in": 900, "tokens_out": 100, "money": 0.02}
    none = dict.fromkeys(costs)
    candidates = [
        {"name": "as it is", "config": TeacherConfig(), **costs},
        {
            "name": "<b>i</b> [x](http://e.com)",
            "config": TeacherConfig(instruction="Sort."),
            **costs,
        },
        {"name": "nearest", "config": TeacherConfig(), "error": "No [x](http://e.com).", **none},
        {"name": "twin", "config": TeacherConfig(), "same_as": 0, **none},
    ]
    for place, one in enumerate(candidates):
        one["config"] = one["config"].model_dump(mode="json")
        kinds = [("none", 0.5), ("batch", 0.6 + 0.1 * place), ("batch+temperature", 0.6)]
        one["measures"] = [measure(*kind) for kind in kinds] if place < 2 else []
    chosen = {"candidate": 1, "calibration": "batch+temperature"}
    best = {**chosen, "recommended": chosen, "sentence": "[i](http://e.com) is best, 93 % sure."}
    document = {"rows": 50, "source": "gold", "held_out": True, "candidates": candidates}
    return {**document, "best": best, "stopped": None, **more}


def test_too_few_known_texts_make_no_bake_off(home):
    seeded_project(home)
    app = panel("bake_off", "bake_off", "labelling.config")
    assert "at least 50 texts of the pool whose true class is known, and there are 45" in words(app)
    assert button(app, "Label some on Curate")
    assert not any(one.label == "Start the bake-off" for one in app.button)


def test_what_is_tried_is_counted_and_started_as_a_command(home, started):
    _, project = seeded_project(home, 400)
    app = panel("bake_off", "bake_off", "labelling.config")
    assert button(app, "Start the bake-off").disabled
    assert "Choose at least one thing to try." in words(app)
    app.get_by_key(f"bake_score_{project.id}").set_value(["mean", "first_token"]).run()
    app.get_by_key(f"bake_examples_{project.id}").set_value(["balanced"]).run()
    app.text_area[0].set_value("Sort this, please.").run()
    assert len(app.text_area) == 2
    app.number_input[0].set_value(100).run()
    assert "12 ways to ask \u00d7 100 texts = **1,200 questions**" in words(app)
    button(app, "Start the bake-off").click().run()
    ((arguments, facts),) = started
    tried = {
        "examples": ["none", "balanced"],
        "verbaliser_score": ["sum", "mean", "first_token"],
        "instruction": [TeacherConfig().instruction, "Sort this, please."],
    }
    # No person has labelled anything here, so the examples are taken from gold.
    base = TeacherConfig(example_source="gold")
    assert arguments == commands.bake_off("city", base, tried, rows=100)
    assert facts["kind"] == "bake-off"


def test_too_many_ways_are_refused_before_the_start(home):
    _, project = seeded_project(home, 400)
    app = panel("bake_off", "bake_off", "labelling.config")
    app.get_by_key(f"bake_score_{project.id}").set_value(["mean", "first_token"]).run()
    app.get_by_key(f"bake_examples_{project.id}").set_value(["balanced", "nearest"]).run()
    for place in range(3):
        app.text_area[place].set_value(f"Sort this {place}.").run()
    assert "These make 36 ways to ask, and at most 24 are compared" in words(app)
    assert button(app, "Start the bake-off").disabled


def test_another_teacher_that_cannot_be_is_refused_in_a_sentence(home, started):
    seeded_project(home, 400)
    app = panel("bake_off", "bake_off", "labelling.config")
    app.text_input[0].set_value("gpt").run()
    button(app, "Start the bake-off").click().run()
    assert "but it was 'gpt'" in said(app.error)
    assert not started


def test_a_server_is_asked_for_kinds_of_confidence_and_a_limit(home, started):
    _, project = seeded_project(home, 400)
    server = "TC(teacher='api:m', base_url='http://127.0.0.1:9/v1')"
    script = PANEL.format(module="bake_off", name="bake_off", argument=server)
    app = AppTest.from_string("from llkd.config import TeacherConfig as TC" + script).run()
    kinds = ["log-probabilities", "agreement of several answers", "its own statement"]
    assert app.get_by_key(f"bake_confidence_{project.id}").options == kinds
    app.get_by_key(f"bake_confidence_{project.id}").set_value(["verbalized"]).run()
    app.get_by_key(f"bake_calls_{project.id}").set_value(30).run()
    button(app, "Start the bake-off").click().run()
    assert "--calls=30" in started[0][0]


def finished(home, **more):
    store, project = seeded_project(home, 400)
    job = ended_job(store, project, "finished", kind="bake-off")
    store.jobs.update(job.id, result=result(**more))
    return store, project


def test_the_result_is_a_sentence_a_chart_and_a_table_without_markup_of_its_own(home):
    finished(home)
    app = panel("bake_off", "bake_off", "labelling.config")
    assert not app.exception
    shown = words(app)
    assert "[i](http://e.com) is best, 93 % sure." in shown
    assert "nearest: No [x](http://e.com)." in shown
    assert "twin: asks in just the same way as \u201cas it is\u201d." in shown
    rendered = "\n".join(str(one.value) for one in [*app.markdown, *app.caption])
    assert "](http" not in rendered and "<b>" not in rendered
    table = app.dataframe[0].value
    assert len(table) == 6 and set(table["money"]) == {"0.020"}
    assert table["calibration"].tolist() == ["None", "Batch", "Batch with temperature"] * 2
    spec = app.get("plotly_chart")[0].proto.spec
    assert "<b>i" not in json.dumps(json.loads(spec)["data"])
    assert len(json.loads(spec)["data"]) == 2  # none and batch: a temperature changes no label


def test_use_this_fills_in_the_form_and_the_calibration(home):
    _, project = finished(home)
    app = panel("bake_off", "bake_off", "labelling.config")
    button(app, "Use this").click().run()
    assert not app.exception
    assert app.session_state[f"teacher_instruction_{project.id}"] == "Sort."
    assert app.session_state[f"teacher_calibration_{project.id}"] == "batch+temperature"
    assert "In the form now; calibration: batch with temperature." in words(app)


def test_use_this_switches_a_pass_that_was_asked_so_already(home):
    chosen = {"candidate": 0, "calibration": "none+temperature"}
    best = {**chosen, "recommended": chosen, "sentence": "Keep it."}
    store, project = finished(home, best=best)
    button(panel("bake_off", "bake_off", "labelling.config"), "Use this").click().run()
    labelling = store.labellings.get(project.labelling_id)
    assert labelling.calibration == "none+temperature" and "none" in labelling.fits


def test_a_budget_that_ended_it_is_said(home):
    finished(home, stopped="The budget of 30 calls is spent.", best=None)
    app = panel("bake_off", "bake_off", "labelling.config")
    assert said(app.warning) == "The budget of 30 calls is spent."
    assert "None of them gave an answer that could be judged." in words(app)
    assert not any(one.label == "Use this" for one in app.button)


@pytest.mark.parametrize("page", ["curate", "train", "results", "export"])
def test_other_pages_open_under_a_temperature_fitted_on_what_people_labelled(home, page):
    store, project = seeded_project(home, 200, gold=False)
    label_by_hand(store, project, range(60))
    labelling = curation.current_labelling(store, project)
    curation.fit_calibration(store, project, labelling, "batch")
    store.labellings.set_calibration(labelling.id, "batch+temperature")
    app = opened(page)
    assert not app.exception and not app.error
    assert app.title
