"""Who judges students: held-out gold, else enough labels of people, else nobody."""

import numpy as np
import pandas as pd
import pytest

from llkd import curation
from llkd.config import LabelSet, TeacherConfig
from llkd.curation.random_order import random_order
from llkd.errors import UserError
from llkd.evaluation.evaluation_set import LEAST_LABELS, best_evaluation_set, evaluation_set_of
from llkd.store import Scores

NAMES = ["a", "b"]
N = 200


def made(store, *, held_out=0, examples=None):
    """A project of ``N`` texts whose teacher says a, b, a, b …; the first ones held out."""
    frame = pd.DataFrame(
        {
            "id": [str(i) for i in range(N)],
            "text": [f"text {i}" for i in range(N)],
            "gold": [NAMES[i % 2] if i < held_out else None for i in range(N)],
            "split": ["eval" if i < held_out else "pool" for i in range(N)],
        }
    )
    project = store.projects.create("p", frame, source="t", report={}, label_set=LabelSet.of(NAMES))
    labeling_run = store.labeling_runs.find_or_create(
        project.id,
        label_set=project.label_set,
        config=TeacherConfig(),
        fingerprint="t",
        teacher={"examples": examples} if examples else {},
        calibration="none",
    )
    scores = np.log(np.where(np.arange(N)[:, None] % 2 == np.arange(2), 0.8, 0.2))
    none = np.array([None] * N, dtype=object)
    source = np.array(["logprob"] * N, dtype=object)
    store.labeling_runs.append(
        labeling_run,
        Scores(np.arange(N), scores.astype(np.float32), np.full(N, -1), source, none),
    )
    return project


def people_label(store, project, rows):
    for k, name in enumerate(NAMES):
        store.decisions.decide(project.id, [row for row in rows if row % 2 == k], "label", name)


def best(store, project):
    plane = curation.load_plane(store, project, need=False)
    return best_evaluation_set(plane, store.projects.texts(project.id, ["gold", "split"]))


def test_held_out_gold_comes_first(store):
    project = made(store, held_out=20)
    people_label(store, project, range(20, 120))
    found = best(store, project)
    assert (found.kind, found.sampling, found.usable_labels) == ("gold", "held out", 100)
    assert found.rows.tolist() == list(range(20)) and found.label.tolist() == [0, 1] * 10


def test_people_judge_from_fifty_labels_of_two_classes_on(store):
    project = made(store)
    people_label(store, project, range(LEAST_LABELS - 1))
    assert best(store, project).kind == "teacher"
    people_label(store, project, [LEAST_LABELS - 1])
    found = best(store, project)
    assert (found.kind, found.sampling) == ("people", "by people")
    assert found.rows.tolist() == list(range(LEAST_LABELS))
    assert found.label.tolist() == [0, 1] * (LEAST_LABELS // 2)


def test_labels_of_one_class_judge_nothing(store):
    project = made(store)
    store.decisions.decide(project.id, list(range(80)), "label", "a")
    assert best(store, project).kind == "teacher"


def test_excluded_texts_and_texts_in_a_prompt_do_not_judge(store):
    examples = {"kind": "nearest", "rows": [[0, 0], [1, 1]]}
    project = made(store, examples=examples)
    people_label(store, project, range(60))
    store.decisions.decide(project.id, [2, 3], "exclude")
    found = best(store, project)
    assert found.rows.tolist() == list(range(4, 60)) and found.usable_labels == 56


def test_labels_given_in_random_order_are_a_random_sample_and_judge_alone(store):
    project = made(store)
    order = random_order(N)
    people_label(store, project, order[:55].tolist())
    others = order[60:90].tolist()
    people_label(store, project, others)
    found = best(store, project)
    assert (found.kind, found.sampling, found.usable_labels) == ("people", "at random", 85)
    assert found.rows.tolist() == sorted(order[:55].tolist())
    store.decisions.decide(project.id, [int(order[3])], "unlabel")
    found = best(store, project)
    # Whoever leaves out a text on the way has picked.
    assert found.sampling == "by people" and len(found.rows) == 84


def test_without_judges_a_tenth_of_the_teachers_labels_stays_out(store):
    project = made(store)
    people_label(store, project, range(20))
    store.decisions.decide(project.id, [30], "exclude")
    found = best(store, project)
    assert (found.kind, found.usable_labels, len(found.rows)) == ("teacher", 20, 17)
    assert not set(found.rows) & {*range(20), 30}
    assert (found.label == found.rows % 2).all()
    assert best(store, project).rows.tolist() == found.rows.tolist()


def test_asking_for_people_where_they_said_too_little_is_refused(store):
    project = made(store)
    people_label(store, project, range(12))
    plane = curation.load_plane(store, project, need=False)
    texts = store.projects.texts(project.id, ["gold", "split"])
    with pytest.raises(UserError, match="at least 50 and of two classes; 12 can be used here"):
        evaluation_set_of(plane, texts, "people")


def test_what_people_had_decided_at_a_time(store):
    project = made(store)
    people_label(store, project, [0, 1])
    batch = store.decisions.decide(project.id, [2], "label", "a")
    then = store.decisions.current(project.id)["created"].max()
    store.decisions.undo(project.id, batch)
    store.decisions.decide(project.id, [0], "label", "b")
    now, before = (
        store.decisions.current(project.id, until)["human_label"] for until in (None, then)
    )
    assert dict(now) == {0: "b", 1: "b"}
    assert dict(before) == {0: "a", 1: "b", 2: "a"}
