"""A new kind of teacher is one file and one line of the registry: everything else reads it there."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from llkd.cli import main
from llkd.config import TeacherConfig
from llkd.store import Scores, Store
from llkd.teachers.registry import TEACHERS
from tests.support.pages import button, opened, said, words
from tests.support.seeded_projects import label_request, seeded_project
from tests.support.toy_teacher import KIND
from ui.shell.wording import unplain

ROOT = Path(__file__).resolve().parents[2]
METHOD = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")


def undocumented(text):
    """Kinds that a text does not name as the command line does."""
    return [kind.usage for kind in TEACHERS.values() if f"`{kind.usage}`" not in text]


def test_the_docs_name_every_kind():
    assert undocumented(METHOD) == []


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(TEACHERS, "word", KIND)  # the one line


def test_the_docs_check_complains_of_a_kind_that_is_not_named(toy):
    assert undocumented(METHOD) == ["word:<word>"]


def test_the_command_line_names_it(toy, capsys):
    with pytest.raises(SystemExit):
        main(["label", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "committee or word:<word> [embedded]" in shown
    assert "--teacher word:<word>: Texts that hold the word are of the first class." in shown


def test_the_choices_of_an_error_hold_it(toy, home, capsys):
    seeded_project(home, labelled=False)
    assert main(["label", "city", "--teacher=gpt"]) != 0
    assert "'committee' or 'word:<word>', but it was 'gpt'" in capsys.readouterr().err
    assert main(["label", "city", "--teacher=word"]) != 0
    assert "but it was 'word'" in capsys.readouterr().err


def test_the_form_offers_it_and_starts_it(toy, home, started):
    seeded_project(home, labelled=False)
    app = opened("teacher")
    app.radio(key="teacher_kind_1").set_value("word").run()
    assert app.radio(key="teacher_kind_1").options[-1] == KIND.label
    assert not [one for one in app.text_area if one.label == "Instruction"], "it has no prompt"
    button(app, "Start labelling").click().run()
    assert said(app.error) == "Name the word that decides."
    app.text_input(key="teacher_word_1").set_value("pothole").run()
    button(app, "Start labelling").click().run()
    assert started == [label_request(TeacherConfig(teacher="word:pothole"))]


def test_the_general_form_asks_for_what_a_kind_needs(home, monkeypatch):
    sentence = "The word teacher needs the address of its dictionary."
    kind = replace(KIND, needs={"base_url": sentence}, settings=("timeout",), metered=True)
    monkeypatch.setitem(TEACHERS, "word", kind)
    seeded_project(home, labelled=False)
    app = opened("teacher")
    app.radio(key="teacher_kind_1").set_value("word").run()
    app.text_input(key="teacher_word_1").set_value("pothole").run()
    assert sentence in said(app.error)
    (address,) = [one for one in app.text_input if one.label == "Base URL"]
    address.set_value("http://127.0.0.1:9/v1").run()
    assert not app.error
    assert "Seconds to wait for an answer" in [one.label for one in app.number_input]
    assert "Cost, at most" in [one.label for one in app.number_input], "it is metered"


def test_labelling_with_it_ends_on_the_pages_under_its_name(toy, home, capsys):
    store, project = seeded_project(home, labelled=False, probed=False)
    assert (
        main(
            [
                "label",
                "city",
                "--teacher=word:pothole",
                "--no-probe",
                "--json",
                "--calibration=none",
            ]
        )
        == 0
    )
    result = json.loads(capsys.readouterr().out)
    assert result["labelled"] == project.rows
    texts = store.projects.texts(project.id, ["text"])["text"]
    held = int(texts.str.contains("pothole").sum())
    assert result["per_class"]["roads"] == held > 0
    assert store.answers.size()[0] > 0, "answers of a kind are kept unless it says otherwise"
    labelled = Store(home).projects.get("city")
    first = store.labeling_runs.get(labelled.labelling_id)
    assert first.config.teacher == "word:pothole"
    assert main(["label", "city", "--teacher=word:water", "--no-probe", "--json"]) == 0
    app = opened("teacher")
    shown = [unplain(option) for box in app.selectbox for option in box.options]
    assert any(
        re.match(r"the word pothole, .*\(labelling run \d+\)", option) for option in shown
    ), shown
    assert "Source of confidence: log-probabilities." in words(app)


def test_labels_of_a_program_are_shown_and_no_button_asks_it_again(home):
    store, project = seeded_project(home, labelled=False)
    labeling_run = store.labeling_runs.find_or_create(
        project.id,
        label_set=project.label_set,
        config=TeacherConfig(teacher="function:my *model*"),
        fingerprint="a function",
        teacher={"kind": "function", "name": "my *model*"},
        calibration="none",
    )
    rows = np.arange(30)
    scores = np.log(np.tile(np.float32([0.7, 0.2, 0.1]), (30, 1)))
    nothing = np.full(30, None, dtype=object)
    source = np.full(30, "imported", dtype=object)
    store.labeling_runs.append(labeling_run, Scores(rows, scores, np.full(30, -1), source, nothing))
    store.projects.use_labelling(project.id, labeling_run.id)
    app = opened("teacher")
    assert not app.exception
    assert "The Python function my *model* labelled 30 of 60 texts" in unplain(words(app))
    assert not [one for one in app.button if "Label the remaining" in one.label]
