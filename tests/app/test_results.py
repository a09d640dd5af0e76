"""The Results page: the same texts for everyone, a plain judgement, and a typed text."""

import numpy as np
import pytest
from seed import button, direct, ended_job, living_job, opened, said, seeded_project, words
from seed_runs import add_run

from llkd import commands, curation, evaluation, fairness, jobs, signals
from llkd.evaluation import Difference
from llkd.fairness import Comparison
from llkd.store.runs import write_probabilities
from ui import results_view, run_reads


def _table(app, column):
    return next(one.value for one in app.dataframe if column in one.value.columns)


@pytest.mark.parametrize("enter", [lambda: opened("results"), lambda: direct("results")])
def test_without_a_project_the_next_step_is_data(home, enter):
    app = enter()
    assert not app.exception
    button(app, "Go to Data")


def test_the_next_step_is_the_first_that_is_missing(home):
    seeded_project(home, labelled=False, probed=False)
    app = opened("results")
    assert "Results come from training, and training from the teacher's labels." in words(app)
    button(app, "Go to Teacher")
    store, project = seeded_project(home, name="labelled")
    app = opened("results", project="labelled")
    assert "No student has been trained yet." in words(app)
    button(app, "Go to Train")
    with living_job(store, project, "train"):
        app = opened("results", project="labelled")
        assert "A student is being trained; its results will be here." in words(app)


