"""A file that ends, fills or holds up the process that reads it is a sentence here."""

import gzip
import random
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llkd import datasets, isolation
from llkd.cli import main
from llkd.config import LabelSet, TeacherConfig
from llkd.datasets import File, Reading, rows, source, texts, untrusted
from llkd.datasets.readers import records
from llkd.datasets.wording import Note
from llkd.errors import DataError, UserError
from llkd.isolation import Limits
from llkd.teachers.imported.columns import imported_teacher
from tests.support.encrypted_files import write_encrypted

ROOT = Path(__file__).resolve().parents[3]
WAYS = {
    "preview": datasets.inspect,
    "import": datasets.read_texts,
    "classify": datasets.read_rows,
    "records": datasets.read_records,
}
COLUMNS = (["label"], ["text"], ["text", "label"])


@pytest.mark.parametrize("plain_footer", [True, False], ids=["plain", "encrypted"])
@pytest.mark.parametrize("columns", COLUMNS, ids=",".join)
def test_encrypted_parquet_in_every_way(tmp_path, columns, plain_footer):
    path = write_encrypted(tmp_path / "secret.parquet", columns, plain_footer)
    for read in WAYS.values():
        with pytest.raises(DataError, match=r"^secret\.parquet is an encrypted Parquet file") as e:
            read(path)
        assert "Save it without encryption" in str(e.value) and "\n" not in str(e.value)


def test_encrypted_parquet_within_a_folder_and_an_archive(tmp_path):
    folder = tmp_path / "all"
    folder.mkdir()
    (folder / "a.csv").write_text("text,label\none text,left\n")
    write_encrypted(folder / "b.parquet", ["text"])
    with pytest.raises(DataError, match=r"^b\.parquet is an encrypted .* Nothing was imported"):
        datasets.read_texts(folder)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(folder / "b.parquet", "inner/b.parquet")
    with pytest.raises(DataError, match=r"encrypted Parquet file"):
        datasets.inspect(tmp_path / "all.zip")
    (tmp_path / "b.parquet.gz").write_bytes(gzip.compress((folder / "b.parquet").read_bytes()))
    with pytest.raises(DataError, match=r"encrypted Parquet file"):
        datasets.read_rows(tmp_path / "b.parquet.gz")


def test_encrypted_labels_of_a_teacher_and_gold(tmp_path):
    labels = write_encrypted(tmp_path / "labels.parquet", ["label"])
    config = TeacherConfig(teacher=f"file:{labels}")
    with pytest.raises(DataError, match="encrypted Parquet file"):
        imported_teacher(config, LabelSet.of(["left", "right"]), tmp_path)
    with pytest.raises(DataError, match="encrypted Parquet file"):
        datasets.with_gold(datasets.texts_from_lines("a text\nanother text"), labels)


