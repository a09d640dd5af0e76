"""The Train page: settings into requests, the queue, a run as it goes, and the controls."""

import re

import pytest

from llkd import jobs
from llkd.config import TrainingConfig, build
from llkd.config.selection_rule import read_rule
from llkd.evaluation.advice import PoolFacts, training_advice
from llkd.evaluation.comparison import conclusion, rivals
from llkd.evaluation.comparison.arms import CONTROLS, USUAL_ARMS
from llkd.jobs.requests import CompareRequest
from llkd.selection.registry import STRATEGIES
from tests.support.pages import button, direct, opened, said, words
from tests.support.seeded_projects import (
    asked_for,
    ended_job,
    living_job,
    seeded_project,
    train_request,
)
from tests.support.seeded_runs import add_run
from ui.train import advanced


def _pick(app, key, value):
    app.selectbox(key=key).set_value(value).run()


@pytest.mark.parametrize("enter", [lambda: opened("train"), lambda: direct("train")])
def test_without_a_project_the_next_step_is_data(home, enter):
    app = enter()
    assert not app.exception
    button(app, "Go to Data")


def test_before_labelling_training_is_refused_with_the_next_step(home):
    store, project = seeded_project(home, labelled=False, probed=False)
    app = opened("train")
    assert "Training starts from the teacher's labels, and there are none yet." in words(app)
    button(app, "Go to Teacher")
    assert "Start training" not in words(app)
    with living_job(store, project):
        assert "The teacher is at work. Training starts from its labels." in words(opened("train"))


def test_the_defaults_start_the_shortest_command(home, started):
    seeded_project(home)
    app = opened("train")
    assert "45 of 45 texts carry a label" in words(app)
    assert "LLKD saves training time, not questions to the teacher." in words(app)
    proposed = training_advice(PoolFacts(None, 3, 45)).strategy
    assert STRATEGIES[proposed].summary in words(app)
    button(app, "Start training").click().run()
    assert not app.error
    assert started == [train_request(TrainingConfig())]


def test_every_setting_reaches_the_command(home, started):
    seeded_project(home)
    app = opened("train")
    _pick(app, "train_strategy", "llkd")
    app.get_by_key("train_student_kind").set_value("A folder or hub id").run()
    app.text_input(key="train_student").set_value(" /models/mine ")
    app.number_input(key="train_epochs").set_value(7)
    app.number_input(key="train_batch").set_value(16)
    app.number_input(key="train_rate").set_value(0.0005)
    app.number_input(key="train_seed").set_value(3)
    app.number_input(key="train_momentum").set_value(0.5)
    app.number_input(key="train_teacher_scale").set_value(0.9)
    app.number_input(key="train_student_scale").set_value(1.1)
    app.number_input(key="train_tokens").set_value(32)
    app.number_input(key="train_target").set_value(0.25)
    app.selectbox(key="train_weighting").set_value("mean")
    app.toggle(key="train_class_specific").set_value(False).run()
    button(app, "Start training").click().run()
    assert started == [
        train_request(
            build(
                TrainingConfig,
                student="/models/mine",
                epochs=7,
                batch_size=16,
                learning_rate=0.0005,
                seed=3,
                max_tokens=32,
                selection={
                    "strategy": "llkd",
                    "momentum": 0.5,
                    "teacher_scale": 0.9,
                    "student_scale": 1.1,
                    "target_rate": 0.25,
                    "weighting": "mean",
                    "class_specific": False,
                },
            ),
        )
    ]


def test_a_bad_setting_is_one_sentence_and_starts_nothing(home, started):
    seeded_project(home)
    app = opened("train")
    app.number_input(key="train_rate").set_value(0.0).run()
    button(app, "Start training").click().run()
    assert "Setting 'learning_rate'" in said(app.error)
    app.number_input(key="train_rate").set_value(0.0001)
    app.get_by_key("train_student_kind").set_value("A folder or hub id").run()
    button(app, "Start training").click().run()
    assert "Setting 'student'" in said(app.error) and len(app.error) == 1
    assert started == []


def test_drafts_are_still_there_when_the_page_is_left_and_entered_again(home):
    seeded_project(home)
    app = opened("train")
    app.number_input(key="train_epochs").set_value(9).run()
    _pick(app, "train_strategy", "teacher_only")
    app.switch_page("pages/curate.py").run()
    app.switch_page("pages/train.py").run()
    app.run()
    assert app.number_input(key="train_epochs").value == 9
    assert app.selectbox(key="train_strategy").value == "teacher_only"


