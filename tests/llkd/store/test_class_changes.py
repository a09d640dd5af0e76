"""Classes merged, split and put back: nothing that people said is lost, whatever is done."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from llkd import curation, workflows
from llkd.config import Label, LabelSet, TeacherConfig
from llkd.config.class_changes import merged, split_up
from llkd.config.selection_rule import SavedRule, read_rule
from llkd.errors import ConfigError, UserError
from llkd.jobs.progress import SilentProgress
from llkd.packing.duplicates import duplicate
from llkd.store import ClassInUse, Scores, Store
from llkd.workflows.labeling import teacher_document
from tests.support.seeded_projects import living_job, seeded_project
from tests.support.seeded_runs import add_run


@pytest.fixture
def store(old_home):
    opened = Store(old_home)
    yield opened
    opened.close()


def desk(store):
    return store.projects.get("desk")


def by_name(plane, column):
    values = plane.frame[column]
    return {name: int((values == k).sum()) for k, name in enumerate(plane.names)}


def human(store, name="desk"):
    return by_name(curation.load_plane(store, store.projects.get(name)), "human_label")


def shown(store, name="desk"):
    """What a plane shows of the project, with the decisions behind it."""
    project = store.projects.get(name)
    plane = curation.load_plane(store, project)
    return (
        plane.names,
        plane.frame.to_csv(),
        np.round(plane.probabilities, 12).tobytes(),
        store.decisions.current(project.id).to_csv(),
        {key: str(count) for key, count in store.classes.carried(project.id).items()},
    )


def test_a_renaming_keeps_57_labels_and_the_accuracy_that_they_say(home):
    """0.3.0 kept 31 of 57 labels, and showed 61 % where 44 % were right."""
    store = Store(home)
    truth = np.array([0] * 31 + [1] * 26)
    said = np.where(np.arange(57) < 19, 0, 1)  # right on 19 of 31, and on 6 of 26
    said[31:] = np.where(np.arange(26) < 6, 1, 0)
    texts = pd.DataFrame(
        {
            "id": [f"t{k}" for k in range(57)],
            "text": [f"text {k}" for k in range(57)],
            "gold": [None] * 57,
            "split": ["pool"] * 57,
        }
    )
    classes = LabelSet.of(["roads", "waste"])
    project = store.projects.create("p", texts, source="s", report={}, label_set=classes)
    labeling_run = store.labeling_runs.find_or_create(
        project.id, label_set=classes, config=TeacherConfig(), fingerprint="f",
        teacher={"kind": "embedded"}, calibration="none",
    )  # fmt: skip
    scores = np.log(np.where(np.arange(2) == said[:, None], 0.9, 0.1))
    sources, raw = np.array(["logprob"] * 57, object), np.array([None] * 57, object)
    store.labeling_runs.append(
        labeling_run, Scores(np.arange(57), scores, np.full(57, -1), sources, raw)
    )
    store.projects.use_labelling(project.id, labeling_run.id)
    for k, name in enumerate(classes.names):
        store.decisions.decide(project.id, np.flatnonzero(truth == k).tolist(), "label", name)

    def figures():
        now = store.projects.get("p")
        document = teacher_document(store, now, store.labeling_runs.get(labeling_run.id))
        return document["evaluated"], round(100 * document["accuracy"])

    assert figures() == (57, 44)
    store.classes.rename(project.id, {"waste": "refuse"})
    assert figures() == (57, 44)
    store.classes.undo(project.id)
    assert figures() == (57, 44)


def test_a_merge_taken_back_says_nothing_of_passes_that_told_its_parts_apart(store):
    project = desk(store)
    store.classes.merge(project.id, ["roads", "waste"], "outside")
    lines = curation.preview_undo(store, desk(store)).lines()
    assert any("is split into" in line for line in lines)
    assert not [line for line in lines if "not asked" in line]
    store.classes.undo(project.id)
    store.classes.split(project.id, "roads", [Label(name="kerbs"), Label(name="bridges")])
    store.classes.merge(project.id, ["kerbs", "bridges"], "streets")
    # Nobody was asked about these parts.
    assert [x for x in curation.preview_undo(store, desk(store)).lines() if "not asked" in x]


class TestMerge:
    def test_everything_of_both_is_of_the_merged_one(self, store):
        project = desk(store)
        before = curation.load_plane(store, project)
        rules = {"teacher_threshold": {"roads": 0.2, "waste": 0.6}, "calibration": "none"}
        store.selections.save(project.id, "of both", read_rule(rules), {})
        store.classes.merge(project.id, ["roads", "waste"], "outside", who="ann")
        now = desk(store).label_set
        assert now.names == ["outside", "Lärm"] and now.keys == ["outside", "Lärm"]
        plane = curation.load_plane(store, desk(store))
        assert by_name(plane, "human_label") == {"outside": 27, "Lärm": 13}
        assert (
            by_name(plane, "gold")["outside"]
            == by_name(before, "gold")["roads"] + (by_name(before, "gold")["waste"])
        )
        np.testing.assert_allclose(
            plane.probabilities[:, 0], before.probabilities[:, :2].sum(axis=1)
        )
        confident = plane.frame["confidence"].to_numpy()
        assert (confident >= before.frame["confidence"].to_numpy() - 1e-12).all()
        kept = curation.apply_rule(store, desk(store), SavedRule(name="of both"))
        assert kept.rule.teacher_threshold == {"outside": 0.6}, "the stricter of the two"

    def test_into_one_of_them_it_is_that_class_and_means_what_both_meant(self, store):
        project = desk(store)
        store.classes.merge(project.id, ["waste", "roads"], "roads")
        label = desk(store).label_set.find("roads")
        assert label.identity == "roads" and label.also == ("waste",)
        assert label.description == "rubbish; Streets, bridges and traffic"
        assert human(store) == {"roads": 27, "Lärm": 13}
        assert desk(store).label_set.find("waste") == label, "files of before say the old name"
        assert store.classes.orphans(project.id) == {}
        # A new class of the old name begins empty.
        keyed = [
            one.model_copy(update={"key": one.identity}) for one in desk(store).label_set.labels
        ]
        store.classes.edit(project.id, [*keyed, Label(name="waste")])
        assert human(store) == {"roads": 27, "Lärm": 13, "waste": 0}

    def test_an_edit_that_was_begun_before_it_makes_no_class_of_the_old_name(self, store):
        project = desk(store)
        keyed = [one.model_copy(update={"key": one.identity}) for one in project.label_set.labels]
        store.classes.merge(project.id, ["roads", "waste"], "roads")
        with pytest.raises(ConfigError, match="'waste' was merged meanwhile"):
            store.classes.edit(project.id, keyed)
        assert desk(store).label_set.names == ["roads", "Lärm"]

    def test_a_click_on_an_old_page_is_of_the_merged_class(self, store):
        project = desk(store)
        store.classes.merge(project.id, ["roads", "waste"], "outside")
        store.decisions.decide(project.id, [80], "label", key="waste")
        assert store.decisions.current(project.id).loc[80, "human_label"] == "outside"

    @pytest.mark.parametrize(
        ("names", "into", "why"),
        [
            (["waste"], "x", "at least two"),
            (["waste", "waste"], "x", "at least two"),
            (["waste", "trees"], "x", "no class 'trees'"),
            (["waste", "roads"], "Lärm", "needs its own name"),
            (["waste", "roads"], "  ", "needs a name"),
            (["waste", "roads", "Lärm"], "x", "at least two classes"),
        ],
    )
    def test_what_is_no_merge_changes_nothing(self, store, names, into, why):
        before = desk(store).label_set
        with pytest.raises(ConfigError, match=why):
            store.classes.merge(desk(store).id, names, into)
        assert desk(store).label_set == before

    def test_not_while_a_job_is_at_work(self, home):
        store, project = seeded_project(home)
        with living_job(store, project), pytest.raises(UserError, match="is at work"):
            store.classes.merge(project.id, ["roads", "waste"], "outside")

    @pytest.mark.parametrize("export", ["by-class", "run"])
    @pytest.mark.parametrize("change", ["merge", "merge into", "split"])
    def test_old_manifests_are_made_again_hash_for_hash(self, store, old_home, change, export):
        manifest = old_home.parent / "exports" / export / "manifest.json"
        wanted = json.loads(manifest.read_text(encoding="utf-8"))["rows_sha256"]
        if change == "split":
            parts = [Label(name="bins"), Label(name="litter")]
            store.classes.split(desk(store).id, "waste", parts)
        else:
            into = "roads" if change == "merge into" else "outside"
            store.classes.merge(desk(store).id, ["roads", "waste"], into)
        result = workflows.rebuild(store, manifest)
        assert result["rows_sha256"] == wanted and all(result["files"].values())
        assert any("'waste'" in note for note in result["notes"])

    @pytest.mark.parametrize("change", ["merge", "split"])
    def test_manifests_of_after_are_made_again_after_the_undo(self, store, tmp_path, change):
        project = desk(store)
        if change == "merge":
            store.classes.merge(project.id, ["roads", "waste"], "outside")
        else:
            store.classes.split(project.id, "waste", [Label(name="bins"), Label(name="litter")])
        columns = ("teacher", "probabilities", "people", "gold")
        options = {"formats": ["jsonl"], "columns": columns, "student": False}
        workflows.export(store, desk(store), tmp_path / "out", curation_everything(), **options)
        store.classes.undo(project.id)
        result = workflows.rebuild(store, tmp_path / "out" / "manifest.json")
        assert all(result["files"].values())

    def test_a_run_of_before_keeps_its_classes_and_is_summed_on_the_plane(self, home):
        store, project = seeded_project(home)
        run = add_run(store, project)
        before = workflows.evaluate(store, project, run)["runs"][0]["report"]
        ran = curation.load_plane(store, project, run=run)
        store.classes.merge(project.id, ["roads", "waste"], "outside")
        project, run = store.projects.get("city"), store.runs.get(run.id)
        assert run.class_names == ["roads", "waste", "water"]
        assert workflows.evaluate(store, project, run)["runs"][0]["report"] == before
        plane = curation.load_plane(store, project, run=run)
        assert plane.names == ["outside", "water"]
        np.testing.assert_allclose(
            plane.student_probabilities[:, 0], ran.student_probabilities[:, :2].sum(axis=1)
        )


def curation_everything():
    return read_rule({"teacher_threshold": 0.0, "student_threshold": 0.0})


class TestSplit:
    PARTS = (Label(name="bins"), Label(name="litter"))

    def test_what_was_said_waits_and_counts_for_no_part(self, store):
        project = desk(store)
        before = curation.load_plane(store, project)
        asked = before.frame["teacher_label"].to_numpy() == 1
        store.classes.split(project.id, "waste", self.PARTS)
        assert desk(store).label_set.names == ["roads", "bins", "litter", "Lärm"]
        plane = curation.load_plane(store, desk(store))
        assert by_name(plane, "human_label") == {"roads": 9, "Lärm": 13, "bins": 0, "litter": 0}
        assert by_name(plane, "gold")["bins"] == by_name(plane, "gold")["litter"] == 0
        label = plane.frame["teacher_label"].to_numpy()
        assert (label[asked] == -1).all() and (label[~asked] >= 0).all()
        names = np.array([*plane.names, None], dtype=object)
        was = np.array([*before.names, None], dtype=object)
        assert (names[label[~asked]] == was[before.frame["teacher_label"].to_numpy()[~asked]]).all()
        np.testing.assert_allclose(plane.probabilities[~asked].sum(axis=1), 1.0)
        assert store.classes.orphans(project.id) == {}

    def test_its_texts_are_a_list_that_grows_shorter(self, store):
        project = desk(store)
        given = store.decisions.current(project.id)
        given = given.index[given["human_label"] == "waste"].tolist()
        store.classes.split(project.id, "waste", self.PARTS)
        (waiting,) = curation.split_texts(store, desk(store))
        assert waiting.parts == ("bins", "litter")
        assert sorted(waiting.rows[: waiting.people].tolist()) == sorted(
            row for row in given if row in waiting.rows
        )
        assert len(waiting.rows) == waiting.people + waiting.gold + waiting.teacher
        said = curation.said_before(store, desk(store), waiting.rows[:5])
        assert said and all(words.startswith("waste (") for words in said.values())
        first = int(waiting.rows[0])
        store.decisions.decide(project.id, [first], "label", "litter")
        (after,) = curation.split_texts(store, desk(store))
        assert first not in after.rows and len(after.rows) == len(waiting.rows) - 1
        assert human(store)["litter"] == 1

    def test_a_part_may_have_the_name_and_begins_empty(self, store):
        store.classes.split(desk(store).id, "waste", [Label(name="waste"), Label(name="litter")])
        assert human(store) == {"roads": 9, "Lärm": 13, "waste": 0, "litter": 0}
        store.decisions.decide(desk(store).id, [70], "label", "waste")
        assert human(store)["waste"] == 1

    def test_merging_all_parts_again_brings_back_what_was_said(self, store):
        before = human(store)
        store.classes.split(desk(store).id, "waste", self.PARTS)
        store.decisions.decide(desk(store).id, [70], "label", "litter")
        store.classes.merge(desk(store).id, ["bins", "litter"], "waste")
        now = human(store)
        assert now == {**before, "waste": now["waste"]} and now["waste"] >= before["waste"]
        assert curation.split_texts(store, desk(store)) == []

    def test_a_run_of_before_shows_no_answer_where_it_said_the_split_class(self, home):
        store, project = seeded_project(home)
        run = add_run(store, project)
        ran = curation.load_plane(store, project, run=run).frame["student_label"].to_numpy()
        store.classes.split(project.id, "waste", self.PARTS)
        plane = curation.load_plane(store, store.projects.get("city"), run=store.runs.get(run.id))
        assert set(plane.names) == {"roads", "bins", "litter", "water"}
        assert ((plane.frame["student_label"].to_numpy() == -1) == (ran == 1)).all()


class TestUndo:
    def test_of_each_change_gives_the_same_plane_gold_and_decisions(self, store):
        project = desk(store)
        changes = [
            lambda: store.classes.rename(project.id, {"waste": "roads", "roads": "waste"}),
            lambda: store.classes.merge(project.id, ["waste", "Lärm"], "noise"),
            lambda: store.classes.undo(project.id),
            lambda: store.classes.merge(project.id, ["roads", "waste"], "waste"),
            lambda: store.classes.split(project.id, "waste", TestSplit.PARTS),
        ]
        before = shown(store)
        for change in changes:
            change()
        for _ in range(3):
            store.classes.undo(project.id)
        assert shown(store) == before
        with pytest.raises(UserError, match="left to undo"):
            store.classes.undo(project.id)

    def test_labels_given_since_are_kept(self, store):
        project = desk(store)
        store.classes.merge(project.id, ["roads", "waste"], "roads")
        store.decisions.decide(project.id, [70, 71], "label", "roads")
        store.classes.undo(project.id)
        assert human(store)["waste"] == 18 and human(store)["roads"] >= 9 + 1

        store.classes.split(project.id, "waste", TestSplit.PARTS)
        store.decisions.decide(project.id, [72], "label", "litter")
        store.classes.undo(project.id)
        assert store.decisions.current(project.id).loc[72, "human_label"] == "waste"

        store.classes.merge(project.id, ["roads", "waste"], "outside")
        store.decisions.decide(project.id, [73], "label", "outside")
        store.classes.undo(project.id)
        (waiting,) = curation.split_texts(store, desk(store))
        assert waiting.label.name == "outside" and waiting.rows.tolist() == [73]
        assert waiting.parts == ("roads", "waste")

    def test_of_an_added_class_that_people_gave_since_asks(self, store):
        project = desk(store)
        keyed = [one.model_copy(update={"key": one.identity}) for one in project.label_set.labels]
        store.classes.edit(project.id, [*keyed, Label(name="parks")])
        store.decisions.decide(project.id, [70], "label", "parks")
        with pytest.raises(ClassInUse, match=r"'parks' \(1 label\)"):
            store.classes.undo(project.id)
        store.classes.undo(project.id, dropping=True)
        assert str(store.classes.orphans(project.id)["parks"]) == "1 label"

    def test_a_removed_class_comes_back_with_its_labels(self, store):
        project = desk(store)
        keyed = [one.model_copy(update={"key": one.identity}) for one in project.label_set.labels]
        before = shown(store)
        store.classes.edit(project.id, [keyed[0], keyed[2]], dropping=True)
        store.classes.undo(project.id)
        assert shown(store) == before

    def test_changes_of_earlier_versions_cannot_be_undone(self, home):
        store, project = seeded_project(home)
        detail = {"renamed": [["x", "roads"]], "removed": [], "added": [], "classes": []}
        store.events.record(project.id, "classes", detail)
        with pytest.raises(UserError, match=r"a version before 0\.7\.0"):
            store.classes.undo(project.id)

    def test_the_history_says_who_did_what(self, store):
        project = desk(store)
        store.classes.rename(project.id, {"waste": "refuse"}, who="ann")
        store.classes.merge(project.id, ["roads", "refuse"], "outside", who="bo")
        store.classes.undo(project.id, who="eve")
        told = [(one.who, one.sentence, one.undone) for one in store.classes.history(project.id)]
        assert told[-3:] == [
            ("ann", "'waste' renamed 'refuse'", False),
            ("bo", "'roads' and 'refuse' merged into 'outside'", True),
            ("eve", "Undone: 'roads' added; 'refuse' added; 'outside' removed", False),
        ]


class TestPreview:
    def test_it_says_what_happens_and_changes_nothing(self, store):
        project, before = desk(store), shown(store)
        merge = curation.preview_classes(
            store, project, lambda now: merged(now, ["roads", "waste"], "outside")
        )
        assert merge.labels == (40, 40) and merge.gold[0] == merge.gold[1]
        lines = " ".join(merge.lines())
        assert "'roads' and 'waste' become one class, 'outside', with 27 labels" in lines
        assert merge.labeling_runs == len(store.labeling_runs.all(project.id))
        assert merge.runs == 1 and "1 training run keeps the classes that it learnt" in lines
        split = curation.preview_classes(
            store, project, lambda now: split_up(now, "waste", TestSplit.PARTS)
        )
        assert split.labels == (40, 22)
        store.classes.split(project.id, "waste", TestSplit.PARTS)
        (waiting,) = curation.split_texts(store, desk(store))
        assert split.waiting == len(waiting.rows)
        undo = curation.preview_undo(store, desk(store))
        assert undo.labels == (22, 40) and undo.undoes.kind == "split"
        store.classes.undo(project.id)
        assert shown(store) == before


KILLED = """
import sys, time
from llkd.store import Store
from llkd.config import Label
store = Store(sys.argv[1])
project = store.projects.get("city")
print("ready", flush=True)
for turn in range(1000):
    store.classes.merge(project.id, ["roads", "waste"], "outside")
    store.classes.split(project.id, "outside", [Label(name="roads"), Label(name="waste")])
    store.classes.undo(project.id)
    store.classes.undo(project.id)
