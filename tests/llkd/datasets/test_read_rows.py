"""Every record of a file for prediction: repeated and blank ones keep their place."""

import json

import pytest

from llkd.datasets import read_rows
from llkd.errors import DataError, NotFound


def test_repeated_and_blank_records_keep_their_place_and_id(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('id,text\n7,good\n7,good\n8,"  "\n,bad\n9,\n', encoding="utf-8")
    rows = read_rows(path)
    assert rows.texts == ["good", "good", None, "bad", None]
    assert rows.ids == ["7", "7", "8", "", "9"]
    assert (len(rows), rows.blank, rows.column) == (5, 2, "text")


def test_without_an_id_column_ids_are_record_numbers(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps({"text": t}) + "\n" for t in ("b b", "a a", "b b")))
    assert read_rows(path).ids == ["1", "2", "3"]
    assert read_rows(path, id_column="text").ids == ["1", "2", "3"]


def test_what_cannot_be_stored_is_replaced_and_told(tmp_path):
    path = tmp_path / "t.json"
    values = ["a\0b", "half \ud83d pair", ["no", "text"], "plain words"]
    path.write_text(json.dumps([{"words": v, "n": k} for k, v in enumerate(values)]))
    rows = read_rows(path, text_column="words")
    assert rows.texts == ["a\ufffdb", "half \ufffd pair", None, "plain words"]
    told = " ".join(rows.warnings)
    assert "is a list or an object and no text (record 3)" in told
    assert "cannot be stored (record 1)" in told


def test_what_cannot_be_read_is_said(tmp_path):
    with pytest.raises(NotFound):
        read_rows(tmp_path / "nothing.csv")
    path = tmp_path / "t.csv"
    path.write_text('id,text\n1,""\n2," "\n')
    with pytest.raises(DataError, match="holds no text in the column 'text'. Choose another"):
        read_rows(path, text_column="text")
    with pytest.raises(DataError, match="There is no column 'body'"):
        read_rows(path, text_column="body")
