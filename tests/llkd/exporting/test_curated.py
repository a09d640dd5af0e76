"""What is written opens everywhere and carries no formula."""

import csv
import json
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llkd import exporting
from llkd.errors import ConfigError, JobCancelled, StoreError, UserError

ROOT = Path(__file__).resolve().parents[3]
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
    return pa.table(
        {
            "id": [str(i) for i in range(len(HOSTILE))],
            "text": HOSTILE,
            "label": [NAMES[i % 2] for i in range(len(HOSTILE))],
            "labelled_by": ["teacher"] * len(HOSTILE),
            "teacher_confidence": np.linspace(0.1, 0.9, len(HOSTILE)),
            "teacher_probabilities": [[i / 10, 1 - i / 10] for i in range(len(HOSTILE))],
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
    assert json.loads(lines[3])["teacher_probabilities"] == [0.3, 0.7]
    assert pq.read_table(tmp_path / "curated.parquet")["text"].to_pylist() == HOSTILE
    coded = pq.read_table(tmp_path / "hf/data/train-00000-of-00001.parquet")
    assert coded["label"].to_pylist() == [i % 2 for i in range(len(HOSTILE))]


def test_csv_cells_never_start_a_formula_and_numbers_stay_numbers(tmp_path):
    exporting.write_curated(frame(), tmp_path, ["csv"], NAMES, {})
    with open(tmp_path / "curated.csv", newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows][:5] == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx"]
    assert [row["text"] for row in rows][5:] == HOSTILE[5:]
    assert float(rows[-1]["information_need"]) == -1.0
    assert (rows[4]["prob_a"], rows[4]['prob_b: "x"']) == ("0.4", "0.6")


def test_the_manifest_names_every_file_with_its_hash(tmp_path):
    exporting.write_curated(frame(), tmp_path, ["csv", "parquet"], NAMES, {"counts": {"kept": 9}})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["counts"] == {"kept": 9}
    assert manifest["files"] == {
        name: exporting.sha256(tmp_path / name) for name in ("curated.csv", "curated.parquet")
    }
    assert "no spreadsheet runs it" in manifest["notes"][0]
    assert manifest["rows_sha256"] == exporting.rows_sha256(frame())
    assert {"python", "pandas", "pyarrow", "scikit-learn"} <= set(manifest["environment"])


def test_the_sum_of_the_rows_is_that_of_the_json_lines(tmp_path):
    exporting.write_curated(frame(), tmp_path, ["jsonl"], NAMES, {})
    assert exporting.sha256(tmp_path / "curated.jsonl") == exporting.rows_sha256(frame())
    other = frame().set_column(1, "text", pa.array([*HOSTILE[:-1], "ü 日本 "]))
    assert exporting.rows_sha256(other) != exporting.rows_sha256(frame())


def test_the_same_rows_give_the_same_bytes(tmp_path):
    formats = list(exporting.FORMATS)
    for name in ("one", "two"):
        exporting.write_curated(frame(), tmp_path / name, formats, NAMES, {})
    sums = [
        json.loads((tmp_path / name / "manifest.json").read_text())["files"]
        for name in ("one", "two")
    ]
    assert sums[0] == sums[1] and "dataset.zip" in sums[0]


def test_no_place_of_this_machine_stands_in_a_manifest(tmp_path):
    told = {
        "teacher": {"settings": {"teacher": "local:/home/ann/models/big"}, "model": "C:\\m\\x"},
        "run": {"config": {"student": "/home/ann/mini"}, "loss": float("nan")},
        "classes": [{"name": "/home is where", "description": "~"}],
        "hub": {"model": "org/model"},
    }
    exporting.write_curated(frame(), tmp_path, ["csv"], NAMES, told)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["teacher"] == {"settings": {"teacher": "local:big"}, "model": "x"}
    assert manifest["run"] == {"config": {"student": "mini"}, "loss": None}
    assert manifest["classes"] == told["classes"] and manifest["hub"] == told["hub"]
    assert str(tmp_path) not in (tmp_path / "manifest.json").read_text()


class TestAllOrNothing:
    """A folder with a manifest is whole; without one it is as it was before."""

    def stop(self, at):
        def progress(done, total, message):
            if message.startswith(at):
                raise JobCancelled("stop")

        return progress

    @pytest.mark.parametrize("at", ["Writing CSV", "Writing JSON", "Writing the data set"])
    def test_a_stopped_export_leaves_nothing(self, tmp_path, at):
        out = tmp_path / "out"
        formats = ["csv", "jsonl", "hf"]
        with pytest.raises(JobCancelled):
            exporting.write_curated(frame(), out, formats, NAMES, {}, progress=self.stop(at))
        assert not out.exists()

    def test_a_stopped_export_leaves_the_earlier_one_whole(self, tmp_path):
        exporting.write_curated(frame(), tmp_path, ["csv"], NAMES, {})
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        with pytest.raises(JobCancelled):
            exporting.write_curated(
                frame(), tmp_path, ["csv", "jsonl"], NAMES, {}, progress=self.stop("Writing JSON")
            )
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before

    def test_a_full_disk_is_said_and_leaves_nothing(self, tmp_path, monkeypatch):
        def full(*args, **kwargs):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("llkd.exporting.formats.pq.write_table", full)
        with pytest.raises(StoreError, match="No space left on device. Nothing of it is kept"):
            exporting.write_curated(frame(), tmp_path / "out", ["csv", "parquet"], NAMES, {})
        assert not (tmp_path / "out").exists()

    def test_what_a_killed_export_left_is_no_obstacle(self, tmp_path):
        left = tmp_path / ".export.killed.tmp"
        left.mkdir()
        (left / "curated.csv").write_text("half of it")
        assert exporting.checked_folder(tmp_path) == tmp_path.resolve()
        assert exporting.manifest_in(tmp_path) is None
        exporting.write_curated(frame(), tmp_path, ["csv"], NAMES, {})
        assert {path.name for path in tmp_path.iterdir()} == {"curated.csv", "manifest.json"}


class TestKilledWhileItsFilesMove:
    """A process of its own that is killed at its n-th move; then another export to that folder."""

    CHILD = """
import os, signal, sys
from pathlib import Path
from llkd.exporting import placing
from tests.llkd.exporting.test_curated import NAMES, exporting, frame

folder, most, moves, replace = Path(sys.argv[1]), int(sys.argv[2]), [], os.replace

def counted(source, target):
    if Path(target).name != placing.LIST:
        moves.append(target)
        if len(moves) > most:
            os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)

os.replace = counted
exporting.write_curated(frame(), folder, ["csv", "jsonl", "hf"], NAMES, {})
"""

    def killed(self, folder, moves):
        command = [sys.executable, "-c", self.CHILD, str(folder), str(moves)]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr

    @pytest.mark.parametrize("moves", [0, 1, 3])
    def test_the_next_one_takes_the_folder_and_clears_it(self, tmp_path, moves):
        folder = tmp_path / "out"
        self.killed(folder, moves)
        assert exporting.manifest_in(folder) is None
        assert len([p for p in folder.rglob("*.*") if ".export." not in str(p)]) == moves
        exporting.write_curated(frame(), exporting.checked_folder(folder), ["parquet"], NAMES, {})
        assert {p.name for p in folder.iterdir()} == {"curated.parquet", "manifest.json"}

    def test_what_is_a_persons_stays(self, tmp_path):
        exporting.write_curated(frame(), tmp_path, ["parquet", "jsonl"], NAMES, {})
        (tmp_path / "notes.txt").write_text("mine")
        self.killed(tmp_path, 1)
        (tmp_path / "curated.csv").write_text("corrected by hand")
        (tmp_path / "hf").mkdir()
        exporting.write_curated(frame(), exporting.checked_folder(tmp_path), ["jsonl"], NAMES, {})
        left = {p.name for p in tmp_path.iterdir()}
        assert left == {"curated.csv", "curated.jsonl", "hf", "manifest.json", "notes.txt"}
        assert (tmp_path / "curated.csv").read_text() == "corrected by hand"

    def test_a_list_that_names_files_elsewhere_reaches_none(self, tmp_path):
        (tmp_path / "precious.txt").write_text("mine")
        stage = tmp_path / "out" / ".export.forged.tmp"
        stage.mkdir(parents=True)
        total = exporting.sha256(tmp_path / "precious.txt")
        listed = {"earlier": {}, "new": {"../precious.txt": total}}
        (stage / "moving.json").write_text(json.dumps(listed))
        exporting.write_curated(frame(), tmp_path / "out", ["csv"], NAMES, {})
        assert (tmp_path / "precious.txt").read_text() == "mine"


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
    with pytest.raises(
        ConfigError,
        match="one of csv, jsonl, parquet, hf, hf-zip, label-studio, argilla .* but it was 'xml'",
    ):
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
