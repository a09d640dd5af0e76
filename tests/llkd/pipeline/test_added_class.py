"""A class that came after the teacher was asked: people's labels of it train, in every strategy."""

from typing import get_args

import numpy as np
import pytest

from llkd import curation
from llkd.config import Label
from llkd.config.selection import StrategyName
from llkd.store import Store
from llkd.store.runs import read_probabilities
from tests.llkd.pipeline.test_arms import labelled, with_options
from tests.llkd.pipeline.test_pipeline import config, train
from tests.llkd.tiny_student import CLASSES, make_encoder

GIVEN = [0, 5, 10, 15, 20, 25]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def store(home):
    opened = Store()
    yield opened
    opened.close()


@pytest.fixture
def project(store):
    project = labelled(store)
    keyed = [one.model_copy(update={"key": one.identity}) for one in project.label_set.labels]
    store.classes.edit(project.id, [*keyed, Label(name="weather")])
    store.people.decide(project.id, GIVEN, "label", "weather")
    return store.projects.get("toy")


@pytest.mark.parametrize(
    ("strategy", "targets"),
    [(one, "hard") for one in get_args(StrategyName)]
    + [(one, "soft") for one in ("llkd", "trust", "saved")],
)
def test_labels_of_it_train_and_every_figure_is_a_number(store, project, tiny, strategy, targets):
    drawn = strategy in {"random", "teacher_then_random"}
    view = {"teacher_threshold": 0.0, "student_threshold": 0.0, "calibration": "batch"}
    store.people.save_selection(project.id, "everything", view, {"kept": 64})
    base = config(tiny, epochs=3)
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


def test_its_labels_are_learned(store, project, tiny):
    """More steps on few texts: the student must say the class of the texts that people gave it."""
    settings = config(tiny, "all", epochs=60, learning_rate=3e-3)
    run = store.runs.get(train(store, project, settings)["run"])
    plane = curation.load_plane(store, project, run=run)
    said = plane.frame.set_index("row").loc[GIVEN, "student_label"]
    assert (said == 2).sum() >= 4
