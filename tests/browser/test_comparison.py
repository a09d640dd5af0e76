"""A comparison from its click on Train to its sentence on Results, with a student of two layers."""

import re

import numpy as np
import pandas as pd
import pytest

from llkd import jobs
from llkd.config import LabelSet, TeacherConfig
from llkd.evaluation import metrics, predictions
from llkd.evaluation.advice import PoolFacts, training_advice
from llkd.evaluation.best_run import best_run
from llkd.evaluation.comparison import conclusion
from llkd.evaluation.comparison.arms import USUAL_ARMS, arm_label
from llkd.evaluation.comparison.report import ComparisonReport
from llkd.jobs.requests import LabelRequest
from llkd.selection import signals
from llkd.store import Store
from tests.support.browser import settled
from tests.support.job_processes import wait_for
from tests.support.tiny_student import CLASSES, make_encoder, teacher_for, toy_texts

pytestmark = pytest.mark.browser
HELD_OUT = 40


@pytest.fixture
def store(server):
    opened = Store(server.home)
    yield opened
    opened.close()


def labelled_project(store, folder):
    """160 texts, 40 of them held out with gold, and a teacher that is wrong on one in five."""
    texts, gold = toy_texts(160)
    texts = [f"{text} {number}" for number, text in enumerate(texts)]
    frame = pd.DataFrame(
        {
            "id": [f"T{number:03d}" for number in range(len(texts))],
            "text": texts,
            "gold": [CLASSES[k] for k in gold],
            "split": np.where(np.arange(len(texts)) < HELD_OUT, "eval", "pool"),
        }
    )
    report = {"rows": len(texts), "held_out": HELD_OUT}
    store.projects.create("p", frame, source="t", report=report, label_set=LabelSet.of(CLASSES))
    probs = teacher_for(gold, wrong=0.2)
    answers = {"text": texts, "label": np.array(CLASSES)[probs.argmax(1)]}
    pd.DataFrame({**answers, "confidence": probs.max(1)}).to_csv(folder / "l.csv", index=False)
    teacher = TeacherConfig(teacher=f"file:{folder / 'l.csv'}")
    job = jobs.start(store, LabelRequest(project="p", teacher=teacher, probe=False))
    wait_for(lambda: jobs.refreshed(store, job.id).state == "finished")
    return store.projects.get("p")


def cells(grid):
    """The texts of a table, line by line, as it tells them to a screen reader."""
    grid.scroll_into_view_if_needed()
    grid.locator("table").first.wait_for(state="attached")
    lines = grid.locator("table tbody tr").all()
    return [[cell.text_content() or "" for cell in line.locator("td").all()] for line in lines]


def typed(page, label, value):
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.press("Enter")
    settled(page)


def test_a_comparison_is_clicked_through(server, page, store, tmp_path):
    project = labelled_project(store, tmp_path)
    page.goto(f"{server.url}/train?project=p")
    settled(page, "Start training")
    page.get_by_text("A folder or hub id", exact=True).first.click()
    settled(page)
    typed(page, "Folder or hub id", make_encoder(tmp_path / "encoder"))
    typed(page, "Learning rate", "0.001")
    typed(page, "Epochs", "2")
    typed(page, "Batch size", "8")
    # From the arms that are proposed to LLKD with all that it is held against: four runs.
    proposed = training_advice(PoolFacts(None, 2, 1)).arms
    for arm in sorted({*proposed} ^ {*USUAL_ARMS}):
        page.get_by_role("button", name=re.compile(f"^{re.escape(arm_label(arm))}$")).click()
        settled(page)
    page.get_by_role("button", name="Compare: 12 runs").wait_for()
    page.get_by_role("radio", name="1", exact=True).click()
    settled(page)
    page.get_by_role("button", name="Compare: 4 runs").click()
    job = wait_for(lambda: next((j for j in store.jobs.all() if j.kind == "compare"), None), 20)
    wait_for(lambda: not jobs.refreshed(store, job.id).live, 120)
    job = jobs.refreshed(store, job.id)
    assert job.state == "finished", job.error
    report = job.result

    page.get_by_text("Finished runs (4)").wait_for(timeout=60_000)
    settled(page)
    page.get_by_role("button", name="Compare the results").click()
    settled(page, "Runs side by side (4)")
    said = page.get_by_test_id("stAlert").first.inner_text().replace("\u2060", "")
    lines = [report["student"], *conclusion.verdict_lines(ComparisonReport.read(report))]
    assert said.strip().endswith("\n".join(lines)) and len(lines) == 2
    assert "from one seed" in lines[1] and "better" not in lines[1]
    page.get_by_text("Arms, charts and every difference").click()
    settled(page)
    shown = cells(page.get_by_test_id("stDataFrame").first)
    assert [line[0] for line in shown] == ["the teacher itself", *map(arm_label, USUAL_ARMS)]
    for line, arm in zip(shown[1:], report["arms"], strict=True):
        assert line[2] == f"{100 * arm['accuracy']:.1f}\u00a0%"
    page.get_by_text("Runs side by side (4)").click()
    settled(page)
    assert len(cells(page.locator("[class*=st-key-results_table]"))) == 5

    # A click anywhere in a cell of the confusion shows that cell's texts.
    run = best_run(predictions.finished_runs(store, project))  # with which the page opens
    rows, gold, probabilities = predictions.predictions_by_row(store, project, run)
    label = signals.pseudo_label(probabilities)
    matrix = metrics.confusion_matrix(label, gold, 2)
    said = 1 if matrix[0, 1] else 0
    wanted = rows[(gold == 0) & (label == said)]
    area = page.locator("[class*=st-key-results_confusion] .nsewdrag").first
    area.scroll_into_view_if_needed()
    settled(page)
    box = area.bounding_box()
    x = box["x"] + box["width"] * (0.25 + 0.5 * said) + box["width"] * 0.15
    y = box["y"] + box["height"] * 0.1
    page.mouse.move(x - 4, y)
    page.mouse.move(x, y, steps=4)
    page.mouse.click(x, y)
    how = f"called {CLASSES[said]}{'' if said else ' rightly'}"
    page.get_by_text(
        re.compile(rf"^{len(wanted)} held-out texts? of {CLASSES[0]}, {how}$")
    ).wait_for()
    settled(page)
    listed = [line[0] for line in cells(page.locator("[class*=st-key-results_cell]"))]
    sure = probabilities[(gold == 0) & (label == said), said]
    surest = wanted[np.argsort(-sure, kind="stable")]
    # A grid tells of the lines that are in view.
    assert min(8, len(wanted)) <= len(listed)
    assert listed == [f"T{row:03d}" for row in surest[: len(listed)]]
    assert page.problems == []
