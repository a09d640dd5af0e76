"""A comparison on two real nodes says what it says on one machine, to the last bit."""

import re
import threading

import pytest

from llkd import jobs
from llkd.config import ExecutorConfig
from llkd.errors import UserError
from llkd.jobs.requests import CompareRequest, TrainRequest
from llkd.store import Store
from tests.support.job_processes import wait_for
from tests.support.ray_cluster import kill
from tests.support.toy_projects import config, labelled_project

OF_THE_MACHINE = {"run", "runs", "seconds", "minutes", "job", "reference_run", "created"}


def compared(store, encoder, address="process"):
    request = CompareRequest(
        project="toy",
        training=config(encoder),
        seeds=2,
        arms=("all", "llkd", "random"),
        executor=ExecutorConfig(on=address),
    )
    return jobs.run_request(store, request)


def numbers(value):
    """A report without the numbers of runs and how long they took."""
    if isinstance(value, dict):
        return {k: numbers(v) for k, v in value.items() if not _of_machine(k)}
    if isinstance(value, str):
        return re.sub(r"\d+\s%(?= of the time)", "some", value)
    return [numbers(each) for each in value] if isinstance(value, list) else value


def _of_machine(name):
    return name in OF_THE_MACHINE or "seconds" in name


@pytest.fixture
def other_store(tmp_path):
    opened = Store(tmp_path / "other")
    yield opened
    opened.close()


def test_the_report_is_that_of_one_machine_although_a_worker_was_killed(
    store, other_store, encoder, shared_cluster
):
    labelled_project(store)
    labelled_project(other_store)
    here = compared(store, encoder)

    killer = threading.Thread(
        target=lambda: kill(wait_for(lambda: shared_cluster.workers(), 300)[0])
    )
    killer.start()
    there = compared(other_store, encoder, shared_cluster.address)
    killer.join()
    assert numbers(there) == numbers(here)
    runs = [(entry["arm"], entry["budget"], entry["seed"]) for entry in here["runs"]]
    assert runs == [(entry["arm"], entry["budget"], entry["seed"]) for entry in there["runs"]]
    for mine, others in zip(here["runs"], there["runs"], strict=True):
        first, second = store.runs.get(mine["run"]), other_store.runs.get(others["run"])
        assert first.summary.accuracy == second.summary.accuracy
        assert (
            store.runs.evaluation(first)[1].tobytes()
            == other_store.runs.evaluation(second)[1].tobytes()
        )
        weights = "model.safetensors"
        assert (first.student_folder / weights).read_bytes() == (
            second.student_folder / weights
        ).read_bytes()

    again = compared(other_store, encoder, "127.0.0.1:1")  # all runs are there: no cluster is asked
    assert [entry["run"] for entry in again["runs"]] == [entry["run"] for entry in there["runs"]]


def test_a_single_run_is_that_of_one_machine(store, other_store, encoder, shared_cluster):
    weights = []
    for each, address in ((store, "process"), (other_store, shared_cluster.address)):
        labelled_project(each)
        request = TrainRequest(
            project="toy", training=config(encoder), executor=ExecutorConfig(on=address)
        )
        trained = each.runs.get(jobs.run_request(each, request)["run"])
        weights.append((trained.student_folder / "model.safetensors").read_bytes())
        assert trained.summary.steps == len(each.runs.steps(trained)) > 0
    assert weights[0] == weights[1]


def test_nothing_at_the_address_leaves_runs_that_this_machine_trains(store, encoder):
    labelled_project(store)
    with pytest.raises(UserError, match="Nothing answers"):
        compared(store, encoder, "127.0.0.1:1")
    (job,) = (job for job in jobs.all_jobs(store) if job.kind == "compare")
    assert job.state == "failed"
    assert len(compared(store, encoder)["runs"]) == 6
