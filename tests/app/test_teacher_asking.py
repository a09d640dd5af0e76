"""The Teacher page at its end: what is said before a start, usage, kept answers, a key, failures."""

import numpy as np
import pandas as pd
import pytest
import streamlit as st

from llkd.config import Spending
from llkd.store import Answer
from tests.support.pages import button, opened, said, words
from tests.support.seeded_projects import (
    ended_job,
    label_request,
    seeded_project,
)
from tests.support.teacher_page import (
    PRICED,
    SERVER,
    URL,
    account,
    empty_pass,
    metrics,
    with_server,
)
from ui.teacher.report import usage
from ui.teacher.setup import plan


def test_a_failed_attempt_is_said_beside_a_complete_pass(home):
    store, project = seeded_project(home)
    job = ended_job(store, project, "failed", error="The server at x does not answer.", total=None)
    app = opened("teacher")
    assert said(app.error) == "The server at x does not answer."
    assert button(app, "Resume") and button(app, "Next: choose what to keep")
    # That of another pass is not this one's business.
    store.jobs.remember(job.id, labelling_id=project.labelling_id + 1)
    app = opened("teacher")
    assert not app.error and button(app, "Next: choose what to keep")


def test_too_few_labels_for_the_examples_are_said_before_a_job_is_started(home, started):
    seeded_project(home, labelled=False)
    app = opened("teacher")
    app.segmented_control(key="teacher_examples_1").set_value("balanced").run()
    button(app, "Start labelling").click().run()
    assert "has 0 human labels in its pool, and 8 examples are wanted" in said(app.error)
    assert not started


def test_what_is_labelled_already_is_said_at_the_start_button(home):
    store, project = seeded_project(home)
    app = opened("teacher")
    app.toggle(key="again_1").set_value(True).run()
    assert "60 texts of 60 are labelled like this already: there is nothing left" in words(app)
    app.text_input(key="teacher_lead_1").set_value("It is about").run()
    assert "60 texts, each asked about once." in words(app)
    assert (
        plan.extent_words(60, 60, 20) == "40 texts more of 60; 20 are labelled like this already."
    )
    assert plan.extent_words(60, 30, 0) == "30 texts of 60, each asked about once."


def test_the_bill_of_a_finished_pass(home):
    store, project = seeded_project(home)
    labeling_run = store.labeling_runs.get(project.labelling_id)
    assert "Truncated" in metrics(opened("teacher"))
    account(store, labeling_run, PRICED, calls=30, lost=1, refused=2)
    store.labeling_runs.add_cost(labeling_run.id, 0, 0, 0.0, cached=20, cut=3)
    shown = metrics(opened("teacher"))
    assert shown["Asked about"] == "40" and shown["From cache"] == "20"
    assert shown["Calls"] == "31" and shown["Refused / lost"] == "2 / 1"
    assert shown["Cost"] == "0.31" and shown["Truncated"] == "3"
    assert shown["Unparseable"] == "0"


def test_enough_for_the_rest_is_never_less_than_there_was():
    spent = usage.Usage(10, 0, 0, 1000, 10, 0.5, 0.0)
    spending = Spending(price_in=1.0, price_out=1.0, budget=2.0, calls=100)
    wanted = usage.enough_for(spent, spending, paid_texts=10, remaining=10)
    assert wanted.budget == pytest.approx(2.6) and wanted.calls == 111
    nothing = usage.Usage(0, 0, 0, 0, 0, 0.0, 0.0)
    assert usage.enough_for(nothing, spending, paid_texts=0, remaining=10).budget >= 2.0


# Kept answers and the key.


def test_kept_answers_are_deleted_after_a_question(home):
    store, project = seeded_project(home)
    answer = Answer(np.zeros(3, np.float32), 0, "logprob", None)
    store.answers.save("key", ["one", "two"], [answer, answer])
    app = opened("teacher")
    app.session_state["kept"] = True
    app.run()
    assert "**2 answers**" in words(app)
    button(app, "Delete cached answers \u2026").click().run()
    assert "Labels stay as they are" in said(app.markdown) and store.answers.size()[0] == 2
    button(app, "Keep them").click().run()
    assert store.answers.size()[0] == 2
    button(app, "Delete cached answers \u2026").click().run()
    button(app, "Delete for good").click().run()
    assert store.answers.size()[0] == 0
    assert len(store.labeling_runs.done(store.labeling_runs.get(project.labelling_id))) == 60
    app = opened("teacher")
    app.session_state["kept"] = True
    assert "None yet." in words(app.run())


