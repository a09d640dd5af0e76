"""The Export page: what will be in it, the command that makes it, and the files to take away."""

import numpy as np
import pytest

from llkd import curation, installation, workflows
from llkd.config.selection_rule import read_rule, rule_of_choices
from llkd.jobs.requests import ExportRequest, PredictFileRequest
from tests.support.pages import button, direct, opened, said, words
from tests.support.seeded_projects import ended_job, living_job, seeded_project
from tests.support.seeded_runs import add_run
from ui.shell import downloads, job_cards


def _metrics(app):
    return {one.label: one.value for one in app.metric}


def _start(app):
    one = next(b for b in app.button if b.label.startswith("Export "))
    assert not one.disabled
    one.click().run()
    assert not app.exception


def _exported(store, project, files, rows=3):
    """A finished export with these files (name: content)."""
    folder = store.home.exports / f"{project.id}-20260101-000000"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    job = ended_job(store, project, "finished", "export")
    paths = [str(folder / name) for name in files]
    store.jobs.update(job.id, result={"files": paths, "rows": rows, "folder": str(folder)})
    return folder


@pytest.mark.parametrize("enter", [lambda: opened("export"), lambda: direct("export")])
def test_without_a_project_the_next_step_is_data(home, enter):
    app = enter()
    assert not app.exception
    button(app, "Go to Data")


def test_before_labelling_there_is_nothing_to_take_away(home):
    store, project = seeded_project(home, labelled=False, probed=False)
    app = opened("export")
    assert "There is nothing to export yet: the teacher has labelled no text." in words(app)
    button(app, "Go to Teacher")
    with living_job(store, project):
        assert "The teacher is still labelling. There is nothing to export yet." in words(
            opened("export")
        )


def test_the_preview_counts_what_the_thresholds_of_curate_keep(home, started):
    store, project = seeded_project(home, n=200)
    store.decisions.decide(project.id, [60, 61], "label", "waste")
    store.decisions.decide(project.id, [62], "exclude")
    app = opened("curate", tt="0.6", ts="0.3")
    app.switch_page("pages/export.py").run()
    plane = curation.load_plane(store, project)
    kept = curation.kept_rows(plane, 0.6, 0.3)
    frame = plane.frame[kept]
    assert _metrics(app) == {
        "Rows": str(kept.sum()),
        "Classes": "3 of 3",
        "Labelled by people": "2",
    }
    sizes = np.bincount(frame["label"])
    shown = words(app)
    assert f"{sizes.max() / sizes.min():.1f} times as many rows as the smallest." in shown
    right = (frame["label"] == frame["gold"]).mean()
    assert f"{100 * right:.1f}\u00a0% of the labels are right" in shown
    assert "A student can be exported once one is trained." in shown
    _start(app)
    command = started[0].command()
    assert command[0] == "export" and command[-2:] == ["--", "city"]
    assert {
        "--format=csv,jsonl",
        "--teacher-threshold=0.6",
        "--student-threshold=0.3",
        "--no-student",
    } <= set(command)
    assert command[1].startswith(f"--out={store.home.exports}/{project.id}-2")


def test_two_exports_begun_in_the_same_second_have_folders_of_their_own(home):
    store, project = seeded_project(home)
    taken = set()
    for kind in ("export", "export", "classify"):
        folder = job_cards.free_folder(store, "1-20260101-000000")
        assert folder not in taken and folder.parent == store.home.exports
        taken.add(folder)
        request = (
            ExportRequest(project="city", out=str(folder))
            if kind == "export"
            else PredictFileRequest(project="city", run=1, file="x", out=f"{folder}/x.csv")
        )
        store.jobs.create(kind, kind, request.model_dump(mode="json"), project.id)
    (store.home.exports / "2-x").mkdir(parents=True)
    assert job_cards.free_folder(store, "2-x").name == "2-x-2"


def test_formats_are_chosen_and_one_is_needed(home, started):
    seeded_project(home)
    app = opened("export")
    assert "Both thresholds are 0 on Curate" in words(app)
    app.get_by_key("export_formats").set_value([]).run()
    assert "Choose at least one format." in said(app.info)
    assert next(b for b in app.button if b.label.startswith("Export ")).disabled
    app.get_by_key("export_formats").set_value(["parquet"]).run()
    _start(app)
    assert "--format=parquet" in started[0].command()


