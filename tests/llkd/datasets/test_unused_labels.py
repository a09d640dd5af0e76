"""A column that is called like a label and was not taken as gold is mentioned."""

import json

import pytest

from llkd.cli import main
from llkd.datasets import read_files, read_texts, with_gold
from llkd.datasets.files import File
from llkd.datasets.importing import prepare


def mentions(texts):
    report = prepare(texts).report
    return [warning for warning in report["warnings"] if "not taken as gold" in warning]


@pytest.mark.parametrize("column", ["label", "Class", "category", "gold", "Gold Label", "target"])
def test_it_says_which_column_why_and_how(tmp_path, column):
    path = tmp_path / "posts.csv"
    path.write_text(f"text,{column}\nThe first of them,a\nThe second of them,b\n")
    (told,) = mentions(read_texts(path))
    assert told == (
        f"The column '{column}' of posts.csv was not taken as gold labels: no label column was "
        f"chosen. If people gave these labels, choose it with --label-column '{column}', or as the "
        "gold label on the Data page."
    )
    assert not mentions(read_texts(path, label_column=column))


def test_lists_are_the_reason(tmp_path):
    path = tmp_path / "posts.jsonl"
    rows = [{"text": f"This is post {k}", "labels": ["a", "b"]} for k in range(4)]
    path.write_text("\n".join(map(json.dumps, rows)))
    (told,) = mentions(read_texts(path))
    assert "'labels' of posts.jsonl" in told
    assert "lists or objects" in told


def test_nothing_is_said_of_other_columns_or_of_one_without_values(tmp_path):
    path = tmp_path / "posts.csv"
    path.write_text("text,author,label\nThe first of them,Ann,\nThe second of them,Bob,\n")
    assert not mentions(read_texts(path))


def test_gold_from_a_second_file_needs_no_other(tmp_path):
    path, gold = tmp_path / "posts.csv", tmp_path / "gold.csv"
    path.write_text("id,text,label\n1,The first of them,a\n2,The second of them,b\n")
    gold.write_text("id,label\n1,yes\n2,no\n")
    assert not mentions(with_gold(read_texts(path), gold))


def test_a_label_column_that_holds_the_texts_is_none(tmp_path):
    path = tmp_path / "posts.csv"
    path.write_text("id,label\n1,A long sentence as a text\n2,Another long sentence here\n")
    assert not mentions(read_texts(path, text_column="label"))


def test_many_files_are_told_once(tmp_path):
    files = []
    for k in range(3):
        path = tmp_path / f"{k}.csv"
        path.write_text(f"text,label\nThe first of file {k},a\n")
        files.append(File(str(path)))
    assert len(mentions(read_files(files))) == 1


def test_the_import_command_says_it(home, tmp_path, capsys):
    path = tmp_path / "posts.csv"
    path.write_text("text,label\nThe first of them,a\nThe second of them,b\n")
    assert main(["import", str(path), "--dry-run"]) == 0
    out = capsys.readouterr()
    assert "--label-column 'label'" in out.out + out.err
