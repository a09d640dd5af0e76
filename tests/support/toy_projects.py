"""Projects of toy texts, a teacher from a table, and the workflows run over them."""

import numpy as np
import pandas as pd

from llkd import jobs, workflows
from llkd.config import Document, LabelSet, SelectionConfig, TeacherConfig, TrainingConfig, build
from llkd.errors import LLKDError
from llkd.teachers.base import ScoredBatch
from tests.support.tiny_student import CLASSES, teacher_for, toy_texts

N, HELD_OUT = 200, 40
"""Texts of a turned project, and how many of them are held out."""
JUDGES = list(range(40, 100))


class TableTeacher:
    """Scores from a table; counts every text it is asked about; may break off."""

    def __init__(self, table, breaks_after=None):
        self.table, self.asked, self.breaks_after = table, [], breaks_after
        self.cut = 0

    def describe(self):
        return {"model": "table", "rows": len(self.table)}

    def score(self, texts):
        for start in range(0, len(texts), 8):
            index = np.arange(start, min(start + 8, len(texts)))
            if self.breaks_after is not None and len(self.asked) >= self.breaks_after:
                raise LLKDError("The teacher broke off.")
            self.asked += [texts[i] for i in index]
            scores = np.array([self.table[texts[i]] for i in index], dtype=np.float32)
            yield ScoredBatch(index, scores, np.full(len(index), -1), "logprob", None, 10, 0)

    def content_free(self):
        return np.zeros((3, 2), dtype=np.float32)

    def prompt(self, text):
        return f"Which? {text}"

    def close(self):
        pass


def as_job(store, work):
    """What the work of a job returns, as the command would print it."""

    def documented(job):
        result = work(job)
        return result.document() if isinstance(result, Document) else result

    return jobs.run(store, documented, kind="t", title="t", device=None)


def label(store, project, teacher, **options):
    def work(job):
        return workflows.label(store, project, TeacherConfig(), job, teacher=teacher, **options)

    return as_job(store, work)


def config(encoder, strategy="llkd", **values):
    values = {"epochs": 2, "batch_size": 16, "learning_rate": 1e-3, **values}
    selection = SelectionConfig(strategy=strategy, share=values.pop("share", None))
    return TrainingConfig(student=encoder, selection=selection, precision="fp32", **values)


def train(store, project, settings):
    return as_job(store, lambda job: workflows.train(store, project, settings, job))


def labelled_project(store, n=96, held_out=32, with_gold=True):
    """A project whose teacher is right in nine of ten texts; the last ones are held out."""
    texts, gold = toy_texts(n)
    frame = pd.DataFrame(
        {
            "id": [f"t{i}" for i in range(n)],
            "text": [f"{text} {i}" for i, text in enumerate(texts)],
            "gold": [CLASSES[k] if with_gold else None for k in gold],
            "split": ["eval" if i >= n - held_out and with_gold else "pool" for i in range(n)],
        }
    )
    project = store.projects.create(
        "toy", frame, source="toy", report={}, label_set=LabelSet.of(CLASSES)
    )
    scores = np.log(teacher_for(gold, wrong=0.1))
    label(store, project, TableTeacher(dict(zip(frame["text"], scores, strict=True))))
    return store.projects.get("toy")


def with_options(settings, **changes):
    selection = build(
        SelectionConfig, settings.selection.model_dump(), changes.pop("selection", {})
    )
    return build(type(settings), settings.model_dump(), changes, selection=selection.model_dump())


def turned_project(store, turned=False, pool_gold=True):
    """The last 40 texts are held out; their gold is right, or ``turned`` round in every text."""
    texts, gold = toy_texts(N)
    held_out = np.arange(N) >= N - HELD_OUT
    told = np.where(held_out & turned, 1 - gold, gold)
    frame = pd.DataFrame(
        {
            "id": [f"t{i}" for i in range(N)],
            "text": [f"{text} {i}" for i, text in enumerate(texts)],
            "gold": [
                CLASSES[k] if here or pool_gold else None
                for k, here in zip(told, held_out, strict=True)
            ],
            "split": np.where(held_out, "eval", "pool"),
        }
    )
    project = store.projects.create(
        "toy", frame, source="toy", report={}, label_set=LabelSet.of(CLASSES)
    )
    scores = np.log(teacher_for(gold, wrong=0.2))
    teacher = TableTeacher(dict(zip(frame["text"], scores, strict=True)))
    label(store, project, teacher)
    return store.projects.get("toy"), teacher


def people_say(store, project, turned=False, rows=JUDGES):
    """Labels by people: each text's true class, or all of them turned round."""
    for k, name in enumerate(CLASSES):
        mine = [row for row in rows if (row % 2 == k) != turned]
        store.decisions.decide(project.id, mine, "label", name)
