"""The Teacher page: what a person reads and what their clicks do."""

import json
from pathlib import Path

import numpy as np
import pytest

from llkd import curation, jobs
from llkd.config import LabelSet, TeacherConfig
from tests.support.pages import button, direct, opened, said, words
from tests.support.seeded_projects import (
    NAMES,
    ended_job,
    label_request,
    living_job,
    seeded_project,
)
from ui.shell import uploads


def _metrics(app):
    return {one.label: one.value for one in app.metric}


def test_a_new_project_offers_the_teachers_and_says_what_they_cost(home):
    seeded_project(home, labelled=False)
    app = opened("teacher")
    shown = words(app)
    assert "What LLKD saves afterwards is student training, not teacher calls." in shown
    assert app.radio[0].options == [
        "The embedded model",
        "Label similarity",
        "Another model on this machine",
        "A server",
        "A decision model (System One)",
        "A decision model (OpenAI Decisions)",
        "A server, whatever it speaks",
        "Labels from a file",
        "A committee",
    ]
    assert app.radio[0].value == "committee"
    assert app.multiselect(key="teacher_members_1").value == ["similarity", "embedded"]
    assert "The embedded model takes 12 seconds for 60 texts, as is usual on two" in shown
    assert "60 texts, each asked about once." in shown
    assert button(app, "Start labelling").proto.type == "primary"


def test_start_labelling_starts_what_a_person_could_type(home, started):
    store, project = seeded_project(home, labelled=False)
    button(opened("teacher"), "Start labelling").click().run()
    (request,) = started
    assert request == label_request(TeacherConfig(teacher="committee"))
    assert request.command() == ["label", "--teacher=committee", "--", "city"]
    job = store.jobs.all(project.id)[0]
    assert (job.kind, job.title, job.device) == ("label", "Label city", "auto")


def test_settings_reach_the_command(home, started):
    seeded_project(home, labelled=False)
    app = opened("teacher")
    app.text_area(key="teacher_instruction_1").set_value("Sort this message.").run()
    app.number_input(key="teacher_tokens_1").set_value(64).run()
    app.selectbox(key="teacher_score_1").select("mean").run()
    button(app, "Start labelling").click().run()
    wanted = TeacherConfig(
        teacher="committee",
        instruction="Sort this message.",
        max_text_tokens=64,
        verbaliser_score="mean",
    )
    assert started[0] == label_request(wanted)


def test_a_server_is_asked_by_address_and_needs_a_model(home, started, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    seeded_project(home, labelled=False)
    app = opened("teacher")
    app.radio[0].set_value("api").run()
    assert [one.value for one in app.text_input if "key" in one.label.lower()] == [""]
    button(app, "Start labelling").click().run()
    assert said(app.error) == "Name the model that the server offers."
    assert not started
    app.text_input(key="teacher_model_1").set_value("qwen").run()
    app.text_input(key="teacher_url_1").set_value("https://models.example.com/v1").run()
    assert "Every text of this project will be sent to models.example.com." in said(app.warning)
    button(app, "Start labelling").click().run()
    assert started[0] == label_request(
        TeacherConfig(teacher="api:qwen", base_url="https://models.example.com/v1")
    )


def test_a_key_is_found_in_the_environment_and_not_shown(home, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    seeded_project(home, labelled=False)
    app = opened("teacher")
    app.radio[0].set_value("api").run()
    assert "A key was found in the environment" in words(app)
    assert "sk-very-secret" not in str(app.main)


def test_labels_from_a_file_are_kept_with_the_project(home, started):
    _, project = seeded_project(home, labelled=False)
    app = opened("teacher")
    app.radio[0].set_value("file").run()
    assert "by which labels are matched" in words(app)
    button(app, "Start labelling").click().run()
    assert said(app.error) == "Choose the file with the labels."
    content = b"text,label\nleak,water\n"
    app.file_uploader[0].set_value(("../my *labels*.CSV", content, "text/csv")).run()
    assert "In use: ../my *labels*.CSV" in words(app)
    button(app, "Start labelling").click().run()
    (path,) = [a.partition("file:")[2] for a in started[0].command() if a.startswith("--teacher=")]
    path = Path(path)
    assert path.name == "my_labels.csv" and path.read_bytes() == content
    assert path.is_relative_to(home / "projects" / str(project.id))


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("labels.csv", "labels.csv"),
        ("../../etc/passwd", "passwd"),
        ("..", "labels"),
        ("\u0444.PARQUET", "labels.parquet"),
        ("a b;rm -rf.tar.gz", "a_b_rm_-rf.tar.gz"),
        ("x" * 300 + ".jsonl", "x" * 60 + ".jsonl"),
    ],
)
def test_a_file_name_is_made_harmless(name, kept):
    assert uploads.harmless(name) == kept


