"""Comparisons over many arms and both budgets, and what runs keep beside their labels."""

import time

import numpy as np
import pytest

from llkd import curation, workflows
from llkd.errors import JobCancelled, UserError
from llkd.evaluation import predictions, run_costs
from llkd.evaluation.comparison.arms import CONTROLS, RIVALS, USUAL_ARMS
from llkd.evaluation.comparison.arms import arms as all_arms
from llkd.selection.strategies.neighbours import label_support
from llkd.store.files.probabilities import read_probabilities
from llkd.training import run_inputs
from llkd.workflows.comparison import check_arms
from tests.support.tiny_student import CLASSES
from tests.support.toy_projects import (
    as_job,
    config,
    labelled_project,
    train,
    with_options,
)


class TestArms:
    def test_every_arm_at_both_budgets(self, store, encoder):
        project = labelled_project(store)
        settings = with_options(config(encoder), selection={"window": 3})

        def compare(job):
            return workflows.compare(store, project, settings, job, seeds=1, arms=["every"])

        found = as_job(store, compare)
        counts = {
            (run["arm"], run["budget"]): store.runs.steps(store.runs.get(run["run"]))[
                "selected"
            ].tolist()
            for run in found["runs"]
        }
        every = set(all_arms()) - {"saved"}
        assert {arm for arm, _ in counts} == every
        llkd = counts["llkd", "epochs"]
        matched = {arm for arm, budget in counts if budget == "samples"}
        assert matched == every - {"llkd", "all", *CONTROLS}
        for arm in matched:
            assert counts[arm, "samples"] == llkd, arm
        for arm in CONTROLS:
            assert counts[arm, "epochs"] == llkd
        assert sum(counts["all", "epochs"]) == sum(counts["soft", "epochs"]) == 128
        assert counts["learnability", "epochs"] != llkd
        pairs = {(d["arm"], d["budget"], d["rival"]) for d in found["differences"]}
        assert {r for a, b, r in pairs if (a, b) == ("learnability", "epochs")} == {"all"}
        assert {r for a, b, r in pairs if (a, b) == ("learnability", "samples")} == {
            "llkd", *CONTROLS,
        }  # fmt: skip
        assert {r for a, b, r in pairs if (a, b) == ("llkd", "epochs")} == set(RIVALS)
        for entry in found["differences"]:
            for metric in ("accuracy", "macro_f1"):
                value = entry[metric]
                assert -1 <= value["low"] <= value["value"] <= value["high"] <= 1
        rows = {(row["arm"], row["budget"]): row for row in found["arms"]}
        difference = next(
            d for d in found["differences"] if (d["arm"], d["rival"]) == ("llkd", "all")
        )
        assert difference["accuracy"]["value"] == pytest.approx(
            rows["llkd", "epochs"]["accuracy"] - rows["all", "epochs"]["accuracy"]
        )
        again = as_job(store, compare)
        assert [run["run"] for run in again["runs"]] == [run["run"] for run in found["runs"]]

    def test_a_stopped_comparison_goes_on_where_it_was(self, store, encoder, monkeypatch):
        project, arms = labelled_project(store), ["all", "llkd", "learnability"]
        settings = with_options(config(encoder), checkpoint_seconds=0)

        def compare(job):
            return workflows.compare(store, project, settings, job, seeds=1, arms=arms)

        def stopped(job):
            began = []
            real = job.progress

            def heard(*args, **options):
                began.append(1)
                return real(*args, **options)

            job.progress = heard
            job.should_stop = lambda: len(began) > 26
            try:
                return compare(job)
            finally:
                facts.update(job.facts)

        facts = {}
        with pytest.raises(JobCancelled):
            as_job(store, stopped)
        before = store.runs.all(project.id)
        assert any(run.summary for run in before) and before[-1].summary is None
        steps = store.runs.steps(before[-1])

        def resumed(job):
            job.remember(**facts)
            return compare(job)

        found = as_job(store, resumed)
        assert before[-1].id in [run["run"] for run in found["runs"]], "it took the run up again"
        assert len(steps) <= len(store.runs.steps(before[-1]))
        assert len(found["runs"]) == 4 and len(store.runs.all(project.id)) == 4

    def test_arms_are_checked_and_ordered(self):
        assert check_arms(["random", "llkd", "random"]) == ("llkd", "random")
        assert set(check_arms(["every"])) == set(all_arms()) - {"saved"}
        assert set(check_arms(["every"], "cut")) == set(all_arms())
        assert check_arms(["llkd", "all"], "cut") == ("llkd", "all", "saved")
        with pytest.raises(UserError, match="name it with --selection NAME"):
            check_arms(["llkd", "saved"])
        assert check_arms(["all"]) == ("all",) and check_arms(USUAL_ARMS) == USUAL_ARMS
        with pytest.raises(UserError, match="no arm 'magic'. The arms are llkd, all, random"):
            check_arms(["llkd", "magic"])
        assert check_arms(["all", "random", "neighbours"]) == ("neighbours", "all", "random")
        with pytest.raises(UserError, match="as a selection does: name one, too, such as 'llkd'"):
            check_arms(["all", "soft", "random"])
        with pytest.raises(UserError, match="There is no arm ''"):
            check_arms([])

    def test_only_equal_epochs(self, store, encoder):
        project = labelled_project(store)
        found = as_job(
            store,
            lambda job: workflows.compare(
                store, project, config(encoder, epochs=1), job,
                seeds=1, arms=["llkd", "learnability"], budgets=["epochs"],
            ),
        )  # fmt: skip
        assert [(run["arm"], run["budget"]) for run in found["runs"]] == [
            ("llkd", "epochs"), ("learnability", "epochs"),
        ]  # fmt: skip

    def test_controls_copy_the_first_selection_where_llkd_takes_no_part(self, store, encoder):
        project = labelled_project(store)
        settings = config(encoder, epochs=1)
        report = as_job(
            store,
            lambda job: workflows.compare(
                store, project, settings, job,
                seeds=2, arms=["all", "random", "neighbours", "teacher_then_random", "learnability"],
            ),
        )  # fmt: skip
        trained = {(run["arm"], run["budget"]): run["run"] for run in report["runs"]}
        assert set(trained) == {
            ("neighbours", "epochs"), ("all", "epochs"), ("random", "epochs"),
            ("teacher_then_random", "epochs"), ("learnability", "epochs"),
            ("learnability", "samples"),
        }  # fmt: skip
        taken = {key: store.runs.steps(store.runs.get(number)) for key, number in trained.items()}
        own = taken["neighbours", "epochs"]["selected"].tolist()
        assert sum(own) > 0
        for key in (
            ("random", "epochs"), ("teacher_then_random", "epochs"), ("learnability", "samples"),
        ):  # fmt: skip
            assert taken[key]["selected"].tolist() == own, key
        compared = {(d["arm"], d["budget"], d["rival"]) for d in report["differences"]}
        assert {("neighbours", "epochs", rival) for rival in RIVALS} <= compared
        assert ("learnability", "samples", "neighbours") in compared
        sentence = next(line for line in report["lines"] if "Neighbour agreement' " in line)
        assert "the stronger control" in sentence and "was not compared" not in sentence