def test_a_random_strategy_draws_a_share_or_as_many_as_a_run(home, started):
    store, project = seeded_project(home)
    app = opened("train")
    _pick(app, "train_strategy", "random")
    app.slider(key="train_share_random").set_value(0.4).run()
    button(app, "Start training").click().run()
    assert "--share=0.4" in started[-1].command() and "--strategy=random" in started[-1].command()
    run = add_run(store, project)
    app = opened("train")
    _pick(app, "train_strategy", "teacher_then_random")
    options = next(one for one in app.selectbox if one.label == "Reference run").options
    assert options == [f"{run.name}, seed 0"]
    button(app, "Start training").click().run()
    assert f"--reference-run={run.id}" in started[-1].command()
    assert not [part for part in started[-1].command() if part.startswith("--share")]


def test_strategies_with_a_share_of_their_own_and_the_newer_settings(home, started):
    store, project = seeded_project(home)
    run = add_run(store, project)
    app = opened("train")
    _pick(app, "train_strategy", "neighbours")
    assert app.slider(key="train_share_neighbours").value == 1.0
    assert app.number_input(key="train_epochs").placeholder == "1, as usual"
    app.slider(key="train_share_neighbours").set_value(0.3).run()
    assert app.number_input(key="train_epochs").placeholder == "3, as usual"
    _pick(app, "train_targets", "soft")
    assert app.get_by_key("train_head_start").value == "probe"
    _pick(app, "train_head_start", "random")
    app.toggle(key="train_early_stopping").set_value(True).run()
    app.number_input(key="train_human_weight").set_value(2.5).run()
    button(app, "Start training").click().run()
    wanted = {"--strategy=neighbours", "--share=0.3", "--targets=soft", "--human-weight=2.5"}
    assert wanted | {"--head-start=random", "--early-stopping=auto"} <= set(started[-1].command())
    app.toggle(key="train_early_stopping").set_value(False).run()
    app.get_by_key("train_share_how").set_value("As many as another run").run()
    button(app, "Start training").click().run()
    assert f"--reference-run={run.id}" in started[-1].command()


def test_workers_are_offered_where_there_is_more_than_one_processor(home, started, monkeypatch):
    seeded_project(home)
    monkeypatch.setattr(advanced, "likely_most_workers", lambda: 1)
    assert "train_workers" not in [field.key for field in opened("train").number_input]
    monkeypatch.setattr(advanced, "likely_most_workers", lambda: 4)
    app = opened("train")
    app.number_input(key="train_workers").set_value(4).run()
    button(app, "Start training").click().run()
    assert "--workers=4" in started[-1].command()


def test_fixed_thresholds_come_from_curate_or_a_saved_selection_or_by_hand(home, started):
    store, project = seeded_project(home)
    saved = {
        "teacher_threshold": {"roads": 0.5, "waste": 0.6, "water": 0.7},
        "student_threshold": 0.1,
    }
    store.selections.save(project.id, "mine", read_rule(saved), {"kept": 3})

    def fixed():
        app = opened("curate", tt="0.8", ts="0.2")
        app.switch_page("pages/train.py").run()
        _pick(app, "train_strategy", "fixed")
        return app

    app = fixed()
    assert list(app.dataframe[0].value["Teacher threshold"]) == [0.8] * 3
    button(app, "Start training").click().run()
    assert {"--teacher-threshold=0.8", "--student-threshold=0.2"} <= set(started[-1].command())
    app = fixed()
    app.get_by_key("train_thresholds_from").set_value("A saved selection").run()
    assert list(app.dataframe[0].value["Teacher threshold"]) == [0.5, 0.6, 0.7]
    button(app, "Start training").click().run()
    assert {"--teacher-threshold=waste=0.6", "--student-threshold=0.1"} <= set(
        started[-1].command()
    )
    app = fixed()
    app.get_by_key("train_thresholds_from").set_value("Two numbers").run()
    app.number_input(key="train_teacher_threshold").set_value(0.35).run()
    button(app, "Start training").click().run()
    assert "--teacher-threshold=0.35" in started[-1].command()


def test_one_click_starts_the_method_and_every_text_with_the_same_settings(home, started):
    seeded_project(home)
    app = opened("train")
    app.number_input(key="train_seed").set_value(5).run()
    button(app, "Start LLKD and All texts with these settings").click().run()
    assert [part for request in started for part in request.command() if "strategy" in part] == [
        "--strategy=llkd",
        "--strategy=all",
    ]
    assert all("--seed=5" in request.command() for request in started)


def test_a_whole_comparison_is_one_click_with_the_settings_of_the_form(home, started):
    seeded_project(home)
    app = opened("train")
    assert "no run has finished here" in words(app)
    app.number_input(key="train_epochs").set_value(2).run()
    arms = training_advice(PoolFacts(None, 3, 45)).arms
    button(app, f"Compare: {3 * conclusion.runs_a_seed(arms)} runs").click().run()
    training = TrainingConfig(epochs=2)
    assert started == [build(CompareRequest, project="city", training=training, seeds=3, arms=arms)]


