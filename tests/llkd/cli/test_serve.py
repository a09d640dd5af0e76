"""``llkd serve`` of a run: its ONNX file is made once, and answers as the trained student does."""

import sys

import numpy as np
import pytest

from llkd import students
from llkd.evaluation.student_calibration import student_calibration
from llkd.selection import signals
from llkd.store import Store
from tests.support.command_line import fails, typed
from tests.support.serving_process import serving
from tests.support.tiny_student import CLASSES, toy_texts
from tests.support.toy_projects import config, labelled_project, train


@pytest.fixture
def run(home, encoder):
    """A trained run of project ``toy``, and its temperature."""
    store = Store()
    project = labelled_project(store)
    number = train(store, project, config(encoder))["run"]
    finished = store.runs.get(number, project.id)
    calibration = student_calibration(store, project, finished)
    yield finished, calibration
    store.close()


def command(*words):
    return [sys.executable, "-m", "llkd", "serve", *map(str, words)]


def test_a_run_is_served_under_its_temperature_and_prepared_once(run, tmp_path):
    finished, calibration = run
    texts = toy_texts(30, seed=9)[0]
    student = students.load_saved(finished.student_folder, precision="fp32", device="cpu")
    logits = np.log(student.probabilities(texts))
    temperature = (calibration or {"temperature": 1.0})["temperature"]
    # The ONNX file is written first, which takes long on a busy machine.
    with serving(None, command=command("toy", "--run", finished.id), seconds=400) as served:
        body = served.post("/predict", {"texts": texts}).json()
        p = np.array([list(entry["probabilities"].values()) for entry in body["predictions"]])
        assert np.abs(p - signals.softmax(logits / temperature)).max() < 1e-3
        assert body["model"] == f"toy-run-{finished.id}"
        assert served.get("/v1/models").json()["data"][0]["x_facts"]["temperature"] == temperature
        card = served.get("/").text
        assert "llkd serve" in card and "How good it is" in card
        assert "torch" not in open(f"/proc/{served.process.pid}/maps").read()
    files = {path: path.stat().st_mtime_ns for path in finished.files.onnx.iterdir()}
    typed("export", "toy", "--run", finished.id, "--onnx", "--out", tmp_path / "out")
    assert files == {path: path.stat().st_mtime_ns for path in finished.files.onnx.iterdir()}
    with serving(None, command=command(tmp_path / "out")) as served:
        again = served.post("/predict", {"texts": texts}).json()
    assert again == body


def test_what_is_missing_is_said_before_anything_is_made(run):
    finished, _ = run
    assert f"Finished runs: {finished.id}." in fails("serve", "toy", "--port", "0")
    assert "Name a project" in fails("serve")
    assert "add one of them" in fails("serve", "toy", "--teacher", "embedded")
    assert "leave it out" in fails("serve", "toy", "--run", 1, "--decisions-from", "teacher")
    assert "no key keeps them out" in fails("serve", "toy", "--run", 1, "--host", "0.0.0.0")
    assert "no language model" in fails(
        "serve", "toy", "--decisions-from", "teacher", "--teacher", "similarity"
    )
    assert not finished.files.onnx.exists()
    assert CLASSES == finished.class_names
