"""A worker killed half-way: the page says that it died, and resume finishes the work."""

import os
import signal

import numpy as np
import pandas as pd
import pytest

from llkd import jobs
from llkd.config import LabelSet, TeacherConfig, TrainingConfig
from llkd.jobs.requests import LabelRequest, TrainRequest
from llkd.store import Store
from tests.support.browser import settled
from tests.support.job_processes import labelled_rows, wait_for
from tests.support.slow_server import SlowServer
from tests.support.tiny_student import CLASSES, make_encoder, teacher_for, toy_texts

pytestmark = pytest.mark.browser


@pytest.fixture
def store(server):
    opened = Store(server.home)
    yield opened
    opened.close()


def a_project(store, texts, gold=None):
    frame = pd.DataFrame(
        {
            "id": [str(i) for i in range(len(texts))],
            "text": texts,
            "gold": gold,
            "split": "pool",
        }
    )
    return store.projects.create(
        "p", frame, source="t", report={"rows": len(texts)}, label_set=LabelSet.of(CLASSES)
    )


def test_labelling(server, page, store):
    texts = [f"message number {i} about {'red' if i % 2 else 'blue'}" for i in range(80)]
    project = a_project(store, texts)
    with SlowServer(seconds=0.05) as slow:
        teacher = TeacherConfig(teacher="api:stand-in", base_url=slow.url, concurrency=1)
        job = jobs.start(store, LabelRequest(project="p", teacher=teacher, probe=False))
        page.goto(f"{server.url}/teacher?project=p")
        settled(page, "Label p")
        wait_for(lambda: len(labelled_rows(store, project)) >= 10)
        os.killpg(jobs.refreshed(store, job.id).pid, signal.SIGKILL)
        page.get_by_text("This job died").wait_for(timeout=20_000)
        assert jobs.refreshed(store, job.id).state == "died"
        kept = labelled_rows(store, project)
        before = {texts[row]: slow.asked[texts[row]] for row in kept}
        page.get_by_role("button", name="Resume").first.click()
        page.get_by_text("80 of 80").first.wait_for(timeout=60_000)
        wait_for(lambda: jobs.refreshed(store, job.id).state == "finished")
        assert labelled_rows(store, project) == list(range(80))
        assert {text: slow.asked[text] for text in before} == before


def test_training(server, page, store, tmp_path):
    texts, gold = toy_texts(96)
    texts = [f"{text} {number}" for number, text in enumerate(texts)]
    project = a_project(store, texts, [CLASSES[k] for k in gold])
    probs = teacher_for(gold, wrong=0.1)
    answers = pd.DataFrame(
        {"text": texts, "label": np.array(CLASSES)[probs.argmax(1)], "confidence": probs.max(1)}
    )
    answers.to_csv(tmp_path / "labels.csv", index=False)
    teacher = TeacherConfig(teacher=f"file:{tmp_path / 'labels.csv'}")
    first = jobs.start(store, LabelRequest(project="p", teacher=teacher, probe=False))
    wait_for(lambda: jobs.refreshed(store, first.id).state == "finished")

    config = TrainingConfig(
        student=make_encoder(tmp_path / "encoder"),
        epochs=15, batch_size=4, learning_rate=1e-3, precision="fp32", checkpoint_seconds=0.5,
    )  # fmt: skip
    page.goto(f"{server.url}/train?project=p")
    settled(page, "Start training")

    def train(title):
        return jobs.start(store, TrainRequest(project="p", training=config), title=title)

    whole = train("undisturbed")
    wait_for(lambda: jobs.refreshed(store, whole.id).state == "finished", 120)
    job = train("disturbed")
    page.get_by_text("disturbed", exact=True).first.wait_for()
    wait_for(lambda: jobs.refreshed(store, job.id).done >= 100, 60)
    os.killpg(jobs.refreshed(store, job.id).pid, signal.SIGKILL)
    page.get_by_text("This job died").wait_for(timeout=20_000)
    page.get_by_role("button", name="Resume").first.click()
    wait_for(lambda: jobs.refreshed(store, job.id).state == "finished", 120)
    page.get_by_text("Finished runs (2)").wait_for(timeout=20_000)

    one, two = store.runs.all(project.id)
    weights = [(run.student_folder / "model.safetensors").read_bytes() for run in (one, two)]
    assert weights[0] == weights[1], "the resumed student is the undisturbed one, bit for bit"
    same = ["step", "selected", "loss", "learning_rate"]
    pd.testing.assert_frame_equal(
        store.runs.steps(one)[same].reset_index(drop=True),
        store.runs.steps(two)[same].reset_index(drop=True),
    )
