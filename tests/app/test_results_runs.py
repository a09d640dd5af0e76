"""The Results page: many runs, what people say of them, and a student that is tried."""

import pytest

from llkd import jobs
from llkd.config.selection_rule import read_rule
from llkd.evaluation import (
    predictions,
)
from llkd.evaluation.best_run import best_run
from llkd.jobs.requests import PredictRequest
from tests.support.pages import button, opened, said, words
from tests.support.results_page import chosen_run, table_column
from tests.support.seeded_projects import ended_job, living_job, seeded_project
from tests.support.seeded_runs import add_run
from ui.results import side_by_side
from ui.runs import reads


def test_a_comparisons_many_runs_are_folded_into_a_group_of_their_own(home):
    store, project = seeded_project(home)
    job = store.jobs.create("compare", "Compare", None, project.id)
    for seed in range(8):
        add_run(store, project, seed=seed, epochs=1, job_id=job.id)
    add_run(store, project, "all", epochs=1)
    store.runs.describe(3, pinned=True, title="the best")
    app = opened("results")
    table = table_column(app, "Who")
    assert list(table["Who"]) == ["the teacher itself", "run 3: the best", "run 9: All texts"]
    assert list(table["★"]) == ["", "★", ""]
    app.get_by_key("results_which").set_value(str(job.id)).run()
    assert len(table_column(app, "Who")) == 9
    assert table_column(app, "Who")["Who"][1] == "run 3: the best"
    app.get_by_key("results_which").set_value("every").run()
    assert len(table_column(app, "Who")) == 10
    assert chosen_run(app).value == best_run(predictions.finished_runs(store, project)).id


def test_few_runs_need_no_choice_and_nothing_said_takes_no_column(home):
    store, project = seeded_project(home)
    add_run(store, project)
    app = opened("results")
    with pytest.raises(KeyError):
        app.get_by_key("results_which")
    assert not {"★", "Note"} & set(table_column(app, "Who").columns)


def test_a_table_of_many_runs_is_turned_page_by_page(home, monkeypatch):
    """Only the page that is shown is measured: each run's intervals take tens of milliseconds."""

    monkeypatch.setattr(side_by_side, "AT_ONCE", 4)
    measured = []
    report = reads.report
    monkeypatch.setattr(
        reads, "report", lambda s, p, run, *e: measured.append(run.id) or report(s, p, run, *e)
    )
    store, project = seeded_project(home)
    for seed in range(11):
        add_run(store, project, "all", seed=seed, epochs=1)
    app = opened("results")
    app.get_by_key("results_which").set_value("every").run()
    # The newest run is the one in detail, so its page is shown first.
    shown = [f"run {number}: All texts" for number in (9, 10, 11)]
    assert list(table_column(app, "Who")["Who"]) == ["the teacher itself", *shown]
    assert "Runs 9 to 11 of 11" in words(app)
    measured.clear()
    app.session_state[side_by_side.page_key(range(1, 12))] = 1
    app.run()
    shown = [f"run {number}: All texts" for number in (1, 2, 3, 4)]
    assert list(table_column(app, "Who")["Who"]) == ["the teacher itself", *shown]
    assert not {5, 6, 7, 8} & set(measured)


HOSTILE = "<img src=x> ![i](http://e.com) **b** :red[c]"


def test_a_run_is_named_and_noted_and_pinned_on_the_page(home):
    store, project = seeded_project(home)
    run = add_run(store, project)
    app = opened("results")
    button(app, "Name and note").click().run()
    app.text_input[-1].set_value(HOSTILE)
    next(a for a in app.text_area if a.label == "Note").set_value("first line\nsecond")
    button(app, "Save").click().run()
    named = store.runs.get(run.id)
    assert (named.title, named.note) == (HOSTILE, "first line\nsecond")
    assert f"run 1: {HOSTILE}" in list(table_column(app, "Who")["Who"])
    assert "first line\nsecond" in [one.value for one in app.text]
    button(app, "Pin").click().run()
    assert store.runs.get(run.id).pinned
    button(app, "Unpin")
    for element in [*app.markdown, *app.caption, *app.text_area, *app.button]:
        said_ = getattr(element, "label", None) or getattr(element, "value", "")
        assert "![i](" not in str(said_), "a name is never markup"
    for page in ("train", "export", "curate"):
        assert not opened(page).exception


