"""An export from the page to object storage: the address, and what is shown of one that lies there."""

import pytest

from tests.support.pages import button, opened, said, words
from tests.support.seeded_projects import ended_job, seeded_project


def _to_storage(app):
    return app.segmented_control(key="export_place").set_value("Object storage").run()


def test_the_address_goes_with_the_request(home, started):
    seeded_project(home)
    app = _to_storage(opened("export"))
    export = next(b for b in app.button if b.label.startswith("Export "))
    assert export.disabled and "Name an address in object storage." in words(app)
    app.text_input(key="export_address").set_value(" s3://sets/city/ ").run()
    button(app, export.label).click().run()
    (request,) = started
    assert request.out == "s3://sets/city" and "--out=s3://sets/city" in request.command()


@pytest.mark.parametrize("typed", ["sets/city", "s3://", "s3://sets", "s3://sets/a//x", "gs://b/x"])
def test_what_is_no_address_is_said_and_starts_nothing(home, started, typed):
    seeded_project(home)
    app = _to_storage(opened("export"))
    app.text_input(key="export_address").set_value(typed).run()
    assert "no address in object storage" in said(app.error)
    assert next(b for b in app.button if b.label.startswith("Export ")).disabled
    assert not started


def test_one_that_lies_there_has_no_downloads_and_says_how_to_rebuild(home):
    store, project = seeded_project(home)
    job = ended_job(store, project, "finished", "export")
    files = [f"s3://sets/city/{name}" for name in ("dataset.csv", "manifest.json")]
    result = {"rows": 3, "folder": "s3://sets/city", "files": files, "manifest": files[-1]}
    store.jobs.update(job.id, result=result)
    app = opened("export")
    shown = [box.value for box in app.code]
    assert "s3://sets/city" in shown and "dataset.csv\nmanifest.json" in shown
    assert "llkd rebuild s3://sets/city/manifest.json" in shown
    assert not app.exception and "3 rows" in words(app)
