"""Comparisons without held-out gold: people's labels judge and train nothing, or nobody judges."""

import numpy as np
import pytest

from llkd import fairness, pipeline
from llkd.cli.reports import REPORTS
from llkd.config import SelectionConfig, TrainingConfig, build
from llkd.errors import ConfigError, JobCancelled, UserError
from llkd.pipeline import evidence
from llkd.store import Store
from llkd.store.runs import read_probabilities
from tests.llkd.pipeline.test_arms import labelled, with_options
from tests.llkd.pipeline.test_pipeline import as_job, config, train
from tests.llkd.tiny_student import CLASSES, make_encoder

JUDGES = list(range(40, 100))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def opened(home):
    store = Store()
    yield store
    store.close()


def people_say(store, project, turned=False, rows=JUDGES):
    """Labels by people: each text's true class, or all of them turned round."""
    for k, name in enumerate(CLASSES):
        mine = [row for row in rows if (row % 2 == k) != turned]
        store.people.decide(project.id, mine, "label", name)


def compare(store, project, settings, **options):
    options = {"seeds": 1, **options}
    return as_job(store, lambda job: pipeline.compare(store, project, settings, job, **options))


def runs_of(store, found):
    return {(r["arm"], r["budget"]): store.runs.get(r["run"]) for r in found["runs"]}


