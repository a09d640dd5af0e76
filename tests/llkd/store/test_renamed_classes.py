"""Whatever a class is called, what people said of it stays with it."""

import json

import numpy as np
import pytest

from llkd import curation, workflows
from llkd.cli import main
from llkd.config import Label, LabelSet, TeacherConfig, edited, todays
from llkd.config.selection_rule import SavedRule, TrainedOnRule, rule_of_choices
from llkd.errors import ConfigError, UserError
from llkd.evaluation.comparison import rivals
from llkd.labeling.run_identity import run_fingerprint
from llkd.store import ClassInUse, Store
from llkd.teachers.imported.columns import imported_teacher
from llkd.workflows.labeling import teacher_document

RENAMES = {
    "one": {"waste": "refuse"},
    "exchanged": {"waste": "roads", "roads": "waste"},
    "in a ring": {"roads": "waste", "waste": "Lärm", "Lärm": "roads"},
    "only the capitals": {"waste": "Waste"},
    "composed otherwise": {"Lärm": "La\u0308rm"},
}


@pytest.fixture
def store(old_home):
    opened = Store(old_home)
    yield opened
    opened.close()


def desk(store):
    return store.projects.get("desk")


def told(store, old_home):
    return json.loads((old_home.parent / "expected.json").read_text(encoding="utf-8"))["desk"]


def by_name(plane, column):
    values = plane.frame[column]
    return {name: int((values == k).sum()) for k, name in enumerate(plane.names)}


def figures(store):
    """Everything that is shown of the project and its run, under the names of today."""
    project = desk(store)
    plane = curation.load_plane(store, project)
    run = store.runs.all(project.id)[0]
    ran = curation.load_plane(store, project, run=run)
    columns = ("teacher_label", "human_label", "gold", "label", "student_label")
    teacher = teacher_document(store, project, plane.labeling_run)
    evaluated = workflows.evaluate(store, project, run)["runs"][0]
    return {
        **{column: by_name(plane, column) for column in columns},
        "student of the run": by_name(ran, "student_label"),
        "teacher": {key: teacher[key] for key in ("accuracy", "macro_f1", "per_class")},
        "run": [
            (line["class"], line["f1"], line["support"])
            for line in evaluated["report"]["per_class"]
        ],
        "selections": {
            one.name: workflows.select(store, project, rule=rule_of_choices(selection=one.name))[
                "per_class"
            ]
            for one in store.selections.all(project.id)
        },
        "trained on": workflows.select(store, project, rule=rule_of_choices(run=run.id))[
            "per_class"
        ],
        "decisions": store.decisions.current(project.id)["human_label"].value_counts().to_dict(),
        "excluded": int(plane.frame["excluded"].sum()),
    }


def under(figures, names):
    """The same figures with other names."""
    if isinstance(figures, dict):
        return {names.get(key, key): under(value, names) for key, value in figures.items()}
    if isinstance(figures, list):
        return [(names.get(first, first), *rest) for first, *rest in figures]
    return figures


@pytest.mark.parametrize("kind", RENAMES)
def test_everything_follows_a_renamed_class_and_comes_back(store, kind):
    names = RENAMES[kind]
    before = figures(store)
    assert sum(before["human_label"].values()) == 40
    store.classes.rename(desk(store).id, names)
    assert desk(store).label_set.names == [names.get(n, n) for n in ("roads", "waste", "Lärm")]
    assert figures(store) == under(before, names)
    store.classes.rename(desk(store).id, {new: old for old, new in names.items()})
    assert figures(store) == before
    assert desk(store).label_set.keys == ["roads", "waste", "Lärm"]


def test_the_labels_and_the_accuracy_that_0_3_0_lost(store, old_home):
    """In 0.3.0 this kept 22 of the 40 labels, and the accuracy shown changed."""
    project = desk(store)
    names = ["roads", "refuse", "Lärm"]
    store.projects.set_label_set(project.id, LabelSet.of(names))
    labeling_run = store.labeling_runs.find_or_create(
        project.id,
        label_set=desk(store).label_set,
        config=TeacherConfig(teacher="file:labels.csv"),
        fingerprint="again",
        teacher={"kind": "file", "file": "labels.csv"},
        calibration="none",
    )
    old = store.labeling_runs.all(project.id)[-1]
    store.labeling_runs.append(labeling_run, store.labeling_runs.scores(old))
    store.projects.use_labelling(project.id, labeling_run.id)
    plane = curation.load_plane(store, desk(store))
    expected = told(store, old_home)
    assert plane.names == names
    assert list(by_name(plane, "human_label").values()) == list(expected["human_label"].values())
    assert list(by_name(plane, "gold").values()) == [30, 30, 30]
    document = teacher_document(store, desk(store), labeling_run)
    assert document["accuracy"] == expected["teacher"]["accuracy"]
    assert document["evaluated"] == expected["teacher"]["evaluated"]


