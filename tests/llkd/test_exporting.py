"""What is written opens everywhere and carries no formula."""

import csv
import json
import zipfile

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llkd import exporting
from llkd.errors import ConfigError, UserError

NAMES = ["a", 'b: "x"']
HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "plain",
    'quote " , comma',
    "line\nbreak",
    "ü 日本",
]


def frame():
    return pd.DataFrame(
        {
            "id": [str(i) for i in range(len(HOSTILE))],
            "text": HOSTILE,
            "label": [NAMES[i % 2] for i in range(len(HOSTILE))],
            "teacher_confidence": np.linspace(0.1, 0.9, len(HOSTILE)),
            "information_need": -np.linspace(0, 1, len(HOSTILE)),
        }
    )


def test_every_format_holds_the_rows(tmp_path):
    files = exporting.write_curated(
        frame(), tmp_path, ["csv", "jsonl", "parquet", "hf"], NAMES, {"project": {"name": "p"}}
    )
    names = [str(file.relative_to(tmp_path)) for file in files]
    assert names == [
        "curated.csv", "curated.jsonl", "curated.parquet",
        "hf/data/train-00000-of-00001.parquet", "hf/README.md", "manifest.json",
    ]  # fmt: skip
    lines = (tmp_path / "curated.jsonl").read_text(encoding="utf-8").split("\n")
    assert [json.loads(line)["text"] for line in lines if line] == HOSTILE
    assert pq.read_table(tmp_path / "curated.parquet")["text"].to_pylist() == HOSTILE
    coded = pq.read_table(tmp_path / "hf/data/train-00000-of-00001.parquet")
    assert coded["label"].to_pylist() == [i % 2 for i in range(len(HOSTILE))]
    assert '\'1\': "b: \\"x\\""' in (tmp_path / "hf/README.md").read_text()


def test_csv_cells_never_start_a_formula_and_numbers_stay_numbers(tmp_path):
    exporting.write_curated(frame(), tmp_path, ["csv"], NAMES, {})
    with open(tmp_path / "curated.csv", newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows][:5] == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx"]
    assert [row["text"] for row in rows][5:] == HOSTILE[5:]
    assert float(rows[-1]["information_need"]) == -1.0


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1
    )
)
def test_no_cell_of_any_text_starts_a_formula(texts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("x")
    exporting.write_curated(pd.DataFrame({"text": texts}), folder, ["csv", "jsonl"], NAMES, {})
    with open(folder / "curated.csv", newline="", encoding="utf-8-sig") as file:
        cells = [row[0] if row else "" for row in csv.reader(file)][1:]
    assert not any(cell.startswith(exporting.FORMULA_STARTS) for cell in cells)
    read = (folder / "curated.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    assert [json.loads(line)["text"] for line in read] == texts


def test_the_manifest_names_every_file_with_its_hash(tmp_path):
    exporting.write_curated(frame(), tmp_path, ["csv", "parquet"], NAMES, {"counts": {"kept": 9}})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["counts"] == {"kept": 9}
    assert manifest["files"] == {
        name: exporting.sha256(tmp_path / name) for name in ("curated.csv", "curated.parquet")
    }
    assert "no spreadsheet runs it" in manifest["notes"][0]


def test_a_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.docx").write_text("")
    with pytest.raises(UserError, match="holds other files, which an export must not mix with"):
        exporting.checked_folder(tmp_path)
    with pytest.raises(UserError, match="is a file; an export needs a folder"):
        exporting.checked_folder(tmp_path / "thesis.docx")
    exporting.write_curated(frame(), tmp_path / "new", ["csv"], NAMES, {})
    assert exporting.checked_folder(tmp_path / "new") == (tmp_path / "new").resolve()


def test_unknown_formats_are_refused():
    assert exporting.checked_formats("CSV, parquet,csv") == ["csv", "parquet"]
    with pytest.raises(ConfigError, match="one of csv, jsonl, parquet, hf .* but it was 'xml'"):
        exporting.checked_formats("xml")


def test_the_student_as_folder_and_as_zip(tmp_path):
    student = tmp_path / "run" / "student"
    (student / "sub").mkdir(parents=True)
    (student / "model.safetensors").write_bytes(b"weights")
    (student / "sub" / "vocab.txt").write_text("v")
    files = exporting.write_student(student, tmp_path / "out")
    assert {f.name for f in files} == {"model.safetensors", "vocab.txt"}
    [archive] = exporting.write_student(student, tmp_path / "out", zipped=True)
    with zipfile.ZipFile(archive) as opened:
        assert sorted(opened.namelist()) == ["student/model.safetensors", "student/sub/vocab.txt"]
    with pytest.raises(UserError, match="no finished student yet"):
        exporting.write_student(tmp_path / "nothing", tmp_path / "out")


def test_an_earlier_export_goes_and_a_foreign_manifest_stays(tmp_path):
    exporting.write_curated(frame(), tmp_path / "ours", ["csv", "hf"], NAMES, {})
    (tmp_path / "ours" / "notes.txt").write_text("mine")
    exporting.write_curated(
        frame(), exporting.checked_folder(tmp_path / "ours"), ["jsonl"], NAMES, {}
    )
    left = {str(p.relative_to(tmp_path / "ours")) for p in (tmp_path / "ours").rglob("*.*")}
    assert left == {"curated.jsonl", "manifest.json", "notes.txt"}
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "manifest.json").write_text('{"name": "a web app"}')
    with pytest.raises(UserError, match="holds other files"):
        exporting.checked_folder(tmp_path / "web")
