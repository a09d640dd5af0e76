"""The command line as a person meets it: real processes, their output and exit codes."""

import json
import os
import time

import pandas as pd
import pytest

from tests.support.command_line import document, fails, llkd, typed, typed_document
from tests.support.tiny_student import CLASSES, make_encoder, teacher_for, toy_texts


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A file of texts with gold, labels from another tool, and a tiny encoder."""
    folder = tmp_path_factory.mktemp("files")
    texts, gold = toy_texts(80)
    texts = [f"{text} {number}" for number, text in enumerate(texts)]
    names = [CLASSES[k] for k in gold]
    pd.DataFrame({"id": range(80), "body": texts, "topic": names}).to_csv(
        folder / "texts.csv", index=False
    )
    probs = teacher_for(gold, wrong=0.1)
    pd.DataFrame(
        {
            "text": texts,
            "label": [CLASSES[k] for k in probs.argmax(1)],
            "confidence": probs.max(1),
        }
    ).to_csv(folder / "labels.csv", index=False)
    make_encoder(folder / "encoder")
    return folder


def imported(files):
    return typed_document(
        "import", files / "texts.csv", "--project", "toy", "--text-column", "body",
        "--label-column", "topic", "--holdout", "0.25",
    )  # fmt: skip


def test_the_whole_way(files, tmp_path):
    found = document(
        "import", files / "texts.csv", "--project", "toy", "--text-column", "body",
        "--label-column", "topic", "--holdout", "0.25",
    )  # fmt: skip
    assert (found["rows"], found["kept"], found["dropped"], found["warnings"]) == (80, 80, {}, [])
    assert sorted(found["labels"]) == sorted(CLASSES)
    assert found["held_out"] == 20

    labelled = document("label", "toy", "--teacher", f"file:{files / 'labels.csv'}", "--no-probe")
    assert labelled["state"] == "finished"
    assert labelled["labelled"] == 80
    assert labelled["teacher"] == f"file:{files / 'labels.csv'}"
    assert 0.7 <= labelled["accuracy"] <= 1.0
    assert set(labelled) >= {"job", "seconds", "calibration", "macro_f1"}

    probed = typed_document("probe", "toy", "--student", files / "encoder")
    assert probed["rows"] == 80

    options = ("--student", files / "encoder", "--epochs", "1", "--learning-rate", "0.001")
    trained = document("train", "toy", *options, "--strategy", "llkd")
    assert trained["state"] == "finished"
    assert trained["strategy"] == "llkd"
    assert set(trained) >= {
        "run", "accuracy", "macro_f1", "selected_share", "backpropagated", "unique", "seconds",
    }  # fmt: skip

    selected = typed_document("select", "toy", "--teacher-threshold", "0.8")
    assert set(selected) >= {"kept", "share", "per_class", "accuracy"}
    assert 0 < selected["kept"] < 60

    exported = document(
        "export", "toy", "--out", tmp_path / "out", "--run", trained["run"],
        "--format", "csv,jsonl,parquet,hf",
    )  # fmt: skip
    assert exported["rows"] == trained["unique"]
    assert all(os.path.exists(file) for file in exported["files"])
    again = typed_document(
        "import", tmp_path / "out" / "curated.csv", "--project", "again",
        "--text-column", "text", "--label-column", "label",
    )  # fmt: skip
    assert again["kept"] == exported["rows"]

    measured = typed_document("evaluate", "toy")
    assert measured["runs"][0]["run"] == trained["run"]
    assert measured["teacher"]["accuracy"] == labelled["accuracy"]
    answer = typed_document("predict", "toy", "--run", trained["run"], "--text", "goal match team")
    assert set(answer["probabilities"]) == set(CLASSES)
    assert [run["state"] for run in typed_document("runs", "toy")["runs"]] == ["finished"]
    listed = typed_document("jobs")["jobs"]
    assert {job["state"] for job in listed} == {"finished"}

    for command in (
        ["projects"],
        ["runs", "toy"],
        ["jobs"],
        ["evaluate", "toy"],
        ["select", "toy"],
    ):
        shown = typed(*command)
        assert shown.returncode == 0
        assert "{" not in shown.stdout.splitlines()[0], "a person gets a table, not JSON"


def test_compare_prints_the_table_and_the_sentence(files):
    imported(files)
    typed_document("label", "toy", "--teacher", f"file:{files / 'labels.csv'}", "--no-probe")
    options = ("--student", files / "encoder", "--epochs", "1", "--learning-rate", "0.001")
    arms = "llkd,all,random,teacher_then_random"
    done = llkd("compare", "toy", *options, "--arms", arms)
    assert done.returncode == 0, done.stderr
    for name in ("(teacher)", "llkd", "all", "random", "teacher_then_random", "% of the samples"):
        assert name in done.stdout


def test_compare_takes_arms_by_name(files):
    imported(files)
    typed_document("label", "toy", "--teacher", f"file:{files / 'labels.csv'}", "--no-probe")
    options = ("--student", files / "encoder", "--epochs", "1", "--learning-rate", "0.001")
    assert "There is no arm 'magic'" in fails("compare", "toy", "--arms", "llkd,magic")
    done = typed("compare", "toy", *options, "--arms", "llkd,random,learnability")
    assert done.returncode == 0, done.stderr
    table = done.stdout.splitlines()
    assert [line.split()[:2] for line in table if line.startswith("learnability")][:2] == [
        ["learnability", "epochs"], ["learnability", "samples"],
    ]  # fmt: skip
    assert "against" in done.stdout and " to " in done.stdout


def test_background_resume_and_wait(files):
    imported(files)
    started = document("label", "toy", "--teacher", f"file:{files / 'labels.csv'}", "--no-probe",
                       "--background")  # fmt: skip
    assert started["state"] == "queued"
    latest = time.monotonic() + 120
    while time.monotonic() < latest:
        [job] = typed_document("jobs")["jobs"]
        if job["state"] not in {"queued", "running"}:
            break
    assert job["state"] == "finished"
    assert "has finished; there is nothing to resume" in fails("resume", job["id"])
    assert "is finished already" in fails("cancel", job["id"])


class TestWrongUse:
    def test_of_files(self, files, tmp_path):
        assert "no column 'nope' in texts.csv. Its columns are id, body, topic" in fails(
            "import", files / "texts.csv", "--project", "p", "--text-column", "nope"
        )
        empty = tmp_path / "empty.csv"
        empty.write_text("")
        assert "empty.csv" in fails("import", empty, "--project", "p")
        numbers = tmp_path / "numbers.csv"
        numbers.write_text("a,b\n" + "".join(f"{i},{i * 2}\n" for i in range(20)))
        assert "numbers" in fails("import", numbers, "--project", "p", "--text-column", "b")
        assert "missing.csv" in fails("import", tmp_path / "missing.csv", "--project", "p")
        assert typed_document("projects")["projects"] == [], "a failed import leaves nothing"

    def test_of_classes(self, files):
        line = fails("import", files / "texts.csv", "--project", "p", "--text-column", "body",
                     "--labels", "one")  # fmt: skip
        assert "A label set needs at least two classes, but this one has 1" in line

    def test_of_names_and_order(self, files):
        assert "There is no project 'nope'. Projects here: none yet" in fails("train", "nope")
        imported(files)
        assert "have no teacher labels yet. Label them first: llkd label toy" in fails(
            "train", "toy"
        )
        assert "have no teacher labels yet" in fails("select", "toy")
        assert "There is a project 'toy' already" in fails(
            "import", files / "texts.csv", "--project", "toy", "--text-column", "body"
        )
        assert "There is no run 9 in this project" in fails(
            "export", "toy", "--out", "x", "--run", "9"
        )
        assert "There is no job 99" in fails("resume", "99", run=llkd)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["nonsense"], "invalid choice: 'nonsense'"),
            (["train"], "required: project"),
            (["train", "p", "--epochs", "0"], "'epochs'"),
            (["train", "p", "--strategy", "magic"], "There is no strategy 'magic'"),
            (["train", "p", "--strategy", "random"], "needs a share"),
            (["train", "p", "--teacher-threshold", "0.5"], "belong to --strategy fixed"),
            (["train", "p", "--strategy", "fixed"], "needs --teacher-threshold"),
            (["train", "p", "--strategy", "llkd", "--share", "0.2"], "'llkd' does not look at them"),
            (["train", "p", "--epoch", "3"], "unrecognized arguments: --epoch"),
            (["export", "p", "--out", "x", "--format", "xml"], "but it was 'xml'"),
            (["select", "p", "--teacher-threshold", "2"], "from 0 to 1"),
            (["label", "p", "--teacher", "gpt"], "A teacher is 'embedded'"),
            (["label", "p", "--limit", "0"], "a number of 1 or more"),
        ],
    )  # fmt: skip
    def test_of_arguments(self, files, arguments, message):
        if len(arguments) > 1:
            typed_document("import", files / "texts.csv", "--project", "p", "--text-column", "body")
        assert message.lower() in fails(*arguments).lower()

    def test_with_json_the_error_is_a_document_too(self):
        done = llkd("runs", "nope", "--json")
        assert done.returncode == 2
        assert "There is no project 'nope'" in json.loads(done.stdout)["error"]

    def test_a_home_that_cannot_be_written(self, tmp_path):
        (tmp_path / "file").write_text("")
        line = fails("projects", "--home", tmp_path / "file", code=1)
        assert "cannot be written" in line