class TestPeopleJudge:
    def test_their_labels_judge_every_arm_and_train_in_none(self, opened, tiny):
        project = labelled(opened, n=160, with_gold=False)
        people_say(opened, project)
        arms = ["llkd", "all", "random", "teacher_then_random", "trust", "neighbours"]
        found = compare(opened, project, config(tiny), arms=arms)
        assert found["judges"] == {
            "kind": "people", "texts": 60, "chosen": "by people", "given": 60, "least": 50,
        }  # fmt: skip
        assert found["texts"] == 100
        for run in runs_of(opened, found).values():
            assert run.config.judged_by == "people"
            rows, _ = read_probabilities(run.folder / "targets.parquet")
            assert set(rows) == set(range(160)) - set(JUDGES)
            assert not set(opened.runs.decisions(run)["row"]) & set(JUDGES)
            kept = evidence.read(run.folder)
            assert kept is None or not (kept.human.any() or kept.held_out.any())
            gold, probabilities = fairness.answers(opened, project, run)
            assert gold.tolist() == [row % 2 for row in JUDGES]
            right = (probabilities.argmax(axis=1) == gold).mean()
            assert run.summary["accuracy"] == pytest.approx(right)
        assert {d["texts"] for d in found["differences"]} == {60}
        assert found["teacher"]["evaluated"] == 60 and found["teacher"]["judged_by"] == "human"
        assert "Judged on the 60 texts that people labelled" in found["conclusion"]
        assert found["agreement"] is None

    @pytest.mark.parametrize("strategy", ["llkd", "trust", "neighbours"])
    def test_turning_every_label_round_changes_the_verdict_and_no_student(
        self, home, tmp_path, tiny, strategy
    ):
        """The sharpest test that no label leaks: the students are the same to the last bit."""
        made = []
        for turned in (False, True):
            store = Store(tmp_path / str(turned))
            project = labelled(store, n=160, with_gold=False)
            people_say(store, project, turned)
            as_job(store, lambda job, s=store, p=project: pipeline.embed_and_probe(
                s, p, job, student=tiny
            ))  # fmt: skip
            settings = config(tiny, strategy, judged_by="people")
            result = as_job(store, lambda job, s=store, p=project, c=settings: pipeline.train(
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
        assert "there is nothing to fit a temperature on" in run.summary["warnings"][0]

    def test_the_labels_train_where_they_do_not_judge(self, opened, tiny):
        project = labelled(opened, n=160, with_gold=False)
        people_say(opened, project)
        plain = opened.runs.get(train(opened, project, config(tiny, epochs=1))["run"])
        judged = opened.runs.get(
            train(opened, project, config(tiny, epochs=1, judged_by="people"))["run"]
        )
        assert evidence.read(plain.folder).human.sum() == 60 and plain.summary["accuracy"] is None
        assert judged.summary["accuracy"] is not None
        assert not fairness.same_but(plain, judged, "seed")
        with pytest.raises(UserError, match="must match its reference run 1 in judged by"):
            train(opened, project, config(
                tiny, "random", epochs=1, reference_run=plain.id, judged_by="people"
            ))  # fmt: skip

    def test_what_judges_does_not_choose_the_student(self, opened, tiny):
        project = labelled(opened, n=240, with_gold=False)
        people_say(opened, project)
        settings = config(tiny, "all", early_stopping="auto", judged_by="people")
        run = opened.runs.get(train(opened, project, settings)["run"])
        assert run.summary["stopped_on"] == "teacher"
        kept = evidence.read(run.folder)
        rows, _ = read_probabilities(run.folder / "targets.parquet")
        assert kept.held_out.sum() == 18 and not set(rows[kept.held_out]) & set(JUDGES)

    def test_labels_given_during_a_comparison_change_nothing_in_it(self, opened, tiny, monkeypatch):
        project = labelled(opened, n=160, with_gold=False)
        people_say(opened, project)
        arms, facts = ["all", "llkd"], {}

        def stopped(job):
            real = job.begin_part

            def begin(part, *rest):
                job.should_stop = lambda: part > 0
                return real(part, *rest)

            job.begin_part = begin
            try:
                return pipeline.compare(
                    opened, project, config(tiny, epochs=1), job, seeds=1, arms=arms
                )
            finally:
                facts.update(job.facts)

        with pytest.raises(JobCancelled):
            as_job(opened, stopped)
        people_say(opened, project, turned=True, rows=JUDGES[:30])
        people_say(opened, project, rows=range(20))

        def resumed(job):
            job.remember(**facts)
            return pipeline.compare(
                opened, project, config(tiny, epochs=1), job, seeds=1, arms=arms
            )

        found = as_job(opened, resumed)
        for run in runs_of(opened, found).values():
            assert fairness.answers(opened, project, run)[0].tolist() == [r % 2 for r in JUDGES]
        # One begun now goes by what people say now, and trains anew.
        again = compare(opened, project, config(tiny, epochs=1), arms=arms)
        assert again["judges"]["texts"] == 80
        assert not {r["run"] for r in again["runs"]} & {r["run"] for r in found["runs"]}

    def test_evaluate_says_who_judged(self, opened, tiny, capsys):
        project = labelled(opened, n=160, with_gold=False)
        people_say(opened, project)
        train(opened, project, config(tiny, "all", epochs=1, judged_by="people"))
        train(opened, project, config(tiny, "all", epochs=1, judged_by="teacher"))
        found = pipeline.evaluate(opened, project)
        people, teacher = found["runs"]
        assert (people["judged_by"], people["judges"]) == ("people", 60)
        assert people["report"]["accuracy"] == pytest.approx(people["accuracy"])
        assert teacher["report"] is None and teacher["agreement"]["texts"] == 10
        REPORTS["evaluate"](found)
        said = capsys.readouterr().out
        assert "Judged by 60 labels that people gave, which did not train: run 1." in said
        assert "Run 2 is judged by nobody: on 10 texts that did not train it agrees with" in said


class TestNobodyJudges:
    def test_agreement_on_texts_that_did_not_train_is_all_that_is_said(self, opened, tiny):
        project = labelled(opened, n=160, with_gold=False)
        people_say(opened, project, rows=range(12))
        found = compare(opened, project, config(tiny), seeds=2)
        assert found["judges"]["kind"] == "teacher" and found["judges"]["given"] == 12
        assert found["differences"] == [] and found["teacher"]["accuracy"] is None
        assert all(row["accuracy"] is None for row in found["arms"])
        runs = runs_of(opened, found)
        apart, own = opened.runs.judges(runs["all", "epochs"])
        assert len(apart) == 14 and not set(apart) & set(range(12))
        for run in runs.values():
            assert not set(opened.runs.decisions(run)["row"]) & set(apart)
            assert fairness.answers(opened, project, run) is None
        told = {one["arm"]: one for one in found["agreement"]["arms"]}
        said = [
            fairness.agreement(opened, project, opened.runs.get(r["run"]))[1]
            for r in found["runs"]
            if r["arm"] == "llkd"
        ]
        whole = [
            fairness.agreement(opened, project, opened.runs.get(r["run"]))[1]
            for r in found["runs"]
            if r["arm"] == "all"
        ]
        assert told["llkd"]["with_teacher"] == pytest.approx(np.mean([s == own for s in said]))
        assert told["llkd"]["with_all"] == pytest.approx(
            np.mean([a == b for a, b in zip(said, whole, strict=True)])
        )
        assert told["all"]["with_all"] is None
        assert "nothing can be said about accuracy" in found["conclusion"]
        assert "On 14 texts that did not train" in found["conclusion"]
        assert "(12 labels can be used so far)" in found["conclusion"]


class TestSavedSelection:
    def save(self, store, project, name="sure", **view):
        view = {"teacher_threshold": 0.8, "student_threshold": 0.0, "calibration": "batch", **view}
        store.people.save_selection(project.id, name, view, {"kept": 1})

    def saved(self, tiny, name="sure", **values):
        settings = config(tiny, "all", **values).model_dump()
        chosen = {**settings["selection"], "strategy": "saved", "saved": name}
        return build(TrainingConfig, settings, selection=chosen)

    def test_it_trains_on_exactly_these_rows_whatever_becomes_of_it(self, opened, tiny):
        project = labelled(opened)
        self.save(opened, project)
        opened.people.decide(project.id, [3], "exclude")
        kept = pipeline.selecting.saved_rows(opened, project, "sure")
        assert 5 < len(kept) < 63 and 3 not in kept
        run = opened.runs.get(train(opened, project, self.saved(tiny))["run"])
        decisions = opened.runs.decisions(run)
        assert set(decisions[decisions["selected"]]["row"]) == set(kept)
        assert (decisions[decisions["selected"]]["weight"] == 1).all()
        assert run.summary["backpropagated"] == 2 * len(kept)
        assert run.labels["saved"]["name"] == "sure" and run.labels["saved"]["texts"] == len(kept)
        assert run.labels["saved"]["view"]["teacher_threshold"] == 0.8
        opened.people.delete_selection(project.id, "sure")
        own = evidence.read(run.folder)
        rows, _ = read_probabilities(run.folder / "targets.parquet")
        assert set(rows[own.kept]) == set(kept)

    def test_as_an_arm_and_a_selection_saved_anew_is_trained_anew(self, opened, tiny):
        project = labelled(opened)
        self.save(opened, project)
        settings = with_options(config(tiny, epochs=1), selection={"saved": "sure"})
        found = compare(opened, project, settings)
        runs = runs_of(opened, found)
        counts = {key: opened.runs.steps(run)["selected"].tolist() for key, run in runs.items()}
        assert counts["saved", "samples"] == counts["llkd", "epochs"]
        assert runs["llkd", "epochs"].config.selection.saved is None
        kept = set(pipeline.selecting.saved_rows(opened, project, "sure"))
        decisions = opened.runs.decisions(runs["saved", "samples"])
        for _, step in decisions.groupby("step"):
            drawn, here = set(step[step["selected"]]["row"]), kept & set(step["row"])
            assert here <= drawn or drawn <= here
        assert "'saved'" in found["conclusion"]
        opened.people.delete_selection(project.id, "sure")
        self.save(opened, project, teacher_threshold=0.7)
        again = runs_of(opened, compare(opened, project, settings))
        assert again["llkd", "epochs"].id == runs["llkd", "epochs"].id
        assert again["saved", "epochs"].id != runs["saved", "epochs"].id

    def test_what_is_missing_is_said(self, opened, tiny):
        project = labelled(opened)
        self.save(opened, project, "nothing", teacher_threshold=1.0)
        with pytest.raises(UserError, match="'nothing' holds no text that can be trained on"):
            train(opened, project, self.saved(tiny, "nothing"))
        with pytest.raises(ConfigError, match="needs the name of a selection"):
            build(TrainingConfig, selection={"strategy": "saved"})
        with pytest.raises(UserError, match="There is no saved selection 'gone'"):
            train(opened, project, self.saved(tiny, "gone"))
        assert SelectionConfig(saved="x").saved == "x"