def test_everyone_is_measured_on_the_same_held_out_texts(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    add_run(store, project, "all", seed=1)
    table = _table(opened("results"), "Who")
    assert list(table["Who"]) == ["the teacher itself", "run 1: llkd", "run 2: all"]
    assert list(table["Seed"]) == ["", "0", "1"]

    texts = store.projects.texts(project.id)
    held_out = np.flatnonzero(texts["split"] == "eval")
    labels = curation.teacher_labels(store, store.labellings.get(project.labelling_id))
    gold = curation.gold_indices(texts, project.label_set.names)
    right = int((labels.label[held_out] == gold[held_out]).sum())
    low, high = evaluation.wilson(right, 50)
    assert table["Accuracy"][0] == (
        f"{100 * right / 50:.1f}\u00a0% ({100 * low:.1f} to {100 * high:.1f})"
    )
    rows, probabilities = store.runs.evaluation(run)
    assert list(rows) == list(held_out)
    share = (signals.pseudo_label(probabilities) == gold[held_out]).mean()
    assert table["Accuracy"][1].startswith(f"{100 * share:.1f}\u00a0% (")
    assert table["Back-propagated"][1] == run.summary["backpropagated"]
    assert table["Different texts"][2] == 150
    assert table["Share"][2] == "100.0\u00a0%"


def test_a_run_that_numbers_its_evaluation_by_place_is_read_alike(home):
    store, project = seeded_project(home, n=100, holdout=0.2)
    run = add_run(store, project)
    before = run_reads.answers(store, project, run)
    _, probabilities = store.runs.evaluation(run)
    path = run.folder / "eval-epoch-0002.parquet"
    texts = store.projects.texts(project.id)
    # Held-out rows are the first twenty here: move them, so that places and rows differ.
    write_probabilities(path, np.arange(20), probabilities[::-1])
    gold = curation.gold_indices(texts, project.label_set.names)
    found = run_reads.answers(store, project, run)
    assert list(found[0]) == list(gold[:20]) == list(before[0])
    assert found[1] == pytest.approx(before[1][::-1])


def test_the_interval_of_macro_f1_holds_the_score_and_narrows(home):
    rng = np.random.default_rng(0)
    widths = []
    for n in (60, 600):
        gold = rng.integers(0, 3, n)
        label = np.where(rng.random(n) < 0.7, gold, rng.integers(0, 3, n))
        low, high = run_reads.f1_interval(label, gold, 3)
        assert low < evaluation.macro_f1(label, gold, 3) < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2
    assert run_reads.f1_interval(np.empty(0, int), np.empty(0, int), 3) is None


# --- did the selection help ---------------------------------------------------------------------


def _made(value, low, high, rival="all", seeds=5):
    difference = Difference(value, low, high)
    return Comparison(rival, seeds, 100, difference, difference)


BETTER, EQUAL, WORSE = _made(0.05, 0.01, 0.09), _made(0.0, -0.02, 0.02), _made(-0.05, -0.09, -0.01)


def test_helped_is_said_only_when_every_rival_is_beaten():
    said_of = fairness.sentence(dict.fromkeys(fairness.RIVALS, BETTER))
    assert said_of == (
        "The selection helped here: it is better than 'all', 'random' and 'teacher_then_random'."
    )


def test_a_gain_that_a_control_has_too_is_not_the_selections():
    said_of = fairness.sentence({"all": BETTER, "random": EQUAL, "teacher_then_random": BETTER})
    assert said_of.startswith("The selection made no clear difference here to 'random'.")
    assert "It is better than 'all' and 'teacher_then_random'." in said_of
    assert "may come from using fewer texts or from the teacher's confidence" in said_of
    assert "helped" not in said_of


def test_a_missing_control_is_named_and_nothing_is_claimed():
    said_of = fairness.sentence({"all": BETTER, "random": None, "teacher_then_random": None})
    assert said_of == (
        "It is better than 'all'. Missing for a fair judgement: 'random' and 'teacher_then_random'."
    )
    nothing = fairness.sentence(dict.fromkeys(fairness.RIVALS))
    assert nothing.startswith("Nothing can be said yet on whether the selection helps")


def test_worse_is_said_first_and_few_seeds_are_said():
    said_of = fairness.sentence({"all": WORSE, "random": BETTER, "teacher_then_random": EQUAL})
    assert said_of.startswith("The selection did not help here: it is worse than 'all'.")
    assert fairness.sentence({"all": _made(0.05, 0.01, 0.09, seeds=1)}).endswith(
        "This rests on 1 seed; five or more make it firmer."
    )


def test_the_page_judges_and_shows_the_figures(home):
    store, project = seeded_project(home, n=400)
    run = add_run(store, project, sharpness=5.0)
    add_run(store, project, "all", sharpness=0.5)
    app = opened("results")
    assert "It is better than 'all'." in said(app.info)
    assert "Missing for a fair judgement: 'random' and 'teacher_then_random'." in said(app.info)
    table = _table(app, "Rival")
    assert list(table["Rival"]) == ["all"] and list(table["Verdict"]) == ["llkd is better"]
    gold, ours = run_reads.answers(store, project, run)
    theirs = run_reads.answers(store, project, store.runs.get(2))[1]
    value = (signals.pseudo_label(ours) == gold).mean() - (
        signals.pseudo_label(theirs) == gold
    ).mean()
    assert table["Accuracy, points"][0].startswith(f"{100 * value:+.1f} (+")
    button(app, "Add what is missing on Train")
    add_run(store, project, "random", reference=run, sharpness=0.5)
    add_run(store, project, "teacher_then_random", reference=run, sharpness=0.5)
    app.run()
    assert "The selection helped here" in said(app.info)
    assert list(_table(app, "Rival")["Rival"]) == ["all", "random", "teacher_then_random"]


def test_seeds_are_paired_and_a_control_of_another_run_does_not_count(home):
    store, project = seeded_project(home, n=100)
    first = add_run(store, project, seed=0)
    second = add_run(store, project, seed=1)
    for run in (first, second):
        add_run(store, project, "random", seed=run.config.seed, reference=run)
    other = add_run(store, project, "all", seed=0, epochs=3)
    runs = fairness.finished(store, project)
    assert [run.id for run in fairness.family(second, runs)] == [first.id, second.id]
    found = fairness.compare(store, project, second, runs, "random")
    assert found.seeds == 2 and found.texts == 25
    assert fairness.rivals_of(first, runs, "random").config.reference_run == first.id
    assert fairness.rivals_of(first, runs, "all") is None  # it has other epochs
    assert other.config.epochs == 3
    assert fairness.compare(store, project, first, runs, "teacher_then_random") is None


def test_without_an_llkd_run_there_is_nothing_to_judge(home):
    store, project = seeded_project(home)
    add_run(store, project, "all")
    assert "There is no finished run of **llkd** in this project" in words(opened("results"))


def test_without_gold_the_agreement_with_the_teacher_is_all_that_is_said(home):
    store, project = seeded_project(home, n=100, gold=False)
    run = add_run(store, project, sharpness=3.0)
    app = opened("results")
    assert "No held-out text has a gold label" in said(app.info)
    assert "Did the selection help?" not in words(app)
    table = _table(app, "Agrees with the teacher")
    rows, probabilities = store.runs.signals(run)
    plane = curation.load_plane(store, project)
    teacher = plane.frame["teacher_label"].to_numpy()[rows]
    share = (signals.pseudo_label(probabilities) == teacher).mean()
    assert table["Agrees with the teacher"][0] == f"{100 * share:.1f}\u00a0% of 100 texts"
    assert "Accuracy" not in table.columns
    assert "How much of each class the student was trained on" in words(app)


# --- one run in detail --------------------------------------------------------------------------


def test_a_run_shows_its_confusion_its_classes_and_what_was_selected_when(home):
    store, project = seeded_project(home, n=200)
    add_run(store, project)
    app = opened("results")
    assert "50 held-out texts. Each row is a true class" in words(app)
    app.get_by_key("results_view").set_value("Per class").run()
    assert "results_f1" in [chart.key for chart in app.get("plotly_chart")]
    app.get_by_key("results_view").set_value("What was selected when").run()
    assert "Of the selected labels with gold, 75.0\u00a0% were right." in words(app)
    series = results_view.f1_series(store, project, store.runs.get(1))
    assert [name for name, _, _ in series] == ["the teacher itself", "run 1: llkd"]
    assert all(len(values) == 3 for _, values, _ in series)


# --- try the student ----------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch):
    """What was asked; the answer is there at once."""
    calls = []

    def start(store, arguments, **facts):
        calls.append((list(arguments), facts))
        job = ended_job(store, store.projects.by_id(facts["project_id"]), "finished", "predict")
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
    ((arguments, facts),) = asked
    assert arguments == commands.predict("city", run.id, typed)
    assert facts["kind"] == "predict" and facts["device"] is None
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

    def start(store, arguments, **facts):
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
