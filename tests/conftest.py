"""Every test has a home of its own and reaches no model hub."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """LLKD_HOME is a new folder for each test."""
    folder = tmp_path / "home"
    monkeypatch.setenv("LLKD_HOME", str(folder))
    monkeypatch.delenv("LLKD_DATABASE_URL", raising=False)
    return folder


def end_jobs(home):
    """Stop what a test left running, so that it takes no time from the next one."""
    from llkd import jobs
    from llkd.store import Store

    store = Store(home)
    for job in jobs.live_jobs(store):
        jobs.cancel(store, job.id, force=True)
    store.close()
