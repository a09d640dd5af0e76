"""A tiny student taken away: its ONNX files are made once, its card says what the run says."""

import json
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import onnx
import pandas as pd
import pytest
import yaml

from llkd import curation, exporting, workflows
from llkd.config.selection_rule import read_rule, rule_of_choices
from llkd.errors import JobCancelled, ModelError, NotFound, UserError
from llkd.evaluation import intervals, metrics, predictions
from llkd.selection import signals
from llkd.students import load_saved
from llkd.students.onnx import FILES, PLACE
from llkd.workflows import model_card, prediction, student_export
from tests.support.tiny_student import CLASSES
from tests.support.toy_projects import as_job, config, labelled_project, train


@pytest.fixture
def project(store):
    return labelled_project(store)


@pytest.fixture
def run(store, project, encoder):
    return store.runs.get(train(store, project, config(encoder))["run"])


def exported(store, project, out, **options):
    choices = ("run", "teacher_threshold", "student_threshold", "calibration", "selection")
    rule = rule_of_choices(**{name: options.pop(name) for name in choices if name in options})

    def work(job):
        return workflows.export(store, project, out, rule, formats=["csv"], job=job, **options)

    return as_job(store, work)


class TestExport:
    def test_the_student_comes_with_all_that_is_promised(self, store, project, run, tmp_path):
        found = exported(store, project, tmp_path / "out", run=run.id, onnx=True)
        folder = tmp_path / "out" / "student"
        names = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
        assert names >= {
            "model.safetensors", "modeling_mean_pooled.py", "tokenizer.json", "student.json",
            "config.json", "onnx/model.onnx", "onnx/model_quantized.onnx", "predict.py",
            "README.md", "modules.json", "1_Pooling/config.json",
        }  # fmt: skip
        manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
        for name in ("onnx/model.onnx", "predict.py", "README.md"):
            assert manifest["files"][f"student/{name}"] == exporting.sha256(folder / name)

        card = (folder / "README.md").read_text(encoding="utf-8")
        _, matter, text = card.split("---\n", 2)
        indexed = yaml.safe_load(matter)["model-index"][0]["results"][0]["metrics"]
        assert indexed[0]["value"] == pytest.approx(run.summary.accuracy, abs=1e-6)
        assert indexed[1]["value"] == pytest.approx(run.summary.macro_f1, abs=1e-6)
        right = round(run.summary.accuracy * 32)
        low, high = intervals.wilson(right, 32)
        assert (
            f"| accuracy | {100 * right / 32:.1f} % ({100 * low:.1f} to {100 * high:.1f}) |" in text
        )
        for name, f1 in run.summary.per_class_f1.items():
            assert f"| `{name}` | {100 * f1:.1f} % |" in text
        assert f"| expected calibration error | {run.summary.ece:.3f} |" in text
        assert f"{run.summary.backpropagated:,} back-propagated" in text
        assert project.digest in text and "96 from `toy`, of which 32 were held out" in text

        variants = found["student"]["variants"]
        assert found["student"]["texts"] == {"kind": "held-out", "count": 32, "of": 32}
        gold, _ = predictions.run_predictions(store, project, run)
        texts = store.projects.texts(project.id)["text"][64:].tolist()
        student = load_saved(run.student_folder, precision="fp32", device="cpu")
        label = signals.pseudo_label(student.probabilities(texts))
        assert variants["torch"]["accuracy"] == metrics.accuracy(label, gold)
        assert variants["fp32"]["agreement"] == 1.0
        assert variants["fp32"]["largest_difference"] < 1e-4
        assert variants["int8"]["largest_difference"] > 1e-5
        for entry in variants.values():
            assert entry["ms_per_text"] > 0 and entry["texts_per_second"] > 0
            assert f"| `{entry['file']}` |" in text and f"{entry['ms_per_text']:.1f} ms" in text

    @pytest.mark.parametrize(
        ("names", "zipped"),
        [
            ({"sports": "games"}, False),
            ({"sports": "money", "money": "sports"}, False),
            ({"sports": "money", "money": "Börse"}, True),
        ],
    )
    def test_each_file_of_a_student_holds_the_names_of_today(
        self, store, project, run, tmp_path, names, zipped
    ):
        exported(store, project, tmp_path / "before", run=run.id)
        store.classes.rename(project.id, names)
        project, run = store.projects.get("toy"), store.runs.get(run.id)
        exported(store, project, tmp_path / "out", run=run.id, onnx=True, zip_student=zipped)
        folder = tmp_path / "out" / "student"
        if zipped:
            with zipfile.ZipFile(tmp_path / "out" / "student.zip") as archive:
                archive.extractall(tmp_path / "out")
        wanted = [names.get(name, name) for name in CLASSES]
        read = {
            file: json.loads((folder / file).read_text(encoding="utf-8"))
            for file in ("student.json", "config.json")
        }
        assert read["student.json"]["class_names"] == wanted
        assert read["config.json"]["id2label"] == {"0": wanted[0], "1": wanted[1]}
        assert read["config.json"]["label2id"] == {wanted[0]: 0, wanted[1]: 1}
        for file in FILES.values():
            told = onnx.load(folder / PLACE / file).metadata_props
            assert json.loads({p.key: p.value for p in told}["class_names"]) == wanted
        card = (folder / "README.md").read_text(encoding="utf-8")
        # The summary of a run is as it was written; the card says the same by today's names.
        for name, f1 in zip(wanted, run.summary.per_class_f1.values(), strict=True):
            assert f"| `{name}` | {100 * f1:.1f} % |" in card
        # What it answers are the classes of before, under these names.
        texts = store.projects.texts(project.id)["text"][64:].tolist()
        before, after = (
            load_saved(tmp_path / place / "student", precision="fp32", device="cpu")
            for place in ("before", "out")
        )
        np.testing.assert_array_equal(before.probabilities(texts), after.probabilities(texts))
        assert (before.class_names, after.class_names) == (CLASSES, wanted)

    def test_what_was_measured_is_kept_and_used_again(
        self, store, project, run, tmp_path, monkeypatch
    ):
        first = exported(store, project, tmp_path / "one", run=run.id, onnx=True)
        assert {path.name for path in (run.folder / "onnx").iterdir()} == {
            "model.onnx", "model_quantized.onnx", "measured.json",
        }  # fmt: skip

        def again(*args):
            raise AssertionError("measured twice")

        with monkeypatch.context() as patched:
            patched.setattr(student_export, "write_and_measure", again)
            second = exported(store, project, tmp_path / "two", run=run.id, onnx=True)
            assert second["student"] == first["student"]
            for name in ("onnx/model.onnx", "README.md"):
                one, two = (tmp_path / out / "student" / name for out in ("one", "two"))
                assert exporting.sha256(one) == exporting.sha256(two)
            (run.folder / "onnx" / "model.onnx").unlink()
            with pytest.raises(AssertionError, match="measured twice"):
                exported(store, project, tmp_path / "three", run=run.id, onnx=True)
        exported(store, project, tmp_path / "three", run=run.id, onnx=True)
        assert (tmp_path / "three" / "student" / "onnx" / "model.onnx").is_file()
        # Other weights under the same name are another student.
        config_file = run.student_folder / "config.json"
        config_file.write_text(config_file.read_text() + " ")
        with monkeypatch.context() as patched:
            patched.setattr(student_export, "write_and_measure", again)
            with pytest.raises(AssertionError, match="measured twice"):
                exported(store, project, tmp_path / "four", run=run.id, onnx=True)

    def test_a_run_of_version_0_3_is_exported_in_the_new_form(self, store, project, run, tmp_path):
        from tests.support.old_students import save_as_in_version_0_3

        student = load_saved(run.student_folder, precision="fp32", device="cpu")
        shutil.rmtree(run.student_folder)
        save_as_in_version_0_3(student, run.student_folder)
        before = exporting.sha256(run.student_folder / "model.safetensors")
        # ONNX files as version 0.3 kept them are not taken for today's.
        (run.folder / "onnx").mkdir()
        (run.folder / "onnx" / "model.int8.onnx").write_bytes(b"old")
        (run.folder / "onnx" / "measured.json").write_text('{"format": 1}')
        exported(store, project, tmp_path / "out", run=run.id, onnx=True)
        folder = tmp_path / "out" / "student"
        assert json.loads((folder / "student.json").read_text())["format"] == 2
        assert (folder / "modeling_mean_pooled.py").is_file()
        assert not (folder / "head.safetensors").exists()
        assert sorted(path.name for path in (folder / "onnx").iterdir()) == [
            "model.onnx", "model_quantized.onnx",
        ]  # fmt: skip
        texts = ["goal match team", "stock bank"]
        again = load_saved(folder, precision="fp32", device="cpu")
        assert np.array_equal(again.probabilities(texts), student.probabilities(texts))
        assert exporting.sha256(run.student_folder / "model.safetensors") == before
        file = tmp_path / "new.txt"
        file.write_text("\n".join(texts))
        assert classify(store, project, run, file, out=tmp_path / "a.csv")["classified"] == 2

    def test_the_card_tells_the_languages_found_at_the_import(self, store, project, run):
        shares = {"English": 0.5, "a": 0.1, "b": 0.1, "c": 0.1, "d": 0.1, "rare": 0.05}
        told = replace(project, report={"statistics": {"languages": shares}})
        card = exporting.model_card(model_card.card_of_run(store, told, run, None, {}))
        assert "guessed from a sample of the texts: `English` 50.0 %, `a` 10.0 %" in card
        assert "rare" not in card
        old = exporting.model_card(model_card.card_of_run(store, project, run, None, {}))
        assert "Languages" not in old

    def test_without_onnx_the_card_comes_all_the_same(self, store, project, run, tmp_path):
        found = exported(store, project, tmp_path / "out", run=run.id, zip_student=True)
        assert "student" not in found
        assert not (run.folder / "onnx").exists()
        with zipfile.ZipFile(tmp_path / "out" / "student.zip") as archive:
            names = set(archive.namelist())
            card = archive.read("student/README.md").decode()
        assert "student/model.safetensors" in names and "student/onnx/model.onnx" not in names
        assert "## How good it is" in card and "AutoModelForSequenceClassification" in card
        assert "onnx/model" not in card and "predict.py" not in card

    def test_without_gold_only_agreement_is_told(self, store, encoder, tmp_path):
        project = labelled_project(store, with_gold=False)
        run = store.runs.get(train(store, project, config(encoder))["run"])
        found = exported(store, project, tmp_path / "out", run=run.id, onnx=True)
        assert found["student"]["texts"] == {"kind": "pool", "count": 96, "of": 96}
        assert "accuracy" not in found["student"]["variants"]["int8"]
        card = (tmp_path / "out" / "student" / "README.md").read_text(encoding="utf-8")
        rows, student = store.runs.signals(run)
        plane = curation.load_plane(store, project, run=run)
        teacher = plane.frame.set_index("row")["teacher_label"].loc[rows].to_numpy()
        agreed = (signals.pseudo_label(student) == teacher).mean()
        assert f"agrees with its teacher on {100 * agreed:.1f} % of the 96 texts" in card
        assert "model-index" not in card

    def test_a_student_that_loses_in_eight_bits_is_said_to(
        self, store, project, run, tmp_path, monkeypatch, capsys
    ):
        from llkd.cli.reports import REPORTS
        from llkd.students import onnx

        load = onnx.load_onnx

        def broken(path, tokenizer, threads=None):
            form = load(path, tokenizer, threads)
            if path.name == "model_quantized.onnx":
                # Of the 32-bit one: where two classes are all but level, 8 bits alone turn a label.
                right = load(path.with_name("model.onnx"), tokenizer, threads).probabilities
                form.probabilities = lambda texts: right(texts)[:, ::-1]
            return form

        monkeypatch.setattr(onnx, "load_onnx", broken)
        found = exported(store, project, tmp_path / "out", run=run.id, onnx=True)
        note = found["student"]["note"]
        assert note.startswith("The 8-bit model ") and "100.0 % of the texts" in note
        assert note in (tmp_path / "out" / "student" / "README.md").read_text(encoding="utf-8")
        REPORTS["export"](found)
        assert f"Note: {note}" in capsys.readouterr().out

    def test_onnx_without_a_student_is_refused_before_anything_is_written(
        self, store, project, tmp_path
    ):
        with pytest.raises(UserError, match="name its run with --run"):
            exported(store, project, tmp_path / "out", onnx=True)
        assert not (tmp_path / "out").exists()

    def test_the_student_behind_a_saved_selection_goes_along(self, store, project, run, tmp_path):
        view = {"teacher_threshold": 0.6, "calibration": "batch", "run": run.id}
        store.selections.save(project.id, "sure", read_rule(view), {})
        exported(store, project, tmp_path / "out", selection="sure", onnx=True)
        assert (tmp_path / "out" / "student" / "onnx" / "model.onnx").is_file()
        store.selections.save(project.id, "plain", read_rule({**view, "run": None}), {})
        exported(store, project, tmp_path / "two", selection="plain")
        assert not (tmp_path / "two" / "student").exists()

    def test_a_stop_leaves_no_half_of_it(self, store, project, run, tmp_path):
        def work(job):
            job.stop()
            return workflows.export(
                store,
                project,
                tmp_path / "out",
                formats=["csv"],
                rule=rule_of_choices(run=run.id),
                onnx=True,
                job=job,
            )

        with pytest.raises(JobCancelled):
            as_job(store, work)
        assert not (run.folder / "onnx").exists() and not (tmp_path / "out").exists()

    def test_a_tokenizer_that_the_script_cannot_read_is_said(self, store, project, run, tmp_path):
        (run.student_folder / "tokenizer.json").unlink()
        with pytest.raises(ModelError, match="has no tokenizer.json"):
            exported(store, project, tmp_path / "out", run=run.id, onnx=True)

    def test_a_large_pool_is_measured_on_a_fixed_draw(
        self, store, project, run, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(student_export, "MOST_TEXTS", 10)
        first = student_export.measured_texts(store, project, run)
        assert first[0] == "held-out" and len(first[1]) == len(first[2]) == 10 and first[3] == 32
        assert student_export.measured_texts(store, project, run)[1] == first[1]
        gold = dict(
            zip(*store.projects.texts(project.id)[["text", "gold"]].to_numpy().T, strict=True)
        )
        assert [CLASSES[k] for k in first[2]] == [gold[text] for text in first[1]]


def classify(store, project, run, file, **options):
    return as_job(
        store, lambda job: workflows.predict_file(store, project, run, file, job, **options)
    )


class TestPredictFile:
    def rows(self):
        texts = ["goal match team", "=cmd()", "  ", "goal match team", "stock bank", "😀\u202e"]
        return [{"id": f"r{k % 4}", "body": text} for k, text in enumerate(texts)]

    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "in" / "new texts.csv.gz"
        path.parent.mkdir()
        pd.DataFrame(self.rows()).to_csv(path, index=False)
        return path

    @pytest.mark.parametrize("ending", exporting.ENDINGS)
    def test_every_row_is_answered_in_every_format(
        self, store, project, run, file, tmp_path, ending, monkeypatch
    ):
        monkeypatch.setattr(prediction, "PART", 2)  # the third part begins after a blank row
        out = tmp_path / f"answers{ending}"
        found = classify(store, project, run, file, out=out, text_column="body")
        read = {
            ".csv": pd.read_csv,
            ".jsonl": lambda path: pd.read_json(path, lines=True, dtype={"id": str}),
            ".parquet": pd.read_parquet,
        }[ending]
        frame = read(out)
        columns = ["id", "text", "label", "confidence", *(f"prob_{n}" for n in CLASSES)]
        assert list(frame.columns) == columns
        assert frame["id"].tolist() == ["r0", "r1", "r2", "r3", "r0", "r1"]
        texts = [row["body"] for row in self.rows()]
        there = [0, 1, 3, 4, 5]
        expected = load_saved(run.student_folder).probabilities([texts[k] for k in there])
        p = frame[[f"prob_{name}" for name in CLASSES]].to_numpy()
        assert np.abs(p[there] - expected).max() < 1e-2  # bf16 where the processor has it
        label = np.array(CLASSES)[p[there].argmax(1)].tolist()
        assert frame["label"][there].tolist() == label
        assert frame["confidence"][there].to_numpy() == pytest.approx(p[there].max(1))
        assert frame["label"].isna()[2] and np.isnan(p[2]).all()
        assert frame["text"][1] == ("'=cmd()" if ending == ".csv" else "=cmd()")
        assert frame["label"][0] == frame["label"][3]
        assert (found["rows"], found["classified"], found["blank"]) == (6, 5, 1)
        assert found["per_class"] == {name: label.count(name) for name in CLASSES}
        assert found["mean_confidence"] == pytest.approx(p[there].max(1).mean())
        assert found["out"] == str(out)

    def test_the_table_is_named_after_the_file_where_one_stands(
        self, store, project, run, file, tmp_path, monkeypatch
    ):
        monkeypatch.chdir(tmp_path)
        found = classify(store, project, run, file)
        assert found["out"] == str(tmp_path / "new texts-predictions.csv")
        assert found["text_column"] == "body"

    def test_mistakes_are_refused_before_the_student_is_loaded(
        self, store, project, run, file, tmp_path
    ):
        for out, said in (
            (file, "is the file to classify"),
            (tmp_path / "x.xlsx", "The ending of --out says its format: .csv, .jsonl, .parquet"),
        ):
            with pytest.raises(UserError, match=said):
                classify(store, project, run, file, out=out)
        (tmp_path / "x.csv").mkdir()
        with pytest.raises(UserError, match="is a folder"):
            classify(store, project, run, file, out=tmp_path / "x.csv")
        with pytest.raises(NotFound, match="There is no file"):
            classify(store, project, run, tmp_path / "nothing.csv")

    def test_a_stop_leaves_no_table(self, store, project, run, file, tmp_path):
        def work(job):
            job.stop()
            return workflows.predict_file(store, project, run, file, job, out=tmp_path / "a.csv")

        with pytest.raises(JobCancelled):
            as_job(store, work)
        assert not (tmp_path / "a.csv").exists()

    def test_progress_counts_rows(self, store, project, run, file, tmp_path):
        classify(store, project, run, file, out=tmp_path / "a.csv")
        [job] = [job for job in store.jobs.all() if job.result and "blank" in job.result]
        assert (job.done, job.total, job.message) == (6, 6, "Classifying")
