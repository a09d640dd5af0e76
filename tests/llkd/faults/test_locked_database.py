"""Another program holds the database: pages and reads go on, a write says so and loses nothing."""

import logging

import pytest

from llkd import jobs
from llkd.cli import main
from llkd.errors import StoreError
from llkd.store import Store
from llkd.store.engine import database
from tests.support.fault_fixtures import locked
from tests.support.pages import card_data, opened, press, said
from tests.support.seeded_projects import seeded_project

SENTENCE = "is locked by another program. Nothing was changed; try again in a moment"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.3)


def test_on_the_command_line(home, capsys):
    seeded_project(home, 20)[0].close()
    with locked(home / "llkd.db"):
        assert main(["select", "city"]) == 0
        assert main(["projects", "--delete", "city"]) == 1
    said = capsys.readouterr().err
    assert SENTENCE in said and said.count("\n") == 1
    assert main(["projects", "--delete", "city"]) == 0


def test_on_a_page(home):
    store, project = seeded_project(home, 20)
    app = opened("curate")
    app.toggle(key="curate_one_by_one").set_value(True).run()
    with locked(home / "llkd.db"):
        app.run()
        assert card_data(app)["cards"] and not app.error
        [name] = press(app, ("exclude", None))
        assert SENTENCE in said(app.error)
        assert not app.exception
        # It is not confirmed, so the browser keeps it and sends it again.
        assert card_data(app)["confirmed"] == []
    assert store.decisions.current(project.id).empty
    app.run()
    app.run()
    assert card_data(app)["confirmed"] == [name] and not app.error
    assert len(store.decisions.current(project.id)) == 1
    store.close()


def test_a_job_goes_on_though_its_progress_cannot_be_written(home, caplog):
    store, project = seeded_project(home, 20)

    def work(job):
        with locked(home / "llkd.db"):
            job.progress(5, 10, "half", always=True)
        job.progress(10, 10, "whole", always=True)
        return {"done": True}

    with caplog.at_level(logging.WARNING, "llkd"):
        result = jobs.run(store, work, kind="t", title="t", device=None)
    assert result == {"done": True}
    assert "progress not written" in caplog.text
    (job,) = store.jobs.all()
    assert (job.state, job.done) == ("finished", 10)
    store.close()


def test_readers_never_wait(home):
    store, project = seeded_project(home, 20)
    with store.engine.begin() as writing:
        writing.exec_driver_sql("UPDATE projects SET name = 'other'")
        other = Store(home)
        assert [one.name for one in other.projects.all()] == ["city"]
        with pytest.raises(StoreError, match="is locked by another program"):
            other.events.record(project.id, "x", {})
        other.close()
    assert [one.name for one in store.projects.all()] == ["other"]
    store.close()
