"""A class name that is too long is a sentence about the column and the row, with what to do."""

import csv
import json

import pytest

from llkd.cli import main
from llkd.config import LabelSet, build, entries
from llkd.datasets import read_texts
from llkd.datasets.importing import prepare
from llkd.errors import ConfigError, DataError

LONG = "The whole story of a bin that nobody emptied " * 8


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "posts.csv"
    rows = [
        ("p1", "The first of them", "bins"),
        ("p2", "The second", "roads"),
        ("p3", "More", LONG),
    ]
    with made.open("w", newline="") as stream:
        csv.writer(stream).writerows([("id", "text", "topic"), *rows])
    return made


def test_a_column_of_labels_with_a_long_one(path):
    texts = read_texts(path, label_column="topic")
    with pytest.raises(DataError) as error:
        prepare(texts)
    assert str(error.value) == (
        f"The label column 'topic' holds a class name of {len(LONG.strip())} characters, 'The whole "
        "story of a bin that nobody em…' (the text with the id 'p3'); at most 200 are possible. "
        "Shorten it in the file, or choose another label column."
    )


def test_with_classes_of_its_own_a_long_label_is_only_told(path):
    texts = read_texts(path, label_column="topic")
    report = prepare(texts, label_set=LabelSet.of(["bins", "roads"])).report
    assert any("none of the classes" in warning for warning in report["warnings"])


def test_the_longest_name_is_possible():
    assert LabelSet.of(["a" * 200, "b"]).names[0] == "a" * 200


@pytest.mark.parametrize("field", ["name", "verbaliser", "description"])
def test_classes_from_elsewhere(field):
    wrong = {"name": "bins", field: "ab " * 900}
    told = f"The {field} of class "
    for make in (
        lambda: build(LabelSet, labels=[{"name": "roads"}, wrong]),
        lambda: entries([{"name": "roads"}, wrong]),
    ):
        with pytest.raises(ConfigError) as error:
            make()
        assert str(error.value).startswith(told)
        assert "has 2,699 characters; at most 2" in str(error.value)
        assert str(error.value).endswith("are possible. Shorten it.")
        assert len(str(error.value)) < 150


def test_the_command(home, path, tmp_path, capsys):
    classes = tmp_path / "classes.json"
    classes.write_text(json.dumps(["roads", LONG]))
    for more in (["--labels", f"roads,{LONG}"], ["--labels-file", str(classes)]):
        assert main(["import", str(path), "--dry-run", *more]) != 0
        told = capsys.readouterr().err
        assert "The name of class 'The whole story" in told
        assert "Setting" not in told
    assert main(["import", str(path), "--label-column", "topic", "--project", "posts"]) != 0
    assert "'topic' holds a class name of" in capsys.readouterr().err