def test_names_go_on_through_a_chain(store):
    project = desk(store)
    for old, new in (("waste", "refuse"), ("refuse", "rubbish heap"), ("rubbish heap", "trash")):
        store.classes.rename(project.id, {old: new})
    label = desk(store).label_set.labels[1]
    assert (label.name, label.identity) == ("trash", "waste")
    assert set(label.former) == {"waste", "refuse", "rubbish heap"}
    assert by_name(curation.load_plane(store, desk(store)), "human_label")["trash"] == 18
    # A new class with a name that was another's begins empty.
    store.classes.edit(project.id, [*(one for one in keyed(desk(store))), Label(name="waste")])
    plane = curation.load_plane(store, desk(store))
    assert by_name(plane, "human_label") == {"roads": 9, "trash": 18, "Lärm": 13, "waste": 0}
    store.decisions.decide(project.id, [int(plane.frame["row"].iloc[-1])], "label", "waste")
    plane = curation.load_plane(store, desk(store))
    assert by_name(plane, "human_label") == {"roads": 9, "trash": 18, "Lärm": 13, "waste": 1}
    assert by_name(plane, "gold")["waste"] == 0


def keyed(project):
    return [one.model_copy(update={"key": one.identity}) for one in project.label_set.labels]


@pytest.mark.parametrize("taken", ["roads", "ROADS", "\uff52oads", " roads "])
def test_two_classes_cannot_get_one_name(store, taken):
    before = desk(store).label_set
    with pytest.raises(ConfigError, match="Each class needs its own name"):
        store.classes.rename(desk(store).id, {"waste": taken})
    assert desk(store).label_set == before


def test_a_class_that_texts_carry_is_not_removed_in_silence(store):
    project = desk(store)
    wanted = [one for one in keyed(project) if one.name != "waste"]
    with pytest.raises(ClassInUse, match=r"'waste' \(18 labels and 40 gold labels\)"):
        store.classes.edit(project.id, wanted)
    with pytest.raises(ClassInUse):
        store.projects.set_label_set(project.id, LabelSet.of(["roads", "Lärm"]))
    assert desk(store).label_set == project.label_set
    store.classes.edit(project.id, wanted, dropping=True)
    assert desk(store).label_set.names == ["roads", "Lärm"]
    assert str(store.classes.orphans(project.id)["waste"]) == "18 labels and 40 gold labels"
    # It can come back, under its own name or another: what is stored is there.
    store.classes.edit(project.id, [*keyed(desk(store)), Label(name="waste")])
    assert store.classes.orphans(project.id) == {}
    plane = curation.load_plane(store, desk(store))
    assert by_name(plane, "human_label")["waste"] == 18


def test_the_order_of_the_classes_says_nothing_of_labels(store):
    before = figures(store)
    store.projects.set_label_set(desk(store).id, LabelSet.of(["Lärm", "waste", "roads"]))
    assert desk(store).label_set.names == ["Lärm", "waste", "roads"]
    assert figures(store) == before


def test_labels_that_0_3_0_left_without_a_class_are_named_and_can_be_used(store):
    project = store.projects.get("shop")
    assert {k: str(c) for k, c in store.classes.orphans(project.id).items()} == {
        "waste": "4 labels and 10 gold labels"
    }
    store.classes.adopt(project.id, "waste", "refuse")
    assert store.classes.orphans(project.id) == {}
    plane = curation.load_plane(store, store.projects.get("shop"))
    assert sum(by_name(plane, "human_label").values()) == 12
    assert by_name(plane, "human_label")["refuse"] == 4
    assert by_name(plane, "gold") == {"roads": 7, "Lärm": 7, "refuse": 8}
    with pytest.raises(UserError, match="without a class"):
        store.classes.adopt(project.id, "roads", "refuse")


@pytest.mark.parametrize("kind", RENAMES)
@pytest.mark.parametrize("export", ["by-class", "run"])
def test_an_old_manifest_is_made_again_hash_for_hash(store, old_home, tmp_path, kind, export):
    folder = old_home.parent / "exports" / export
    store.classes.rename(desk(store).id, RENAMES[kind])
    store.classes.edit(desk(store).id, [*keyed(desk(store)), Label(name="parks")])
    store.decisions.decide(desk(store).id, [70, 71], "label", "parks")
    result = workflows.rebuild(store, folder / "manifest.json", tmp_path / "again")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert result["rows_sha256"] == manifest["rows_sha256"]
    assert all(result["files"].values())
    for name in result["files"]:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
    old, new = next(iter(RENAMES[kind].items()))
    assert any(f"{old!r} is called {new!r} today" in note for note in result["notes"])


