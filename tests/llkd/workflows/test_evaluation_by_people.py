"""Comparisons without held-out gold: people's labels judge and train nothing, or nobody judges."""

import numpy as np
import pytest

from llkd import curation, workflows
from llkd.cli.reports import REPORTS
from llkd.config import SelectionConfig, TrainingConfig, build
from llkd.config.selection_rule import SavedRule, read_rule
from llkd.errors import ConfigError, JobCancelled, UserError
from llkd.evaluation import predictions
from llkd.evaluation.comparison import rivals
from llkd.selection.registry import check_strategy
from llkd.store import Store
from llkd.store.files.probabilities import read_probabilities
from llkd.training import run_inputs
from tests.support.toy_projects import (
    JUDGES,
    as_job,
    config,
    labelled_project,
    people_say,
    train,
    with_options,
)


def compare(store, project, settings, **options):
    options = {"seeds": 1, **options}
    return as_job(store, lambda job: workflows.compare(store, project, settings, job, **options))


def runs_of(store, found):
    return {(r["arm"], r["budget"]): store.runs.get(r["run"]) for r in found["runs"]}


class TestPeopleJudge:
    def test_their_labels_judge_every_arm_and_train_in_none(self, store, encoder):
        project = labelled_project(store, n=160, with_gold=False)
        people_say(store, project)
        arms = ["llkd", "all", "random", "teacher_then_random", "learnability", "neighbours"]
        found = compare(store, project, config(encoder), arms=arms)
        assert found["judges"] == {
            "kind": "people", "texts": 60, "chosen": "by people", "given": 60, "least": 50,
        }  # fmt: skip
        assert found["texts"] == 100
        for run in runs_of(store, found).values():
            assert run.config.judged_by == "people"
            rows, _ = read_probabilities(run.folder / "targets.parquet")
            assert set(rows) == set(range(160)) - set(JUDGES)
            assert not set(store.runs.decisions(run)["row"]) & set(JUDGES)
            kept = run_inputs.read(run.folder)
            assert kept is None or not (kept.human.any() or kept.held_out.any())
            gold, probabilities = predictions.run_predictions(store, project, run)
            assert gold.tolist() == [row % 2 for row in JUDGES]
            right = (probabilities.argmax(axis=1) == gold).mean()
            assert run.summary.accuracy == pytest.approx(right)
        assert {d["texts"] for d in found["differences"]} == {60}
        assert found["teacher"]["evaluated"] == 60 and found["teacher"]["judged_by"] == "human"
        assert "Evaluated on the 60 texts that people labelled" in found["conclusion"]
        assert found["agreement"] is None

    @pytest.mark.parametrize("strategy", ["llkd", "needed_neighbours", "neighbours"])
    def test_turning_every_label_round_changes_the_verdict_and_no_student(
        self, home, tmp_path, encoder, strategy
    ):
        """The sharpest test that no label leaks: the students are the same to the last bit."""
        made = []
        for turned in (False, True):
            store = Store(tmp_path / str(turned))
            project = labelled_project(store, n=160, with_gold=False)
            people_say(store, project, turned)
            as_job(store, lambda job, s=store, p=project: workflows.embed_and_probe(
                s, p, job, student=encoder
            ))  # fmt: skip
            settings = config(encoder, strategy, judged_by="people")
            result = as_job(store, lambda job, s=store, p=project, c=settings: workflows.train(
                s, p, c, job, calibration="batch+temperature"
            ))  # fmt: skip
            run = store.runs.get(result["run"])
            made.append(
                (
                    *read_probabilities(run.folder / "targets.parquet"),
                    store.runs.evaluation(run)[1],
                    result["accuracy"],
                    run,
                )
            )
            store.close()
        for one, other in zip(made[0][:3], made[1][:3], strict=True):
            np.testing.assert_array_equal(one, other)
        assert made[0][3] + made[1][3] == pytest.approx(1.0)
        run = made[0][4]
        assert run.labels["calibration"] == "batch" and run.labels["temperature"] == 1.0
        assert "there is nothing to fit a temperature on" in run.summary.warnings[0]

    def test_the_labels_train_where_they_do_not_judge(self, store, encoder):
        project = labelled_project(store, n=160, with_gold=False)
        people_say(store, project)
        plain = store.runs.get(train(store, project, config(encoder, epochs=1))["run"])
        judged = store.runs.get(
            train(store, project, config(encoder, epochs=1, judged_by="people"))["run"]
        )
        assert run_inputs.read(plain.folder).human.sum() == 60 and plain.summary.accuracy is None
        assert judged.summary.accuracy is not None
        assert not rivals.same_settings_except(plain, judged, "seed")
        with pytest.raises(UserError, match="must match its reference run 1 in judged by"):
            train(store, project, config(
                encoder, "random", epochs=1, reference_run=plain.id, judged_by="people"
            ))  # fmt: skip

    def test_what_judges_does_not_choose_the_student(self, store, encoder):
        project = labelled_project(store, n=240, with_gold=False)
        people_say(store, project)
        settings = config(encoder, "all", early_stopping="auto", judged_by="people")
        run = store.runs.get(train(store, project, settings)["run"])
        assert run.summary.stopped_on == "teacher"
        kept = run_inputs.read(run.folder)
        rows, _ = read_probabilities(run.folder / "targets.parquet")
        assert kept.held_out.sum() == 18 and not set(rows[kept.held_out]) & set(JUDGES)

    def test_labels_given_during_a_comparison_change_nothing_in_it(
        self, store, encoder, monkeypatch
    ):
        project = labelled_project(store, n=160, with_gold=False)
        people_say(store, project)
        arms, facts = ["all", "llkd"], {}

        def stopped(job):
            real = job.begin_part

            def begin(part, *rest):
                job.should_stop = lambda: part > 0
                return real(part, *rest)

            job.begin_part = begin
            try:
                return workflows.compare(
                    store, project, config(encoder, epochs=1), job, seeds=1, arms=arms
                )
            finally:
                facts.update(job.facts)

        with pytest.raises(JobCancelled):
            as_job(store, stopped)
        people_say(store, project, turned=True, rows=JUDGES[:30])
        people_say(store, project, rows=range(20))

        def resumed(job):
            job.remember(**facts)
            return workflows.compare(
                store, project, config(encoder, epochs=1), job, seeds=1, arms=arms
            )

        found = as_job(store, resumed)
        for run in runs_of(store, found).values():
            assert predictions.run_predictions(store, project, run)[0].tolist() == [
                r % 2 for r in JUDGES
            ]
        # One begun now goes by what people say now, and trains anew.
        again = compare(store, project, config(encoder, epochs=1), arms=arms)
        assert again["judges"]["texts"] == 80
        assert not {r["run"] for r in again["runs"]} & {r["run"] for r in found["runs"]}

    def test_evaluate_says_who_judged(self, store, encoder, capsys):
        project = labelled_project(store, n=160, with_gold=False)
        people_say(store, project)
        train(store, project, config(encoder, "all", epochs=1, judged_by="people"))
        train(store, project, config(encoder, "all", epochs=1, judged_by="teacher"))
        found = workflows.evaluate(store, project)
        people, teacher = found["runs"]
        assert (people["judged_by"], people["judges"]) == ("people", 60)
        assert people["report"]["accuracy"] == pytest.approx(people["accuracy"])
        assert teacher["report"] is None and teacher["agreement"]["texts"] == 10
        REPORTS["evaluate"](found)
        said = capsys.readouterr().out
        assert "Evaluated on 60 labels that people gave, which did not train: run 1." in said
        assert (
            "Run 2 has no known classes to evaluate on: of 10 texts that did not train it agrees with"
            in said
        )


