"""Exports of annotation tools: people's labels become theirs, models' a teacher, nothing raw a class.

The files were made by Label Studio's own converter and Argilla's own SDK
(``tests/fixtures/annotation_tools/make_files.py``).
"""

import json
from pathlib import Path

import pandas as pd
import pytest

from llkd.cli import main
from llkd.config import LabelSet, TeacherConfig
from llkd.datasets import read_files, read_texts
from llkd.datasets.files import File
from llkd.datasets.importing import import_texts
from llkd.datasets.text_set import Reading
from llkd.errors import DataError, UserError
from llkd.teachers.imported.columns import imported_teacher
from tests.support.exported_projects import exported, made

FILES = Path(__file__).parents[2] / "fixtures" / "annotation_tools"
ANN, BOB = "ann@example.org", "bob@example.org"
ARGILLA = [f"Argilla user 00000000-0000-0000-0000-00000000000{k}" for k in (1, 2)]
LABELS = LabelSet.of(["good", "bad"])


def said(text_set):
    """(text, person, label) in the order in which they count."""
    people, texts = text_set.people, text_set.texts["text"].tolist()
    return [
        (texts[place], who, label)
        for place, who, label in zip(people.position, people.who, people.label, strict=True)
    ]


@pytest.mark.parametrize("name", ["label_studio.json", "label_studio_min.json", "label_studio.csv"])
def test_every_form_of_label_studio_says_the_same_of_its_people(name):
    text_set = read_texts(FILES / name)
    labels = said(text_set)
    assert set(labels) == {
        ("a fine film", ANN, "good"),
        ("a fine film", BOB, "bad"),
        ("dull from end to end", BOB, "bad"),
        ("seen twice, settled once", ANN, "good"),
        ("seen twice, settled once", BOB, "bad"),
    }
    assert labels.index(("a fine film", ANN, "good")) < labels.index(("a fine film", BOB, "bad"))
    assert text_set.texts["gold"].isna().all() and text_set.unused_label is None
    told = " ".join(text_set.warnings)
    assert "5 labels of 2 people for 3 texts" in told
    assert "1 answer to 'sentiment' chooses several classes" in told
    assert ("1 annotation was skipped" in told) == (name == "label_studio.json")


def test_a_ground_truth_counts_last_and_what_models_said_is_named():
    text_set = read_texts(FILES / "label_studio.json")
    of_text = [label for text, _, label in said(text_set) if text == "seen twice, settled once"]
    assert of_text == ["bad", "good"]
    assert any("4 labels of small-model" in line for line in text_set.warnings)


def test_argilla_says_who_submitted_and_leaves_drafts_out_where_it_says_which_they_are():
    labels = said(read_texts(FILES / "argilla_flat.json"))
    assert labels == [
        ("a fine film", ARGILLA[0], "good"),
        ("a fine film", ARGILLA[1], "bad"),
        ("dull from end to end", ARGILLA[1], "bad"),
    ]
    nested = read_texts(FILES / "argilla.json")
    assert set(said(nested)) > set(labels) and len(said(nested)) == 5
    assert any("does not say which answers are drafts" in line for line in nested.warnings)


def test_records_of_argilla_1(tmp_path):
    rows = [
        {
            "id": "1",
            "text": "one more text",
            "label": [
                {"user_id": "u1", "value": "good", "status": "submitted"},
                {"user_id": "u2", "value": "bad", "status": "discarded"},
            ],
            "label-suggestion": "bad",
            "label-suggestion-metadata": {"agent": "m", "score": 0.7, "type": None},
        },
        {"id": "2", "text": "the other text", "label": [], "label-suggestion": "good"},
    ]
    path = tmp_path / "v1.json"
    path.write_text(json.dumps(rows))
    assert said(read_texts(path)) == [("one more text", "u1", "good")]
    teacher = imported_teacher(TeacherConfig(teacher=f"file:{path}"), LABELS, tmp_path)
    assert teacher.describe()["model"] == "m"