"""


def test_killed_at_any_moment_a_change_and_its_note_are_both_there_or_neither(home):
    store, project = seeded_project(home)
    store.decisions.decide(project.id, list(range(20, 40)), "label", "waste")
    rng = np.random.default_rng(1)
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(home)], stdout=subprocess.PIPE, env=os.environ
        )
        assert process.stdout.readline() == b"ready\n"
        before = len(store.classes.history(project.id))
        while len(store.classes.history(project.id)) == before:
            time.sleep(0.002)
        time.sleep(float(rng.uniform(0.01, 0.15)))
        process.kill()
        process.wait()
        process.stdout.close()
        history = store.classes.history(project.id)
        now = store.projects.get("city").label_set
        last = history[-1]
        assert last.after == now, "the classes are those of the last note"
        while store.projects.get("city").label_set.names != ["roads", "waste", "water"] or (
            store.projects.get("city").label_set.keys != ["roads", "waste", "water"]
        ):
            store.classes.undo(project.id)
        assert human(store, "city") == {"roads": 0, "waste": 20, "water": 0}


def test_a_copy_of_the_project_has_the_history_and_can_go_back(home):
    store, project = seeded_project(home)
    store.decisions.decide(project.id, [20, 21], "label", "waste")
    store.classes.rename(project.id, {"water": "rivers"})  # so that numbers differ in the copy
    store.classes.merge(project.id, ["roads", "waste"], "outside")
    store.classes.undo(project.id)
    store.classes.split(project.id, "waste", TestSplit.PARTS)
    duplicate(store, store.projects.get("city"), "copy", SilentProgress())
    copy = store.projects.get("copy")
    told = [(one.sentence, one.undone) for one in store.classes.history(copy.id)]
    assert told == [(one.sentence, one.undone) for one in store.classes.history(project.id)]
    store.classes.undo(copy.id)
    assert human(store, "copy") == {"roads": 0, "waste": 2, "rivers": 0}
    store.classes.undo(copy.id)
    assert store.projects.get("copy").label_set.names == ["roads", "waste", "water"]