class TestNobodyJudges:
    def test_agreement_on_texts_that_did_not_train_is_all_that_is_said(self, store, encoder):
        project = labelled_project(store, n=160, with_gold=False)
        people_say(store, project, rows=range(12))
        found = compare(store, project, config(encoder), seeds=2)
        assert found["judges"]["kind"] == "teacher" and found["judges"]["given"] == 12
        assert found["differences"] == [] and found["teacher"]["accuracy"] is None
        assert all(row["accuracy"] is None for row in found["arms"])
        runs = runs_of(store, found)
        apart, own = store.runs.evaluation_labels(runs["all", "epochs"])
        assert len(apart) == 14 and not set(apart) & set(range(12))
        for run in runs.values():
            assert not set(store.runs.decisions(run)["row"]) & set(apart)
            assert predictions.run_predictions(store, project, run) is None
        told = {one["arm"]: one for one in found["agreement"]["arms"]}
        said = [
            predictions.teacher_agreement(store, project, store.runs.get(r["run"]))[1]
            for r in found["runs"]
            if r["arm"] == "llkd"
        ]
        whole = [
            predictions.teacher_agreement(store, project, store.runs.get(r["run"]))[1]
            for r in found["runs"]
            if r["arm"] == "all"
        ]
        assert told["llkd"]["with_teacher"] == pytest.approx(np.mean([s == own for s in said]))
        assert told["llkd"]["with_all"] == pytest.approx(
            np.mean([a == b for a, b in zip(said, whole, strict=True)])
        )
        assert told["all"]["with_all"] is None
        assert "nothing can be said about accuracy" in found["conclusion"]
        assert "Of 14 texts that did not train" in found["conclusion"]
        assert "(12 labels can be used so far)" in found["conclusion"]


