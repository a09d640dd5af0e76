"""A job that ended goes on elsewhere: another cluster, or this machine."""

import pytest

from llkd import jobs
from llkd.config import ExecutorConfig, TeacherConfig
from llkd.errors import UserError
from llkd.jobs.requests import LabelRequest
from llkd.store import Store
from tests.support.job_processes import a_project, end_jobs, ended


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "home")
    yield opened
    end_jobs(tmp_path / "home")
    opened.close()


def test_labelling_whose_cluster_is_gone_goes_on_here(store):
    project = a_project(store, n=20)
    request = LabelRequest(
        project=project.name,
        teacher=TeacherConfig(teacher="similarity"),
        probe=False,
        executor=ExecutorConfig(on="127.0.0.1:1", cluster_workers=2),
    )
    job = jobs.start(store, request)
    failed = ended(store, job.id)
    assert failed.state == "failed" and "Nothing answers" in failed.error and job.device is None
    jobs.resume(store, job.id, executor={"on": "process"})
    done = ended(store, job.id)
    assert done.state == "finished" and done.result["asked"] == 20 and done.device == "auto"
    assert "--on" not in " ".join(jobs.known_request(store, done).command())


def test_work_that_is_done_here_alone_goes_nowhere_else(store):
    def fails(job):
        raise UserError("no")

    with pytest.raises(UserError, match="no"):
        jobs.run(store, fails, kind="probe", title="Probe p", device=None)
    (job,) = jobs.all_jobs(store)
    store.jobs.update(job.id, request={"kind": "probe", "project": "p"})
    with pytest.raises(UserError, match="on this machine alone: resume it without --on"):
        jobs.resume(store, job.id, executor={"on": "ray"})
    assert jobs.refreshed(store, job.id).state == "failed"