def test_the_page_says_what_happens_to_formulas_and_names_the_manifest(home):
    seeded_project(home)
    note = opened("export").get_by_key("export_formats").help
    assert "a cell that begins with = + - @ gets a ' in front" in note
    assert "A folder with a manifest.json is complete." in note


def test_a_validation_split_is_counted_before_it_is_made(home, started):
    store, project = seeded_project(home, n=400)
    app = opened("export")
    assert not app.dataframe
    app.toggle(key="export_split").set_value(True).run()
    app.number_input(key="export_share").set_value(20).run()
    app.number_input(key="export_seed").set_value(3).run()
    shown = app.dataframe[0].value
    assert shown["Class"].tolist() == ["roads", "waste", "water"]
    training, validation = shown["Training"].sum(), shown["Validation"].sum()
    assert training + validation == 300 and 30 < validation < 90
    assert f"{training} rows to train on, {validation} rows for validation" in words(app)
    _start(app)
    assert {"--validation=0.2", "--seed=3"} <= set(started[0].command())
    # Run for real, the command draws exactly these.
    found = workflows.export(store, project, home / "out", formats=["csv"], validation=0.2, seed=3)
    drawn = {name: sum(by.values()) for name, by in found["splits"].items()}
    assert drawn == {"train": training, "validation": validation}
    assert [found["splits"]["validation"][name] for name in shown["Class"]] == shown[
        "Validation"
    ].tolist()


def test_columns_are_chosen_and_gold_only_on_request(home, started):
    seeded_project(home)
    app = opened("export")
    assert "gold" not in app.get_by_key("export_columns").value
    _start(app)
    assert not [part for part in started[0].command() if part.startswith("--columns")]
    app.get_by_key("export_columns").set_value(["gold", "teacher"]).run()
    app.get_by_key("export_formats").set_value(["hf-zip"]).run()
    _start(app)
    assert {"--columns=teacher,gold", "--format=hf-zip"} <= set(started[1].command())
    app.get_by_key("export_columns").set_value([]).run()
    _start(app)
    assert "--columns=none" in started[2].command()


def test_a_finished_export_says_its_manifest_and_how_to_rebuild_it(home):
    store, project = seeded_project(home, n=200)
    store.decisions.decide(project.id, [60], "label", "waste")
    folder = store.home.exports / "1-x"
    made = workflows.export(
        store,
        project,
        folder,
        formats=["csv", "hf"],
        rule=rule_of_choices(teacher_threshold=0.6),
        validation=0.1,
    )
    job = ended_job(store, project, "finished", "export")
    store.jobs.update(job.id, result=made)
    app = opened("export")
    assert not app.exception
    shown = words(app)
    rows = made["rows"]
    assert f"{rows} rows: {sum(made['splits']['train'].values())} to train on and " in shown
    assert "Teacher: SmolLM2-135M-Instruct, calibration batch." in shown
    assert "Kept: teacher confidence from 0.6, student uncertainty from 0." in shown
    assert "1 label or exclusion of people." in shown
    command = f"llkd rebuild --home {store.home.root} {folder / 'manifest.json'}"
    assert command in [one.value for one in app.code]
    assert "**split**: train or validation" in shown
    assert "**weight**: c·u of teacher confidence c and information need u" in shown


@pytest.mark.parametrize("altered", ["{}", '{"program": "LLKD Studio", "files": {}}', "bent"])
def test_an_altered_manifest_does_no_harm(home, altered):
    store, project = seeded_project(home)
    made = workflows.export(store, project, store.home.exports / "1-x", formats=["csv"])
    text = (store.home.exports / "1-x" / "manifest.json").read_text()
    if altered == "bent":
        altered = text.replace('"kind": "thresholds"', '"kind": 3').replace(
            '"train": {', '"train": [], "x": {'
        )
    (store.home.exports / "1-x" / "manifest.json").write_text(altered)
    job = ended_job(store, project, "finished", "export")
    store.jobs.update(job.id, result=made)
    app = opened("export")
    assert not app.exception
    assert f"**{made['rows']} rows**" in words(app)


