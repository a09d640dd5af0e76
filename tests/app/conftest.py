"""What the page tests share."""

import os

import pytest


@pytest.fixture
def started(monkeypatch):
    """The requests that were started: no process begins, each leaves a job that was cancelled."""
    from llkd import jobs
    from llkd.jobs.control import registered_request

    requests = []

    def start(store, request, *, title=None, keys=None):
        requests.append(request)
        job, lock = registered_request(store, request, title)
        os.close(lock)
        store.jobs.move(job.id, ("queued",), "cancelled")
        return store.jobs.get(job.id)

    monkeypatch.setattr(jobs, "start", start)
    return requests


@pytest.fixture(autouse=True)
def patient_clicks(monkeypatch):
    """These tests press faster than people: two presses are two, not a double click."""
    monkeypatch.setattr("ui.shell.unbroken.DOUBLE_CLICK", 0.0)
