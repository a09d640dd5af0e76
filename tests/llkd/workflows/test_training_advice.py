"""Where nobody names a strategy the advice does: runs keep it, and nothing that evaluates has a say."""

import json

import pytest

from llkd import workflows
from llkd.cli import main
from llkd.config import TrainingConfig
from llkd.curation.random_order import random_order
from llkd.errors import JobCancelled, UserError
from llkd.evaluation.advice import TABLE, advised_config, edges, project_advice
from llkd.evaluation.advice.edges import Line
from llkd.jobs.requests import TrainRequest
from llkd.store import Store
from llkd.training.targets import gather
from llkd.workflows.training_advice import advice_now, comparison_advice, with_strategy
from tests.support.store_records import a_run
from tests.support.toy_projects import (
    as_job,
    config,
    labelled_project,
    people_say,
    train,
    turned_project,
    with_options,
)

QUICK = {"epochs": 1}


def a_table(monkeypatch, *lines):
    """Let the rule read these lines first."""
    monkeypatch.setattr(edges, "TABLE", (*lines, *TABLE))


SURE = Line(
    "sure", "neighbours", ("all", "neighbours"), "sure", "which",
    accuracy=(0.85, 1.1), selection={"share": 0.5},
)  # fmt: skip


class TestRuns:
    def test_a_run_keeps_the_strategy_the_sentence_and_the_estimate(self, store, encoder):
        project = labelled_project(store)
        settings = config(encoder, "auto", **QUICK)
        run = store.runs.get(train(store, project, settings)["run"])
        advice = advice_now(store, project, settings)
        assert run.config.selection.strategy == advice.strategy != "auto"
        assert run.labels["advice"] == json.loads(json.dumps(advice.document()))
        assert run.labels["advice"]["accuracy"]["source"] == "gold"
        assert run.labels["advice"]["accuracy"]["checked"] == 64  # those that are not held out
        named = store.runs.get(train(store, project, config(encoder, "all", **QUICK))["run"])
        assert named.labels["advice"] is None

    @pytest.mark.parametrize("line", TABLE, ids=lambda line: line.name)
    def test_each_line_trains_on_a_project_that_has_only_labels(
        self, store, encoder, monkeypatch, line
    ):
        """What it needs is made: embeddings for neighbours."""
        a_table(monkeypatch, Line("here", line.strategy, line.arms, line.reason, line.question,
                                  selection=line.selection, training=line.training))  # fmt: skip
        project = labelled_project(store)
        run = store.runs.get(train(store, project, config(encoder, "auto", **QUICK))["run"])
        assert run.config.selection.strategy == line.strategy and run.summary is not None

    def test_it_follows_the_teacher(self, store, encoder, monkeypatch):
        a_table(monkeypatch, SURE)  # the teacher is right in nine of ten
        project = labelled_project(store)
        settings = config(encoder, "auto", **QUICK)
        resolved, advice = with_strategy(store, project, settings)
        assert (resolved.selection.strategy, resolved.selection.share) == ("neighbours", 0.5)
        own = with_options(settings, selection={"vote_damping": 1.0})
        assert advised_config(own, advice).selection.vote_damping == 1.0
        named = config(encoder, "all")
        assert with_strategy(store, project, named) == (named, None)

    def test_a_stopped_run_goes_on_without_asking_again(self, store, encoder, monkeypatch):
        project = labelled_project(store)
        settings = config(encoder, "auto", epochs=3)
        request = TrainRequest(project="toy", training=settings)
        facts = {}

        def stopped(job):
            job.should_stop = lambda: True
            try:
                workflows.train(store, project, settings, job)
            finally:
                facts.update(job.facts)

        with pytest.raises(JobCancelled):
            as_job(store, stopped)
        a_table(monkeypatch, SURE)

        def resumed(job):
            job.remember(**facts)
            return workflows.train(store, project, request.training, job)

        result = as_job(store, resumed)
        run = store.runs.get(result["run"])
        assert run.id == facts["run_id"] and len(store.runs.all(project.id)) == 1
        assert run.config.selection.strategy == run.labels["advice"]["strategy"] == "all"

    def test_runs_of_before_have_no_advice(self, store):
        run = a_run(store, selection={"strategy": "neighbours"})
        assert run.labels.get("advice") is None and run.config.selection.strategy == "neighbours"


