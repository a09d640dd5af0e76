"""The Teacher page's trust side: calibration, judging, review, rounds, and the bake-off."""

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from llkd import curation
from llkd.config import Spending, TeacherConfig, build
from llkd.evaluation import confidence_metrics
from llkd.jobs.requests import PromptComparisonRequest
from llkd.store import Scores
from tests.support.pages import button, opened, said, words
from tests.support.seeded_projects import NAMES, asked_for, ended_job, label_request, seeded_project
from ui.shell import reads
from ui.teacher.report import quality_reads
from ui.teacher.report.active_learning import at, sentence
from ui.teacher.report.confidence import in_a_sentence

HOSTILE = ["<b>roads</b> [x](http://e.com) ![i](http://e.com/x.png)", "I am sorry.", ""]
PANEL = """
from ui.shell import reads
from ui.teacher.{module} import {name}
store = reads.store()
project = store.projects.get("city")
labeling_run = store.labeling_runs.get(project.labelling_id)
{name}(store, project, {argument})
"""


def panel(module, name, argument="labeling_run"):
    """One panel on a page of its own."""
    script = PANEL.format(module=module, name=name, argument=argument)
    return AppTest.from_string(script, default_timeout=60).run()


def label_by_hand(store, project, rows):
    """A person gives these texts their true class, which the text begins with."""
    texts = store.projects.texts(project.id)["text"]
    for name, first in zip(NAMES, ("pothole", "bins", "leak"), strict=True):
        mine = [int(row) for row in rows if texts.iloc[row].startswith(first)]
        store.decisions.decide(project.id, mine, "label", name)


def unanswered(store, project, rows, raws=HOSTILE):
    """Texts whose answers were of no use."""
    labeling_run = curation.active_labeling_run(store, project)
    store.labeling_runs.append(
        labeling_run,
        Scores(
            np.asarray(rows),
            np.full((len(rows), len(NAMES)), np.nan, np.float32),
            np.full(len(rows), -1),
            np.array(["none"] * len(rows), dtype=object),
            np.array([raws[k % len(raws)] for k in range(len(rows))], dtype=object),
        ),
    )
    return labeling_run


def metrics(app):
    return {one.label: one.value for one in app.metric}


# --- calibration ---------------------------------------------------------------------------------


def test_a_temperature_is_fitted_kept_and_takes_effect_at_once(home):
    store, project = seeded_project(home, 400)
    labeling_run = curation.active_labeling_run(store, project)
    app = opened("teacher")
    before, figures = curation.teacher_labels(store, labeling_run), metrics(app)
    app.toggle(key=f"calibration_{labeling_run.id}_tempered").set_value(True).run()
    assert not app.exception and not app.error
    now = store.labeling_runs.get(labeling_run.id)
    assert now.calibration == "batch+temperature"
    fit = now.fits["batch"]
    assert (fit["rows"], fit["source"], fit["held_out"]) == (300, "gold", False)
    shown = words(app)
    assert f"Temperature {fit['temperature']:.2f}" in shown
    assert "fitted on 300 texts with gold" in shown and "on other texts than it was fitted" in shown
    quality = quality_reads.teacher_quality(store, project, now)
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
    app.segmented_control(key=f"calibration_{labeling_run.id}").set_value("none").run()
    now = store.labeling_runs.get(labeling_run.id)
    assert now.calibration == "none+temperature" and set(now.fits) == {"batch", "none"}
    app.toggle(key=f"calibration_{labeling_run.id}_tempered").set_value(False).run()
    assert store.labeling_runs.get(labeling_run.id).calibration == "none"
    assert "Temperature 0" not in words(app)