def test_nothing_kept_is_said_and_leads_back(home):
    seeded_project(home)
    app = opened("curate", tt="1.0", ts="1.0")
    app.switch_page("pages/export.py").run()
    assert "Nothing is kept, so there is nothing to export." in said(app.info)
    button(app, "Lower the thresholds on Curate")
    assert button(app, "Export 0 rows").disabled


def test_a_saved_selection_is_told_by_its_name(home, started):
    store, project = seeded_project(home, n=200)
    view = {"teacher_threshold": 0.7, "student_threshold": 0.0, "calibration": "none"}
    plane = curation.load_plane(store, project, calibration="none")
    kept = curation.kept_rows(plane, 0.7, 0.0)
    store.selections.save(project.id, "a, b", read_rule(view), {"kept": int(kept.sum())})
    app = opened("export")
    app.get_by_key("export_what").set_value("A saved selection").run()
    assert _metrics(app)["Rows"] == str(kept.sum())
    _start(app)
    assert "--selection=a, b" in started[0].command()
    assert not [
        part for part in started[0].command() if "threshold" in part or "calibration" in part
    ]


def test_what_a_run_trained_on_comes_with_its_student(home, started):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    decisions = store.runs.decisions(run)
    trained = decisions.loc[decisions["selected"], "row"].unique()
    store.decisions.decide(project.id, [int(trained[0])], "exclude")

    def chosen():
        app = opened("export")
        assert "To export a trained student, choose 'What a run trained on'." in words(app)
        return app.get_by_key("export_what").set_value("What a run trained on").run()

    app = chosen()
    assert _metrics(app)["Rows"] == str(len(trained) - 1)
    _start(app)
    assert {f"--run={run.id}", "--zip-student", "--onnx"} <= set(started[0].command())
    app = chosen()
    app.toggle(key="export_student").set_value(False).run()
    _start(app)
    assert {f"--run={run.id}", "--no-student"} <= set(started[1].command())
    assert "--onnx" not in started[1].command()


def test_without_the_extra_a_student_comes_without_onnx_and_the_page_says_why(
    home, started, monkeypatch
):
    monkeypatch.setattr(installation, "find_spec", lambda name: None)
    store, project = seeded_project(home, n=200)
    add_run(store, project)
    app = opened("export")
    app = app.get_by_key("export_what").set_value("What a run trained on").run()
    shown = words(app)
    assert "It comes as a folder for transformers. A student as ONNX needs onnx" in shown
    assert "Install it with: pip install" in shown
    _start(app)
    assert "--onnx" not in started[0].command() and "--no-student" not in started[0].command()


def test_the_student_may_come_as_a_transformers_folder_alone(home, started):
    store, project = seeded_project(home, n=200)
    add_run(store, project)
    app = opened("export")
    app = app.get_by_key("export_what").set_value("What a run trained on").run()
    form = app.get_by_key("export_student_form")
    assert form.value == "With ONNX (32-bit and 8-bit)"
    note = app.get_by_key("export_student_form").help
    assert "a short predict.py that needs onnxruntime, tokenizers and numpy only" in note
    form.set_value("Transformers folder").run()
    app.switch_page("pages/results.py").run()
    app.switch_page("pages/export.py").run().run()
    assert app.get_by_key("export_student_form").value == "Transformers folder"
    _start(app)
    assert "--zip-student" in started[0].command() and "--onnx" not in started[0].command()


@pytest.mark.parametrize("gold", [True, False])
def test_what_was_measured_of_the_student_is_shown(home, gold):
    store, project = seeded_project(home)
    _exported(store, project, {"curated.csv": b"1"}, rows=1)
    job = store.jobs.all(project.id)[0]
    entry = {"agreement": 0.9375, "ms_per_text": 4.25, "texts_per_second": 1234.4}
    entry |= {"accuracy": 0.75} if gold else {}
    student = {
        "texts": {"kind": "held-out" if gold else "pool", "count": 1600, "of": 2000},
        "threads": 2,
        "variants": {"torch": {**entry, "agreement": 1.0}, "fp32": entry, "int8": entry},
        "note": "The 8-bit model gives another label <b>.",
    }
    store.jobs.update(job.id, result={**job.result, "student": student})
    app = opened("export")
    table = next(one.value for one in app.dataframe if "Student" in one.value.columns)
    assert list(table["Same label as PyTorch"]) == [
        "100.0\u00a0%", "93.8\u00a0%", "93.8\u00a0%",
    ]  # fmt: skip
    assert list(table["In batches"])[0] == "1,234 texts/s"
    assert ("Accuracy" in table.columns) == gold
    kind = "held-out texts" if gold else "texts of the pool"
    assert f"On 1,600 {kind}, on the CPU with 2 threads" in words(app)
    assert "The 8-bit model gives another label <b>." in said(app.warning)


