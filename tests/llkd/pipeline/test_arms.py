"""Comparisons over many arms and both budgets, and what runs keep beside their labels."""

import time

import numpy as np
import pandas as pd
import pytest

from llkd import curation, fairness, pipeline
from llkd.config import LabelSet, SelectionConfig, build
from llkd.errors import JobCancelled, UserError
from llkd.pipeline import evidence
from llkd.pipeline.comparing import ARMS, check_arms
from llkd.store import Store
from llkd.store.runs import read_probabilities
from llkd.strategies import label_support
from tests.llkd.pipeline.test_pipeline import TableTeacher, as_job, config, label, train
from tests.llkd.tiny_student import CLASSES, make_encoder, teacher_for, toy_texts


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def opened(home):
    store = Store()
    yield store
    store.close()


def labelled(store, n=96, held_out=32, with_gold=True):
    """A project whose teacher is right in nine of ten texts; the last ones are held out."""
    texts, gold = toy_texts(n)
    frame = pd.DataFrame(
        {
            "id": [f"t{i}" for i in range(n)],
            "text": [f"{text} {i}" for i, text in enumerate(texts)],
            "gold": [CLASSES[k] if with_gold else None for k in gold],
            "split": ["eval" if i >= n - held_out and with_gold else "pool" for i in range(n)],
        }
    )
    project = store.projects.create(
        "toy", frame, source="toy", report={}, label_set=LabelSet.of(CLASSES)
    )
    scores = np.log(teacher_for(gold, wrong=0.1))
    label(store, project, TableTeacher(dict(zip(frame["text"], scores, strict=True))))
    return store.projects.get("toy")


def with_options(settings, **changes):
    selection = build(
        SelectionConfig, settings.selection.model_dump(), changes.pop("selection", {})
    )
    return build(type(settings), settings.model_dump(), changes, selection=selection.model_dump())


class TestArms:
    def test_every_arm_at_both_budgets(self, opened, tiny):
        project = labelled(opened)
        settings = with_options(config(tiny), selection={"window": 3})

        def compare(job):
            return pipeline.compare(opened, project, settings, job, seeds=1, arms=["every"])

        found = as_job(opened, compare)
        counts = {
            (run["arm"], run["budget"]): opened.runs.steps(opened.runs.get(run["run"]))[
                "selected"
            ].tolist()
            for run in found["runs"]
        }
        every = set(fairness.ARMS) - {"saved"}
        assert {arm for arm, _ in counts} == every
        llkd = counts["llkd", "epochs"]
        matched = {arm for arm, budget in counts if budget == "samples"}
        assert matched == every - {"llkd", "all", *fairness.CONTROLS}
        for arm in matched:
            assert counts[arm, "samples"] == llkd, arm
        for arm in fairness.CONTROLS:
            assert counts[arm, "epochs"] == llkd
        assert sum(counts["all", "epochs"]) == sum(counts["soft", "epochs"]) == 128
        assert counts["learnability", "epochs"] != llkd
        pairs = {(d["arm"], d["budget"], d["rival"]) for d in found["differences"]}
        assert {r for a, b, r in pairs if (a, b) == ("trust", "epochs")} == {"all"}
        assert {r for a, b, r in pairs if (a, b) == ("trust", "samples")} == {
            "llkd", *fairness.CONTROLS,
        }  # fmt: skip
        assert {r for a, b, r in pairs if (a, b) == ("llkd", "epochs")} == set(fairness.RIVALS)
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
        again = as_job(opened, compare)
        assert [run["run"] for run in again["runs"]] == [run["run"] for run in found["runs"]]

    def test_a_stopped_comparison_goes_on_where_it_was(self, opened, tiny, monkeypatch):
        project, arms = labelled(opened), ["all", "llkd", "learnability"]
        settings = with_options(config(tiny), checkpoint_seconds=0)

        def compare(job):
            return pipeline.compare(opened, project, settings, job, seeds=1, arms=arms)

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
            as_job(opened, stopped)
        before = opened.runs.all(project.id)
        assert any(run.summary for run in before) and before[-1].summary is None
        steps = opened.runs.steps(before[-1])

        def resumed(job):
            job.remember(**facts)
            return compare(job)

        found = as_job(opened, resumed)
        assert before[-1].id in [run["run"] for run in found["runs"]], "it took the run up again"
        assert len(steps) <= len(opened.runs.steps(before[-1]))
        assert len(found["runs"]) == 4 and len(opened.runs.all(project.id)) == 4

    def test_arms_are_checked_and_ordered(self):
        assert check_arms(["random", "llkd", "random"]) == ("llkd", "random")
        assert set(check_arms(["every"])) == set(fairness.ARMS) - {"saved"}
        assert set(check_arms(["every"], "cut")) == set(fairness.ARMS)
        assert check_arms(["llkd", "all"], "cut") == ("llkd", "all", "saved")
        with pytest.raises(UserError, match="name it with --selection NAME"):
            check_arms(["llkd", "saved"])
        assert check_arms(["all"]) == ("all",) and check_arms(ARMS) == ARMS
        with pytest.raises(UserError, match="no arm 'magic'. The arms are llkd, all, random"):
            check_arms(["llkd", "magic"])
        with pytest.raises(UserError, match="copy the counts of 'llkd'"):
            check_arms(["all", "random"])
        with pytest.raises(UserError, match="There is no arm ''"):
            check_arms([])

    def test_only_equal_epochs(self, opened, tiny):
        project = labelled(opened)
        found = as_job(
            opened,
            lambda job: pipeline.compare(
                opened, project, config(tiny, epochs=1), job,
                seeds=1, arms=["llkd", "small_loss"], budgets=["epochs"],
            ),
        )  # fmt: skip
        assert [(run["arm"], run["budget"]) for run in found["runs"]] == [
            ("llkd", "epochs"), ("small_loss", "epochs"),
        ]  # fmt: skip