def test_new_exports_have_the_new_names_and_are_made_again_after_the_next(store, tmp_path):
    project = desk(store)
    store.classes.rename(project.id, {"waste": "refuse"})
    store.classes.edit(project.id, [*keyed(desk(store)), Label(name="parks")])
    store.decisions.decide(project.id, [70, 71], "label", "parks")
    columns = ("teacher", "probabilities", "student", "people", "weights", "gold")
    for name, rule in (("a", SavedRule(name="by class")), ("b", TrainedOnRule(run=1))):
        out = tmp_path / name
        workflows.export(
            store, desk(store), out, rule, formats=["csv", "jsonl"], columns=columns, student=False
        )
        rows = [json.loads(line) for line in (out / "curated.jsonl").read_text().splitlines()]
        assert {row["label"] for row in rows} <= {"roads", "refuse", "Lärm", "parks"}
        assert "refuse" in {row["label"] for row in rows}
        assert "prob_refuse" in (out / "curated.csv").read_text().splitlines()[0]
        manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        assert [one["name"] for one in manifest["classes"]] == ["roads", "refuse", "Lärm", "parks"]
        assert "waste" not in {row.get("gold") for row in rows}
    store.classes.rename(project.id, {"refuse": "parks", "parks": "refuse"})
    store.classes.edit(project.id, [*keyed(desk(store)), Label(name="trees")])
    for name in ("a", "b"):
        result = workflows.rebuild(store, tmp_path / name / "manifest.json")
        assert all(result["files"].values())


def test_a_click_on_an_old_page_means_the_class_that_it_showed(store):
    project = desk(store)
    key = curation.load_plane(store, project).keys[1]
    store.classes.rename(project.id, {"waste": "roads", "roads": "waste"})
    store.decisions.decide(project.id, [80], "label", key=key)
    assert store.decisions.current(project.id).loc[80, "human_label"] == "roads"
    with pytest.raises(UserError, match="There is no class 'trees'"):
        store.decisions.decide(project.id, [80], "label", "trees")


def test_no_text_is_asked_about_twice_for_a_new_name(store):
    """The words in the prompt stay, so the pass and the answers kept are found again."""
    project = desk(store)
    paid = next(
        one for one in store.labeling_runs.all(project.id) if one.config.teacher[:4] == "api:"
    )
    edit = store.classes.rename(project.id, {"Lärm": "noise", "waste": "refuse"})
    assert edit.words_kept == ("noise",)  # waste was asked about as rubbish, and still is
    now = desk(store).label_set
    assert now.verbalisers == ["roads", "rubbish", "Lärm"]
    assert now.prompt_document() == paid.label_set.prompt_document()
    assert run_fingerprint(paid.teacher, now) == paid.fingerprint
    assert store.labeling_runs.get(paid.id).classes.names == ["roads", "refuse", "noise"]


def test_a_file_of_labels_may_say_the_old_name_or_the_new(store, old_home, tmp_path):
    store.classes.rename(desk(store).id, {"waste": "refuse", "Lärm": "noise"})
    file = tmp_path / "by_name.csv"
    file.write_text("text,label\nfirst,waste\nsecond,refuse\nthird,NOISE\nfourth,Lärm\nfifth,x\n")
    teacher = imported_teacher(
        TeacherConfig(teacher=f"file:{file}"), desk(store).label_set, old_home
    )
    batches = list(teacher.score(["first", "second", "third", "fourth", "fifth"]))
    label = np.full(5, -9)
    for batch in batches:
        label[batch.index] = batch.answer
    assert label.tolist() == [1, 1, 2, 2, -1]
    # One column of probabilities a class, too: the file of before still serves.
    teacher = imported_teacher(
        TeacherConfig(teacher=f"file:{old_home.parent / 'labels.csv'}"),
        desk(store).label_set,
        old_home,
    )
    text = str(store.projects.texts(desk(store).id, ["text"])["text"].iloc[0])
    assert np.isfinite(next(iter(teacher.score([text]))).scores).all()


def test_a_name_does_not_change_hands_while_a_job_is_at_work(store):
    project = desk(store)
    job = store.jobs.create("label", "Label desk", None, project.id, "auto")
    with pytest.raises(UserError, match=f"while job {job.id} is at work"):
        store.classes.rename(project.id, {"waste": "roads", "roads": "waste"})
    store.classes.rename(project.id, {"waste": "refuse"})  # means one thing before and after


