"""The data set folder, read by the real ``datasets.load_dataset`` in a process without network."""

import json
import os
import subprocess
import sys
import unicodedata
import zipfile

import pyarrow as pa
import pytest

from llkd import exporting
from llkd.datasets import read_texts
from llkd.exporting.dataset_card import quoted

NAMES = [
    "a: b",
    'say "x", \\n',
    "no",
    "1",
    "line\nbreak\u2028",
    "emoji 🙂 \x7f",
    "'{{ #",
    "e\u0301",
]
TEXTS = ["=1+1", "two\nlines, and a comma", 'quote "', "ü 日本 🙂", "\tx", "~", "null", "- a: b"]
READ = """
import json, sys
from datasets import load_dataset
found = load_dataset(sys.argv[1])
features = found["train"].features
print(json.dumps({
    "features": {name: type(kind).__name__ for name, kind in features.items()},
    "names": features["label"].names,
    "rows": {name: part.to_list() for name, part in found.items()},
}))
"""


def table(split=True):
    n = len(TEXTS)
    columns = {
        "id": [f"M{k}" for k in range(n)],
        "text": TEXTS,
        "label": NAMES,
        "labelled_by": ["teacher"] * n,
        "split": ["validation" if k % 3 == 2 else "train" for k in range(n)],
        "teacher_label": [None, *NAMES[1:]],
        "teacher_confidence": pa.array([None, *[k / 10 for k in range(1, n)]], pa.float64()),
        "teacher_probabilities": pa.array([None, *[[1 / n] * n] * (n - 1)], pa.list_(pa.float64())),
        "human_label": [NAMES[0], *[None] * (n - 1)],
        "times_trained_on": list(range(n)),
    }
    return pa.table({k: v for k, v in columns.items() if split or k != "split"})


def loaded(folder, tmp_path):
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder)],
        capture_output=True, text=True, env={**os.environ, **offline}, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_it_loads_with_its_classes_and_both_splits(tmp_path):
    exporting.write_curated(table(), tmp_path / "out", ["hf"], NAMES, {})
    found = loaded(tmp_path / "out" / "hf", tmp_path)
    assert found["names"] == NAMES
    assert found["features"] == {
        "id": "Value", "text": "Value", "label": "ClassLabel", "labelled_by": "Value",
        "teacher_label": "ClassLabel", "teacher_confidence": "Value",
        "teacher_probabilities": "List", "human_label": "ClassLabel", "times_trained_on": "Value",
    }  # fmt: skip
    rows = {row["id"]: row for part in found["rows"].values() for row in part}
    assert [rows[f"M{k}"]["text"] for k in range(8)] == TEXTS
    assert [rows[f"M{k}"]["label"] for k in range(8)] == list(range(8))
    assert {row["id"] for row in found["rows"]["validation"]} == {"M2", "M5"}
    first = rows["M0"]
    assert (first["teacher_label"], first["teacher_probabilities"], first["human_label"]) == (
        None, None, 0,
    )  # fmt: skip
    assert rows["M1"]["teacher_probabilities"] == [1 / 8] * 8


def test_what_was_exported_is_imported_with_the_names_of_its_classes(tmp_path):
    exporting.write_curated(table(), tmp_path / "out", ["hf"], NAMES, {})
    found = read_texts(
        tmp_path / "out" / "hf" / "data", text_column="text", label_column="label", id_column="id"
    )
    order = found.texts.set_index("id")
    assert [order.loc[f"M{k}", "text"] for k in range(8)] == TEXTS
    assert [order.loc[f"M{k}", "gold"] for k in range(8)] == [
        unicodedata.normalize("NFC", name.strip())
        for name in NAMES  # labels are read composed
    ]
    assert any("were read as the names of classes" in told for told in found.warnings)


def test_without_a_split_there_is_only_train_and_a_zip_holds_the_same(tmp_path):
    exporting.write_curated(table(split=False), tmp_path / "out", ["hf-zip"], NAMES, {})
    assert not (tmp_path / "out" / "hf").exists()
    with zipfile.ZipFile(tmp_path / "out" / "dataset.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
        assert archive.namelist() == ["data/train-00000-of-00001.parquet", "README.md"]
    found = loaded(tmp_path / "unpacked", tmp_path)
    assert list(found["rows"]) == ["train"] and len(found["rows"]["train"]) == 8


@pytest.mark.parametrize("name", [*NAMES, "\ud83d", "\x00\x85", "---"])
def test_names_are_yaml_whatever_they_hold(name):
    import yaml

    assert quoted(name).isprintable()
    if name.isprintable():
        assert yaml.safe_load(f"a: {quoted(name)}") == {"a": name}
