"""Labels that stand before the texts, as fastText writes them."""

import csv
import gzip
import json

import pandas as pd
import pytest

from llkd.config import LabelSet
from llkd.datasets import inspect, read_texts, texts_from_lines
from llkd.datasets.importing import prepare

LINES = [
    "__label__bread How long does a sourdough starter keep, and where?",
    "__label__meat My brisket is tough",
    "__label__bread Rye; or wheat",
    "__label__meat Searing before the oven: why?",
    "__label__sauce A roux with rice flour",
]
TEXTS = [line.split(" ", 1)[1] for line in LINES]
LABELS = [line.split(" ", 1)[0].removeprefix("__label__") for line in LINES]


def as_csv(path):
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["text"], *[[line] for line in LINES]])


WRITERS = {
    "kitchen.txt": lambda p: p.write_text("\n".join(LINES) + "\n", encoding="utf-8"),
    "kitchen.train": lambda p: p.write_text("\r\n".join(LINES), encoding="utf-8-sig"),
    "kitchen": lambda p: p.write_text("\n".join(LINES), encoding="utf-16"),
    "tabs.txt": lambda p: p.write_text("\n".join(x.replace(" ", "\t", 1) for x in LINES)),
    "kitchen.txt.gz": lambda p: p.write_bytes(gzip.compress("\n".join(LINES).encode())),
    "raw.csv": lambda p: p.write_text("\n".join(LINES)),
    "quoted.csv": as_csv,
    "kitchen.jsonl": lambda p: p.write_text("\n".join(json.dumps({"text": x}) for x in LINES)),
    "kitchen.parquet": lambda p: pd.DataFrame({"text": LINES}).to_parquet(p),
}


@pytest.mark.parametrize("name", WRITERS)
def test_labels_before_texts_become_the_label_column(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path)
    source = inspect(path)
    assert (source.text_column, source.label_column) == ("text", "label")
    assert any("fastText" in warning for warning in source.warnings)
    texts = read_texts(path, label_column="label")
    assert texts.texts["text"].tolist() == TEXTS
    assert texts.texts["gold"].tolist() == LABELS
    assert texts.labels == ("bread", "meat", "sauce")
    without = read_texts(path)
    assert without.texts["text"].tolist() == TEXTS
    assert without.labels == ()
    assert any("fastText" in warning for warning in without.warnings)
    assert "--label-column 'label'" in without.unused_label


def test_several_labels_of_a_line_are_none_and_told(tmp_path):
    path = tmp_path / "several.txt"
    path.write_text("\n".join([*LINES, "__label__meat __label__sauce Gravy", "No label at all"]))
    texts = read_texts(path, label_column="label")
    assert texts.texts["text"].tolist() == [*TEXTS, "Gravy", "No label at all"]
    assert texts.texts["gold"].tolist() == [*LABELS, None, None]
    (told,) = [w for w in texts.warnings if "several labels" in w]
    assert told == (
        "1 text of several.txt has several labels (record 6; for example 'meat sauce'). A text has "
        "one label here, so it has none."
    )


def test_the_same_label_twice_is_one(tmp_path):
    path = tmp_path / "twice.txt"
    path.write_text("__label__a __label__a One\n__label__b Two\n")
    assert read_texts(path, label_column="label").texts["gold"].tolist() == ["a", "b"]


def test_a_line_in_blocks_is_still_a_text(tmp_path):
    path = tmp_path / "kitchen.txt"
    path.write_text("\n".join(LINES))
    assert read_texts(path, blocks=True).texts["text"].tolist() == TEXTS


def test_pasted_lines_bring_their_labels():
    texts = texts_from_lines("\n".join(LINES))
    assert texts.texts["text"].tolist() == TEXTS
    assert texts.texts["gold"].tolist() == LABELS


def test_texts_that_only_speak_of_such_labels_stay(tmp_path):
    path = tmp_path / "manual.txt"
    lines = [
        "__label__ is the prefix that fastText wants",
        "Each line begins with it",
        "as in __label__sport The match ended",
        "and so on",
    ]
    path.write_text("\n".join(lines))
    assert inspect(path).columns == ("text",)
    assert read_texts(path).texts["text"].tolist() == lines


def test_a_table_with_such_labels_in_a_column_stays_a_table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("label,text\n" + "\n".join(f"__label__a,Words {k} here" for k in range(6)))
    assert inspect(path).columns == ("label", "text")
    assert read_texts(path, label_column="label").texts["text"][0] == "Words 0 here"


def test_its_labels_are_the_classes_of_a_project(tmp_path):
    path = tmp_path / "kitchen.txt"
    path.write_text("\n".join(LINES))
    made = prepare(read_texts(path, label_column="label"), label_set=LabelSet.of(["meat", "bread"]))
    assert made.report["gold"] == 4
