"""The other ranks are real processes: they die, are ended, and leave nothing behind."""

import os
import signal
import subprocess

import numpy as np
import pytest

from llkd import jobs
from llkd.config import TrainingConfig, build
from llkd.errors import ConfigError, WorkerLost
from llkd.jobs.requests import TrainRequest
from llkd.jobs.workers import likely_most_workers
from llkd.models import devices
from llkd.training.data_parallel.placement import check_workers, placed
from tests.support.job_processes import end_jobs, ended, wait_for
from tests.support.seeded_projects import seeded_project
from tests.support.toy_runs import config, log, run, toy_data


def follower_pids(folder):
    """The processes of other ranks of runs below this folder."""
    listed = subprocess.run(["ps", "-axwwo", "pid=,command="], capture_output=True, text=True)
    lines = [line.split(maxsplit=1) for line in listed.stdout.splitlines()]
    return [int(p) for p, c in lines if "data_parallel.follower" in c and str(folder) in c]


def test_a_killed_rank_ends_the_run_with_a_sentence_and_resume_finishes(encoder, tmp_path):
    settings = config("llkd", dropout=False, checkpoint_seconds=0)
    run(encoder, tmp_path / "one", settings)
    several = build(TrainingConfig, settings.model_dump(), workers=2)

    def kill(progress):
        if progress.step == 4 and ", step " in progress.message:
            for pid in follower_pids(tmp_path):
                os.kill(pid, signal.SIGKILL)

    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with pytest.raises(WorkerLost, match=r"Worker 2 of 2 was killed \(SIGKILL\), perhaps because"):
        run(encoder, tmp_path / "two", several, on_progress=kill)
    assert handlers == [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    assert not list((tmp_path / "two").glob(".workers*"))
    progress = []
    run(encoder, tmp_path / "two", settings, on_progress=progress.append)
    assert progress[0].step == 5  # the checkpoint was of step 4
    first, second = (log(tmp_path / name, "decisions") for name in ("one", "two"))
    assert first["selected"].equals(second["selected"])
    losses = [log(tmp_path / name, "steps")["loss"] for name in ("one", "two")]
    np.testing.assert_allclose(*losses, rtol=0, atol=1e-5)


def test_what_ends_a_rank_as_it_starts_is_said(encoder, tmp_path):
    def spoil(progress):
        if "starting 2 workers" in progress.message:
            for path in tmp_path.glob("run/.workers*/student/student.json"):
                path.write_text("{")

    with pytest.raises(WorkerLost, match="Worker 2 of 2 ended: The saved student in .* cannot be"):
        run(encoder, tmp_path / "run", config(workers=2), on_progress=spoil)
    assert not follower_pids(tmp_path)


def test_a_job_that_is_cancelled_or_killed_takes_all_its_ranks_along(home, encoder):
    store, project = seeded_project(home, probed=False)
    training = build(
        TrainingConfig,
        config("all", epochs=500, student=encoder, head_start="random", workers=2).model_dump(),
    )
    try:
        job = jobs.start(store, TrainRequest(project=project.name, training=training))

        def has_trained(least):
            job_now = jobs.refreshed(store, job.id)
            assert job_now.live, jobs.log_tail(store, job.id)
            return job_now.done > least and job_now

        wait_for(lambda: has_trained(10), 200)
        assert len(follower_pids(home)) == 1
        jobs.cancel(store, job.id)
        cancelled = ended(store, job.id)
        assert cancelled.state == "cancelled"
        wait_for(lambda: not follower_pids(home), 20)
        jobs.resume(store, job.id)
        going_on = wait_for(lambda: has_trained(cancelled.done), 200)
        assert going_on.context["began_at"] == cancelled.done  # not from the start
        os.kill(going_on.pid, signal.SIGKILL)
        assert ended(store, job.id).state == "died"
        wait_for(lambda: not follower_pids(home), 20)
    finally:
        store.close()
        end_jobs(home)


def test_more_workers_than_processors_are_refused_before_anything_is_made(monkeypatch):
    monkeypatch.setattr(devices, "choose_device", lambda: "cpu")
    monkeypatch.setattr(devices, "available_processors", lambda: 2)
    check_workers(2)
    with pytest.raises(
        ConfigError, match=r"'workers' is 3, but there are 2 processors .* Use at most 2\."
    ):
        check_workers(3)
    monkeypatch.setattr(devices, "choose_device", lambda: "mps")
    with pytest.raises(ConfigError, match=r"is 2, but there is 1 device to train on here\."):
        check_workers(2)


def test_ranks_divide_the_threads(monkeypatch):
    import torch

    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    assert placed(3, torch.device("cpu")).threads == 2
    assert placed(8, torch.device("cpu")).threads == 1


def test_gpus_each_get_a_rank_and_a_stopped_run_goes_on_with_those_there_are(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    there = placed(3, torch.device("cuda:1"))
    assert there.devices == ("cuda:1", "cuda:0", "cuda:2") and not there.notes
    fewer = placed(5, torch.device("cuda:0"))
    assert fewer.devices == ("cuda:0", "cuda:1", "cuda:2")
    assert fewer.notes == ("Of 5 workers 3 trained: more devices are not here.",)


def test_pages_know_how_many_workers_there_may_be_without_torch(monkeypatch, tmp_path):
    monkeypatch.setattr(devices, "available_processors", lambda: 6)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("LLKD_DEVICE", "cpu")
    gpus = tmp_path / "gpus"
    assert likely_most_workers(gpus) == 6
    for name in ("0000:01", "0000:02", "0000:03"):
        (gpus / name).mkdir(parents=True)
    assert likely_most_workers(gpus) == 6
    monkeypatch.setenv("LLKD_DEVICE", "cuda")
    assert likely_most_workers(gpus) == 3
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,2")
    assert likely_most_workers(gpus) == 2
    monkeypatch.setenv("LLKD_DEVICE", "mps")
    assert likely_most_workers(gpus) == 1


def test_two_gpus_select_what_one_does(encoder, tmp_path):
    """Gradients through NCCL; not run where there are fewer than two GPUs."""
    import torch

    if torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")
    from llkd import students, training
    from tests.support.tiny_student import CLASSES

    for name, workers in (("one", 1), ("two", 2)):
        student = students.load_student(encoder, CLASSES, 3, precision="fp32", device="cuda:0")
        settings = config("llkd", dropout=False, workers=workers)
        training.train(student, toy_data(), settings, CLASSES, tmp_path / name)
    first, second = (log(tmp_path / name, "decisions") for name in ("one", "two"))
    assert first["selected"].equals(second["selected"])
    losses = [log(tmp_path / name, "steps")["loss"] for name in ("one", "two")]
    np.testing.assert_allclose(*losses, rtol=0, atol=1e-4)
