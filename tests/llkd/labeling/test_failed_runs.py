"""A pass that fails before its first label takes nothing away from the labels there are."""

import numpy as np
import pandas as pd
import pytest

from llkd import curation, workflows
from llkd.config import LabelSet, TeacherConfig
from llkd.errors import LLKDError
from llkd.jobs.progress import SilentProgress
from llkd.store import Scores, Store
from llkd.teachers.base import ScoredBatch

N = 12


class Teacher:
    """Gives so many answers, says nothing usable to the next ones, and then breaks off."""

    cut = 0

    def __init__(self, good=0, useless=0, name="m"):
        self.good, self.useless, self.name = good, useless, name

    def describe(self):
        return {"kind": "api", "model": self.name}

    def score(self, texts):
        for i in range(min(len(texts), self.good + self.useless)):
            scores = np.log([[0.8, 0.2]]) if i < self.good else np.full((1, 2), np.nan)
            yield ScoredBatch(
                np.array([i]), scores.astype(np.float32), np.array([-1]), "logprob", ["x"]
            )
        if len(texts) > self.good + self.useless:
            raise LLKDError("The teacher broke off.")

    def content_free(self):
        return None


@pytest.fixture
def store(home):
    opened = Store()
    texts = pd.DataFrame(
        {"id": [f"t{k}" for k in range(N)], "text": [f"text {k}" for k in range(N)]}
    )
    texts = texts.assign(gold=None, split="pool")
    report = {"rows": N, "kept": N, "dropped": {}, "labels": [], "warnings": []}
    opened.projects.create(
        "desk", texts, source="t.csv", report=report, label_set=LabelSet.of(["a", "b"])
    )
    yield opened
    opened.close()


def label(store, teacher, **more):
    return workflows.label(
        store,
        store.projects.get("desk"),
        TeacherConfig(),
        SilentProgress(),
        teacher=teacher,
        **more,
    )


def in_use(store):
    return curation.active_labeling_run(store, store.projects.get("desk"))


def test_a_pass_is_in_use_from_its_first_label_on_and_not_before(store):
    label(store, Teacher(good=N, name="first"))
    first = in_use(store)
    for failing in (Teacher(name="silent"), Teacher(useless=3, name="mumbling")):
        with pytest.raises(LLKDError, match="broke off"):
            label(store, failing)
        assert in_use(store).id == first.id == store.projects.get("desk").labelling_id
    with pytest.raises(LLKDError, match="broke off"):
        label(store, Teacher(good=2, name="second"))
    assert in_use(store).teacher["model"] == "second"
    assert store.projects.get("desk").labelling_id == in_use(store).id
    # One that is whole already is taken back into use without an answer.
    label(store, Teacher(good=N, name="first"))
    assert store.projects.get("desk").labelling_id == first.id


def test_an_empty_pass_that_an_earlier_version_left_in_use_stands_back(store):
    label(store, Teacher(good=N, name="first"))
    with pytest.raises(LLKDError, match="broke off"):
        label(store, Teacher(name="silent"))
    silent = store.labeling_runs.all(1)[0]
    store.projects.use_labelling(1, silent.id)
    assert in_use(store).teacher["model"] == "first"
    # Where it gets labels it is what was chosen.
    rows = np.arange(2)
    none = np.full(2, None, dtype=object)
    scores = np.log(np.full((2, 2), 0.5)).astype(np.float32)
    store.labeling_runs.append(silent, Scores(rows, scores, rows * 0 - 1, none, none))
    assert in_use(store).id == silent.id