def test_the_command_line_ends_with_a_sentence(tmp_path, capsys):
    path = write_encrypted(tmp_path / "secret.parquet", ["label"])
    assert main(["import", str(path), "--dry-run"]) == 2
    assert "is an encrypted Parquet file" in capsys.readouterr().err
    # In a process of its own: nothing but the exit code and one line.
    done = subprocess.run(
        [sys.executable, "-m", "llkd", "import", str(path), "--project", "p"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr


def in_child(monkeypatch, name):
    """Reading is replaced by this function of the tests."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    isolation.stop()
    call = isolation.call

    def other(function, arguments, file, limits, on_message):
        assert function.startswith("llkd.datasets.remote:")
        return call(f"tests.support.child_functions:{name}", {}, file, limits, on_message)

    monkeypatch.setattr(isolation, "call", other)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text("text\na text\nanother text\n")
    return path


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("segfault", {}, r"ended the program that reads it \(Segmentation fault\)"),
        ("abort", {}, r"ended the program that reads it \(Aborted\)"),
        ("leave", {}, r"ended the program that reads it"),
        ("unforeseen", {}, r"ended the program that reads it \(KeyError: 'missing'\)"),
        ("kill_itself", {}, r"was ended from outside, most likely because .* short of memory"),
        ("eat_memory", {"LLKD_READING_MIB": "600"}, r"needs more than 600 MiB of memory"),
        ("eat_memory_in_arrow", {"LLKD_READING_MIB": "600"}, r"needs more than 600 MiB"),
        ("loop", {"LLKD_READING_SECONDS": "1"}, r"not read within 1 seconds of computing"),
    ],
)
def test_whatever_happens_there_is_one_sentence_here(path, monkeypatch, name, settings, words):
    for variable, value in settings.items():
        monkeypatch.setenv(variable, value)
    with monkeypatch.context() as patched:
        in_child(patched, name)
        ways = [datasets.inspect] if settings else WAYS.values()
        for read in ways:
            with pytest.raises(DataError, match=rf"odd\.csv .*{words}|{words}.*") as error:
                read(path)
            message = str(error.value)
            assert "odd.csv" in message and message[-1] == "." and "\n" not in message
    isolation.stop()
    assert datasets.read_texts(path).kept_count == 2, "the next file is read as if nothing had been"


def test_nothing_is_left_behind(path, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", None)
    datasets.read_texts(path)
    with monkeypatch.context() as patched, pytest.raises(DataError):
        in_child(patched, "segfault")
        datasets.read_texts(path)
    isolation.stop()
    assert list(scratch.iterdir()) == []


def test_progress_is_told_and_may_end_the_reading(tmp_path):
    path = tmp_path / "many.csv"
    path.write_text("text\n" + "".join(f"text number {k}\n" for k in range(60_000)))
    heard = []
    assert datasets.read_texts(path, progress=heard.append).kept_count == 60_000
    assert heard == sorted(heard) and heard[-1] == 60_000 and len(heard) >= 3

    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        datasets.read_rows(path, progress=stop)


def test_limits_grow_with_the_files(tmp_path, monkeypatch):
    monkeypatch.delenv("LLKD_READING_MIB", raising=False)
    big = tmp_path / "big.csv"
    with big.open("wb") as file:
        file.truncate(300 << 20)
    folder = File(str(tmp_path))
    one, both = untrusted.limits_for([File(str(big))]), untrusted.limits_for([folder, folder])
    assert one == Limits(memory=(4 << 30) + 4 * (300 << 20), seconds=120 + 600)
    assert both.memory == (4 << 30) + 8 * (300 << 20)
    assert untrusted.limits_for([File("/nowhere")]).seconds == 120
    monkeypatch.setenv("LLKD_READING_MIB", "2000")
    monkeypatch.setenv("LLKD_READING_SECONDS", "30")
    assert untrusted.limits_for([File(str(big))]) == Limits(memory=2000 << 20, seconds=30)
    for wrong in ("much", "-3", "0", "1.5", "9" * 5000):
        monkeypatch.setenv("LLKD_READING_MIB", wrong)
        with pytest.raises(UserError, match="LLKD_READING_MIB must be a whole number from 512"):
            untrusted.limits_for([])


def awkward(tmp_path):
    """Two files with something for every field of a result."""
    first = tmp_path / "first.jsonl"
    lines = [f'{{"id": "a{k}", "text": "text {k} é 漢字", "label": "l{k % 2}"}}' for k in range(30)]
    lines[3] = '{"id": "a3", "text": ["a", "list"], "label": "l1"}'
    lines[4] = '{"id": "a4", "text": null, "label": null}'
    lines[5] = '{"id": 7, "text": 12, "label": 1}'
    lines[6] = "no record"
    lines[7] = lines[8]
    first.write_text("\n".join(lines) + "\n")
    second = tmp_path / "second.csv"
    second.write_text('id,text,label\nb1,"text 1, nearly",l0\nb2,"two\nlines",l1\nb3,,\n')
    return [File(str(first), "first.jsonl"), File(str(second), "second.csv")]


def same(here, there):
    assert set(vars(here)) - {"statistics"} == set(vars(there)) - {"statistics"}
    for name, value in vars(here).items():
        other = vars(there).get(name)
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, other)
        elif isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, other)
        elif name in {"numbers"} and value is not None:
            assert list(value) == list(other)
        elif name == "lists":
            assert {k: list(v) for k, v in value.items()} == {k: list(v) for k, v in other.items()}
        elif isinstance(value, pa.Table):
            assert value.equals(other)
        elif name == "warnings":
            assert value == other
            assert [isinstance(w, Note) for w in value] == [isinstance(w, Note) for w in other]
        elif name != "measured":
            assert value == other, name


def test_what_is_read_there_is_what_is_read_here(tmp_path):
    files = awkward(tmp_path)
    reading = Reading(label_column="label", keep_duplicates=False, near="drop")
    here, there = texts.read_files(files, reading), datasets.read_files(files, reading)
    same(here, there)
    assert there.statistics == here.statistics and there.measured is not None
    assert replace(there, rows=1).statistics is there.statistics, "it is not measured again"
    for one, other in zip(source.inspect_files(files), datasets.inspect_files(files), strict=True):
        same(one, other)
    for file in files:
        same(records.read_records(file.path), datasets.read_records(file.path))
        same(rows.read_rows(file.path), datasets.read_rows(file.path))


def test_mutated_parquet_files_are_read_or_refused_in_a_sentence(tmp_path):
    """Bytes changed, cut, doubled: nothing ends this process, whatever Arrow makes of them."""
    draw = random.Random(11)
    table = pa.table(
        {
            "text": [f"text {k} " + "word " * (k % 7) for k in range(300)],
            "label": pa.array(["one", "two", None] * 100).dictionary_encode(),
            "tags": [["a", "b"]] * 300,
        }
    )
    path = tmp_path / "m.parquet"
    pq.write_table(table, path, row_group_size=100)
    whole = path.read_bytes()
    outcomes = {"read": 0, "refused": 0}
    for number in range(60):
        data = bytearray(whole)
        for _ in range(draw.randint(1, 6)):
            # The footer, at the end, is where most of what matters stands.
            at = (
                draw.randrange(len(data))
                if number % 2
                else draw.randrange(len(data) - 900, len(data))
            )
            kind = draw.randrange(4)
            if kind == 0:
                data[at] = draw.randrange(256)
            elif kind == 1:
                data[at] ^= 1 << draw.randrange(8)
            elif kind == 2:
                del data[at : at + draw.randint(1, 20)]
            else:
                data[at:at] = data[at : at + draw.randint(1, 20)]
            if len(data) < 1000:
                break
        path.write_bytes(data)
        try:
            datasets.read_texts(path, text_column="text")
            outcomes["read"] += 1
        except DataError as error:
            outcomes["refused"] += 1
            assert str(error)[-1] == "." and "\n" not in str(error), error
    assert outcomes["refused"] > 10


def test_nobody_else_reads_files_in_a_process_that_matters():
    """Of the modules that read, the rest of the program uses what reads apart."""
    readers = ("texts", "source", "rows", "records", "columnar", "workbook", "delimited")
    allowed = {ROOT / "llkd" / "datasets"}
    for folder in ("llkd", "ui", "pages"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.parent in allowed:
                continue
            content = path.read_text(encoding="utf-8")
            for name in readers:
                assert f"llkd.datasets.{name} import" not in content, path
                assert f"from llkd.datasets import {name}" not in content, path


def test_what_each_call_needs_is_read_before_the_first_fork():
    """Read after a fork, the model of languages took a second of every import."""
    read = "text_language._identifier.cache_info().currsize"
    code = f"import llkd.datasets.remote as r; from llkd.datasets.checks import text_language\nprint({read})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
