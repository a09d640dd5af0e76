"""Jobs are real processes here: started, watched, cancelled, killed and resumed."""

import inspect
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from llkd import jobs
from llkd.config import TeacherConfig
from llkd.errors import JobCancelled, LLKDError, NotFound, UserError
from llkd.jobs.requests import LabelRequest, TrainRequest
from llkd.store import Store
from tests.support.job_processes import (
    a_project,
    end_jobs,
    ended,
    labelled_rows,
    start_labelling,
    wait_for,
)
from tests.support.slow_server import SlowServer


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
    request = LabelRequest(project=project.name, teacher=teacher, probe=False)
    code = (
        "import sys\nfrom llkd import jobs\nfrom llkd.store import Store\n"
        "from llkd.jobs.requests import LabelRequest\n"
        "request = LabelRequest.model_validate_json(sys.argv[1])\n"
        "print(jobs.start(Store(), request).id)"
    )

    out = subprocess.run(
        [sys.executable, "-c", code, request.model_dump_json()],
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
        jobs.run(own, work(name), kind="test", title=name, device="auto")
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
            Store(home), lambda job: (release.wait(30), {})[1], kind="t", title="one"
        )
    )
    blocker.start()
    wait_for(lambda: any(j.state == "running" for j in store.jobs.all()))
    problems = []

    def wait_in_line():
        try:
            jobs.run(Store(home), lambda job: {}, kind="t", title="two")
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
        jobs.run(store, fails, kind="t", title="t", device=None)
    assert store.jobs.all()[0].state == "failed"
    assert store.jobs.all()[0].error == "The teacher is on strike."

    def surprises(job):
        return 1 / 0

    with pytest.raises(ZeroDivisionError):
        jobs.run(store, surprises, kind="t", title="t", device=None)
    assert "unexpected happened (ZeroDivisionError)" in store.jobs.all()[0].error


@pytest.mark.parametrize(
    ("request_", "arguments", "sentence"),
    [
        ({"kind": "label", "project": "p", "nonsense": 1}, [], "Unknown setting 'nonsense'."),
        ({"kind": "brew", "project": "p"}, [], "There is no kind of job 'brew'."),
        (None, ["label", "--nonsense=1", "p"], "Unrecognized arguments: --nonsense=1."),
        (None, ["projects"], "'projects' is no command that runs as a job."),
        (None, [], "'' is no command that runs as a job."),
    ],
)
def test_a_request_that_cannot_be_read_fails_in_words(store, request_, arguments, sentence):
    project = a_project(store)
    job = store.jobs.create("label", "Old", request_, project.id, arguments=arguments)
    store.jobs.move(job.id, ("queued",), "died")
    assert jobs.known_request(store, store.jobs.get(job.id)) is None
    jobs.resume(store, job.id)
    failed = ended(store, job.id, 30)
    assert failed.state == "failed"
    assert f"What job {job.id} (Old) was to do cannot be read: {sentence}" in failed.error
    assert failed.error.endswith("Start it anew.")
    assert sentence in jobs.log_tail(store, job.id)


def test_a_job_that_fails_before_its_work_says_why(store):
    project = a_project(store)
    job = jobs.start(store, TrainRequest(project=project.name))
    failed = ended(store, job.id, 30)
    assert failed.state == "failed"
    assert "no teacher labels" in failed.error
    with pytest.raises(NotFound, match="There is no project 'nope'"):
        jobs.start(store, TrainRequest(project="nope"))
    assert [one.id for one in store.jobs.all()] == [job.id]


def test_the_list_of_processes_shows_no_setting_and_the_store_no_key(store, server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    project = a_project(store)
    job = start_labelling(store, project, server)
    running = wait_for(lambda: (j := store.jobs.get(job.id)).state == "running" and j)
    with open(f"/proc/{running.pid}/cmdline", "rb") as file:
        words = file.read().decode().split("\0")
    assert words[1:] == ["-P", "-m", "llkd", "--job", str(job.id), ""]
    assert running.arguments == [] and running.request["teacher"]["base_url"] == server.url
    jobs.cancel(store, job.id)
    ended(store, job.id, 15)
    files = [path for path in store.home.root.rglob("*") if path.is_file()]
    assert len(files) > 3
    assert [path for path in files if b"sk-very-secret" in path.read_bytes()] == []


def test_only_a_queued_job_is_run(store):
    project = a_project(store)
    job = store.jobs.create("label", "t", {"kind": "label", "project": "p"}, project.id)
    store.jobs.move(job.id, ("queued",), "finished")
    with pytest.raises(UserError, match=f"Job {job.id} is finished; only a queued job can be run"):
        jobs.run_stored(store, job.id)
    assert store.labeling_runs.all(project.id) == []


@pytest.mark.parametrize("name", sorted(jobs.JOB_KINDS))
def test_every_kind_has_its_request_and_its_work(name):
    kind = jobs.job_kind(name)
    assert kind.name == name == kind.request.model_fields["kind"].default
    work = kind.resolved()
    assert list(inspect.signature(work).parameters) == ["store", "project", "request", "progress"]


def test_kinds_are_looked_at_without_torch_or_workflows():
    code = (
        "import sys\nfrom llkd import jobs\nassert jobs.JOB_KINDS\n"
        "print([n for n in ('torch', 'llkd.workflows', 'llkd.cli') if n in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert out.strip() == "[]"


def test_a_job_runs_no_file_of_the_folder_it_was_started_in(store, tmp_path, monkeypatch):
    for name in ("random.py", "llkd.py", "argparse.py"):
        (tmp_path / name).write_text("raise SystemExit('a file of the working folder was run')")
    monkeypatch.chdir(tmp_path)
    job = jobs.start(store, TrainRequest(project=a_project(store).name))
    failed = ended(store, job.id, 30)
    assert failed.state == "failed"
    assert "no teacher labels" in failed.error


@pytest.mark.usefixtures("database")
def test_time_left_follows_the_pace(store):
    job = store.jobs.create("t", "t", None)
    now = time.time()
    store.jobs.move(job.id, ("queued",), "running", started=now - 100)
    store.jobs.remember(job.id, began_at=20, pace_from=now - 10)
    store.jobs.update(job.id, done=70, total=120, heartbeat=now)
    assert store.jobs.get(job.id).seconds_left == pytest.approx(10.0, rel=0.05)


def test_the_log_tail_shows_a_progress_bar_once(store):
    job = store.jobs.create("t", "t", None)
    path = jobs.log_path(store, job.id)
    path.parent.mkdir(parents=True)
    path.write_text("one\n10%\r20%\r30%\nend\n")
    assert jobs.log_tail(store, job.id) == "one\n30%\nend"


def test_the_log_tail_cuts_a_line_that_would_fill_the_page(store):
    job = store.jobs.create("t", "t", None)
    path = jobs.log_path(store, job.id)
    path.parent.mkdir(parents=True)
    path.write_text("before\n" + "x" * 5000 + "\u2028same line\nafter\n", encoding="utf-8")
    assert jobs.log_tail(store, job.id) == "before\n" + "x" * 500 + " …\nafter"
