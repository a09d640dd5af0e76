"""The Data page of an existing project: numbers, classes, deleting, names."""

import pandas as pd
import pytest

from llkd.config import LabelSet
from tests.support.data_page import metrics
from tests.support.pages import button, opened, said, words
from tests.support.seeded_projects import ended_job, living_job, seeded_project
from ui.data.creation import free_name, project_name


def test_an_existing_project_shows_its_numbers_and_first_texts(home):
    seeded_project(home)
    app = opened("data")
    assert metrics(app)["Texts"] == "60" and metrics(app)["Held out"] == "15"
    assert "From seed.csv" in words(app) and "2 rows dropped." in words(app)
    table = app.dataframe[-1].value
    assert list(table.columns) == ["id", "text", "gold", "split"]
    assert table["split"].tolist()[:2] == ["held out", "held out"]
    assert "The first 60 of 60." in words(app)


def _edited(app, project, rows):
    """The page with these classes typed into the table (AppTest cannot type there)."""
    frame = pd.DataFrame(rows, columns=["name", "description", "verbaliser"])
    app.session_state[f"_classes_{project.id}"] = frame
    app.switch_page("pages/teacher.py").run()
    return app.switch_page("pages/data.py").run()


def test_classes_are_edited_and_saved(home):
    store, project = seeded_project(home, labelled=False)
    app = opened("data")
    assert button(app, "Save the classes").disabled
    assert "3 classes, saved." in words(app)
    _edited(app, project, [["roads", "holes", ""], [" waste ", None, "rubbish"], ["", "", ""]])
    assert "There are changes that are not saved yet." in words(app)
    button(app, "Save the classes").click().run()
    assert "Texts still carry 'water' (" in words(app)
    assert store.projects.get("city").label_set.names == ["roads", "waste", "water"]
    button(app, "Remove it, its labels count no more").click().run()
    assert not app.error
    kept = store.projects.get("city").label_set
    assert kept.names == ["roads", "waste"]
    assert kept.verbalisers == ["roads", "rubbish"] and kept.labels[0].description == "holes"
    assert "2 classes, saved." in words(app)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([["roads", "", ""]], "A label set needs at least two classes, but this one has 1."),
        (
            [["roads", "", ""], ["Roads", "", ""]],
            "Two classes would be called 'Roads'. Each class needs its own name",
        ),
        ([["roads", "", ""], ["", "described", ""]], "Row 2 of the classes has no name."),
    ],
)
def test_classes_that_cannot_be_used_are_one_sentence(home, rows, sentence):
    store, project = seeded_project(home, labelled=False)
    app = _edited(opened("data"), project, rows)
    button(app, "Save the classes").click().run()
    assert sentence in said(app.error)
    assert store.projects.get("city").label_set == LabelSet.of(["roads", "waste", "water"])
    assert "There are changes that are not saved yet." in words(app)


def test_changed_classes_after_labelling_are_explained(home):
    seeded_project(home)
    assert "A class keeps its labels when it is renamed." in words(opened("data"))


def test_deleting_asks_first_and_then_removes_the_project(home):
    store, project = seeded_project(home)
    ended_job(store, project, "cancelled")
    app = opened("data")
    button(app, "Delete \u2026").click().run()
    assert "are removed for good" in said(app.markdown)
    button(app, "Keep it").click().run()
    assert store.projects.get("city")
    button(app, "Delete \u2026").click().run()
    button(app, "Delete for good").click().run()
    assert store.projects.all() == []
    assert "Open the sample" in words(app)
    assert not app.error and not app.exception


def test_a_project_whose_job_runs_is_not_deleted(home):
    store, project = seeded_project(home)
    with living_job(store, project):
        app = opened("data")
        button(app, "Delete \u2026").click().run()
        button(app, "Delete for good").click().run()
        assert "A job of this project is still running. Stop it first." in said(app.error)
        assert store.projects.get("city")


def test_hostile_names_of_projects_and_files_stay_text(home):
    name = "[x](http://e.com) <b> :red[y]"
    seeded_project(home, name=name)
    app = opened("data", project=name)
    assert not app.error
    assert app.sidebar.selectbox[0].value == name
    rendered = [*app.markdown, *app.caption, *app.title, *app.button]
    assert not any("](http" in str(getattr(one, "value", "")) for one in rendered)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("city_messages.csv.gz", "City messages"),
        ("../../etc/my-data.v2.json", "My data"),
        ("\u202e\n.csv", "New project"),
        ("x" * 300 + ".csv", "X" + "x" * 79),
    ],
)
def test_a_project_is_named_after_its_file(file, name):
    assert project_name(file) == name


def test_a_free_name_counts_on(home):
    store, _ = seeded_project(home, name="City", labelled=False)
    assert free_name(store, "City") == "City 2"
    assert free_name(store, "Town") == "Town"
