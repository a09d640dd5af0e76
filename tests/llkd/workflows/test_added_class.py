"""A class that came after the teacher was asked: people's labels of it train, in every strategy."""

import numpy as np
import pytest

from llkd import curation
from llkd.config import Label
from llkd.config.selection_rule import read_rule
from llkd.selection.registry import STRATEGIES
from llkd.store.files.probabilities import read_probabilities
from tests.support.tiny_student import CLASSES
from tests.support.toy_projects import config, labelled_project, train, with_options

GIVEN = [0, 5, 10, 15, 20, 25]


@pytest.fixture
def project(store):
    project = labelled_project(store)
    keyed = [one.model_copy(update={"key": one.identity}) for one in project.label_set.labels]
    store.classes.edit(project.id, [*keyed, Label(name="weather")])
    store.decisions.decide(project.id, GIVEN, "label", "weather")
    return store.projects.get("toy")


@pytest.mark.parametrize(
    ("strategy", "targets"),
    [(one, "hard") for one in STRATEGIES]
    + [(one, "soft") for one in ("llkd", "needed_neighbours", "saved")],
)
def test_labels_of_it_train_and_every_figure_is_a_number(
    store, project, encoder, strategy, targets
):
    drawn = strategy in {"random", "teacher_then_random"}
    view = {"teacher_threshold": 0.0, "student_threshold": 0.0, "calibration": "batch"}
    store.selections.save(project.id, "everything", read_rule(view), {"kept": 64})
    base = config(encoder, epochs=3)
    if drawn:
        base = with_options(base, selection={"strategy": strategy, "share": 0.5})
    elif strategy == "saved":
        base = with_options(base, selection={"strategy": strategy, "saved": "everything"})
    else:
        base = with_options(base, selection={"strategy": strategy})
    run = store.runs.get(train(store, project, with_options(base, targets=targets))["run"])

    rows, probabilities = read_probabilities(run.folder / "targets.parquet")
    of_people = np.isin(rows, GIVEN)
    assert probabilities.shape == (64, 3) and np.isfinite(probabilities).all()
    assert (probabilities[of_people] == [0, 0, 1]).all(), "a person's label is certain"
    assert (probabilities[~of_people, 2] == 0).all(), "the teacher was not asked about it"
    saw = curation.times_trained(store, run)
    times = [int(saw.get(row, 0)) for row in GIVEN]
    assert sum(times) > 0 if drawn else times == [3] * len(GIVEN)
    steps = store.runs.steps(run)
    assert np.isfinite(steps["loss"][steps["selected"] > 0]).all()
    for column in ("teacher_threshold", "student_threshold"):
        assert np.isfinite(np.stack(steps[column].to_numpy()).astype(float)).all()
    plane = curation.load_plane(store, project, run=run)
    assert plane.names == [*CLASSES, "weather"]
    assert np.isfinite(plane.frame["information_need"]).all()
    assert np.isfinite(plane.student_probabilities).all()


def test_its_labels_are_learned(store, project, encoder):
    """More steps on few texts: the student must say the class of the texts that people gave it."""
    settings = config(encoder, "all", epochs=60, learning_rate=3e-3)
    run = store.runs.get(train(store, project, settings)["run"])
    plane = curation.load_plane(store, project, run=run)
    said = plane.frame.set_index("row").loc[GIVEN, "student_label"]
    assert (said == 2).sum() >= 4