def test_another_fit_is_another_confidence_though_the_calibration_is_called_the_same(home):
    store, project = seeded_project(home, 200)
    store.labeling_runs.set_calibration(project.labelling_id, "batch+temperature")
    found = []
    for temperature in (0.5, 3.0):
        fit = {"temperature": temperature, "rows": 150, "source": "gold", "held_out": False}
        store.labeling_runs.set_fit(project.labelling_id, "batch", fit)
        labeling_run = store.labeling_runs.get(project.labelling_id)
        confidence = reads.teacher_labels(store, labeling_run).confidence
        plane = reads.plane(store, project).frame["confidence"].to_numpy()
        quality = quality_reads.teacher_quality(store, project, labeling_run)
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
    labels = curation.teacher_labels(store, curation.active_labeling_run(store, project))
    for k, name in enumerate(NAMES):
        mine = labels.row[labels.label == k][:5].tolist()
        store.decisions.decide(project.id, mine, "label", name)
    app = opened("teacher")
    app.toggle(key=f"calibration_{project.labelling_id}_tempered").set_value(True).run()
    assert "one of them labelled wrongly" in said(app.error)
    assert store.labeling_runs.get(project.labelling_id).calibration == "batch"


def test_more_labels_offer_to_fit_again(home):
    store, project = seeded_project(home, 200, gold=False)
    label_by_hand(store, project, range(40))
    app = opened("teacher")
    app.toggle(key=f"calibration_{project.labelling_id}_tempered").set_value(True).run()
    shown = words(app)
    assert "fitted on 40 texts that you labelled" in shown
    assert "measured on the texts it was fitted on: slightly optimistic." in shown
    assert not any(one.label == "Fit again" for one in app.button)
    label_by_hand(store, project, range(40, 60))
    app.run()
    assert "It can now be fitted on 60 texts that you labelled." in words(app)
    button(app, "Fit again").click().run()
    assert store.labeling_runs.get(project.labelling_id).fits["batch"]["rows"] == 60
    assert not any(one.label == "Fit again" for one in app.button)


# --- trust ---------------------------------------------------------------------------------------


def test_the_figures_are_those_of_the_held_out_texts(home):
    store, project = seeded_project(home, 400)
    labeling_run = curation.active_labeling_run(store, project)
    app = opened("teacher")
    labels = curation.teacher_labels(store, labeling_run)
    known = curation.rows_to_evaluate(store, project, labeling_run)
    assert known.held_out and len(known.rows) == 100
    right, sure = labels.label[known.rows] == known.gold, labels.confidence[known.rows]
    figures = metrics(app)
    assert figures["Calibration error"] == f"{confidence_metrics.ece(sure, right):.3f}"
    assert figures["AUROC of confidence"] == f"{confidence_metrics.auroc(sure, right):.3f}"
    low, high = confidence_metrics.auroc_interval(sure, right)
    (separation,) = (one for one in app.metric if one.label == "AUROC of confidence")
    assert separation.delta == f"{low:.2f} to {high:.2f}"
    assert figures["Area under risk\u2013coverage"] == f"{confidence_metrics.aurc(sure, right):.3f}"
    shown = words(app)
    assert f"Mean confidence is **{100 * sure.mean():.1f}\u00a0%**" in shown
    assert f"accuracy **{100 * right.mean():.1f}\u00a0%**: underconfident by" in shown
    table = app.dataframe[0].value
    for k in range(3):
        mine = labels.label[known.rows] == k
        assert table["auroc"][k] == pytest.approx(confidence_metrics.auroc(sure[mine], right[mine]))
        assert table["ece"][k] == pytest.approx(confidence_metrics.ece(sure[mine], right[mine]))


def test_without_gold_it_is_judged_on_what_people_labelled(home):
    store, project = seeded_project(home, 200, gold=False)
    app = opened("teacher")
    assert "Accuracy" not in metrics(app)
    assert "How often the teacher is right is unknown" in words(app)
    assert button(app, "Label some on Curate") and button(app, "Bring in gold on Data")
    label_by_hand(store, project, range(43))
    app.run()
    labels = curation.teacher_labels(store, curation.active_labeling_run(store, project))
    known = curation.rows_to_evaluate(store, project)
    right = (labels.label[known.rows] == known.gold).mean()
    assert metrics(app)["Accuracy"] == f"{100 * right:.1f}\u00a0%"
    shown = words(app)
    assert "Judged on 43 texts that you labelled." in shown
    assert "You chose what to label" in shown and "With fewer than 100 texts" in shown
    # A label that is taken back judges no more.
    store.decisions.undo(project.id)
    app.run()
    assert "Judged on 43 texts" not in words(app)