def test_a_key_among_the_secrets_is_found_and_not_shown(home, tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    seeded_project(home, labelled=False)
    secrets = tmp_path / "secrets.toml"
    st.secrets._reset()
    monkeypatch.setattr(
        "streamlit.config.get_option",
        lambda name, real=st.get_option: [str(secrets)] if name == "secrets.files" else real(name),
    )
    try:
        app = with_server(opened("teacher"))
        assert "No key is set" in words(app) and not app.error  # and no word of a missing file
        secrets.write_text('OPENAI_API_KEY = "sk-very-secret"\n')
        app.run()
        assert "A key was found in the environment or the app's secrets" in words(app)
        assert "sk-very-secret" not in str(app.main)
    finally:
        st.secrets._reset()
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def test_settings_that_were_recommended_fill_the_form(home, started):
    """What the bake-off's button does, and the page after it."""
    store, project = seeded_project(home, labelled=False)
    pool = store.projects.texts(project.id, ["split"])["split"] == "pool"
    store.decisions.decide(project.id, pool[pool].index[:8].tolist(), "label", "roads")
    app = opened("teacher")
    config = SERVER.model_copy(update={"question": "Say: {text}", "examples": "fixed"})
    kept = {"kind": "api", "model": "qwen", "url": URL, "question": "Say: {text}"}
    from ui.teacher.setup import form

    states = {}
    real = form.st
    try:
        form.st = type("Page", (), {"session_state": states})
        form.fill_in(type("P", (), {"id": 1}), config)
    finally:
        form.st = real
    assert kept.items() <= {k[len("teacher_") : -2]: v for k, v in states.items()}.items()
    for name, value in states.items():
        app.session_state[name] = value
    app.run()
    button(app, "Start labelling").click().run()
    assert started[0] == label_request(config)


def test_gold_is_shown_only_where_it_is():
    from ui.teacher.trial.dry_run import answers_frame, right_words

    result = {
        "examples": [
            {"row": 3, "text": "a", "label": "x", "confidence": None},
            {"row": 5, "text": "b", "label": None, "confidence": 0.2},
        ]
    }
    bare = answers_frame([("", result)], {})
    assert list(bare) == ["text", "answer", "confidence", "tokens"]
    assert list(bare["answer"]) == ["x", "\u2013"]
    assert right_words([("", result)], {}) == ""
    some = answers_frame([("", result)], {3: "x"})
    assert list(some["gold"]) == ["x", "\u2013"] and list(some["answer"]) == ["x \u2713", "\u2013"]
    assert pd.isna(some["confidence"][0])


def test_a_pass_that_failed_at_once_locks_no_page(home):
    """In 0.3.0 it was in use at once, and Curate said that there were no labels yet."""
    store, project = seeded_project(home)
    empty = empty_pass(store, project)
    job = ended_job(store, project, "failed", error="The server at x does not answer.", total=None)
    store.jobs.remember(job.id, labelling_id=empty.id)
    app = opened("teacher")
    assert said(app.error) == "The server at x does not answer."
    assert button(app, "Resume") and button(app, "Next: choose what to keep")
    store.projects.use_labelling(project.id, empty.id)  # as 0.3.0 left it
    app = opened("teacher")
    assert "use labelling run 1, the newest that does" in words(app)
    for page in ("curate", "train", "export"):
        app = opened(page)
        assert not app.exception and not app.error, page
        assert "no teacher labels yet" not in words(app), page


@pytest.mark.parametrize("press", ["Start labelling", "Try it on five texts"])
@pytest.mark.parametrize("before", ["nothing", "an empty pass"])
def test_examples_without_any_label_start_nothing_and_the_way_out_can_be_gone(
    home, started, press, before
):
    store, project = seeded_project(home, labelled=False, gold=False)
    if before == "an empty pass":
        empty_pass(store, project)
        app = opened("teacher")
        app.toggle(key=f"again_{project.id}").set_value(True).run()
        app.segmented_control(key="teacher_examples_1").set_value("balanced").run()
    else:
        app = opened("teacher")
        app.segmented_control(key="teacher_examples_1").set_value("balanced").run()
    button(app, press).click().run()
    assert not started
    assert "8 examples are wanted: label texts on the Curate page" in said(app.error)
    app.segmented_control(key="teacher_examples_1").set_value("none").run()
    button(app, "Start labelling").click().run()
    assert len(started) == 1 and "no teacher labels yet" in words(opened("curate"))
