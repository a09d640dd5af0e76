"""The Data page's Manage menu: another name, put away, taken up again."""

from pathlib import Path

from llkd import jobs, packing
from llkd.jobs.progress import SilentProgress
from llkd.jobs.requests import DuplicateRequest, PackRequest, UnpackRequest
from llkd.store import Store
from tests.support.pages import button, opened, said, words
from tests.support.seeded_projects import living_job, seeded_project


def field(app, label):
    return next(entry for entry in app.text_input if entry.label == label)


def test_a_project_is_renamed_and_stays_the_one_that_is_shown(home):
    seeded_project(home, labelled=False, probed=False)
    app = opened("data")
    field(app, "Name").set_value("[town](http://x)").run()
    button(app, "Rename").click().run()
    assert not app.exception and not app.error
    assert app.sidebar.selectbox[0].value == "[town](http://x)"
    assert app.query_params["project"] == "[town](http://x)"
    app.run()  # AppTest: widgets have other identities after a rerun
    field(app, "Name").set_value("\u200b").run()
    button(app, "Rename").click().run()
    assert "A project name has 1 to 100 printable characters" in said(app.error)


def test_an_archived_project_is_out_of_the_picker_until_it_is_restored(home):
    seeded_project(home, labelled=False, probed=False)
    app = opened("data")
    button(app, "Archive").click().run()
    assert not app.exception and not app.sidebar.selectbox
    assert "Archived (1)" in words(app)
    app.run()  # AppTest: widgets have other identities after a rerun
    button(app, "Open it").click().run()
    assert "This project was archived on" in words(app)
    assert app.sidebar.selectbox[0].options == ["city"]
    app.run()
    button(app, "Restore it").click().run()
    assert Store(home).projects.names() == ["city"] and "was archived" not in words(app)


def test_a_project_at_work_is_not_put_away(home):
    store, project = seeded_project(home, labelled=False, probed=False)
    with living_job(store, project):
        app = opened("data")
        button(app, "Archive").click().run()
        assert "is working on 'city'" in said(app.error)
    assert store.projects.names() == ["city"]


def done_at_once(monkeypatch):
    """Jobs are done in this process, before the page goes on."""

    def start(store, request, *, title=None, keys=None):
        jobs.run_request(store, request)
        return store.jobs.all()[0]

    monkeypatch.setattr(jobs, "start", start)


def test_a_project_is_duplicated_and_packed(home, started):
    store, project = seeded_project(home, labelled=False, probed=False)
    app = opened("data")
    assert field(app, "Name of a copy").value == "city 2"
    button(app, "Duplicate").click().run()
    app.run()
    button(app, "Pack into one file").click().run()
    assert started[0] == DuplicateRequest(project="city", name="city 2")
    out = store.home.exports / f"{project.id}-packed" / "city.llkd"
    assert started[1] == PackRequest(project="city", out=str(out))
    with living_job(store, project):
        app.run()
        button(app, "Pack into one file").click().run()
        assert "is working on 'city'" in said(app.error)


def test_the_packed_file_is_offered_and_taken_in_again(home, monkeypatch):
    store, _project = seeded_project(home, labelled=False, probed=False)
    done_at_once(monkeypatch)
    app = opened("data")
    button(app, "Pack into one file").click().run()
    assert not app.exception and not app.error
    assert "60 texts" in words(app) and "takes it in, here or elsewhere" in words(app)
    file = Path(store.jobs.all()[0].result["file"])
    assert file.is_file()
    outside = home.parent / "city.llkd"
    outside.write_bytes(file.read_bytes())
    button(app, "New project").click().run()
    field(app, "Or its path on this machine").set_value(str(outside)).run()
    button(app, "Unpack it").click().run()
    assert "There is a project 'city' already. Give another" in said(app.error)
    field(app, "Name here").set_value("town").run()
    button(app, "Unpack it").click().run()
    assert not app.error and "town is there." in words(app)
    assert store.jobs.all()[0].request == UnpackRequest(file=str(outside), name="town").model_dump(
        mode="json"
    )
    app.run()
    button(app, "Open it").click().run()
    assert app.sidebar.selectbox[0].value == "town"


def test_what_is_no_packed_project_is_said(home, monkeypatch):
    done_at_once(monkeypatch)
    (home.parent / "x.llkd").write_text("nothing")
    app = opened("data")
    field(app, "Or its path on this machine").set_value(str(home.parent / "x.llkd")).run()
    button(app, "Unpack it").click().run()
    assert "it is no packed project, or was cut off" in said(app.error)
    assert Store(home).projects.all() == []


def test_a_copy_is_opened(home, monkeypatch):
    store, project = seeded_project(home, labelled=False, probed=False)
    packing.duplicate(store, project, "city 2", SilentProgress())
    done_at_once(monkeypatch)
    app = opened("data", project="city")
    assert field(app, "Name of a copy").value == "city 3"
    button(app, "Duplicate").click().run()
    assert "The copy city 3 is there." in words(app)
    app.run()
    button(app, "Open the copy").click().run()
    assert app.sidebar.selectbox[0].value == "city 3"