def test_what_cannot_be_stored_is_said_in_the_dialog(home):
    store, project = seeded_project(home)
    run = add_run(store, project)
    app = opened("results")
    button(app, "Name and note").click().run()
    app.text_input[-1].set_value("a\x07b")
    button(app, "Save").click().run()
    assert "A title has at most 100 printable characters" in said(app.error)
    assert store.runs.get(run.id).title == ""


def test_deleting_asks_first_and_says_what_goes(home):
    store, project = seeded_project(home)
    run = add_run(store, project)
    add_run(store, project, "random", reference=run)
    store.selections.save(project.id, "mine", read_rule({"run": run.id}), {"kept": 1})
    job = store.jobs.create("compare", "Compare", None, project.id)
    store.jobs.update(job.id, state="failed", result=None)
    app = opened("results")
    chosen_run(app).set_value(run.id).run()
    button(app, "Delete …").click().run()
    told = said(app.markdown)
    assert "Its student, its logs and its settings (9 files, " in told
    assert "Run 2 copied how many texts it took in each step" in told
    assert "The saved selection 'mine' has its information need from it" in told
    button(app, "Keep it").click().run()
    assert store.runs.get(run.id) == run
    button(app, "Delete …").click().run()
    button(app, "Delete for good").click().run()
    assert [one.id for one in store.runs.all(project.id)] == [2]
    assert not run.folder.exists()
    assert chosen_run(app).value == 2
    assert not app.exception and not app.error


def test_a_run_that_a_job_needs_stays(home):
    store, project = seeded_project(home)
    run = add_run(store, project)
    app = opened("results")
    with living_job(store, project, "compare"):
        button(app, "Delete …").click().run()
        assert "is running and needs it. Stop it first." in said(app.error)
        assert button(app, "Delete for good").disabled
    assert store.runs.get(run.id) == run


@pytest.fixture
def asked(monkeypatch):
    """What was asked; the answer is there at once."""
    calls = []

    def start(store, request, *, title=None):
        calls.append(request)
        job = ended_job(store, store.projects.get(request.project), "finished", "predict")
        answer = {"label": "<b>waste</b>", "probabilities": {"roads": 0.2, "<b>waste</b>": 0.8}}
        store.jobs.update(job.id, result=answer)
        return store.jobs.get(job.id)

    monkeypatch.setattr(jobs, "start", start)
    return calls


def test_a_typed_text_is_a_job_and_its_answer_is_shown(home, asked):
    store, project = seeded_project(home)
    run = add_run(store, project)
    app = opened("results")
    typed = "--home=/ bins & <img src=x>"
    app.text_area[0].set_value(typed).run()
    button(app, "Ask the student").click().run()
    (request,) = asked
    assert request == PredictRequest(project="city", run=run.id, text=typed)
    assert request.device is None
    assert "**<b>waste</b>** is the student's answer to:" in words(app)
    assert "<b>" not in next(m.value for m in app.markdown if "answer to" in m.value)
    assert typed in [one.value for one in app.text]


def test_an_empty_text_is_not_asked_about(home, asked):
    store, project = seeded_project(home)
    add_run(store, project)
    app = opened("results")
    button(app, "Ask the student").click().run()
    assert "There is no text to ask about yet. Type one." in said(app.error)
    assert asked == []


def test_a_student_that_cannot_answer_says_why_in_one_sentence(home, monkeypatch):
    store, project = seeded_project(home)
    run = add_run(store, project)

    def start(store, request, *, title=None):
        return ended_job(store, project, "failed", "predict", error="It is gone.\nTraceback <b>")

    monkeypatch.setattr(jobs, "start", start)
    app = opened("results")
    app.text_area[0].set_value("x").run()
    button(app, "Ask the student").click().run()
    assert said(app.error) == "It is gone."
    assert run.name in words(app)


def test_while_the_student_is_asked_the_page_says_so(home, monkeypatch):
    store, project = seeded_project(home)
    add_run(store, project)
    with living_job(store, project, "predict") as job:
        monkeypatch.setattr(jobs, "start", lambda *_, **__: job)
        app = opened("results")
        app.text_area[0].set_value("x").run()
        button(app, "Ask the student").click().run()
        assert "The student is being loaded and asked" in words(app)