@pytest.mark.parametrize(
    ("says", "right", "of", "verdict"),
    [
        (0.95, 60, 100, "overconfident by 35 points"),
        (0.50, 80, 100, "underconfident by 30 points"),
        (0.75, 70, 100, "calibrated on average"),
        # Between 15 and 65 per cent is no knowledge.
        (0.57, 4, 11, "too few texts to tell"),
        # The same distance is no chance any more with many texts.
        (0.75, 7000, 10000, "overconfident by 5 points"),
    ],
)
def test_a_verdict_needs_more_than_chance(says, right, of, verdict):
    assert verdict in in_a_sentence(says, right, of)


def test_texts_that_stand_as_examples_in_the_prompt_judge_nothing(home, monkeypatch):
    store, project = seeded_project(home, 60, holdout=0.0)
    labeling_run = curation.active_labeling_run(store, project)
    assert len(quality_reads.judged(store, project, labeling_run).rows) == 60
    other = store.labeling_runs.find_or_create(
        project.id,
        label_set=project.label_set,
        config=TeacherConfig(examples="fixed", example_count=2, example_source="gold"),
        fingerprint="with examples",
        teacher={"kind": "embedded", "examples": {"kind": "fixed", "rows": [[3, 0], [7, 1]]}},
        calibration="batch",
    )
    store.labeling_runs.append(other, store.labeling_runs.scores(labeling_run))
    judged = quality_reads.judged(store, project, other)
    assert len(judged.rows) == 58 and not {3, 7} & set(judged.rows.tolist())


# --- texts without a usable answer ---------------------------------------------------------------


def tick(app, store, project, rows, ticked):
    """Tick rows of the review's table, as a click in the browser would."""
    import zlib

    stamp = zlib.crc32(np.asarray(rows, dtype=np.int64).tobytes())
    key = f"review_rows_{stamp}_{store.decisions.version(project.id)}"
    app.session_state[key] = {"selection": {"rows": ticked, "columns": [], "cells": []}}
    return app.run()


def test_where_every_text_was_answered_there_is_nothing_to_review(home):
    seeded_project(home)
    app = panel("report.unusable_answers", "unusable_answers")
    assert not app.exception and words(app) == ""


def test_raw_answers_stand_only_where_no_markup_is_read(home):
    store, project = seeded_project(home, labelled=0.9)
    unanswered(store, project, range(54, 60))
    app = panel("report.unusable_answers", "unusable_answers")
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
    app = panel("report.unusable_answers", "unusable_answers")
    assert button(app, "Set label").disabled and button(app, "Exclude").disabled
    tick(app, store, project, range(54, 60), [1, 2])
    app.selectbox[0].select("water").run()
    button(app, "Set label of 2").click().run()
    decided = store.decisions.current(project.id)
    assert decided["human_label"].to_dict() == {55: "water", 56: "water"}
    assert "2 texts labelled as 'water'." in words(app)
    assert "**4** still to be decided" in words(app)
    assert len(app.dataframe[0].value) == 4
    tick(app, store, project, [54, 57, 58, 59], [0, 1, 2, 3])
    button(app, "Exclude 4").click().run()
    assert store.decisions.current(project.id)["excluded"].sum() == 4
    assert "; all decided" in words(app)
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
    app = panel("report.unusable_answers", "unusable_answers")
    assert len(app.dataframe[0].value) == 50
    app.session_state[f"review_page_{project.labelling_id}_To decide_3"] = 3
    app.run()
    assert len(app.dataframe[0].value) == 20