def test_a_job_that_waits_says_for_what(home):
    store, project = seeded_project(home, labelled=False)
    with living_job(store, project, state="queued", done=0, total=None) as job:
        assert "Starting" in words(opened("teacher"))
        store.jobs.update(job.id, message="Waiting for job 7 (Train *it*) to finish.")
        assert "Waiting for job 7 (Train *it*) to finish." in words(opened("teacher"))


def test_an_unusable_setting_is_one_sentence(home):
    seeded_project(home, labelled=False)
    app = opened("teacher")
    app.text_area(key="teacher_instruction_1").set_value("").run()
    assert "Setting 'instruction'" in said(app.error)
    assert not app.exception
    # It also keeps anything from being started.
    button(app, "Start labelling").click().run()
    assert "Setting 'instruction'" in said(app.error)


def test_the_form_keeps_its_state_when_the_page_is_left(home):
    seeded_project(home, labelled=False)
    app = opened("teacher")
    app.radio[0].set_value("local").run()
    app.text_input(key="teacher_local_1").set_value("some/model").run()
    app.switch_page("pages/data.py").run()
    app.switch_page("pages/teacher.py").run()
    app.run()
    assert app.radio[0].value == "local"
    assert app.text_input(key="teacher_local_1").value == "some/model"


def test_while_it_runs_the_labels_grow_and_the_form_is_away(home):
    store, project = seeded_project(home, labelled=0.5)
    with living_job(store, project, labelling_id=project.labelling_id):
        app = opened("teacher")
        shown = words(app)
        assert "30 of 60 texts" in shown and "Labels so far" in shown and "Last labels" in shown
        assert "Start labelling" not in shown
        last = app.dataframe[0].value
        assert len(last) == 8
        assert set(last["label"]) <= set(NAMES)
        assert last["confidence"].between(0, 1).all()


def test_what_a_job_says_for_the_command_line_is_not_said_twice(home):
    store, project = seeded_project(home, labelled=0.5)
    with living_job(store, project, labelling_id=project.labelling_id) as job:
        store.jobs.update(job.id, message="Labelling, 47.0 texts/s, 1,200 tokens, 0.3621 spent")
        shown = words(opened("teacher"))
        assert "Labelling \u00b7 30 of 60 texts" in shown
        assert "47.0 texts/s" not in shown and "spent" not in shown


def test_a_job_that_died_says_so_with_its_last_words_and_can_be_resumed(home, monkeypatch):
    store, project = seeded_project(home, labelled=0.5)
    job = ended_job(
        store,
        project,
        "died",
        error="Its process ended without a word (killed, or out of memory). Resume goes on.\nlast",
        log="one\ntwo <b>\nKilled\n",
    )
    app = opened("teacher")
    assert "This job died. Its process ended without a word" in said(app.error)
    assert app.code[0].value == "one\ntwo <b>\nKilled"
    assert "It had done 20 of 60." in words(app)
    resumed = []
    monkeypatch.setattr(jobs, "resume", lambda store, number, keys: resumed.append(number))
    button(app, "Resume").click().run()
    assert resumed == [job.id]


def test_a_stopped_job_can_be_resumed_and_is_no_error(home):
    store, project = seeded_project(home, labelled=0.5)
    ended_job(store, project, "cancelled", error="Stopped on request; resume goes on.")
    app = opened("teacher")
    assert not app.error
    assert "Stopped. What was done is kept." in words(app)
    assert button(app, "Resume")
    # What there is by now is shown already.
    assert _metrics(app)["Labelled"] == "30 of 60"


def test_a_failure_before_the_first_label_shows_its_sentence_and_the_form(home):
    store, project = seeded_project(home, labelled=False)
    ended_job(store, project, "failed", error="There is no model at [x](http://e.com).", total=None)
    app = opened("teacher")
    assert said(app.error) == "There is no model at [x](http://e.com)."
    assert "](http" not in app.error[0].value
    assert button(app, "Resume") and button(app, "Start labelling")


