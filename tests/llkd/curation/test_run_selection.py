"""What a run selected and how right it was, counted by hand and against the run's own summary."""

import numpy as np
import pandas as pd
import pytest

from llkd.curation import gold_indices, run_selection
from llkd.errors import NotFound
from tests.support.seeded_projects import seeded_project
from tests.support.seeded_runs import add_run


def test_counts_by_epoch_and_class():
    # Two epochs over four texts taught as 0, 0, 1, 1; of the second nobody knows the class.
    label = np.array([0, 0, 1, 1])
    truth = run_selection.Truth("gold", np.array([0, -1, 0, 1]), label)
    assert truth.rows == 3
    found = run_selection.selected(
        np.array([1, 1, 1, 1, 2, 2, 2, 2]),
        np.array([0, 1, 2, 3, 3, 2, 1, 0]),
        np.array([True, True, True, False, True, False, False, False]),
        label,
        truth,
        2,
    )
    columns = [
        "epoch",
        "label",
        "offered",
        "selected",
        "known",
        "right",
        "pool_known",
        "pool_right",
    ]
    expected = [
        (1, -1, 4, 3, 2, 1, 3, 2),
        (1, 0, 2, 2, 1, 1, 1, 1),
        (1, 1, 2, 1, 1, 0, 2, 1),
        (2, -1, 4, 1, 1, 1, 3, 2),
        (2, 0, 2, 0, 0, 0, 1, 1),
        (2, 1, 2, 1, 1, 1, 2, 1),
    ]
    pd.testing.assert_frame_equal(found, pd.DataFrame(expected, columns=columns))
    unknown = run_selection.selected(np.array([1]), np.array([2]), np.array([True]), label, None, 2)
    assert unknown[["offered", "selected", "known", "pool_known"]].values.tolist() == [
        [1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 0, 0],
    ]  # fmt: skip


def test_a_run_is_judged_by_the_gold_of_its_pool(home, store):
    _, project = seeded_project(home, 200)
    run = add_run(store, project)
    found, truth = run_selection.of_run(store, project, run)
    whole = found[found["label"] < 0]
    assert truth.source == "gold" and truth.rows == 150
    assert whole["offered"].tolist() == [150, 150]
    assert whole["selected"].sum() == run.summary.backpropagated
    rows, probabilities = store.runs.targets(run)
    gold = gold_indices(store.projects.texts(project.id, ["gold"]), project.label_set.names)
    right = int((probabilities.argmax(axis=1) == gold[rows]).sum())
    assert whole["pool_right"].tolist() == [right, right]
    shares = run.summary.epochs[0].selected_share_per_class
    first = found[(found["epoch"] == 1) & (found["label"] >= 0)]
    assert (first["selected"] / first["offered"]).tolist() == pytest.approx(list(shares.values()))


def test_without_gold_people_judge_what_the_teacher_said_once_they_labelled_enough(home, store):
    _, project = seeded_project(home, 100, gold=False)
    names = project.label_set.names
    store.decisions.decide(project.id, range(19), "label", names[0])
    run = add_run(store, project)
    assert run_selection.of_run(store, project, run)[1] is None
    store.decisions.decide(project.id, [19], "label", names[0])
    found, truth = run_selection.of_run(store, project, run)
    assert truth.source == "human" and truth.rows == 20
    said = (
        run_selection.load_plane(store, project, run=run, need=False)
        .frame["teacher_label"]
        .to_numpy()
    )
    # A person's label is not held against itself: the teacher's is.
    right = int((said[:20] == 0).sum())
    assert found[found["label"] < 0]["pool_right"].tolist() == [right, right]
    assert right < 20


def test_a_run_without_a_log_says_so(home, store):
    _, project = seeded_project(home)
    run = add_run(store, project)
    for part in run.folder.glob("decisions-*"):
        part.unlink()
    with pytest.raises(NotFound, match="has selected nothing yet"):
        run_selection.of_run(store, project, run)
