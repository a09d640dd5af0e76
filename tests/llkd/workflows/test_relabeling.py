"""After a change of the classes only the texts that it could touch are asked about again."""

import sys

import numpy as np
import pandas as pd
import pytest

from llkd import curation, workflows
from llkd.config import Label, LabelSet, TeacherConfig
from llkd.errors import UserError
from llkd.jobs.progress import SilentProgress
from llkd.store import Store
from llkd.teachers.base import ScoredBatch
from llkd.workflows import labeling, relabeling

TEXTS = [
    *[f"a pothole in road {k}" for k in range(8)],
    *[f"a leak in pipe {k}" for k in range(8)],
    *[f"snow on road {k}" for k in range(4)],
]
NEW = Label(name="weather", description="snow and rain")


class Words:
    """A teacher that knows a word of each class, and writes down what it was asked about."""

    cut = 0

    def __init__(self, labels, kind, sure=0.9):
        self.words = [(label.description or label.name).split()[0] for label in labels.labels]
        self.names, self.kind, self.sure, self.texts = labels.asked_names, kind, sure, []

    def describe(self):
        return {"kind": self.kind, "names": self.names}

    def score(self, texts):
        self.texts += texts
        here = np.array([[word in text for word in self.words] for text in texts])
        scores = np.log(np.where(here, self.sure, (1 - self.sure) / len(self.words)))
        nothing = np.full(len(texts), -1, dtype=np.int64)
        yield ScoredBatch(np.arange(len(texts)), scores.astype(np.float32), nothing, "logprob")

    def content_free(self):
        return None

    def prompt(self, text):
        return text

    def close(self):
        pass


@pytest.fixture
def store(home):
    opened = Store(home)
    yield opened
    opened.close()


@pytest.fixture
def project(store):
    texts = pd.DataFrame(
        {
            "id": [f"t{k}" for k in range(len(TEXTS))],
            "text": TEXTS,
            "gold": [None] * len(TEXTS),
            "split": ["pool"] * len(TEXTS),
        }
    )
    classes = LabelSet(
        labels=(
            Label(name="roads", description="pothole"),
            Label(name="water", description="leak"),
        )
    )
    project = store.projects.create("p", texts, source="s", report={}, label_set=classes)
    config = TeacherConfig(teacher="local:somewhere")
    labeling.label(
        store, project, config, SilentProgress(),
        teacher=Words(classes, "local"), calibration="none",
    )  # fmt: skip
    return store.projects.get("p")


def add(store, project):
    keyed = [one.model_copy(update={"key": one.identity}) for one in project.label_set.labels]
    store.classes.edit(project.id, [*keyed, NEW])
    return store.projects.get("p")


def relabelled(store, project, about, teacher=None):
    now = store.projects.get("p")
    teacher = teacher or Words(now.label_set, "local")
    result = relabeling.relabel(
        store, now, TeacherConfig(teacher="local:somewhere"), about, SilentProgress(),
        teacher=teacher, similarity=Words(now.label_set, "similarity"), calibration="none",
    )  # fmt: skip
    return result, teacher


def labels(store):
    plane = curation.load_plane(store, store.projects.get("p"))
    names = np.array([*plane.names, None], dtype=object)
    return names[plane.frame["label"].to_numpy()], plane


def test_of_an_added_class_only_likely_texts_are_asked_and_all_other_labels_stay(store, project):
    before, old = labels(store)
    store.decisions.decide(project.id, [16], "label", "roads")
    project = add(store, project)
    (later,) = curation.later_classes(project, curation.active_labeling_run(store, project))
    assert later.name == "weather"
    result, teacher = relabelled(store, project, "weather")
    likely = curation.likely_texts(store, project, later)
    assert likely.rows[:4].tolist() == [16, 17, 18, 19] and likely.people == 1
    asked = {TEXTS.index(text) for text in teacher.texts}
    assert asked == {17, 18, 19}, "near to it, and what people labelled is not asked about"
    assert result["asked"] == result["touched"] == len(asked) and result["about"] == "weather"
    after, plane = labels(store)
    assert plane.names == ["roads", "water", "weather"]
    assert after[17:].tolist() == ["weather"] * 3 and after[16] == "roads"
    assert (after[:16] == before[:16]).all()
    other = sorted(set(range(16)) - asked)
    np.testing.assert_allclose(
        plane.frame["confidence"].to_numpy()[other], old.frame["confidence"].to_numpy()[other],
        atol=1e-4,
    )  # fmt: skip
    project = store.projects.get("p")
    assert curation.later_classes(project, curation.active_labeling_run(store, project)) == []
    # Asked for once more nothing is left to ask, and the labels are the same pass.
    number = curation.active_labeling_run(store, store.projects.get("p")).id
    again, teacher = relabelled(store, project, "weather")
    assert teacher.texts == [] and again["asked"] == 0
    assert (labels(store)[0] == after).all() and number


def test_a_committee_asks_its_members_and_pools_them(store, project, monkeypatch):
    project = add(store, project)
    made = {}

    def prepare(store, project, config, job, label_set, **more):
        made[config.teacher] = Words(
            label_set, config.teacher, 0.9 if "one" in config.teacher else 0.6
        )
        return made[config.teacher]

    monkeypatch.setattr(labeling, "prepare_teacher", prepare)
    config = TeacherConfig(teacher="committee", members=("local:one", "local:two"))
    result = relabeling.relabel(
        store, project, config, "weather", SilentProgress(),
        similarity=Words(project.label_set, "similarity"), calibration="none",
    )  # fmt: skip
    assert set(made["local:one"].texts) == set(made["local:two"].texts)
    assert result["asked"] == 2 * result["touched"]
    after, plane = labels(store)
    assert after[16:].tolist() == ["weather"] * 4
    assert (plane.frame["disagreement"].to_numpy()[16:] > 0).all()
    assert plane.frame["disagreement"].isna()[:8].all(), "one teacher labelled them"


