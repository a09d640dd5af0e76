"""Jobs are real processes here: started, watched, cancelled, killed and resumed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pandas as pd
import pytest

from llkd import commands, jobs
from llkd.config import LabelSet, TeacherConfig
from llkd.errors import JobCancelled, LLKDError, UserError
from llkd.store import Store
from tests.conftest import end_jobs
from tests.llkd.slow_server import SlowServer

CLASSES = LabelSet.of(["red", "blue"])


@pytest.fixture
def store(home):
    opened = Store()
    yield opened
    opened.close()
    end_jobs(home)


@pytest.fixture
def server():
    with SlowServer(seconds=0.05) as running:
        yield running


def a_project(store, n=60):
    texts = pd.DataFrame(
        {
            "id": [str(i) for i in range(n)],
            "text": [f"message number {i} about {'red' if i % 2 else 'blue'}" for i in range(n)],
            "gold": None,
            "split": "pool",
        }
    )
    return store.projects.create("p", texts, source="t", report={}, label_set=CLASSES)


def start_labelling(store, project, server, concurrency=1):
    teacher = TeacherConfig(teacher="api:stand-in", base_url=server.url, concurrency=concurrency)
    command = commands.label(project.name, teacher)
    command.insert(1, "--no-probe")
    return jobs.start(
        store, command, kind="label", title="Label p", project_id=project.id, device=None
    )


def wait_for(condition, seconds=60.0):
    until = time.time() + seconds
    while time.time() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"did not happen in {seconds} s")


def ended(store, job_id, seconds=90.0):
    return wait_for(lambda: (j := jobs.refreshed(store, job_id)) and not j.live and j, seconds)


def labelled_rows(store, project):
    made = store.labellings.all(project.id)
    return store.labellings.done(made[0]).tolist() if made else []


def test_a_job_runs_in_its_own_process_and_reports(store, server):
    project = a_project(store, n=20)
    job = start_labelling(store, project, server)
    assert job.state == "queued"
    done = ended(store, job.id)
    assert done.state == "finished", jobs.log_tail(store, job.id)
    assert done.pid not in (None, os.getpid())
    assert (done.done, done.total) == (20, 20)
    assert done.result["labelled"] == 20
    assert done.result["job"] == job.id
    assert labelled_rows(store, project) == list(range(20))


@pytest.mark.usefixtures("database")
def test_a_killed_worker_is_shown_as_died_and_resume_asks_nothing_twice(store, server):
    project = a_project(store)
    job = start_labelling(store, project, server)
    wait_for(lambda: len(labelled_rows(store, project)) >= 10)
    running = jobs.refreshed(store, job.id)
    assert running.state == "running"
    os.killpg(running.pid, signal.SIGKILL)
    dead = ended(store, job.id, 10)
    assert dead.state == "died"
    assert "Its process ended without a word" in dead.error
    kept = labelled_rows(store, project)
    texts = store.projects.texts(project.id)["text"]
    asked_before = {text: server.asked[text] for text in texts.iloc[kept]}

    jobs.resume(store, job.id)
    done = ended(store, job.id)
    assert done.state == "finished", jobs.log_tail(store, job.id)
    assert done.attempts == 2
    assert labelled_rows(store, project) == list(range(60))
    assert {text: server.asked[text] for text in asked_before} == asked_before


def test_cancel_keeps_what_was_done_and_resume_goes_on(store, server):
    project = a_project(store)
    job = start_labelling(store, project, server)
    wait_for(lambda: jobs.refreshed(store, job.id).done >= 5)
    jobs.cancel(store, job.id)
    stopped = ended(store, job.id, 15)
    assert stopped.state == "cancelled"
    assert "resume goes on" in stopped.error
    kept = labelled_rows(store, project)
    assert 5 <= len(kept) < 60
    with pytest.raises(UserError, match=f"Job {job.id} is cancelled already"):
        jobs.cancel(store, job.id)
    jobs.resume(store, job.id)
    assert ended(store, job.id).state == "finished"
    assert labelled_rows(store, project) == list(range(60))
    with pytest.raises(UserError, match="has finished; there is nothing to resume"):
        jobs.resume(store, job.id)


def test_sigterm_is_a_wish_to_stop(store, server):
    project = a_project(store)
    job = start_labelling(store, project, server)
    wait_for(lambda: jobs.refreshed(store, job.id).done >= 3)
    os.kill(jobs.refreshed(store, job.id).pid, signal.SIGTERM)
    assert ended(store, job.id, 15).state == "cancelled"


def test_force_ends_a_job_that_hangs(store):
    with SlowServer(seconds=300) as hanging:
        project = a_project(store)
        job = start_labelling(store, project, hanging)
        wait_for(lambda: jobs.refreshed(store, job.id).state == "running")
        wait_for(lambda: hanging.requests >= 1)
        forced = jobs.cancel(store, job.id, force=True)
        assert forced.state == "cancelled"
        assert "by force" in forced.error
        wait_for(lambda: not _process_runs(forced.pid), 10)


def _process_runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_job_outlives_the_process_that_started_it(store, server):
    project = a_project(store, n=30)
    teacher = TeacherConfig(teacher="api:stand-in", base_url=server.url, concurrency=1)
    command = commands.label(project.name, teacher)
    command.insert(1, "--no-probe")
    code = (
        "import sys, json\nfrom llkd import jobs\nfrom llkd.store import Store\n"
        "job = jobs.start(Store(), json.loads(sys.argv[1]), kind='label', title='t',"
        f" project_id={project.id}, device=None)\nprint(job.id)"
    )

    out = subprocess.run(
        [sys.executable, "-c", code, json.dumps(command)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended(store, int(out.stdout)).state == "finished"


@pytest.mark.usefixtures("database")
def test_one_job_per_device_and_the_rest_in_order(store, home):
    order, inside, most = [], [], []

    def work(name):
        def do(job):
            inside.append(name)
            most.append(len(inside))
            order.append(name)
            time.sleep(0.3)
            inside.remove(name)
            return {}

        return do

    def run(name):
        own = Store(home)
        jobs.run(own, work(name), kind="test", title=name, arguments=[], device="auto")
        own.close()

    threads = []
    for name in ("first", "second", "third"):
        thread = threading.Thread(target=run, args=(name,))
        thread.start()
        threads.append(thread)
        wait_for(lambda name=name: any(j.title == name for j in store.jobs.all()))
    for thread in threads:
        thread.join()
    assert order == ["first", "second", "third"]
    assert max(most) == 1
    assert {job.state for job in jobs.all_jobs(store)} == {"finished"}


@pytest.mark.usefixtures("database")
def test_waiting_jobs_can_be_cancelled(store, home):
    release = threading.Event()
    blocker = threading.Thread(
        target=lambda: jobs.run(
            Store(home), lambda job: (release.wait(30), {})[1], kind="t", title="one", arguments=[]
        )
    )
    blocker.start()
    wait_for(lambda: any(j.state == "running" for j in store.jobs.all()))
    problems = []

    def wait_in_line():
        try:
            jobs.run(Store(home), lambda job: {}, kind="t", title="two", arguments=[])
        except JobCancelled as error:
            problems.append(error)

    waiter = threading.Thread(target=wait_in_line)
    waiter.start()
    second = wait_for(lambda: next((j for j in store.jobs.all() if j.message), None))
    assert "Waiting for job" in second.message
    jobs.cancel(store, second.id)
    waiter.join(10)
    assert len(problems) == 1
    assert jobs.refreshed(store, second.id).state == "cancelled"
    release.set()
    blocker.join(10)


@pytest.mark.usefixtures("database")
def test_failures_are_recorded_in_words(store):
    def fails(job):
        raise LLKDError("The teacher is on strike.")

    with pytest.raises(LLKDError):
        jobs.run(store, fails, kind="t", title="t", arguments=[], device=None)
    assert store.jobs.all()[0].state == "failed"
    assert store.jobs.all()[0].error == "The teacher is on strike."

    def surprises(job):
        return 1 / 0

    with pytest.raises(ZeroDivisionError):
        jobs.run(store, surprises, kind="t", title="t", arguments=[], device=None)
    assert "unexpected happened (ZeroDivisionError)" in store.jobs.all()[0].error


def test_a_command_that_cannot_be_parsed_fails_in_words(store):
    job = jobs.start(store, ["label", "--nonsense=1", "p"], kind="label", title="t", device=None)
    failed = ended(store, job.id, 30)
    assert failed.state == "failed"
    assert "Unrecognized arguments: --nonsense=1" in failed.error
    assert "nonsense" in jobs.log_tail(store, job.id)


def test_a_job_that_fails_before_its_work_says_why(store):
    job = jobs.start(store, ["train", "--", "nope"], kind="train", title="t", device="auto")
    failed = ended(store, job.id, 30)
    assert failed.state == "failed"
    assert "There is no project 'nope'" in failed.error


@pytest.mark.usefixtures("database")
def test_time_left_follows_the_pace(store):
    job = store.jobs.create("t", "t", [])
    now = time.time()
    store.jobs.move(job.id, ("queued",), "running", started=now - 100)
    store.jobs.remember(job.id, began_at=20, pace_from=now - 10)
    store.jobs.update(job.id, done=70, total=120, heartbeat=now)
    assert store.jobs.get(job.id).seconds_left == pytest.approx(10.0, rel=0.05)


def test_the_log_tail_shows_a_progress_bar_once(store):
    job = store.jobs.create("t", "t", [])
    path = jobs.log_path(store, job.id)
    path.parent.mkdir(parents=True)
    path.write_text("one\n10%\r20%\r30%\nend\n")
    assert jobs.log_tail(store, job.id) == "one\n30%\nend"


def test_the_log_tail_cuts_a_line_that_would_fill_the_page(store):
    job = store.jobs.create("t", "t", [])
    path = jobs.log_path(store, job.id)
    path.parent.mkdir(parents=True)
    path.write_text("before\n" + "x" * 5000 + "\u2028same line\nafter\n", encoding="utf-8")
    assert jobs.log_tail(store, job.id) == "before\n" + "x" * 500 + " …\nafter"
