"""Nothing that judges also fits: held-out gold decides no label, no epoch, no winner, no student."""

import numpy as np
import pytest

from llkd import curation, workflows
from llkd.config import TeacherConfig
from llkd.errors import JobCancelled, UserError
from llkd.evaluation import predictions
from llkd.store import Store
from llkd.store.files.probabilities import read_probabilities
from llkd.training import run_inputs
from llkd.workflows.labeling import teacher_document
from llkd.workflows.prompt_comparison import compare_prompts
from tests.support.tiny_student import CLASSES
from tests.support.toy_projects import (
    HELD_OUT,
    N,
    TableTeacher,
    as_job,
    config,
    turned_project,
)


@pytest.mark.parametrize("strategy", ["llkd", "needed_neighbours", "neighbours"])
@pytest.mark.parametrize("pool_gold", [True, False])
def test_turning_all_held_out_gold_round_leaves_every_student_the_same_to_the_last_bit(
    home, tmp_path, encoder, strategy, pool_gold
):
    students = []
    for turned in (False, True):
        store = Store(tmp_path / str(turned))
        project, _ = turned_project(store, turned, pool_gold)
        as_job(store, lambda job, s=store, p=project: workflows.embed_and_probe(
            s, p, job, student=encoder
        ))  # fmt: skip
        settings = config(encoder, strategy, epochs=5, early_stopping="auto", patience=1)
        result = as_job(store, lambda job, s=store, p=project, c=settings: workflows.train(
            s, p, c, job, calibration="batch+temperature" if pool_gold else "batch"
        ))  # fmt: skip
        run = store.runs.get(result["run"])
        assert run.summary.stopped_on == ("pool_gold" if pool_gold else "teacher")
        students.append(
            (
                *read_probabilities(run.folder / "targets.parquet"),
                *store.runs.signals(run, run.summary.best_epoch),
                store.runs.evaluation(run, run.summary.best_epoch)[1],
                np.array([run.summary.best_epoch, run.labels["temperature"]]),
                run.summary.accuracy,
            )
        )
        store.close()
    for mine, other in zip(students[0][:-1], students[1][:-1], strict=True):
        np.testing.assert_array_equal(mine, other)
    assert students[0][-1] + students[1][-1] == pytest.approx(1.0)


def test_texts_that_choose_the_epoch_have_gold_of_the_pool_and_do_not_train(store, encoder):
    project, _ = turned_project(store)
    settings = config(encoder, "all", early_stopping="auto")
    run = store.runs.get(
        as_job(store, lambda job: workflows.train(store, project, settings, job))["run"]
    )
    rows, _ = read_probabilities(run.folder / "targets.parquet")
    kept = run_inputs.read(run.folder)
    assert kept.stop_source == "pool_gold" and kept.held_out.sum() == 30
    assert rows.max() < N - HELD_OUT
    assert not set(store.runs.decisions(run)["row"]) & set(rows[kept.held_out])
    assert "the best by gold of pool texts that did not train." in run.summary.warnings[-1]


@pytest.mark.parametrize("by_people", [False, True])
def test_a_bake_off_is_decided_without_held_out_gold(home, tmp_path, by_people):
    found = []
    for turned in (False, True):
        store = Store(tmp_path / str(turned))
        project, teacher = turned_project(store, turned, pool_gold=not by_people)
        if by_people:
            for row in (*range(30), *range(N - HELD_OUT, N)):  # those held out do not count
                store.decisions.decide(project.id, [row], "label", CLASSES[row % 2])

        def make(config, labels, home, *, examples, meter, teacher=teacher):
            return TableTeacher(teacher.table)

        found.append(as_job(store, lambda job, s=store, p=project, m=make: compare_prompts(
            s, p, TeacherConfig(), {"verbaliser_score": ["sum", "mean"]}, job, make=m
        )))  # fmt: skip
        store.close()
    assert found[0]["best"] == found[1]["best"] and found[0]["best"] is not None
    measures = [[entry["measures"] for entry in one["candidates"]] for one in found]
    assert measures[0] == measures[1]
    assert found[0]["rows"] == (30 if by_people else N - HELD_OUT)
    assert (found[0]["source"], found[0]["held_out"]) == ("human" if by_people else "gold", False)


