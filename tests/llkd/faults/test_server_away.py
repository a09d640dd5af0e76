"""The database server goes away and comes back: said in a sentence, and nothing is lost."""

import os
import threading
import time

import pytest

from llkd import jobs
from llkd.cli import main
from llkd.errors import StoreError
from llkd.jobs import running
from llkd.store import Store
from tests.support.fault_fixtures import llkd
from tests.support.job_processes import (
    a_project,
    end_jobs,
    ended,
    labelled_rows,
    start_labelling,
    wait_for,
)
from tests.support.pages import opened, said, words
from tests.support.postgres_server import PASSWORD
from tests.support.seeded_projects import seeded_project
from tests.support.slow_server import SlowServer

AWAY = "cannot be opened: "


@pytest.fixture
def server(postgres):
    """The server of the home's database; it runs again at the end, whatever a test did."""
    yield postgres
    postgres.start()


def test_a_store_that_is_open_says_so_and_goes_on_afterwards(home, server):
    store = Store(home)
    a_project(store)
    server.stop()
    for act in (store.projects.all, lambda: store.events.record(None, "t", {})):
        with pytest.raises(StoreError, match="Check that its server runs") as caught:
            act()
        assert PASSWORD not in str(caught.value) and "\n" not in str(caught.value)
    server.start()
    assert [one.name for one in store.projects.all()] == ["p"]
    store.events.record(None, "t", {})
    store.close()


def test_connections_that_a_restart_cut_are_replaced_unseen(home, server):
    store = Store(home)
    a_project(store)
    server.stop()
    server.start()
    assert [one.name for one in store.projects.all()] == ["p"]
    store.close()


def test_a_transaction_that_is_cut_stores_nothing_of_it(home, server):
    store = Store(home)
    with pytest.raises(StoreError), store.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO llkd.events (created, kind, detail) VALUES (now(), 't', '1')"
        )
        server.stop()
        connection.exec_driver_sql("SELECT 1")
    server.start()
    with store.engine.connect() as connection:
        kinds = connection.exec_driver_sql("SELECT kind FROM llkd.events").scalars().all()
    assert kinds == ["home"]
    store.close()


def test_on_the_command_line_and_on_a_page(home, server):
    store, _ = seeded_project(home, 20)
    store.close()
    page = opened("curate")
    assert not page.error
    server.stop()
    page.run()
    assert AWAY in said(page.error) and PASSWORD not in said(page.error) and not page.exception
    done = llkd(home, "projects")
    assert done.returncode == 1 and AWAY in done.stderr and done.stderr.count("\n") == 1
    assert PASSWORD not in done.stderr
    done = llkd(home, "doctor")
    assert done.returncode == 1 and AWAY in done.stdout and PASSWORD not in done.stdout
    server.start()
    page.run()
    assert not page.error and "of 15" in words(page)


def test_a_job_that_starts_while_it_is_away_says_so_in_its_log(home, server, caplog, capsys):
    store = Store(home)
    job = store.jobs.create("label", "t", {"kind": "label", "project": "p"})
    server.stop()
    assert main(["--job", str(job.id)]) == 1
    assert AWAY in capsys.readouterr().err
    assert "the outcome was not written: The database" in caplog.text
    assert PASSWORD not in caplog.text
    server.start()
    assert jobs.refreshed(store, job.id).state == "died"
    store.close()


def test_a_job_goes_on_without_it_and_asks_no_text_twice(home, server):
    store = Store(home)
    with SlowServer(seconds=0.05) as teacher:
        project = a_project(store, 100)
        job = start_labelling(store, project, teacher)
        wait_for(lambda: len(labelled_rows(store, project)) >= 10)
        (labeling_run,) = store.labeling_runs.all(project.id)
        server.stop()
        before = len(teacher.asked)
        wait_for(lambda: len(teacher.asked) >= min(100, before + 15))
        wait_for(lambda: "not written" in jobs.log_tail(store, job.id, 1000))
        server.start()
        done = ended(store, job.id)
        log = jobs.log_tail(store, job.id, 1000)
        assert done.state == "finished", log
        assert store.labeling_runs.done(labeling_run).tolist() == list(range(100))
        assert set(teacher.asked.values()) == {1}
    assert 1 <= log.count("not written") <= 4 and AWAY in log and PASSWORD not in log
    end_jobs(home)
    store.close()


def test_work_that_ends_while_it_is_away_waits_for_it(home, server):
    store = Store(home)

    def work(job):
        server.stop()
        timer.start()
        return {"made": 1}

    timer = threading.Timer(1.0, server.start)
    jobs.run(store, work, kind="t", title="t", device=None)
    timer.join()
    (job,) = store.jobs.all()
    assert (job.state, job.result) == ("finished", {"made": 1})
    store.close()


def test_a_job_whose_database_stays_away_died_and_can_be_resumed(home, server, monkeypatch):
    monkeypatch.setattr(running, "RESTART_SECONDS", 0.2)
    store = Store(home)

    def work(job):
        server.stop()
        return {}

    with pytest.raises(StoreError, match=AWAY):
        jobs.run(store, work, kind="t", title="t", device=None)
    server.start()
    (job,) = jobs.all_jobs(store)
    assert job.state == "died" and "Resume goes on" in job.error
    assert time.time() - job.finished < 60 and os.path.exists(home)
    store.close()