def test_several_questions_are_asked_about_and_one_is_chosen(tmp_path):
    tasks = json.loads((FILES / "label_studio.json").read_text())
    tasks[0]["annotations"][0]["result"].append(
        {"from_name": "tone", "type": "choices", "value": {"choices": ["warm"]}}
    )
    path = tmp_path / "two.json"
    path.write_text(json.dumps(tasks))
    text_set = read_texts(path)
    assert text_set.people is None
    assert any(
        "answers to several questions: 'sentiment' and 'tone'" in w for w in text_set.warnings
    )
    assert said(read_texts(path, label_column="tone")) == [("a fine film", ANN, "warm")]
    with pytest.raises(DataError, match="no column 'nonsense'"):
        read_texts(path, label_column="nonsense")


def test_an_ordinary_column_can_still_be_gold(tmp_path):
    tasks = json.loads((FILES / "label_studio.json").read_text())
    for number, task in enumerate(tasks):
        task["data"]["truth"] = ["good", "bad"][number % 2]
    path = tmp_path / "gold.json"
    path.write_text(json.dumps(tasks))
    text_set = read_texts(path, label_column="data.truth")
    assert text_set.texts["gold"].tolist() == ["good", "bad"] * 3 and text_set.people is None


def test_it_comes_through_the_process_that_reads_files():
    files = [File(str(FILES / "label_studio.json")), File(str(FILES / "label_studio_min.json"))]
    here = read_texts(FILES / "label_studio.json")
    apart = read_files(files[:1], Reading())
    assert apart.people == here.people


def test_an_import_keeps_them_as_decisions_of_these_people(store):
    text_set = read_texts(FILES / "label_studio.json")
    project = import_texts(store, "films", text_set, source="x")
    assert project.label_set.names == ["bad", "good"]
    entries = store.decisions.edits(project.id)
    names = project.label_set.names
    of_first = [
        (e["who"], names[project.label_set.places[e["label"]]]) for e in entries if not e["row"]
    ]
    assert of_first == [(ANN, "good"), (BOB, "bad")]
    by_person = {(e["row"], e["who"]) for e in entries}
    assert by_person == {(0, ANN), (0, BOB), (1, BOB), (4, ANN), (4, BOB)}
    assert project.report["gold"] == 0
    assert [dispute.row for dispute in store.disputes.all(project.id)] == [0, 4]
    current = store.decisions.current(project.id)
    assert current.loc[1, "human_label"] == "bad" and not current.loc[1, "disputed"]


def test_a_files_labels_are_taken_to_the_texts_that_are_there_once(store, capsys):
    frame = pd.DataFrame(
        {
            "id": ["a", "b", "c"],
            "text": ["dull from end to end", "something else", " a fine film"],
            "gold": [None] * 3,
            "split": ["pool"] * 3,
        }
    )
    project = store.projects.create("p", frame, source="x", report={}, label_set=LABELS)
    path = str(FILES / "label_studio.json")
    assert main(["annotations", "p", path, "--dry-run"]) == 0
    assert "3 labels of 2 people would be taken; nothing was stored" in capsys.readouterr().out
    assert store.decisions.edits(project.id) == []
    assert main(["annotations", "p", path]) == 0
    assert "2 are of texts that the project does not hold" in capsys.readouterr().out
    assert {(e["row"], e["who"]) for e in store.decisions.edits(project.id)} == {
        (2, ANN), (2, BOB), (0, BOB),
    }  # fmt: skip
    assert main(["annotations", "p", path]) == 0
    assert "3 were there already." in capsys.readouterr().out
    assert len(store.decisions.edits(project.id)) == 3
    store.decisions.undo(project.id, store.decisions.batches(project.id, ANN)[0].id)
    assert main(["annotations", "p", path]) == 0
    assert "1 label of 2 people taken" in capsys.readouterr().out


def test_what_is_no_such_file_or_no_class_is_said(store, tmp_path, capsys):
    project = made(store)
    plain = tmp_path / "plain.csv"
    plain.write_text("text,label\n=text 1,roads\n")
    assert main(["annotations", "city", str(plain)]) == 2
    assert "There are no labels of people in this file" in capsys.readouterr().err
    tasks = [
        {
            "id": 1,
            "data": {"text": "=text 1"},
            "annotations": [
                {
                    "completed_by": {"email": "<b>x</b>\x1b[31m\u202e" + "y" * 300},
                    "result": [{"from_name": "q", "type": "choices", "value": {"choices": [name]}}],
                }
            ],
        }
        for name in ("roads", "[[evil]]")
    ]
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps(tasks))
    assert main(["annotations", "city", str(path)]) == 0
    assert "none of the classes and was left out: '[[evil]]' (1)" in capsys.readouterr().out
    (entry,) = store.decisions.edits(project.id)
    assert entry["row"] == 1 and len(entry["who"]) <= 100 and entry["who"].isprintable()