def test_where_all_gold_is_held_out_nothing_is_fitted_or_chosen_by_it(store):
    project, teacher = turned_project(store, pool_gold=False)
    labeling_run = store.labeling_runs.get(project.labelling_id)
    with pytest.raises(UserError, match="Held-out gold measures and is not fitted on"):
        curation.fit_calibration(store, project, labeling_run, "batch")
    with pytest.raises(UserError, match="texts of the pool whose class is known .* has 0"):
        as_job(store, lambda job: compare_prompts(
            store, project, TeacherConfig(), {"verbaliser_score": ["mean"]}, job,
            make=lambda *_, **__: TableTeacher(teacher.table),
        ))  # fmt: skip
    quality = teacher_document(store, project, labeling_run)
    assert (quality["evaluated"], quality["judged_by"]) == (HELD_OUT, "gold")


def test_a_temperature_that_an_older_version_fitted_on_held_out_gold_trains_no_new_run(
    store, encoder
):
    project, _ = turned_project(store, pool_gold=False)
    fit = {"temperature": 3.0, "rows": 40, "source": "gold", "held_out": True}
    store.labeling_runs.set_fit(project.labelling_id, "batch", fit)
    store.labeling_runs.set_calibration(project.labelling_id, "batch+temperature")
    labeling_run = store.labeling_runs.get(project.labelling_id)
    assert curation.teacher_labels(store, labeling_run).temperature == 3.0  # it keeps its meaning
    settings = config(encoder, "all", epochs=1)
    result = as_job(store, lambda job: workflows.train(store, project, settings, job))
    run = store.runs.get(result["run"])
    assert (run.labels["calibration"], run.labels["temperature"]) == ("batch", 1.0)
    assert "fitted on held-out texts, which judge" in run.summary.warnings[0]


def test_a_comparison_holds_to_the_labels_and_judges_it_began_with(store, encoder):
    project, _ = turned_project(store)
    labeling_run = store.labeling_runs.get(project.labelling_id)
    curation.fit_calibration(store, project, labeling_run, "batch")
    store.labeling_runs.set_calibration(labeling_run.id, "batch+temperature")

    def work(job):
        begin_part = job.begin_part

        def begin(part, *rest):
            if part == 1:  # after the first arm: another calibration, another temperature
                store.labeling_runs.set_fit(labeling_run.id, "batch", {"temperature": 9.0})
                store.labeling_runs.set_calibration(labeling_run.id, "none")
            return begin_part(part, *rest)

        job.begin_part = begin
        return workflows.compare(
            store, project, config(encoder, epochs=1), job, seeds=1, arms=["llkd", "all", "random"]
        )

    found = as_job(store, work)
    runs = [store.runs.get(entry["run"]) for entry in found["runs"]]
    assert len(runs) == 3
    for name in ("calibration", "bias", "temperature", "targets_sha256"):
        assert len({repr(run.labels[name]) for run in runs}) == 1, name
    assert runs[0].labels["calibration"] == "batch+temperature"
    for run in runs:
        rows, gold = store.runs.evaluation_labels(run)
        assert rows.tolist() == list(range(N - HELD_OUT, N))
        np.testing.assert_array_equal(predictions.evaluation_rows(store, project, run)[1], gold)


def test_a_stopped_comparison_goes_on_with_what_it_began_with(store, encoder):
    project, _ = turned_project(store)
    facts = {}

    def stopped(job):
        begin_part = job.begin_part

        def begin(part, *rest):
            job.should_stop = lambda: part > 0
            return begin_part(part, *rest)

        job.begin_part = begin
        try:
            workflows.compare(
                store, project, config(encoder, epochs=1), job, seeds=1, arms=["llkd", "all"]
            )
        finally:
            facts.update(job.facts)

    with pytest.raises(JobCancelled):
        as_job(store, stopped)
    store.labeling_runs.set_calibration(project.labelling_id, "none")

    def resumed(job):
        job.remember(**facts)
        return workflows.compare(
            store, project, config(encoder, epochs=1), job, seeds=1, arms=["llkd", "all"]
        )

    found = as_job(store, resumed)
    runs = [store.runs.get(entry["run"]) for entry in found["runs"]]
    assert [run.labels["calibration"] for run in runs] == ["batch", "batch"]
