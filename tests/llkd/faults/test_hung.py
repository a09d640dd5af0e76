"""A worker that hangs: shown as not answering, ended by force, resumed without a loss."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from llkd import jobs
from llkd.cli import main
from llkd.jobs import control
from llkd.jobs.locks import take_lock
from llkd.store import Store
from tests.support.job_processes import (
    a_project,
    end_jobs,
    ended,
    labelled_rows,
    start_labelling,
    wait_for,
)
from tests.support.pages import button, opened, said, words
from tests.support.seeded_projects import living_job, seeded_project
from tests.support.slow_server import SlowServer


@pytest.fixture
def running(home, monkeypatch):
    """A labelling job that has kept some answers, and its store and server."""
    monkeypatch.setattr(control, "SILENT_SECONDS", 2.5)
    store = Store(home)
    with SlowServer(seconds=0.05) as server:
        project = a_project(store, 100)
        job = start_labelling(store, project, server)
        wait_for(lambda: len(labelled_rows(store, project)) >= 10)
        yield store, project, jobs.refreshed(store, job.id), server
        store.close()
        end_jobs(home)


def test_a_stopped_process_is_said_ended_by_force_and_resumed(running, capsys):
    store, project, job, server = running
    assert jobs.unanswering(store, job) is None
    os.kill(job.pid, signal.SIGSTOP)
    quiet = wait_for(lambda: jobs.unanswering(store, job), 20)
    assert quiet >= 2.5
    assert jobs.refreshed(store, job.id).state == "running"  # it is alive: its lock says so
    assert main(["jobs", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["jobs"]
    assert row["silent_seconds"] >= 2.5
    assert row["message"].startswith("Not answering for ")
    assert row["message"].endswith(f"End it: llkd cancel {job.id} --force")
    kept = labelled_rows(store, project)
    assert main(["cancel", str(job.id), "--force"]) == 0
    assert jobs.refreshed(store, job.id).state == "cancelled"
    texts = store.projects.texts(project.id)["text"]
    asked = {text: server.asked[text] for text in texts.iloc[kept]}
    jobs.resume(store, job.id)
    assert ended(store, job.id).state == "finished"
    assert labelled_rows(store, project) == list(range(100))
    assert {text: server.asked[text] for text in asked} == asked


def test_one_that_stopped_amid_a_write_is_ended_before_anything_is_written(home, capsys):
    store, project = seeded_project(home, 20)
    job = store.jobs.create("label", "Label p", None, project.id, "auto")
    lock = take_lock(store, job.id)
    writing = (
        "import sqlite3, sys, time\n"
        "database = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "database.execute('BEGIN IMMEDIATE')\n"
        "print('writing', flush=True)\n"
        "time.sleep(600)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", writing, str(store.home.database)],
        stdout=subprocess.PIPE,
        pass_fds=(lock,),
        start_new_session=True,
    )
    try:
        store.jobs.update(job.id, state="running", pid=writer.pid, started=time.time())
        os.close(lock)
        assert writer.stdout.readline() == b"writing\n"
        os.kill(writer.pid, signal.SIGSTOP)
        assert main(["cancel", str(job.id), "--force"]) == 0
        assert writer.wait(10) == -signal.SIGKILL
        assert jobs.refreshed(store, job.id).state == "cancelled"
    finally:
        writer.kill()
        writer.wait()
        store.close()


def test_a_process_that_goes_on_by_itself_is_heard_again(running):
    store, project, job, _ = running
    os.kill(job.pid, signal.SIGSTOP)
    wait_for(lambda: jobs.unanswering(store, job), 20)
    os.kill(job.pid, signal.SIGCONT)
    assert ended(store, job.id).state == "finished"
    assert labelled_rows(store, project) == list(range(100))


def test_on_a_page(home, monkeypatch):
    store, project = seeded_project(home, 40, labelled=0.5)
    with living_job(store, project) as job:
        monkeypatch.setattr(
            control, "silence", lambda store, job_id: 42.0 if job_id == job.id else None
        )
        app = opened("teacher")
        assert "This job has not answered for 42 seconds" in said(app.warning)
        assert "Not answering for 42 seconds." in words(app)
        assert not app.exception
        button(app, "Stop at once").click().run()
    assert store.jobs.get(job.id).state == "cancelled"
    store.close()