def test_what_the_teacher_said_is_measured_on_the_held_out_texts(home):
    store, project = seeded_project(home)
    app = opened("teacher")
    labels = curation.teacher_labels(store, curation.active_labeling_run(store, project))
    texts = store.projects.texts(project.id)
    gold = curation.gold_indices(texts, NAMES)
    held = (texts["split"] == "eval").to_numpy()
    accuracy = (labels.label == gold)[held].mean()
    figures = _metrics(app)
    assert figures["Labelled"] == "60 of 60"
    assert figures["Accuracy"] == f"{100 * accuracy:.1f}\u00a0%"
    assert figures["Mean confidence"] == f"{100 * labels.confidence.mean():.1f}\u00a0%"
    assert "measured on 15 held-out texts" in words(app)
    assert "Source of confidence: log-probabilities." in words(app)
    table = app.dataframe[0].value
    assert list(table["class"]) == NAMES
    assert list(table["texts"]) == list(np.bincount(labels.label, minlength=3))
    assert table["gold"].sum() == 15
    assert {"precision", "recall", "f1"} <= set(table)
    assert len(app.get("plotly_chart")) == 4
    assert button(app, "Next: choose what to keep").proto.type == "primary"


def test_without_gold_nothing_is_claimed(home):
    seeded_project(home, gold=False)
    app = opened("teacher")
    assert "Accuracy" not in _metrics(app)
    assert "precision" not in app.dataframe[0].value
    assert len(app.get("plotly_chart")) == 2


def test_another_calibration_changes_labels_at_once_and_is_kept(home):
    store, project = seeded_project(home)
    labeling_run = curation.active_labeling_run(store, project)
    app = opened("teacher")
    control = app.segmented_control(key=f"calibration_{labeling_run.id}")
    assert control.value == "batch"
    before = app.dataframe[0].value["texts"].tolist()
    control.set_value("none").run()
    assert store.labeling_runs.get(labeling_run.id).calibration == "none"
    after = app.dataframe[0].value["texts"].tolist()
    none = curation.teacher_labels(store, labeling_run, "none").label
    batch = curation.teacher_labels(store, labeling_run, "batch").label
    assert after == list(np.bincount(none, minlength=3)) != before
    changed = int((none != batch).sum())
    assert changed > 0
    assert f"Compared with **batch**, it changes the label of **{changed} texts** of 60" in words(
        app
    )
    assert "No text was asked about again." in words(app)
    # As set elsewhere (the command line): the page follows the store.
    store.labeling_runs.set_calibration(labeling_run.id, "contextual")
    app.run()
    assert app.segmented_control(key=f"calibration_{labeling_run.id}").value == "contextual"


def test_contextual_is_offered_only_where_it_can_be_had(home):
    store, project = seeded_project(home)
    store.labeling_runs.set_content_free(project.labelling_id, None)
    app = opened("teacher")
    assert app.segmented_control[0].options == ["None", "Batch", "Fitted"]


def test_changed_classes_are_pointed_out(home):
    store, project = seeded_project(home)
    store.projects.set_label_set(project.id, LabelSet.of(["roads", "waste", "water", "trees"]))
    assert "The classes changed after this labelling run." in said(opened("teacher").info)


def test_without_classes_the_page_leads_to_data(home):
    store, _ = seeded_project(home, labelled=False)
    frame = store.projects.texts(1)[["id", "text", "gold", "split"]]
    store.projects.create("bare", frame, source="x", report={})
    for app in (opened("teacher", project="bare"), direct("teacher", project="bare")):
        assert "Name the classes first" in words(app)
        assert button(app, "Go to Data")


def test_hostile_class_names_stay_text(home):
    names = ["<b>x</b>", "[l](http://e.com)", ":material/home:"]
    seeded_project(home, names=names)
    app = opened("teacher")
    assert not app.exception
    assert list(app.dataframe[0].value["class"]) == names
    rendered = "\n".join(str(one.value) for one in [*app.markdown, *app.caption])
    assert not any(name in rendered for name in names)
    for chart in app.get("plotly_chart"):
        assert "<b>x" not in json.dumps(json.loads(chart.proto.spec)["data"])