def test_they_can_be_asked_again(home, started):
    store, project = seeded_project(home, labelled=0.9)
    unanswered(store, project, range(54, 60))
    button(panel("report.unusable_answers", "unusable_answers"), "Ask these again").click().run()
    assert started == [label_request(TeacherConfig(), calibration="batch", ask_again=True)]


def test_asking_again_keeps_to_the_budget_and_to_the_texts_that_were_asked(home, started):
    store, project = seeded_project(home, labelled=0.5)
    unanswered(store, project, range(30, 40))
    job = ended_job(store, project, "finished")
    store.jobs.remember(job.id, labelling_id=project.labelling_id)
    limits = Spending(calls=90)
    asked_for(store, job, label_request(TeacherConfig(), spending=limits))
    button(panel("report.unusable_answers", "unusable_answers"), "Ask these again").click().run()
    again = {"calibration": "batch", "limit": 40, "ask_again": True}
    wanted = label_request(TeacherConfig(), spending=limits, **again)
    assert started == [wanted]


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
    assert words(panel("report.active_learning", "gain_curve")) == ""


def test_the_curve_compares_at_the_same_number_of_calls(home):
    store, project = seeded_project(home)
    store.labeling_runs.set_rounds(project.labelling_id, rounds())
    app = panel("report.active_learning", "gain_curve")
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
    store.labeling_runs.set_rounds(project.labelling_id, rounds(**none))
    shown = words(panel("report.active_learning", "gain_curve"))
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
    app = panel("prompt_comparison.panel", "compare_prompts", "labeling_run.config")
    assert "at least 50 texts of the pool whose true class is known, and there are 45" in words(app)
    assert button(app, "Label some on Curate")
    assert not any(one.label == "Compare prompts" for one in app.button)


def test_what_is_tried_is_counted_and_started_as_a_command(home, started):
    _, project = seeded_project(home, 400)
    app = panel("prompt_comparison.panel", "compare_prompts", "labeling_run.config")
    assert button(app, "Compare prompts").disabled
    assert "Choose at least one thing to try." in words(app)
    app.get_by_key(f"bake_score_{project.id}").set_value(["mean", "first_token"]).run()
    app.get_by_key(f"bake_examples_{project.id}").set_value(["balanced"]).run()
    app.text_area[0].set_value("Sort this, please.").run()
    assert len(app.text_area) == 2
    app.number_input[0].set_value(100).run()
    assert "12 ways to ask \u00d7 100 texts = **1,200 questions**" in words(app)
    button(app, "Compare prompts").click().run()
    tried = {
        "examples": ["none", "balanced"],
        "verbaliser_score": ["sum", "mean", "first_token"],
        "instruction": [TeacherConfig().instruction, "Sort this, please."],
    }
    # No person has labelled anything here, so the examples are taken from gold.
    base = TeacherConfig(example_source="gold")
    assert started == [
        build(PromptComparisonRequest, project="city", teacher=base, variants=tried, rows=100)
    ]


def test_too_many_ways_are_refused_before_the_start(home):
    _, project = seeded_project(home, 400)
    app = panel("prompt_comparison.panel", "compare_prompts", "labeling_run.config")
    app.get_by_key(f"bake_score_{project.id}").set_value(["mean", "first_token"]).run()
    app.get_by_key(f"bake_examples_{project.id}").set_value(["balanced", "nearest"]).run()
    for place in range(3):
        app.text_area[place].set_value(f"Sort this {place}.").run()
    assert "These make 36 ways to ask, and at most 24 are compared" in words(app)
    assert button(app, "Compare prompts").disabled


def test_another_teacher_that_cannot_be_is_refused_in_a_sentence(home, started):
    seeded_project(home, 400)
    app = panel("prompt_comparison.panel", "compare_prompts", "labeling_run.config")
    app.text_input[0].set_value("gpt").run()
    button(app, "Compare prompts").click().run()
    assert "but it was 'gpt'" in said(app.error)
    assert not started