def test_texts_at_random_calibrate_and_keep_their_labels(store, project, monkeypatch):
    """The mean over texts that look like one class is no bias: a few at random are asked, too."""
    monkeypatch.setattr(sys.modules["llkd.curation.likely_texts"], "CALIBRATING", 6)
    before, _ = labels(store)
    project = add(store, project)
    now = store.projects.get("p")
    teacher = Words(now.label_set, "local")
    result = relabeling.relabel(
        store, now, TeacherConfig(teacher="local:somewhere"), "weather", SilentProgress(),
        teacher=teacher, similarity=Words(now.label_set, "similarity"),
    )  # fmt: skip
    sample = curation.random_order(len(TEXTS))[:6].tolist()
    assert [TEXTS.index(text) for text in teacher.texts[:6]] == sample, "they come first"
    assert {TEXTS.index(text) for text in teacher.texts} == {16, 17, 18, 19, *sample}
    assert result["touched"] == 4
    after, plane = labels(store)
    assert after[16:].tolist() == ["weather"] * 4 and (after[:16] == before[:16]).all()
    again = next(
        run for run in store.labeling_runs.all(project.id) if run.teacher["kind"] == "local"
        and "updated" not in run.teacher and len(run.label_set.labels) == 3
    )  # fmt: skip
    scores = store.labeling_runs.scores(again)
    bias = curation.batch_bias(scores, np.array(sample))
    wanted = curation.teacher_labels(store, again, "batch", bias.tolist())
    np.testing.assert_allclose(
        plane.frame["confidence"].to_numpy()[17],
        wanted.confidence[wanted.row.tolist().index(17)], atol=1e-4,
    )  # fmt: skip


def test_of_a_split_class_its_texts_are_asked(store, project):
    store.classes.split(project.id, "roads", [Label(name="holes", description="pothole"),
                                              Label(name="ice", description="snow")])  # fmt: skip
    store.decisions.decide(project.id, [0], "label", "holes")
    waiting = curation.split_texts(store, store.projects.get("p"))[0].rows.tolist()
    _, teacher = relabelled(store, project, "roads")
    assert {TEXTS.index(text) for text in teacher.texts} == set(waiting) - {0}
    after, _ = labels(store)
    assert after[:8].tolist() == ["holes"] * 8 and after[8:16].tolist() == ["water"] * 8
    assert curation.split_texts(store, store.projects.get("p")) == []


def test_a_pass_stopped_and_gone_on_with_ends_alike(store, project):
    project = add(store, project)

    class Breaks(Words):
        def score(self, texts):
            for place, batch in enumerate(super().score(texts[:1])):
                yield batch
                if place == 0:
                    raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        relabelled(store, project, "weather", Breaks(project.label_set, "local"))
    before = curation.active_labeling_run(store, store.projects.get("p"))
    assert before.label_set.names == ["roads", "water"], "half an answer changes no label"
    relabelled(store, project, "weather")
    assert labels(store)[0][16:].tolist() == ["weather"] * 4


def test_what_cannot_be_is_said(store, project):
    with pytest.raises(UserError, match="no class 'trees'"):
        relabelled(store, project, "trees")
    keyed = [one.model_copy(update={"key": one.identity}) for one in project.label_set.labels]
    store.classes.edit(project.id, [*keyed, Label(name="zebras")])
    store.decisions.decide(project.id, list(range(len(TEXTS))), "exclude")
    with pytest.raises(UserError, match="No text looks as if it could be of 'zebras'"):
        relabelled(store, project, "zebras")


def test_what_was_exported_before_is_made_again(store, project, tmp_path):
    workflows.export(store, project, tmp_path / "out", formats=["jsonl"], student=False)
    relabelled(store, add(store, project), "weather")
    result = workflows.rebuild(store, tmp_path / "out" / "manifest.json")
    assert all(result["files"].values())


def test_texts_that_are_added_later_are_asked_about_alone(store, project):
    project = add(store, project)
    relabelled(store, project, "weather")
    before, _ = labels(store)
    new = pd.DataFrame(
        {"id": ["u0", "u1"], "text": ["a leak there", "snow again"], "gold": [None] * 2,
         "split": ["pool"] * 2}
    )  # fmt: skip
    store.projects.append(store.projects.get("p"), new, source="more", report={})
    now = store.projects.get("p")
    config = TeacherConfig(teacher="local:somewhere")
    assert sorted(relabeling.unlabelled_rows(store, now, config)) == [20, 21]
    assert len(relabeling.unlabelled_rows(store, now, TeacherConfig())) == 0, "another teacher"
    teacher = Words(now.label_set, "local")
    result = relabeling.label_rest(
        store, now, config, SilentProgress(), teacher=teacher, calibration="none"
    )
    assert sorted(teacher.texts) == ["a leak there", "snow again"] and result["asked"] == 2
    after, _ = labels(store)
    assert (after[:20] == before).all() and after[20:].tolist() == ["water", "weather"]
    assert len(relabeling.unlabelled_rows(store, store.projects.get("p"), config)) == 0