class TestEvidence:
    def test_neighbours_gets_the_votes_of_the_pool_and_embeddings_first(self, store, encoder):
        project = labelled_project(store)
        with pytest.raises(UserError, match="Make them with: llkd probe"):
            workflows.training.prepare(store, project, config(encoder, "neighbours"), None)
        assert not curation.has_embeddings(store, project)
        run = store.runs.get(train(store, project, config(encoder, "neighbours"))["run"])
        rows, targets = read_probabilities(run.folder / "targets.parquet")
        label = targets.argmax(axis=1)
        points = curation.load_embeddings(store, project)[rows]
        votes, means, base = curation.knn_votes(points, label, targets)
        kept = run_inputs.read(run.folder)
        passed, rank = label_support(votes, means, targets, label, base)
        assert kept.passes.tolist() == passed.tolist()
        assert kept.support == pytest.approx(rank, abs=1e-6)
        decisions = store.runs.decisions(run)
        drawn = set(decisions[decisions["selected"]]["row"])
        assert drawn and drawn <= set(rows[passed])

    def test_the_time_of_an_arm_holds_its_embeddings_and_its_search(
        self, store, encoder, monkeypatch
    ):
        project = labelled_project(store)
        from llkd.students import Student

        embed, collect = Student.embed, run_inputs.collect
        monkeypatch.setattr(Student, "embed", lambda *a: (time.sleep(0.3), embed(*a))[1])
        monkeypatch.setattr(run_inputs, "collect", lambda *a: (time.sleep(0.2), collect(*a))[1])
        first = train(store, project, config(encoder, "neighbours", epochs=1))
        monkeypatch.undo()
        # What lies ready by now was paid for by the first, and counts for the second too.
        second = train(store, project, config(encoder, "neighbours", epochs=1, seed=1))
        plain = train(store, project, config(encoder, "all", epochs=1))
        for made in (first, second):
            assert made["preparation_seconds"] >= 0.5
            assert made["seconds"] == made["preparation_seconds"] + made["training_seconds"]
        assert plain["preparation_seconds"] == 0
        assert plain["seconds"] == plain["training_seconds"] > 0
        run = store.runs.get(first["run"])
        del run.labels["preparation_seconds"]  # as a run of release 0.3.0
        assert run_costs.total_seconds(run) is None

    def test_what_it_keeps_is_not_changed_by_later_work(self, store, encoder):
        project = labelled_project(store)
        store.decisions.decide(project.id, [3], "label", CLASSES[0])
        run = store.runs.get(train(store, project, config(encoder, epochs=1))["run"])
        store.decisions.decide(project.id, list(range(5, 20)), "label", CLASSES[1])
        rows, _ = read_probabilities(run.folder / "targets.parquet")
        assert rows[run_inputs.read(run.folder).human].tolist() == [3]

    def test_nothing_beside_the_labels_leaves_no_file(self, store, encoder):
        project = labelled_project(store)
        run = store.runs.get(train(store, project, config(encoder, epochs=1))["run"])
        assert run_inputs.read(run.folder) is None

    def test_early_stopping_without_gold_holds_out_what_the_teacher_is_sure_of(
        self, store, encoder
    ):
        project = labelled_project(store, n=200, with_gold=False)
        settings = with_options(config(encoder, "all", epochs=3), early_stopping="auto")
        result = train(store, project, settings)
        run = store.runs.get(result["run"])
        assert run.summary.stopped_on == "teacher" and result["best_epoch"] >= 1
        rows, probabilities = read_probabilities(run.folder / "targets.parquet")
        kept = run_inputs.read(run.folder)
        assert kept.held_out.sum() == 20 and run.labels["rows"] == 180
        sure = probabilities.max(axis=1)
        assert sure[kept.held_out].min() >= np.median(sure)
        trained = set(store.runs.decisions(run)["row"])
        assert trained == set(rows[~kept.held_out])

    def test_early_stopping_prefers_people_and_then_gold_of_the_pool(self, store, encoder):
        human, sure = np.arange(200) < 45, np.linspace(0.5, 1, 200)
        chosen, source = run_inputs.hold_out(human, sure)
        assert source == "audit" and chosen.sum() == 15 and not (chosen & ~human).any()
        again, _ = run_inputs.hold_out(human, sure)
        assert (chosen == again).all()
        with pytest.raises(UserError, match="check at least 30 of the teacher's"):
            run_inputs.hold_out(np.zeros(50, dtype=bool), np.full(50, 0.9))
        project = labelled_project(store)
        settings = with_options(config(encoder, "all", epochs=2), early_stopping="auto")
        run = store.runs.get(train(store, project, settings)["run"])
        assert run.summary.stopped_on == "pool_gold"
        assert run_inputs.read(run.folder).held_out.sum() == 21  # a third of 64

    def test_figures_and_answers_are_of_the_kept_student(self, store, encoder):
        project = labelled_project(store)
        settings = with_options(
            config(encoder, "all", epochs=24, learning_rate=4e-3), early_stopping="auto", patience=2
        )
        run = store.runs.get(train(store, project, settings)["run"])
        assert run.summary.best_epoch < len(run.summary.epochs)
        gold, probabilities = predictions.run_predictions(store, project, run)
        assert (probabilities.argmax(axis=1) == gold).mean() == pytest.approx(run.summary.accuracy)

    def test_a_run_that_may_stop_early_is_no_reference(self, store, encoder):
        project = labelled_project(store)
        settings = with_options(config(encoder, epochs=1), early_stopping="auto")
        reference = train(store, project, settings)["run"]
        with pytest.raises(UserError, match="may stop early, so its counts do not reach"):
            train(store, project, config(encoder, "random", epochs=1, reference_run=reference))

    def test_a_control_must_share_the_warm_up(self, store, encoder):
        project = labelled_project(store)
        settings = with_options(config(encoder, epochs=1), selection={"warmup_steps": 2})
        reference = train(store, project, settings)["run"]
        with pytest.raises(UserError, match=r"in warmup steps: that run has 2, this one 0"):
            train(store, project, config(encoder, "random", epochs=1, reference_run=reference))
