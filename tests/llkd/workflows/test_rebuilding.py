"""An export is made again hash for hash; later work is no obstacle; what has changed is named."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from llkd import exporting, workflows
from llkd.cli import main
from llkd.config import LabelSet, TeacherConfig, TrainingConfig
from llkd.config.selection_rule import read_rule
from llkd.errors import InputsChanged, NotFound, UserError
from llkd.exporting import provenance
from llkd.store import Store
from llkd.store.derived.embeddings import save_embeddings
from llkd.store.files.probabilities import write_probabilities
from llkd.workflows.selection import times_selected
from tests.support.exported_projects import LABELLED, NAMES, N, answers, exported, made

ALL = [*exporting.FORMATS]


@pytest.fixture
def project(store):
    found = made(store)
    store.decisions.decide(found.id, [1, 2, 95], "label", "roads", who="ann")
    store.decisions.decide(found.id, [3], "exclude")
    return found


def a_run(store, project):
    labels = {"calibration": "batch", "classes": NAMES}
    settings = TrainingConfig(student="/home/ann/mini")
    run = store.runs.create(project.id, project.labelling_id, settings, labels)
    rows = np.arange(LABELLED)
    decisions = pd.DataFrame({"step": rows // 8, "row": rows, "selected": rows % 3 == 0})
    again = decisions[decisions["row"] < 30].assign(step=20)
    pd.concat([decisions, again]).to_parquet(run.folder / "decisions-000001.parquet")
    student = np.random.default_rng(5).dirichlet([1, 1], LABELLED)
    for epoch in (1, 2):
        path = run.folder / f"signals-epoch-{epoch:04d}.parquet"
        write_probabilities(path, rows, student if epoch == 2 else student[::-1])
    return store.runs.get(run.id)


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


class TestWhatAnExportHolds:
    def test_every_column_and_what_it_says(self, store, project, tmp_path):
        told = exported(
            store, project, tmp_path / "o", ["parquet", "csv"], validation=0.2,
            columns=tuple(exporting.GROUPS),
        )  # fmt: skip
        frame = pd.concat(pd.read_parquet(f) for f in sorted((tmp_path / "o").glob("*.parquet")))
        assert [one["name"] for one in told["columns"]] == list(frame.columns) == [
            "id", "text", "label", "labelled_by", "split", "teacher_label", "teacher_confidence",
            "confidence_source", "teacher_probabilities", "information_need", "student_label",
            "student_confidence", "human_label", "note", "flagged", "weight", "gold",
        ]  # fmt: skip
        assert all(one["meaning"] for one in told["columns"])
        frame = frame.set_index("id")
        assert len(frame) == LABELLED - 1 + 1 and "M3" not in frame.index
        by_person = frame.loc[["M1", "M2", "M95"]]
        assert (by_person["labelled_by"] == "person").all() and (by_person["weight"] == 1).all()
        assert by_person["human_label"].tolist() == ["roads"] * 3
        assert frame.loc["M95", ["teacher_label", "confidence_source"]].isna().all()
        assert frame.loc["M95", "teacher_probabilities"] is None
        by_teacher = frame[frame["labelled_by"] == "teacher"]
        need, sure = by_teacher["information_need"], by_teacher["teacher_confidence"]
        np.testing.assert_allclose(
            by_teacher["weight"], need * sure / (need * sure).mean(), atol=1e-4
        )
        assert by_teacher["weight"].mean() == pytest.approx(1.0, abs=1e-5)
        np.testing.assert_allclose(
            np.stack(by_teacher["teacher_probabilities"]).max(axis=1), sure, atol=1e-6
        )
        assert (by_teacher["confidence_source"] == "logprob").all()
        csv = pd.read_csv(tmp_path / "o" / "curated-train.csv")
        assert {"prob_roads", "prob_-waste"} <= set(csv.columns)
        assert frame.loc["M0", "gold"] is None or pd.isna(frame.loc["M0", "gold"])
        assert frame.loc["M4", "gold"] == "roads"

    def test_gold_and_groups_come_only_where_they_are_asked_for(self, store, project, tmp_path):
        told = exported(store, project, tmp_path / "a")
        assert "gold" not in [one["name"] for one in told["columns"]]
        told = exported(store, project, tmp_path / "b", columns=())
        assert [one["name"] for one in told["columns"]] == ["id", "text", "label", "labelled_by"]
        line = (tmp_path / "b" / "curated.jsonl").read_text().splitlines()[0]
        assert json.loads(line) == {
            "id": "M0", "text": "=text 0", "label": json.loads(line)["label"],
            "labelled_by": "teacher",
        }  # fmt: skip

    def test_notes_and_flags_are_those_of_the_moment_of_the_export(self, store, project, tmp_path):
        first = store.history.add_note(project.id, [0], "=1+1\nask", who="Ann")
        store.history.add_note(project.id, [0], "asked", who="Bo")
        store.decisions.decide(project.id, [4], "flag", who="Ann")
        told = exported(store, project, tmp_path / "o", columns=("notes",))
        assert [one["name"] for one in told["columns"]][-2:] == ["note", "flagged"]
        lines = (tmp_path / "o" / "curated.jsonl").read_text("utf-8").splitlines()
        rows = {json.loads(line)["id"]: json.loads(line) for line in lines}
        assert rows["M0"]["note"] == "Ann: =1+1\nask\nBo: asked" and rows["M0"]["flagged"] == "no"
        assert rows["M4"]["note"] is None and rows["M4"]["flagged"] == "yes"
        store.decisions.undo(project.id, first)
        store.history.add_note(project.id, [4], "later", who="Ann")
        again = workflows.rebuild(store, tmp_path / "o", tmp_path / "again")
        assert set(again["files"].values()) == {True}

    def test_of_a_run_its_weighting_and_how_often_it_trained(self, store, project, tmp_path):
        run = a_run(store, project)
        told = exported(store, project, tmp_path / "o", ["parquet"], run=run.id, student=False)
        frame = pq.read_table(tmp_path / "o" / "curated.parquet").to_pandas()
        times = dict(zip(frame["id"], frame["times_trained_on"], strict=True))
        assert times == {f"M{k}": 2 if k < 30 else 1 for k in range(0, LABELLED, 3) if k != 3}
        assert told["run"]["config"]["student"] == "mini"
        assert told["inputs"]["information_need"]["epoch"] == 2

    def test_the_manifest_says_who_decided_and_holds_no_place(self, store, project, tmp_path):
        told = exported(store, project, tmp_path / "o")
        edits = told["inputs"]["edits"]
        assert edits["count"] == 4
        assert [(e["id"], e["action"], e["label"], e["who"]) for e in edits["listed"]] == [
            ("M1", "label", "roads", "ann"), ("M2", "label", "roads", "ann"),
            ("M95", "label", "roads", "ann"), ("M3", "exclude", None, "local user"),
        ]  # fmt: skip
        assert told["teacher"]["prompt"] == "Which? {text}"
        assert told["project"]["source"] == "x.csv"
        text = (tmp_path / "o" / "manifest.json").read_text()
        assert "/home/ann" not in text and str(store.home.root) not in text
        assert told["counts"]["kept"] == told["rows"] == 90

    def test_splits_are_counted_and_written_apart(self, store, project, tmp_path):
        told = exported(store, project, tmp_path / "o", validation=0.25, seed=4)
        counts = {name: sum(by.values()) for name, by in told["splits"].items()}
        assert sum(counts.values()) == 90 and 10 < counts["validation"] < 40
        for name, number in counts.items():
            lines = (tmp_path / "o" / f"curated-{name}.jsonl").read_text().splitlines()
            assert len(lines) == number
            assert {json.loads(line)["split"] for line in lines} == {name}


class TestTheSameAgain:
    @pytest.mark.parametrize("validation", [0.0, 0.2])
    def test_hash_for_hash_in_every_format(self, store, project, tmp_path, validation):
        exported(
            store, project, tmp_path / "o", ALL, validation=validation, teacher_threshold=0.6,
            student_threshold={"roads": 0.5, "-waste": 0.9},
        )  # fmt: skip
        found = workflows.rebuild(store, tmp_path / "o" / "manifest.json", tmp_path / "again")
        assert set(found["files"].values()) == {True} and found["notes"] == []
        assert contents(tmp_path / "o") == contents(tmp_path / "again")

    def test_without_out_it_only_compares(self, store, project, tmp_path):
        told = exported(store, project, tmp_path / "o")
        found = workflows.rebuild(store, tmp_path / "o")
        assert found["rows_sha256"] == told["rows_sha256"]
        assert found["folder"] is None and found["written"] == []
        assert {p.name for p in tmp_path.iterdir()} == {"o", "home"}

    def test_what_a_run_trained_on(self, store, project, tmp_path):
        run = a_run(store, project)
        exported(store, project, tmp_path / "a", run=run.id, student=False)
        exported(store, project, tmp_path / "b", run=run.id, student=False, student_threshold=0.5)
        view = {"teacher_threshold": 0.5, "student_threshold": 0.3, "run": run.id, "epoch": 1,
                "calibration": "none"}  # fmt: skip
        store.selections.save(project.id, "mine", read_rule(view), {})
        told = exported(store, project, tmp_path / "c", selection="mine", student=False)
        assert told["inputs"]["information_need"]["epoch"] == 1
        store.selections.delete(project.id, "mine")
        for name in "abc":
            workflows.rebuild(store, tmp_path / name, tmp_path / f"{name}2")
            assert contents(tmp_path / name) == contents(tmp_path / f"{name}2")

    def test_a_student_that_lies_in_the_folder_is_not_removed(self, store, project, tmp_path):
        out = tmp_path / "o"
        told = exported(store, project, out)
        (out / "student.zip").write_bytes(b"weights")
        told["files"]["student.zip"] = exporting.sha256(out / "student.zip")
        (out / "manifest.json").write_text(json.dumps(told))
        before = contents(out)
        with pytest.raises(UserError, match="would remove. Choose another --out"):
            workflows.rebuild(store, out, out)
        assert contents(out) == before
        assert set(workflows.rebuild(store, out, tmp_path / "again")["files"].values()) == {True}

    def test_work_done_since_is_left_aside(self, store, project, tmp_path):
        told = exported(store, project, tmp_path / "o", ["jsonl"], teacher_threshold=0.55)
        labeling_run = store.labeling_runs.get(project.labelling_id)
        store.labeling_runs.append(labeling_run, answers(np.arange(LABELLED, N), seed=9))
        store.labeling_runs.set_calibration(labeling_run.id, "none")
        store.decisions.decide(project.id, [10, 11], "label", "-waste")
        store.decisions.undo(project.id, store.decisions.decide(project.id, [12], "exclude"))
        store.decisions.decide(project.id, [1], "unlabel")
        other = store.labeling_runs.find_or_create(
            project.id, label_set=LabelSet.of(["x", "y"]), config=TeacherConfig(),
            fingerprint="another", teacher={}, calibration="none",
        )  # fmt: skip
        store.projects.use_labelling(project.id, other.id)
        store.projects.set_label_set(project.id, LabelSet.of(["x", "y"]))
        store.labeling_runs.compact(labeling_run)
        found = workflows.rebuild(store, tmp_path / "o", tmp_path / "again")
        assert found["rows_sha256"] == told["rows_sha256"]
        assert contents(tmp_path / "o") == contents(tmp_path / "again")
        assert found["notes"] == [
            "20 texts were labelled later and left aside.",
            "The calibration would be another today; the recorded one was used.",
            "3 labels or exclusions were made later and left aside.",
            "'roads' is called 'x' today; '-waste' is called 'y' today. The rows hold the names of "
            "the export.",
        ]

    def test_an_undone_edit_counts_as_it_did_then(self, store, project, tmp_path):
        batch = store.decisions.decide(project.id, [20], "exclude")
        exported(store, project, tmp_path / "o")
        assert store.decisions.undo(project.id, batch) == 1
        workflows.rebuild(store, tmp_path / "o", tmp_path / "again")
        assert contents(tmp_path / "o") == contents(tmp_path / "again")

    def test_an_answer_that_came_for_an_unusable_one_is_later_work(self, store, tmp_path):
        project = made(store)
        labeling_run = store.labeling_runs.get(project.labelling_id)
        nothing = answers(np.array([100, 101]))
        nothing.scores[:] = np.nan
        store.labeling_runs.append(labeling_run, nothing)
        exported(store, project, tmp_path / "o")
        store.labeling_runs.append(labeling_run, answers(np.array([100]), seed=3))
        found = workflows.rebuild(store, tmp_path / "o", tmp_path / "again")
        assert contents(tmp_path / "o") == contents(tmp_path / "again")
        assert "1 text was labelled later" in found["notes"][0]

    def test_a_renamed_copy_of_the_home_serves_as_well(self, store, project, tmp_path):
        exported(store, project, tmp_path / "o")
        manifest = tmp_path / "o" / "manifest.json"
        told = json.loads(manifest.read_text())
        told["project"]["name"] = "as a colleague calls it"
        manifest.write_text(json.dumps(told))
        assert workflows.rebuild(store, manifest)["project"] == "city"

    def test_other_versions_are_said(self, store, project, tmp_path):
        exported(store, project, tmp_path / "o", ["parquet"])
        manifest = tmp_path / "o" / "manifest.json"
        told = json.loads(manifest.read_text())
        told["environment"]["pyarrow"] = "9.9"
        told["files"]["curated.parquet"] = "0" * 64
        manifest.write_text(json.dumps(told))
        found = workflows.rebuild(store, manifest)
        assert found["files"] == {"curated.parquet": False}
        assert found["notes"][0].startswith("The export was made with pyarrow 9.9 (here ")


class TestWhatHasChanged:
    def refused(self, store, folder, *sentences):
        with pytest.raises(InputsChanged) as error:
            workflows.rebuild(store, folder, folder.parent / "again")
        assert error.value.changed == list(sentences)
        assert not (folder.parent / "again").exists()

    def test_scores_that_are_gone_or_others(self, store, project, tmp_path):
        exported(store, project, tmp_path / "o")
        folder = store.home.labeling_run(project.id, project.labelling_id)
        [part] = folder.glob("part-*")
        part.unlink()
        labeling_run = store.labeling_runs.get(project.labelling_id)
        store.labeling_runs.append(labeling_run, answers(np.arange(70)))
        self.refused(store, tmp_path / "o", "The teacher's answers to 20 of 90 texts are gone.")
        store.labeling_runs.append(labeling_run, answers(np.arange(70, 90), seed=8))
        self.refused(store, tmp_path / "o", "The teacher's scores are not what they were.")

    def test_another_past_of_peoples_decisions(self, store, project, tmp_path):
        exported(store, project, tmp_path / "o")
        import sqlalchemy as sa

        from llkd.store import schema

        with store.engine.begin() as connection:
            table = schema.human_labels
            connection.execute(sa.delete(table).where(table.c.row == 95))
        self.refused(
            store, tmp_path / "o",
            "What people decided up to the export is not what it was: 3 labels and exclusions "
            "stand, and 4 did.",
        )  # fmt: skip

    def test_a_run_that_is_gone_or_another(self, store, project, tmp_path):
        run = a_run(store, project)
        exported(store, project, tmp_path / "o", run=run.id, student=False)
        signals = store.runs.signals_file(run, 2)
        kept = signals.read_bytes()
        signals.write_bytes(store.runs.signals_file(run, 1).read_bytes())
        self.refused(store, tmp_path / "o", f"The signals of run {run.id} are not what they were.")
        signals.write_bytes(kept)
        decisions = pd.DataFrame({"step": [0], "row": [7], "selected": [True]})
        decisions.to_parquet(run.folder / "decisions-000002.parquet")
        assert times_selected(store, run)[7] == 1
        self.refused(
            store, tmp_path / "o",
            f"Run {run.id} did not train on the same texts, or not as often.",
        )  # fmt: skip

    def test_a_probe_that_was_kept_nowhere(self, store, project, tmp_path):
        told = exported(store, project, tmp_path / "o")
        total = told["inputs"]["information_need"]["sha256"]
        store.probes.exported(project.id, total).unlink()
        workflows.rebuild(store, tmp_path / "o")  # fitted anew it comes out the same
        [embeddings] = store.embeddings.path(project.id, "x").parent.glob("*")
        save_embeddings(embeddings, np.random.default_rng(4).normal(0, 1, (N, 4)))
        for left in store.probes.path(project.id, "x").parent.glob("*"):
            left.unlink()
        self.refused(
            store, tmp_path / "o",
            "The probe's information need is not what it was, and was not kept.",
        )  # fmt: skip

    def test_another_home_and_other_texts(self, store, project, tmp_path):
        exported(store, project, tmp_path / "o")
        elsewhere = Store(tmp_path / "elsewhere")
        with pytest.raises(NotFound, match="No project here holds the texts of this export"):
            workflows.rebuild(elsewhere, tmp_path / "o")
        texts = pd.DataFrame({"id": ["1"], "text": ["x"], "gold": [None], "split": ["pool"]})
        elsewhere.projects.create("city", texts, source="x", report={})
        self.refused(
            elsewhere, tmp_path / "o", "The texts of 'city' are not those that were exported."
        )
        elsewhere.close()

    def test_several_at_once_and_on_the_command_line(self, store, project, tmp_path, capsys):
        exported(store, project, tmp_path / "o")
        labeling_run = store.labeling_runs.get(project.labelling_id)
        for part in store.home.labeling_run(project.id, labeling_run.id).glob("part-*"):
            part.unlink()
        store.decisions.decide(project.id, [5], "exclude")
        import sqlalchemy as sa

        from llkd.store import schema

        with store.engine.begin() as connection:
            connection.execute(sa.update(schema.human_labels).values(created=1.0))
        assert main(["rebuild", str(tmp_path / "o"), "--json"]) == 2
        said = capsys.readouterr()
        document = json.loads(said.out)
        assert [line[:34] for line in document["changed"]] == [
            "The teacher's answers to 90 of 90 ", "What people decided up to the expo",
        ]  # fmt: skip
        assert said.err.startswith("llkd: The same rows cannot be made again.")


class TestNothingIsTakenOnTrust:
    def test_rows_that_come_out_otherwise_are_said(self, store, project, tmp_path):
        told = exported(store, project, tmp_path / "o")
        told["selection"]["teacher_threshold"] = 0.9  # as if another version kept other rows
        (tmp_path / "o" / "manifest.json").write_text(json.dumps(told))
        with pytest.raises(InputsChanged, match="Every recorded input is the same, but .* rows"):
            workflows.rebuild(store, tmp_path / "o", tmp_path / "again")
        assert not (tmp_path / "again").exists()

    def test_a_file_that_comes_out_unlike_is_named(self, store, project, tmp_path):
        told = exported(store, project, tmp_path / "o")
        told["files"]["curated.csv"] = "0" * 64
        (tmp_path / "o" / "manifest.json").write_text(json.dumps(told))
        with pytest.raises(InputsChanged, match="these files came out unlike: curated.csv"):
            workflows.rebuild(store, tmp_path / "o")


class TestManifests:
    def test_what_is_none_is_refused(self, store, project, tmp_path):
        with pytest.raises(NotFound, match="There is no manifest at"):
            workflows.rebuild(store, tmp_path / "nowhere.json")
        other = tmp_path / "manifest.json"
        for text in ("{", "[]", '{"program": "another"}', "[" * 100_000):
            other.write_text(text)
            with pytest.raises(UserError, match="cannot be read as a manifest|is no manifest"):
                workflows.rebuild(store, other)
        other.write_text('{"program": "LLKD Studio", "version": "0.1"}')
        with pytest.raises(UserError, match="was written by version 0.1 .* Export again"):
            workflows.rebuild(store, other)

    @pytest.mark.parametrize(
        ("place", "value"),
        [
            (("inputs", "scores", "rows"), "!"), (("inputs", "scores", "rows"), "eJw="),
            (("inputs", "bias"), None), (("options",), {}), (("teacher",), "x"),
            (("selection", "teacher_threshold"), "x"), (("options", "validation"), 7),
            (("inputs", "as_of"), "yesterday"), (("files",), None),
        ],
    )  # fmt: skip
    def test_an_altered_one_gets_a_sentence(self, store, project, tmp_path, place, value):
        told = exported(store, project, tmp_path / "o", teacher_threshold=0.5)
        inner = told
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        (tmp_path / "o" / "manifest.json").write_text(json.dumps(told))
        with pytest.raises(UserError) as error:
            workflows.rebuild(store, tmp_path / "o")
        assert str(error.value).endswith(".")

    def test_which_rows_survive_packing(self):
        for count in (0, 1, 8, 9, 1000):
            rows = np.random.default_rng(count).random(count) < 0.5
            assert (provenance.unpacked(provenance.packed(rows), count) == rows).all()
        with pytest.raises(ValueError, match="rows are recorded"):
            provenance.unpacked(provenance.packed(np.ones(10**7, dtype=bool)), 100)


def test_export_and_rebuild_on_the_command_line(store, project, tmp_path, capsys):
    out, again = tmp_path / "o", tmp_path / "again"
    command = ["export", "city", "--out", str(out), "--format", "csv,hf", "--validation", "0.2"]
    assert main([*command, "--columns", "teacher"]) == 0
    shown = capsys.readouterr().out
    assert f"The same rows again: llkd rebuild {out}/manifest.json" in shown
    assert main(["rebuild", str(out), "--out", str(again)]) == 0
    shown = capsys.readouterr().out
    assert "The same 90 rows as then (SHA-256 " in shown
    assert "  same  curated-train.csv" in shown and f"Written to {again}." in shown
    assert contents(out) == contents(again)
    assert main([*command, "--columns", "colour"]) == 2
    assert "Columns are none, or some of teacher, probabilities" in capsys.readouterr().err
    assert main([*command[:-1], "0.9"]) == 2