class TestNothingThatEvaluatesHasASay:
    @pytest.mark.parametrize("pool_gold", [True, False])
    def test_turning_all_held_out_gold_round_changes_no_advice(
        self, home, tmp_path, encoder, monkeypatch, pool_gold
    ):
        """Neither the strategy nor a setting, whichever edge the held-out texts would cross."""
        a_table(monkeypatch, SURE)
        told = []
        for turned in (False, True):
            store = Store(tmp_path / str(turned))
            project, _ = turned_project(store, turned, pool_gold)
            settings = config(encoder, "auto", **QUICK)
            run = store.runs.get(train(store, project, settings)["run"])
            told.append((run.labels["advice"], run.config, advice_now(store, project, settings)))
            store.close()
        assert told[0] == told[1]
        assert told[0][0]["accuracy"]["source"] == ("gold" if pool_gold else "confidence")

    def test_turning_all_labels_that_evaluate_round_changes_no_advice(
        self, home, tmp_path, encoder, monkeypatch
    ):
        a_table(monkeypatch, SURE)
        told, open_to = [], []
        for turned in (False, True):
            store = Store(tmp_path / str(turned))
            project = labelled_project(store, n=160, with_gold=False)
            people_say(store, project, turned, rows=range(160))
            settings = config(encoder, "auto", judged_by="people")
            told.append(advice_now_of(store, project, settings))
            open_to.append(advice_now(store, project, config(encoder, "auto")))
            store.close()
        assert told[0] == told[1] and told[0][0].guess
        assert "had no say" in told[0][0].sentence
        # Where they do not evaluate they speak.
        assert open_to[0].accuracy.source == "random order"
        assert open_to[0].accuracy.value > 0.8 > 0.2 > open_to[1].accuracy.value
        assert open_to[1].above_chance is False


def advice_now_of(store, project, settings):
    """The advice by the rule and the settings it comes to, on the rows that train."""
    plane = gather(store, project, with_options(settings, judged_by="gold"), None).plane
    advice = project_advice(store, project, plane, "people")
    return advice, advised_config(settings, advice)


class TestCompare:
    def test_its_arms_are_those_advised_when_it_began(self, store, encoder, monkeypatch):
        project = labelled_project(store)
        settings = config(encoder, epochs=1)
        facts = {}

        def compare(job):
            job.remember(**facts)
            try:
                return workflows.compare(store, project, settings, job, seeds=1, arms=("auto",))
            finally:
                facts.update(job.facts)

        result = as_job(store, compare)
        advised = comparison_advice(store, project, settings).arms
        assert {row["arm"] for row in result["arms"]} == set(advised)
        assert facts["arms"] == list(advised)
        a_table(monkeypatch, Line("new", "all", ("all", "soft"), "r", "q"))
        runs = store.runs.all(project.id)
        assert as_job(store, compare)["arms"] == result["arms"]
        assert store.runs.all(project.id) == runs

    def test_labels_that_will_evaluate_it_do_not_choose_its_arms(self, home, store, encoder):
        project = labelled_project(store, n=160, with_gold=False)
        people_say(store, project, rows=range(160))
        settings = config(encoder)
        assert advice_now(store, project, settings).accuracy.source == "random order"
        with pytest.raises(UserError, match="labelled 0 that can be used"):
            comparison_advice(store, project, settings)  # all of them would evaluate it
        store = Store(home / "other")
        project = labelled_project(store, n=160, with_gold=False)
        people_say(store, project, rows=random_order((160,))[:100])
        assert advice_now(store, project, settings).accuracy.source == "random order"
        assert comparison_advice(store, project, settings).guess
        store.close()


class TestCommands:
    def test_a_dry_run_says_what_would_train_and_trains_nothing(self, home, capsys):
        store = Store()
        project = labelled_project(store)
        advice = advice_now(store, project, TrainingConfig())
        assert main(["train", "toy", "--dry-run"]) == 0
        out = capsys.readouterr().out
        assert f"(--strategy {advice.strategy})" in out.splitlines()[0]
        assert advice.sentence in out and advice.compare_sentence in out
        assert f"llkd compare toy --arms {','.join(advice.arms)}" in out
        assert main(["train", "toy", "--dry-run", "--strategy", "random", "--share=0.3"]) == 0
        assert "(--strategy random)" in (out := capsys.readouterr().out)
        assert "would train: --strategy auto." in out
        assert main(["train", "toy", "--dry-run", "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["advice"] == json.loads(json.dumps(advice.document()))
        assert document["training"]["selection"]["strategy"] == advice.strategy
        assert store.runs.all(project.id) == [] and store.jobs.all(project.id) == []
        store.close()

    def test_train_and_compare_say_why_before_they_begin(self, home, encoder, capsys, monkeypatch):
        store = Store()
        project = labelled_project(store)
        flags = [f"--student={encoder}", "--epochs=1", "--batch-size=16"]
        advice = advice_now(store, project, TrainingConfig())
        assert main(["train", "toy", *flags, "--json"]) == 0
        shown = capsys.readouterr()
        assert advice.sentence in shown.err and "--strategy names another" in shown.err
        assert json.loads(shown.out)["strategy"] == advice.strategy
        assert main(["train", "toy", *flags, "--strategy=random", "--share=0.3", "--json"]) == 0
        shown = capsys.readouterr()
        assert json.loads(shown.out)["strategy"] == "random"
        assert advice.sentence not in shown.err
        assert main(["compare", "toy", *flags, "--seeds=1", "--json"]) == 0
        shown = capsys.readouterr()
        assert advice.compare_sentence in shown.err
        assert {row["arm"] for row in json.loads(shown.out)["arms"]} == set(advice.arms)
        assert main(["train", "toy", "--share=0.3"]) == 2
        assert "Shares belong to the strategies" in capsys.readouterr().err
        store.close()