def test_seeds_and_arms_of_a_comparison_are_chosen_and_its_time_is_estimated(home, started):
    store, project = seeded_project(home)
    add_run(store, project)
    app = opened("train")
    app.session_state["train_compare_seeds"] = 5
    app.session_state["train_compare_arms"] = [*USUAL_ARMS, "soft", "learnability"]
    app.run()
    assert "if each takes as long as the 1 run trained here so far" in words(app)
    # soft and learnability train twice: as they will, and at the samples of llkd.
    button(app, "Compare: 40 runs").click().run()
    assert "--seeds=5" in started[0].command()
    assert "--arms=llkd,all,random,teacher_then_random,soft,learnability" in started[0].command()


def test_controls_alone_are_refused_in_a_sentence(home, started):
    seeded_project(home)
    app = opened("train")
    app.session_state["train_compare_arms"] = ["all", "random"]
    app.run()
    button(app, "Compare: 6 runs").click().run()
    assert (
        "draw as many texts as a selection does: name one, too" in said(app.error) and not started
    )


def test_the_two_controls_of_a_finished_run_are_one_click_away(home, started):
    store, project = seeded_project(home)
    run = add_run(store, project, seed=2)
    add_run(store, project, "all", seed=2)
    app = opened("train")
    button(app, f"Add the two controls for run {run.id}").click().run()
    wanted = [
        train_request(rivals.rival_config(run, name), calibration="batch")
        for name in ("random", "teacher_then_random")
    ]
    assert started == wanted
    for request in started:
        assert {f"--reference-run={run.id}", "--seed=2", "--epochs=2", "--batch-size=8"} <= set(
            request.command()
        )


def test_a_control_that_is_there_is_not_offered_again(home):
    store, project = seeded_project(home)
    run = add_run(store, project)
    add_run(store, project, "random", reference=run)
    app = opened("train")
    button(app, f"Add the control Random among confident for run {run.id}")
    add_run(store, project, "teacher_then_random", reference=run)
    app.run()
    assert not [one for one in app.button if one.label.startswith("Add the")]


def test_controls_for_labels_that_have_changed_since_are_not_offered(home):
    store, project = seeded_project(home)
    run = add_run(store, project)
    store.decisions.decide(project.id, [50], "label", "waste")
    app = opened("train")
    assert f"The labels have changed since run {run.id}" in words(app)
    assert not [one for one in app.button if one.label.startswith("Add the")]


def test_controls_on_their_way_are_not_started_twice(home, started):
    store, project = seeded_project(home)
    run = add_run(store, project)
    with living_job(store, project, "train") as job:
        arms = [rivals.rival_config(run, name) for name in CONTROLS]
        requests = [train_request(arm, calibration="batch") for arm in arms]
        asked_for(store, job, requests[0])
        app = opened("train")
        button(app, f"Add the two controls for run {run.id}").click().run()
        assert started == [requests[1]]


def test_a_run_under_way_shows_how_it_goes(home):
    store, project = seeded_project(home, n=120)
    with living_job(store, project, "train", done=12, total=24) as job:
        run = add_run(store, project, finished=False, job_id=job.id)
        app = opened("train")
        shown = words(app)
        assert "12 of 24 steps" in shown and "50.0\u00a0%" in shown
        assert "**Loss** – how wrong the student is" in shown
        assert "**Share selected** – how much of each batch" in shown
        assert "**Teacher threshold** – the confidence a text needs" in shown
        assert "**Quality** – measured on held-out texts" in shown
        charts = [chart.key for chart in app.get("plotly_chart")]
        assert {f"live_{run.id}_{name}" for name in ("loss", "share", "teacher", "student")} <= set(
            charts
        )
        stopped = [one for one in app.button if one.label == "Stop"]
        stopped[0].click().run()
        assert store.jobs.get(job.id).cancel_requested is not None


def test_before_the_first_log_the_page_says_that_it_will_come(home):
    store, project = seeded_project(home)
    with living_job(store, project, "train", done=0, total=None) as job:
        config = TrainingConfig()
        labels = {"calibration": "batch", "classes": ["roads", "waste", "water"]}
        store.runs.create(project.id, project.labelling_id, config, labels, job.id)
        assert "The first steps are on their way" in words(opened("train"))


def test_a_run_that_died_shows_its_last_words_and_resumes(home, monkeypatch):
    store, project = seeded_project(home)
    job = ended_job(
        store,
        project,
        "died",
        "train",
        error="Its process ended without a word (killed, or out of memory). Resume goes on.",
        log="step 20\nKilled <b>\n",
    )
    app = opened("train")
    assert "This job died." in said(app.error)
    assert app.code[0].value == "step 20\nKilled <b>"
    resumed = []
    monkeypatch.setattr(jobs, "resume", lambda store, number, keys: resumed.append(number))
    button(app, "Resume").click().run()
    assert resumed == [job.id]