@pytest.mark.parametrize(
    "value",
    [
        None, "x", 7, {}, [], [1], [None], [{}], [[[]]], [{"result": 7}], [{"result": [7]}],
        [{"result": [{"value": 7}]}], [{"result": [{"value": {"choices": {"a": 1}}}]}],
        [{"result": [{"value": {"choices": [None, True, {"a": 1}]}}]}],
        [{"completed_by": [1], "result": [{"value": {"choices": "good"}}], "created_at": {}}],
    ],
)  # fmt: skip
def test_whatever_stands_there_breaks_no_reader(tmp_path, value):
    task = {"id": 1, "data": {"text": "a text"}, "annotations": value, "predictions": value}
    path = tmp_path / "odd.json"
    path.write_text(json.dumps([task, {**task, "data": {"text": "another text"}}]))
    text_set = read_texts(path)
    assert text_set.kept_count == 2
    assert text_set.people is None or set(text_set.people.label) <= {"good", "1"}


def test_predictions_are_a_teacher_with_its_scores(tmp_path):
    path = FILES / "label_studio.json"
    teacher = imported_teacher(TeacherConfig(teacher=f"file:{path}"), LABELS, tmp_path)
    texts = ["a fine film", "dull from end to end", "both and neither"]
    answers = {}
    for batch in teacher.score(texts):
        for index, scores, label in zip(batch.index, batch.scores, batch.answer, strict=True):
            answers[texts[index]] = (scores, label)
    scores, _ = answers["a fine film"]
    probabilities = [2.718281828 ** (s - scores[0]) for s in scores]
    assert probabilities[1] / sum(probabilities) == pytest.approx(0.2, abs=1e-6)
    assert answers["both and neither"][1] == -1
    assert teacher.describe()["model"] == "small-model"
    people = tmp_path / "people.json"
    tasks = [{**t, "predictions": []} for t in json.loads(path.read_text())]
    people.write_text(json.dumps(tasks))
    with pytest.raises(DataError, match="holds labels of people, and none of a model"):
        imported_teacher(TeacherConfig(teacher=f"file:{people}"), LABELS, tmp_path)


def test_a_project_without_classes_asks_for_them(store):
    frame = pd.DataFrame({"id": ["a"], "text": ["a fine film"], "gold": [None], "split": ["pool"]})
    store.projects.create("p", frame, source="x", report={})
    from llkd.datasets.people_labels import take_labels

    with pytest.raises(UserError, match="has no classes yet"):
        take_labels(store, store.projects.get("p"), read_texts(FILES / "label_studio.json"))


def test_what_is_exported_comes_back_with_peoples_labels(store, tmp_path):
    """Tasks as Label Studio gives them back: with its own ids, and annotations beside predictions."""
    from llkd.datasets.people_labels import take_labels

    project = made(store)
    exported(store, project, tmp_path / "out", formats=("label-studio", "argilla"))
    tasks = json.loads((tmp_path / "out" / "label-studio" / "tasks.json").read_text())
    for number, task in enumerate(tasks):
        choice = task["predictions"][0]["result"][0]
        task["id"] = 500 + number
        task["annotations"] = [
            {"completed_by": {"email": ANN}, "result": [choice], "created_at": "2026"}
        ]
    back = tmp_path / "back.json"
    back.write_text(json.dumps(tasks))
    text_set = read_texts(back)
    assert text_set.texts["id"].tolist() == [task["data"]["llkd_id"] for task in tasks]
    document = take_labels(store, project, text_set)
    assert document["added"] == len(tasks) == 90 and not document["unmatched"]
    records = json.loads((tmp_path / "out" / "argilla" / "records.json").read_text())
    assert [r["suggestions"]["label"]["value"] for r in records] == [
        t["predictions"][0]["result"][0]["value"]["choices"][0] for t in tasks
    ]
