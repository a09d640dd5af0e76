"""The time of day jumps: no living job is called dead, and the order of things holds."""

import os
import time

import numpy as np
import pytest

from llkd import jobs
from llkd.jobs import heartbeat
from llkd.store import Scores, Store
from tests.support.job_processes import wait_for
from tests.support.seeded_projects import living_job, seeded_project

DAY = 86_400.0


@pytest.fixture
def clock(monkeypatch):
    """A time of day that can be set; the steady clock goes on as it does."""
    real, offset = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + offset[0])
    monkeypatch.setattr(time, "time_ns", lambda: int((real() + offset[0]) * 1e9))
    return lambda seconds: offset.__setitem__(0, seconds)


@pytest.fixture
def seeded(home):
    store, project = seeded_project(home, 40)
    yield store, project
    store.close()


@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_a_living_job_stays_alive_and_a_dead_one_is_seen_at_once(seeded, clock, jump):
    store, project = seeded
    with living_job(store, project) as job:
        heartbeat.beat(store, job.id)
        clock(jump)
        assert jobs.refreshed(store, job.id).state == "running"
        assert jobs.unanswering(store, job) is None
        assert heartbeat.silence(store, job.id) < 5
    assert jobs.refreshed(store, job.id).state == "died"


@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_a_job_asked_to_stop_is_given_its_time(seeded, clock, jump, monkeypatch):
    from llkd.jobs import control

    store, project = seeded
    with living_job(store, project) as job:
        jobs.cancel(store, job.id)
        clock(jump)
        now = jobs.refreshed(store, job.id)
        assert now.state == "running"
        assert 0 <= jobs.seconds_since_asked(now) < 5
        monkeypatch.setattr(control, "FORCE_AFTER_SECONDS", 0.0)
        assert jobs.refreshed(store, job.id).state == "cancelled"


def test_nobody_sees_a_job_before_it_lives(home, seeded):
    """Else a jump of the clock in that moment would have it called dead."""
    store, project = seeded
    seen = []

    def look(job_id):
        other = Store(home)
        seen.append([job.id for job in other.jobs.all()])
        other.close()

    job = store.jobs.create("t", "t", None, project.id, before_it_shows=look)
    assert seen == [[]]
    assert [one.id for one in store.jobs.all()] == [job.id]


def test_the_queue_keeps_its_order(seeded, clock):
    store, project = seeded
    first = store.jobs.create("t", "first", None, project.id, "auto")
    clock(-DAY)
    second = store.jobs.create("t", "second", None, project.id, "auto")
    clock(-2 * DAY)
    store.jobs.move(first.id, ("queued",), "died")
    assert store.jobs.queue_again(first.id, ("died",))
    queued = {job.title: job.queued for job in store.jobs.all()}
    assert queued["second"] > first.queued
    assert queued["first"] > second.queued


def test_projects_decisions_and_parts_keep_their_order(home, seeded, clock):
    store, project = seeded
    store.decisions.decide(project.id, [1], "label", "roads")
    clock(-DAY)
    store.decisions.decide(project.id, [1], "label", "water")
    later, _ = seeded_project(home, 20, name="later", labelled=False)
    later.close()
    assert [one.name for one in store.projects.all()] == ["later", "city"]
    assert store.decisions.current(project.id).loc[1, "human_label"] == "water"
    assert store.decisions.undo(project.id) == 1
    assert store.decisions.current(project.id).loc[1, "human_label"] == "roads"
    labeling_run = store.labeling_runs.all(project.id)[0]
    before = store.labeling_runs.version(labeling_run)
    store.labeling_runs.append(
        labeling_run,
        Scores(
            np.array([2]), np.full((1, 3), np.nan, np.float32), np.array([-1]),
            np.array(["none"], object), np.array(["later"], object),
        ),
    )  # fmt: skip
    folder = store.home.labeling_run(project.id, labeling_run.id)
    assert before.endswith(sorted(path.name for path in folder.glob("part-*"))[0])


def test_progress_is_told_and_the_pace_stays_right(seeded, clock, monkeypatch):
    from llkd.jobs import running

    store, _ = seeded
    monkeypatch.setattr(running, "HEARTBEAT_SECONDS", 0.05)
    heard = []

    def work(job):
        job.begin(0, 100)
        before = store.jobs.get(job.job_id)
        clock(-DAY)

        def moved():
            now = store.jobs.get(job.job_id)
            return now if now.context["pace_from"] < before.context["pace_from"] - 1000 else None

        now = wait_for(moved, 20)
        assert now.started == pytest.approx(before.started - DAY, abs=60)
        time.sleep(0.6)
        job.progress(50, 100, "half")
        now = store.jobs.get(job.job_id)
        heard.append((now.done, now.seconds_left))
        return {}

    jobs.run(store, work, kind="t", title="t", device=None)
    ((done, left),) = heard
    assert done == 50 and 0.3 < left < 60


def test_a_mark_of_another_start_of_the_machine_is_a_guess(clock):
    assert heartbeat.seconds_since(None) is None
    assert heartbeat.seconds_since(["other", 1e12, time.time() - 30]) == pytest.approx(30, abs=5)
    assert heartbeat.seconds_since(["other", 1e12, time.time() + 30]) == 0.0


def test_a_half_written_beat_says_nothing(seeded):
    store, project = seeded
    with living_job(store, project) as job:
        assert heartbeat.silence(store, job.id) is None
        path = store.home.job(job.id) / "beat"
        path.write_bytes(b"")
        assert heartbeat.silence(store, job.id) is None
        assert os.path.exists(path)