def test_two_runs_before_and_after_a_renaming_are_of_the_same_labels(store):
    run = store.runs.get(1)
    store.classes.rename(desk(store).id, {"waste": "refuse"})
    after = store.runs.get(1)
    assert after.class_names == ["roads", "refuse", "Lärm"]
    assert rivals.label_provenance(run) == rivals.label_provenance(after)


class TestWhoIsWho:
    def test_a_removed_class_keeps_its_name_apart(self):
        before = LabelSet.of(["a", "b", "c"])
        gone = edited(before, [Label(name="a"), Label(name="b")]).label_set
        both = edited(gone, [Label(name="a", key="a"), Label(name="c", key="b")]).label_set
        assert both.names == ["a", "c"] and both.keys == ["a", "b"]
        shown = todays(before, both, added=True)
        assert shown.names == ["a", "c", "c (removed)"] and shown.keys == ["a", "b", "c"]

    def test_keys_are_never_given_twice(self):
        first = edited(LabelSet.of(["a", "b"]), [Label(name="x", key="a"), Label(name="b")])
        second = edited(first.label_set, [*first.label_set.labels, Label(name="a")]).label_set
        assert second.names == ["x", "b", "a"] and len(set(second.keys)) == 3
        assert second.keys[0] == "a"

    def test_a_set_that_was_never_renamed_is_stored_as_before(self):
        values = LabelSet.of(["a", "b"]).model_dump(mode="json")
        assert values == {
            "labels": [{"name": n, "description": "", "verbaliser": ""} for n in "ab"]
        }


class TestOnTheCommandLine:
    def run(self, capsys, *typed):
        code = main([*typed, "--json"])
        return code, json.loads(capsys.readouterr().out)

    def test_rename_and_list(self, old_home, capsys):
        code, found = self.run(capsys, "classes", "desk", "--rename", "waste", "refuse")
        assert code == 0 and found["renamed"] == [["waste", "refuse"]]
        assert [(one["name"], one["labels"], one["gold"]) for one in found["classes"]] == [
            ("roads", 9, 40),
            ("refuse", 18, 40),
            ("Lärm", 13, 40),
        ]
        assert main(["classes", "desk"]) == 0
        assert "refuse" in capsys.readouterr().out

    def test_swapped_in_one_command(self, old_home, capsys):
        typed = ("--rename", "waste", "roads", "--rename", "roads", "waste")
        code, found = self.run(capsys, "classes", "desk", *typed)
        assert code == 0
        assert {one["name"]: one["labels"] for one in found["classes"]} == {
            "waste": 9, "roads": 18, "Lärm": 13,
        }  # fmt: skip

    def test_removing_asks(self, old_home, capsys):
        code, found = self.run(capsys, "classes", "desk", "--remove", "waste")
        assert code == 2 and "'waste' (18 labels and 40 gold labels)" in found["error"]
        code, found = self.run(capsys, "classes", "desk", "--remove", "waste", "--drop-labels")
        assert code == 0 and found["without_class"] == {"waste": {"labels": 18, "gold": 40}}
        code, found = self.run(capsys, "classes", "desk", "--use-labels", "waste", "Lärm")
        assert code == 0 and {one["name"]: one["labels"] for one in found["classes"]} == {
            "roads": 9, "Lärm": 31,
        }  # fmt: skip

    def test_labels_of_another_name_do_not_replace_classes_that_carry_some(self, old_home, capsys):
        file = f"file:{old_home.parent / 'labels.csv'}"
        typed = ("label", "desk", "--teacher", file, "--no-probe")
        code, found = self.run(capsys, *typed, "--labels", "roads,refuse,Lärm")
        assert code == 2 and "Rename the class" in found["error"]
        self.run(capsys, "classes", "desk", "--rename", "waste", "refuse")
        # The old name in an old script means the same class.
        code, found = self.run(capsys, *typed, "--labels", "roads,waste,Lärm")
        assert code == 0 and list(found["per_class"]) == ["roads", "refuse", "Lärm"]
        store = Store(old_home)
        assert store.projects.get("desk").label_set.labels[0].description.startswith("Streets")
        assert store.projects.get("desk").label_set.names == ["roads", "refuse", "Lärm"]

    def test_thresholds_by_name(self, old_home, capsys):
        self.run(
            capsys, "classes", "desk", "--rename", "waste", "roads", "--rename", "roads", "waste"
        )
        flags = ("--teacher-threshold", "roads=0.99", "--teacher-threshold", "waste=0")
        code, found = self.run(capsys, "select", "desk", *flags, "--teacher-threshold", "Lärm=0")
        assert code == 0 and found["rule"]["teacher_threshold"]["waste"] == 0.99
        assert found["per_class"]["roads"] < found["per_class"]["waste"]