class TestEvidence:
    def test_trust_gets_the_probe_and_the_teachers_own_answers(self, opened, tiny):
        project = labelled(opened)
        as_job(opened, lambda job: pipeline.embed_and_probe(opened, project, job, student=tiny))
        opened.people.decide(project.id, [3], "label", CLASSES[0])
        opened.people.decide(project.id, [4], "label", CLASSES[0])
        run = opened.runs.get(train(opened, project, config(tiny, "trust"))["run"])
        kept = evidence.read(run.folder)
        rows, _ = read_probabilities(run.folder / "targets.parquet")
        assert rows[kept.human].tolist() == [3, 4] and not kept.held_out.any()
        plane = curation.load_plane(opened, project)
        at = rows.tolist()
        assert kept.own == pytest.approx(plane.probabilities[at], abs=1e-6)
        assert kept.out_of_sample == pytest.approx(plane.student_probabilities[at], abs=1e-6)
        decisions = opened.runs.decisions(run)
        assert decisions[decisions["row"].isin([3, 4])]["selected"].all()

    def test_neighbours_gets_the_votes_of_the_pool_and_embeddings_first(self, opened, tiny):
        project = labelled(opened)
        with pytest.raises(UserError, match="Make them with: llkd probe"):
            pipeline.training.prepare(opened, project, config(tiny, "neighbours"), None)
        assert not curation.has_embeddings(opened, project)
        run = opened.runs.get(train(opened, project, config(tiny, "neighbours"))["run"])
        rows, targets = read_probabilities(run.folder / "targets.parquet")
        label = targets.argmax(axis=1)
        points = curation.load_embeddings(opened, project)[rows]
        votes, means, base = curation.neighbour_opinions(points, label, targets)
        kept = evidence.read(run.folder)
        passed, rank = label_support(votes, means, targets, label, base)
        assert kept.passes.tolist() == passed.tolist()
        assert kept.support == pytest.approx(rank, abs=1e-6)
        decisions = opened.runs.decisions(run)
        drawn = set(decisions[decisions["selected"]]["row"])
        assert drawn and drawn <= set(rows[passed])

    def test_the_time_of_an_arm_holds_its_embeddings_and_its_search(
        self, opened, tiny, monkeypatch
    ):
        project = labelled(opened)
        from llkd.students import Student

        embed, collect = Student.embed, evidence.collect
        monkeypatch.setattr(Student, "embed", lambda *a: (time.sleep(0.3), embed(*a))[1])
        monkeypatch.setattr(evidence, "collect", lambda *a: (time.sleep(0.2), collect(*a))[1])
        first = train(opened, project, config(tiny, "neighbours", epochs=1))
        monkeypatch.undo()
        # What lies ready by now was paid for by the first, and counts for the second too.
        second = train(opened, project, config(tiny, "neighbours", epochs=1, seed=1))
        plain = train(opened, project, config(tiny, "all", epochs=1))
        for made in (first, second):
            assert made["preparation_seconds"] >= 0.5
            assert made["seconds"] == made["preparation_seconds"] + made["training_seconds"]
        assert plain["preparation_seconds"] == 0
        assert plain["seconds"] == plain["training_seconds"] > 0
        run = opened.runs.get(first["run"])
        del run.labels["preparation_seconds"]  # as a run of release 0.3.0
        assert fairness.whole_seconds(run) is None

    def test_what_it_keeps_is_not_changed_by_later_work(self, opened, tiny):
        project = labelled(opened)
        opened.people.decide(project.id, [3], "label", CLASSES[0])
        run = opened.runs.get(train(opened, project, config(tiny, epochs=1))["run"])
        opened.people.decide(project.id, list(range(5, 20)), "label", CLASSES[1])
        rows, _ = read_probabilities(run.folder / "targets.parquet")
        assert rows[evidence.read(run.folder).human].tolist() == [3]

    def test_nothing_beside_the_labels_leaves_no_file(self, opened, tiny):
        project = labelled(opened)
        run = opened.runs.get(train(opened, project, config(tiny, epochs=1))["run"])
        assert evidence.read(run.folder) is None

    def test_early_stopping_without_gold_holds_out_what_the_teacher_is_sure_of(self, opened, tiny):
        project = labelled(opened, n=200, with_gold=False)
        settings = with_options(config(tiny, "all", epochs=3), early_stopping="auto")
        result = train(opened, project, settings)
        run = opened.runs.get(result["run"])
        assert run.summary["stopped_on"] == "teacher" and result["best_epoch"] >= 1
        rows, probabilities = read_probabilities(run.folder / "targets.parquet")
        kept = evidence.read(run.folder)
        assert kept.held_out.sum() == 20 and run.labels["rows"] == 180
        sure = probabilities.max(axis=1)
        assert sure[kept.held_out].min() >= np.median(sure)
        trained = set(opened.runs.decisions(run)["row"])
        assert trained == set(rows[~kept.held_out])

    def test_early_stopping_prefers_people_and_then_gold_of_the_pool(self, opened, tiny):
        human, sure = np.arange(200) < 45, np.linspace(0.5, 1, 200)
        chosen, source = evidence.hold_out(human, sure)
        assert source == "audit" and chosen.sum() == 15 and not (chosen & ~human).any()
        again, _ = evidence.hold_out(human, sure)
        assert (chosen == again).all()
        with pytest.raises(UserError, match="check at least 30 of the teacher's"):
            evidence.hold_out(np.zeros(50, dtype=bool), np.full(50, 0.9))
        project = labelled(opened)
        settings = with_options(config(tiny, "all", epochs=2), early_stopping="auto")
        run = opened.runs.get(train(opened, project, settings)["run"])
        assert run.summary["stopped_on"] == "pool_gold"
        assert evidence.read(run.folder).held_out.sum() == 21  # a third of 64

    def test_figures_and_answers_are_of_the_kept_student(self, opened, tiny):
        project = labelled(opened)
        settings = with_options(
            config(tiny, "all", epochs=24, learning_rate=4e-3), early_stopping="auto", patience=2
        )
        run = opened.runs.get(train(opened, project, settings)["run"])
        assert run.summary["best_epoch"] < len(run.summary["epochs"])
        gold, probabilities = fairness.answers(opened, project, run)
        assert (probabilities.argmax(axis=1) == gold).mean() == pytest.approx(
            run.summary["accuracy"]
        )

    def test_a_run_that_may_stop_early_is_no_reference(self, opened, tiny):
        project = labelled(opened)
        settings = with_options(config(tiny, epochs=1), early_stopping="auto")
        reference = train(opened, project, settings)["run"]
        with pytest.raises(UserError, match="may stop early, so its counts do not reach"):
            train(opened, project, config(tiny, "random", epochs=1, reference_run=reference))

    def test_a_control_must_share_the_warm_up(self, opened, tiny):
        project = labelled(opened)
        settings = with_options(config(tiny, epochs=1), selection={"warmup_steps": 2})
        reference = train(opened, project, settings)["run"]
        with pytest.raises(UserError, match=r"in warmup steps: that run has 2, this one 0"):
            train(opened, project, config(tiny, "random", epochs=1, reference_run=reference))
