"""A student taken away and asked about files on the command line, in real processes."""

import os
import re
import time
from pathlib import Path

import pandas as pd
import pytest

from llkd.store import Store
from tests.support.command_line import document, fails, llkd, typed, typed_document
from tests.support.tiny_student import CLASSES
from tests.support.toy_projects import config, labelled_project, train

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def run(home, encoder):
    """The number of a trained run of project ``toy``."""
    store = Store()
    number = train(store, labelled_project(store), config(encoder))["run"]
    store.close()
    return number


@pytest.fixture
def environment():
    """For a process that is started in another folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "new.tsv"
    pd.DataFrame({"id": [5, 6, 5], "text": ["goal match", "", "goal match"]}).to_csv(
        path, sep="\t", index=False
    )
    return path


def test_a_file_is_classified_and_every_row_is_there(run, file, tmp_path, environment):
    out = tmp_path / "answers.parquet"
    found = typed_document("predict", "toy", file, "--run", run, "--out", out)
    frame = pd.read_parquet(out)
    assert frame["id"].tolist() == ["5", "6", "5"]
    assert frame["label"].isna().tolist() == [False, True, False]
    assert (found["rows"], found["blank"], found["out"]) == (3, 1, str(out))
    assert found["per_class"] == {name: 2 * (frame["label"][0] == name) for name in CLASSES}

    shown = llkd(
        "predict", "toy", file, "--run", run, "--text-column", "text", cwd=tmp_path, env=environment
    )
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0].split() == ["class", "texts", "share"]
    assert f"{frame['label'][0]:<6}      2  100.0 %" in lines
    assert "1 of 3 rows hold no text and have no label." in lines
    assert lines[-1] == f"3 rows written to {tmp_path / 'new-predictions.csv'}"
    assert (tmp_path / "new-predictions.csv").is_file()


def test_in_the_background_it_is_a_job_like_any_other(run, file, tmp_path, environment):
    queued = document(
        "predict", "toy", file.name, "--run", run, "--background", cwd=tmp_path, env=environment
    )
    assert (queued["kind"], queued["state"]) == ("classify", "queued")
    store = Store()
    for _ in range(600):
        job = store.jobs.get(queued["job"])
        if job.finished is not None:
            break
        time.sleep(0.1)
    assert job.state == "finished", job.error
    assert Path(job.result["out"]) == tmp_path / "new-predictions.csv"
    assert len(pd.read_csv(job.result["out"])) == job.done == job.total == 3
    store.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Name one file to classify, or give one text with --text"),
        (["FILE", "--text", "x"], "Name one file to classify, or give one text with --text"),
        (["--text", "x", "--out", "o.csv"], "--out and --text-column belong to a file"),
        (["FILE", "--out", "FILE"], "is the file to classify. Choose another name with --out"),
        (["FILE", "--out", "o.html"], "The ending of --out says its format"),
        (["nothing.csv"], "There is no file 'nothing.csv'"),
    ],
)
def test_mistakes_get_one_line(run, file, arguments, said):
    given = [str(file) if part == "FILE" else part for part in arguments]
    assert said in fails("predict", "toy", "--run", str(run), *given)


def test_a_column_that_is_not_there_is_said_once_the_file_is_read(run, file):
    done = typed("predict", "toy", file, "--run", run, "--text-column", "body")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith("llkd: There is no column 'body' in new.tsv.")


def test_an_export_with_onnx_says_what_was_measured(run, tmp_path):
    shown = typed("export", "toy", "--out", tmp_path / "out", "--run", run, "--onnx")
    assert shown.returncode == 0, shown.stderr
    table = [
        line.split()[0]
        for line in shown.stdout.splitlines()
        if line.startswith(("model.", "onnx/"))
    ]
    assert table == ["model.safetensors", "onnx/model.onnx", "onnx/model_quantized.onnx"]
    assert "accuracy" in shown.stdout and "ms a text" in shown.stdout
    assert (tmp_path / "out" / "student" / "predict.py").is_file()
    assert "--no-student leaves it out" in fails(
        "export", "toy", "--out", tmp_path / "x", "--run", run, "--onnx", "--no-student"
    )
    assert "name its run with --run" in fails("export", "toy", "--out", tmp_path / "x", "--onnx")


def test_training_says_first_what_is_cut_and_which_option_reads_more(home, encoder):
    store = Store()
    labelled_project(store)
    store.close()
    options = ("--strategy", "all", "--student", encoder, "--epochs", "1")
    done = llkd("train", "toy", *options, "--max-tokens", "4")
    assert done.returncode == 0, done.stderr
    first = done.stderr.splitlines()[0]
    assert re.fullmatch(
        r"llkd: (100|9\d) % of the texts are longer than the 4 tokens that the student reads, and "
        r"are cut there\. With --max-tokens 16: [0-4] % cut, about \d\.\d × the time\.",
        first,
    ), first
    run = typed_document("runs", "toy")["runs"][-1]["run"]
    store = Store()
    notes = store.runs.get(run).summary.warnings
    store.close()
    assert any("of the texts reach the 4 tokens that the student reads" in one for one in notes)
    again = typed("train", "toy", *options)
    assert "tokens that the student reads" not in again.stderr
