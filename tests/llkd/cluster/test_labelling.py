"""Labelling on two real nodes: the labels of one machine, whatever is killed meanwhile."""

import os
import signal
import threading

import numpy as np
import pytest

from llkd import jobs
from llkd.cluster import connection
from llkd.config import ExecutorConfig, TeacherConfig
from llkd.errors import ClusterError
from llkd.jobs.requests import LabelRequest
from llkd.labeling import cluster_teacher
from llkd.store import Store
from tests.support.job_processes import a_project, end_jobs, ended, labelled_rows, wait_for
from tests.support.ray_cluster import kill, running_cluster

TEXTS = 400


@pytest.fixture
def project(store, home):
    yield a_project(store, n=TEXTS)
    end_jobs(home)


@pytest.fixture(scope="module")
def by_one_worker(tmp_path_factory, decoder, shared_cluster):
    """The scores that one worker gave, undisturbed, through the cluster's client server."""
    store = Store(tmp_path_factory.mktemp("undisturbed") / "home")
    project = a_project(store, n=TEXTS)
    alone = request(project, decoder, shared_cluster.client_address, cluster_workers=1)
    result = jobs.run_request(store, alone)
    assert result["asked"] == TEXTS and result["cached"] == 0
    assert result["notices"] == ["Ray cluster: 2 nodes, 2 CPUs (2 free), 0 GPUs (0 free)."]
    yield scores_of(store, project)
    store.close()


@pytest.fixture(scope="module")
def doomed_cluster():
    """A cluster of two nodes of which little is left at the end."""
    with running_cluster(nodes=2) as cluster:
        yield cluster


def request(project, decoder, address, **settings):
    teacher = TeacherConfig(teacher=f"local:{decoder}", precision="fp32")
    executor = ExecutorConfig(on=address, **settings)
    return LabelRequest(project=project.name, teacher=teacher, probe=False, executor=executor)


def scores_of(store, project):
    (run,) = store.labeling_runs.all(project.id)
    return store.labeling_runs.scores(run)


def test_one_and_two_workers_and_this_machine_label_the_same(
    store, project, decoder, shared_cluster, by_one_worker
):
    both = request(project, decoder, shared_cluster.address, cluster_workers=2)
    assert {f"--on={shared_cluster.address}", "--cluster-workers=2"} <= set(both.command())
    assert jobs.run_request(store, both)["asked"] == TEXTS
    by_two = scores_of(store, project)
    assert by_two.row.tolist() == list(range(TEXTS))
    assert by_two.scores.tobytes() == by_one_worker.scores.tobytes()

    store.labeling_runs.files(store.labeling_runs.all(project.id)[0]).parts()[0].unlink()
    store.answers.delete()
    assert jobs.run_request(store, request(project, decoder, "process"))["asked"] == TEXTS
    local = scores_of(store, project)
    assert np.allclose(local.scores, by_two.scores, atol=1e-4)
    assert (local.scores.argmax(axis=1) == by_two.scores.argmax(axis=1)).all()


def test_a_killed_worker_node_and_driver_lose_and_double_nothing(
    store, project, decoder, by_one_worker, doomed_cluster
):
    cluster = doomed_cluster
    job = jobs.start(store, request(project, decoder, cluster.address, cluster_workers=2))
    wait_for(lambda: len(cluster.workers()) == 2, 300)
    assert kill(cluster.workers()[0])
    wait_for(lambda: len(labelled_rows(store, project)) >= 64, 300)
    assert kill(cluster.raylet(1))
    before = len(labelled_rows(store, project))
    wait_for(lambda: len(labelled_rows(store, project)) > before, 300)
    os.killpg(jobs.refreshed(store, job.id).pid, signal.SIGKILL)
    assert ended(store, job.id).state == "died"
    rows = labelled_rows(store, project)
    assert 64 < len(rows) < TEXTS and len(set(rows)) == len(rows)
    wait_for(lambda: not cluster.workers())  # they end with the driver

    # The second node is gone: what is left of the cluster has room for one worker.
    jobs.resume(store, job.id, executor={"cluster_workers": 1})
    done = ended(store, job.id, 400)
    assert done.state == "finished", jobs.log_tail(store, job.id)
    assert done.result["asked"] + done.result["cached"] == TEXTS - len(rows)
    scores = scores_of(store, project)
    assert scores.row.tolist() == list(range(TEXTS))
    assert scores.scores.tobytes() == by_one_worker.scores.tobytes()


def test_a_cluster_that_goes_ends_the_job_with_a_sentence_and_this_machine_goes_on(
    store, project, decoder, monkeypatch, doomed_cluster
):
    monkeypatch.setattr(connection, "HEAD_SECONDS", 3.0)
    monkeypatch.setattr(cluster_teacher, "RANGE_TEXTS", 16)
    end_head = threading.Thread(
        target=lambda: (
            wait_for(lambda: labelled_rows(store, project), 120),
            kill(doomed_cluster.head_server()),
        )
    )
    end_head.start()
    with pytest.raises(ClusterError, match="head node"):
        jobs.run_request(store, request(project, decoder, doomed_cluster.address))
    end_head.join()
    (job,) = jobs.all_jobs(store)
    assert job.state == "failed" and "head node" in job.error
    rows = labelled_rows(store, project)
    assert 0 < len(rows) < TEXTS
    rest = jobs.run_request(store, request(project, decoder, "process"))
    assert rest["asked"] + rest["cached"] == TEXTS - len(rows) and rest["left"] == 0
    assert labelled_rows(store, project) == list(range(TEXTS))
