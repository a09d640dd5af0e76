"""What every page shares: opened by its address, the sidebar, the project, the running job."""

import shutil

import pytest

from tests.support.pages import button, direct, opened, said, words
from tests.support.seeded_projects import living_job, seeded_project
from tests.support.seeded_runs import add_run
from ui.shell.errors import show_errors

PAGES = ["data", "teacher", "curate", "train", "results", "export"]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_without_a_project_and_says_what_to_do(page, home):
    for app in (direct(page), opened(page)):
        assert not app.exception and not app.error
        assert app.title[0].value.lower() == page
        if page == "data":
            assert button(app, "Open the sample")
        else:
            assert "There is no project yet. Start by bringing in some texts." in words(app)
            assert button(app, "Go to Data")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_by_its_address_with_a_project(page, home):
    seeded_project(home)
    for app in (direct(page, project="city"), opened(page, project="city")):
        assert not app.exception and not app.error
        assert app.title[0].value.lower() == page
        assert app.sidebar.selectbox[0].value == "city"
        app.run()
        assert not app.exception and not app.error


def _steps(app):
    return [link.proto.label for link in app.sidebar.get("page_link")]


def test_the_sidebar_tells_how_far_each_step_is(home):
    seeded_project(home, labelled=0.4)
    *steps, history = _steps(opened())
    assert history == "Who decided what"
    assert [label.split(" ")[1] for label in steps] == [
        "Data",
        "Teacher",
        "Curate",
        "Train",
        "Results",
        "Export",
    ]
    assert "done" in steps[0] and "40\u00a0% done" in steps[1]
    assert all("to do" in label for label in steps[2:])


def test_a_running_job_is_on_every_page_with_its_progress_and_a_stop_button(home):
    store, project = seeded_project(home, labelled=0.5)
    with living_job(store, project, done=30, total=60):
        for page in PAGES:
            app = opened(page)
            assert "running 50\u00a0%" in _steps(app)[1]
            shown = words(app)
            assert "Label city" in shown
            assert "30 of 60 texts" in shown and "3.0 texts/s" in shown
            assert "10 seconds left" in shown
            assert any(one.label == "Stop" for one in app.sidebar.button)


@pytest.mark.parametrize(
    ("kind", "steps", "unit"),
    [
        ("dry-run", ["Teacher"], "texts"),
        ("bake-off", ["Teacher"], "answers"),
        ("compare", ["Train", "Results"], "steps"),
        ("classify", ["Results"], "texts"),
        ("export", ["Export"], "rows"),
    ],
)
def test_each_kind_of_job_shows_at_the_steps_it_is_part_of(home, kind, steps, unit):
    store, project = seeded_project(home)
    with living_job(store, project, kind, done=15, total=60):
        app = opened("data")
        labels = [label for label in _steps(app) if "running 25\u00a0%" in label]
        assert [label.split(" ")[1] for label in labels] == steps
        assert f"15 of 60 {unit}" in words(app)


@pytest.mark.parametrize(("kind", "page"), [("compare", "results"), ("bake-off", "teacher")])
def test_a_comparison_under_way_is_on_the_page_where_it_is_read(home, kind, page):
    store, project = seeded_project(home)
    add_run(store, project)
    with living_job(store, project, kind, done=15, total=60) as job:
        app = opened(page)
        assert not app.exception
        stops = [one.key for one in app.main.button if one.label == "Stop"]
        assert len(stops) == 1 and stops[0].endswith(f"_stop_{job.id}")
        assert words(app).count("15 of 60") == 2  # there, and in the sidebar


def test_stop_asks_the_job_to_stop(home):
    store, project = seeded_project(home, labelled=0.5)
    with living_job(store, project) as job:
        app = opened()
        app.sidebar.button(key=f"side_stop_{job.id}").click().run()
        assert store.jobs.get(job.id).cancel_requested is not None
        assert "Stopping; what is done is kept." in words(app)


def test_the_project_follows_the_address_then_the_picker(home):
    seeded_project(home, name="first")
    seeded_project(home, name="second", labelled=False)
    app = opened("teacher", project="first")
    assert app.sidebar.selectbox[0].value == "first"
    app.sidebar.selectbox[0].select("second").run()
    assert app.query_params["project"] == "second"
    assert "Start labelling" in words(app)
    app.query_params.clear()  # as a click on a link without parameters does
    app.switch_page("pages/data.py").run()
    assert app.sidebar.selectbox[0].value == "second"


def test_an_unknown_project_in_the_address_is_said_and_another_shown(home):
    seeded_project(home, name="first")
    app = direct("teacher", project="gone *x*")
    assert "There is no project 'gone *x*' here." in said(app.error)
    assert app.sidebar.selectbox[0].value == "first"


def test_a_home_that_cannot_be_used_is_one_sentence(home, tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("LLKD_HOME", str(blocked / "home"))
    app = direct("data")
    assert "cannot be written" in said(app.error)
    assert not app.exception


def test_errors_are_shown_inert_and_failures_without_a_traceback(home):
    def script():
        from llkd.errors import DataError
        from ui.shell.errors import show_errors

        with show_errors():
            raise DataError("Column '[x](http://e.com)' is missing.")
        with show_errors():
            raise ZeroDivisionError("secret detail")

    from streamlit.testing.v1 import AppTest

    app = AppTest.from_function(script).run()
    assert said(app.error).splitlines()[0] == "Column '[x](http://e.com)' is missing."
    assert "](http" not in app.error[0].value
    assert "Something unexpected happened (ZeroDivisionError)." in said(app.error)
    assert "secret" not in said(app.error)


def test_told_lets_nothing_else_through_in_silence():
    with pytest.raises(KeyboardInterrupt), show_errors():
        raise KeyboardInterrupt


@pytest.mark.parametrize("page", ["data", "teacher", "curate", "train", "results", "export"])
def test_every_page_says_that_a_projects_folder_is_gone(home, page):
    store, project = seeded_project(home)
    shutil.rmtree(store.home.project(project.id))
    app = opened(page, project=project.name)
    assert not app.exception
    assert "are missing" in said(app.error) and "back from a backup" in said(app.error)
    assert not app.info  # nothing that is untrue beside it