class TestSavedSelection:
    def save(self, store, project, name="sure", **view):
        view = {"teacher_threshold": 0.8, "student_threshold": 0.0, "calibration": "batch", **view}
        store.selections.save(project.id, name, read_rule(view), {"kept": 1})

    def saved(self, encoder, name="sure", **values):
        settings = config(encoder, "all", **values).model_dump()
        chosen = {**settings["selection"], "strategy": "saved", "saved": name}
        return build(TrainingConfig, settings, selection=chosen)

    def test_it_trains_on_exactly_these_rows_whatever_becomes_of_it(self, store, encoder):
        project = labelled_project(store)
        self.save(store, project)
        store.decisions.decide(project.id, [3], "exclude")
        kept = curation.apply_rule(store, project, SavedRule(name="sure")).rows
        assert 5 < len(kept) < 63 and 3 not in kept
        run = store.runs.get(train(store, project, self.saved(encoder))["run"])
        decisions = store.runs.decisions(run)
        assert set(decisions[decisions["selected"]]["row"]) == set(kept)
        assert (decisions[decisions["selected"]]["weight"] == 1).all()
        assert run.summary.backpropagated == 2 * len(kept)
        assert run.labels["saved"]["name"] == "sure" and run.labels["saved"]["texts"] == len(kept)
        assert run.labels["saved"]["view"]["teacher_threshold"] == 0.8
        store.selections.delete(project.id, "sure")
        own = run_inputs.read(run.folder)
        rows, _ = read_probabilities(run.folder / "targets.parquet")
        assert set(rows[own.in_saved]) == set(kept)

    def test_as_an_arm_and_a_selection_saved_anew_is_trained_anew(self, store, encoder):
        project = labelled_project(store)
        self.save(store, project)
        settings = with_options(config(encoder, epochs=1), selection={"saved": "sure"})
        found = compare(store, project, settings)
        runs = runs_of(store, found)
        counts = {key: store.runs.steps(run)["selected"].tolist() for key, run in runs.items()}
        assert counts["saved", "samples"] == counts["llkd", "epochs"]
        assert runs["llkd", "epochs"].config.selection.saved is None
        kept = set(curation.apply_rule(store, project, SavedRule(name="sure")).rows)
        decisions = store.runs.decisions(runs["saved", "samples"])
        for _, step in decisions.groupby("step"):
            drawn, here = set(step[step["selected"]]["row"]), kept & set(step["row"])
            assert here <= drawn or drawn <= here
        assert "'My selection'" in found["conclusion"]
        store.selections.delete(project.id, "sure")
        self.save(store, project, teacher_threshold=0.7)
        again = runs_of(store, compare(store, project, settings))
        assert again["llkd", "epochs"].id == runs["llkd", "epochs"].id
        assert again["saved", "epochs"].id != runs["saved", "epochs"].id

    def test_what_is_missing_is_said(self, store, encoder):
        project = labelled_project(store)
        self.save(store, project, "nothing", teacher_threshold=1.0)
        with pytest.raises(UserError, match="'nothing' holds no text that can be trained on"):
            train(store, project, self.saved(encoder, "nothing"))
        with pytest.raises(ConfigError, match="needs the name of a selection"):
            check_strategy(build(TrainingConfig, selection={"strategy": "saved"}))
        with pytest.raises(UserError, match="There is no saved selection 'gone'"):
            train(store, project, self.saved(encoder, "gone"))
        assert SelectionConfig(saved="x").saved == "x"