def test_a_server_is_asked_for_kinds_of_confidence_and_a_limit(home, started):
    _, project = seeded_project(home, 400)
    server = "TC(teacher='api:m', base_url='http://127.0.0.1:9/v1')"
    script = PANEL.format(module="prompt_comparison.panel", name="compare_prompts", argument=server)
    app = AppTest.from_string("from llkd.config import TeacherConfig as TC" + script).run()
    kinds = ["log-probabilities", "agreement of several answers", "stated by the model"]
    assert app.get_by_key(f"bake_confidence_{project.id}").options == kinds
    app.get_by_key(f"bake_confidence_{project.id}").set_value(["verbalized"]).run()
    app.get_by_key(f"bake_calls_{project.id}").set_value(30).run()
    button(app, "Compare prompts").click().run()
    assert "--calls=30" in started[0].command()


def finished(home, **more):
    store, project = seeded_project(home, 400)
    job = ended_job(store, project, "finished", kind="bake-off")
    store.jobs.update(job.id, result=result(**more))
    return store, project


def test_the_result_is_a_sentence_a_chart_and_a_table_without_markup_of_its_own(home):
    finished(home)
    app = panel("prompt_comparison.panel", "compare_prompts", "labeling_run.config")
    assert not app.exception
    shown = words(app)
    assert "[i](http://e.com) is best, 93 % sure." in shown
    assert "nearest: No [x](http://e.com)." in shown
    assert "twin: asks in just the same way as \u201cas it is\u201d." in shown
    rendered = "\n".join(str(one.value) for one in [*app.markdown, *app.caption])
    assert "](http" not in rendered and "<b>" not in rendered
    table = app.dataframe[0].value
    assert len(table) == 6 and set(table["cost"]) == {"0.020"}
    assert table["calibration"].tolist() == ["None", "Batch", "Batch with temperature"] * 2
    spec = app.get("plotly_chart")[0].proto.spec
    assert "<b>i" not in json.dumps(json.loads(spec)["data"])
    assert len(json.loads(spec)["data"]) == 2  # none and batch: a temperature changes no label


def test_use_this_fills_in_the_form_and_the_calibration(home):
    _, project = finished(home)
    app = panel("prompt_comparison.panel", "compare_prompts", "labeling_run.config")
    button(app, "Use this").click().run()
    assert not app.exception
    assert app.session_state[f"teacher_instruction_{project.id}"] == "Sort."
    assert app.session_state[f"teacher_calibration_{project.id}"] == "batch+temperature"
    assert "In the form now; calibration: batch with temperature." in words(app)


def test_use_this_switches_a_pass_that_was_asked_so_already(home):
    chosen = {"candidate": 0, "calibration": "none+temperature"}
    best = {**chosen, "recommended": chosen, "sentence": "Keep it."}
    store, project = finished(home, best=best)
    button(
        panel("prompt_comparison.panel", "compare_prompts", "labeling_run.config"), "Use this"
    ).click().run()
    labeling_run = store.labeling_runs.get(project.labelling_id)
    assert labeling_run.calibration == "none+temperature" and "none" in labeling_run.fits


def test_a_budget_that_ended_it_is_said(home):
    finished(home, stopped="The budget of 30 calls is spent.", best=None)
    app = panel("prompt_comparison.panel", "compare_prompts", "labeling_run.config")
    assert said(app.warning) == "The budget of 30 calls is spent."
    assert "No way of asking gave an answer that could be measured." in words(app)
    assert not any(one.label == "Use this" for one in app.button)


@pytest.mark.parametrize("page", ["curate", "train", "results", "export"])
def test_other_pages_open_under_a_temperature_fitted_on_what_people_labelled(home, page):
    store, project = seeded_project(home, 200, gold=False)
    label_by_hand(store, project, range(60))
    labeling_run = curation.active_labeling_run(store, project)
    curation.fit_calibration(store, project, labeling_run, "batch")
    store.labeling_runs.set_calibration(labeling_run.id, "batch+temperature")
    app = opened(page)
    assert not app.exception and not app.error
    assert app.title