def test_what_was_started_again_since_has_nothing_more_to_say(home):
    store, project = seeded_project(home)
    first = ended_job(store, project, "died", "train", error="gone", log="old")
    again = ended_job(store, project, "finished", "train")
    for job in (first, again):
        asked_for(store, job, train_request(TrainingConfig()))
    assert "This job died." not in said(opened("train").error)
    asked_for(store, again, train_request(TrainingConfig(seed=1)))
    assert "This job died." in said(opened("train").error)


def test_a_finished_run_is_looked_at_again_with_its_warnings(home):
    store, project = seeded_project(home, n=120)
    run = add_run(store, project, "all")
    store.runs.finish(
        run.id,
        run.summary.model_copy(update={"warnings": ("No text labelled '<b>x</b>' was selected.",)}),
    )
    app = opened("train")
    shown = words(app)
    assert f"{run.summary.backpropagated:,} samples back-propagated (100.0\u00a0%)" in shown
    assert "No text labelled '<b>x</b>' was selected." in said(app.warning)
    assert "<b>x</b>" not in app.warning[0].value
    # Thresholds that never move are no chart.
    charts = [chart.key for chart in app.get("plotly_chart")]
    assert f"past_{run.id}_loss" in charts and f"past_{run.id}_teacher" not in charts
    button(app, "Compare the results")


class TestWindow:
    """What the student's window cuts is said before training, with a longer one a click away."""

    LONG = ["one two three four five " * 40, "short", "pipe burst " * 30]

    def test_the_share_cut_is_said_and_a_click_reads_more(self, home, started):
        seeded_project(home, words=self.LONG)
        app = opened("train")
        app.number_input(key="train_tokens").set_value(64).run()
        assert re.search(
            r"6\d % of the texts are longer than the 64 tokens that the student reads", words(app)
        )
        wider = app.button(key="train_wider")
        assert re.fullmatch(r"Use 256 tokens: 0 % cut, about \d\.\d × the time", wider.label)
        wider.click().run()
        assert app.number_input(key="train_tokens").value == 256
        assert "of the texts are longer" not in words(app)
        button(app, "Start training").click().run()
        assert "--max-tokens=256" in started[0].command()

    def test_the_window_is_chosen_by_the_texts_and_says_what_it_costs(self, home, started):
        seeded_project(home, words=self.LONG)
        app = opened("train")
        assert re.search(
            r"reads up to 256 tokens of a text, by the lengths of these texts: 0 % of them are "
            r"cut there\. 64 tokens would cut 6\d %, in about 0\.\d+ of the time",
            words(app),
        )
        table = next(f.value for f in app.dataframe if "Texts cut" in f.value)
        assert table["Tokens"].tolist() == [64, 128, 256]
        assert table["Time"].tolist()[-1] == table["Memory"].tolist()[-1] == 1.0
        assert table["Time"].is_monotonic_increasing and table["Texts cut"].iloc[0] > 60
        button(app, "Start training").click().run()
        assert not [word for word in started[0].command() if word.startswith("--max-tokens")]

    def test_nothing_is_said_where_nothing_is_cut(self, home, started):
        seeded_project(home)
        assert "tokens that the student reads" not in words(opened("train"))

    def test_another_student_is_counted_with_what_is_known_of_it(self, home, started):
        seeded_project(home, words=self.LONG)
        app = opened("train")
        app.get_by_key("train_student_kind").set_value("A folder or hub id").run()
        app.text_input(key="train_student").set_value("/no/such/model").run()
        assert not app.exception
        assert "by the lengths of these texts: about 0 % of them are cut" in words(app)


class TestLanguages:
    GERMAN = ["Die Laterne vor dem Haus ist kaputt", "Der Müll wurde nicht abgeholt"]

    def test_texts_the_student_does_not_know_are_spoken_of(self, home, started):
        seeded_project(home, words=self.GERMAN)
        app = opened("train")
        assert "100 % of the texts look German; the embedded student knows English" in words(app)
        app.get_by_key("train_student_kind").set_value("A folder or hub id").run()
        app.text_input(key="train_student").set_value("someone/multilingual-small").run()
        assert "look German" not in words(app)

    def test_the_teacher_and_the_data_page_say_so_too(self, home, started):
        seeded_project(home, words=self.GERMAN, labelled=False, probed=False)
        assert "each model that comes along knows English" in words(opened("data"))
        assert "look German; label similarity knows English" in words(opened("teacher"))

    def test_nothing_is_said_of_what_is_known(self, home, started):
        seeded_project(home)
        for page in ("data", "teacher", "train"):
            assert "of the texts look" not in words(opened(page))