def test_thresholds_over_a_runs_need_name_the_run_and_both_thresholds(home, started):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    app = opened("curate", need=str(run.id))
    app.switch_page("pages/export.py").run()
    assert _metrics(app)["Rows"] == "150"
    _start(app)
    # Named alone, the run would mean the texts that it trained on.
    assert {f"--run={run.id}", "--teacher-threshold=0"} <= set(started[0].command())


def test_an_earlier_epoch_is_told_through_a_saved_selection(home, started):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    app = opened("curate", ts="0.8", need=f"{run.id}.1")
    plane = curation.load_plane(store, project, run=run, epoch=1)
    kept = int(curation.kept_rows(plane, 0.0, 0.8).sum())
    app.switch_page("pages/export.py").run()
    assert _metrics(app)["Rows"] == str(kept) != "0"
    _start(app)
    (saved,) = store.selections.all(project.id)
    assert saved.name.startswith("Exported on ")
    assert (saved.rule.run, saved.rule.epoch) == (run.id, 1)
    assert f"--selection={saved.name}" in started[0].command()


def test_an_export_under_way_is_watched(home):
    store, project = seeded_project(home)
    with living_job(store, project, "export"):
        assert "30 of 60 rows" in words(opened("export"))


def test_an_export_that_failed_says_why(home):
    store, project = seeded_project(home)
    ended_job(store, project, "failed", "export", error="Cannot write <b>: disk full.")
    assert "Cannot write <b>: disk full." in said(opened("export").error)


def test_finished_files_can_be_downloaded_and_are_explained(home):
    store, project = seeded_project(home)
    _exported(
        store,
        project,
        {"curated.csv": b"id,text\n1,x\n", "manifest.json": b"{}", "student.zip": b"PK" * 800},
        rows=1234,
    )
    app = opened("export")
    shown = words(app)
    assert "**1,234 rows**, written to:" in shown
    assert "**curated.csv** · 12 bytes · for spreadsheets" in shown
    assert "how every label came to be: teacher, thresholds, counts, checksums" in shown
    assert "**student.zip** · 1.6 kB · the trained student" in shown
    assert len(app.get("download_button")) == 3


def test_a_large_or_foreign_or_missing_file_is_no_download(home, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "MOST_BYTES", 10)
    store, project = seeded_project(home)
    folder = _exported(store, project, {"curated.csv": b"x" * 11, "manifest.json": b"{}"})
    foreign = tmp_path / "elsewhere.jsonl"
    foreign.write_text("{}")
    job = store.jobs.all(project.id)[0]
    files = [*job.result["files"], str(foreign), str(folder / "gone.parquet")]
    store.jobs.update(job.id, result={**job.result, "files": files})
    app = opened("export")
    assert len(app.get("download_button")) == 1
    shown = [one.value for one in app.code]
    assert str(folder / "curated.csv") in shown and str(foreign) in shown
    assert "gone.parquet is no longer there." in words(app)


def test_an_earlier_export_is_still_there_and_the_newest_is_shown_first(home):
    store, project = seeded_project(home)
    _exported(store, project, {"curated.csv": b"1"}, rows=1)
    job = ended_job(store, project, "finished", "export")
    store.jobs.update(job.id, result={"files": [], "rows": 2, "folder": "x"})
    app = opened("export")
    assert "**2 rows**, written to:" in words(app)
    picker = next(one for one in app.selectbox if one.label == "Exports (2)")
    picker.set_value(picker.options and store.jobs.all(project.id)[1].id).run()
    assert "**1 row**, written to:" in words(app)
