"""Projects, teacher passes and runs: whether the files that the database names are whole."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from llkd.errors import StoreError
from llkd.maintenance.databases import check_account, check_inbox
from llkd.maintenance.files import json_fault, model_fault, parquet_fault, safetensors_fault
from llkd.maintenance.inspection import Inspection, Records
from llkd.store import Audit, LabelingRun, Project, Run, Scores, Store
from llkd.store.audits.records import POPULATION_FILE
from llkd.store.derived.embeddings import Embeddings
from llkd.store.derived.maps import Maps
from llkd.store.derived.probes import Probes
from llkd.store.files.quarantine import Quarantine
from llkd.store.files.run_files import config_document
from llkd.store.files.score_files import REQUIRED_COLUMNS, ScoreFiles
from llkd.store.files.text_files import TEXT_SCHEMA, digest
from llkd.store.home import Home, atomic_file

ASKED_AGAIN = "labelling again asks about its texts only, and answers kept cost nothing."


def check_project(inspection: Inspection, records: Records, project: Project) -> None:
    """One project: its texts, its passes, its runs, and what was derived from them."""
    _texts(inspection, records, project)
    for labeling_run in records.labeling_runs.all(project.id):
        _labelling(inspection, project, labeling_run)
        check_account(inspection, records.labeling_runs.account(labeling_run), project.id)
    check_inbox(inspection, project.id)
    for run in records.runs.all(project.id):
        _run(inspection, run)
    for audit in records.audits.all(project.id):
        _audit(inspection, records, audit)
    _derived(inspection, project)


def _texts(inspection: Inspection, records: Records, project: Project) -> None:
    means = (
        f"The texts of project {project.name!r} cannot be used. Put the file back from a backup, "
        "or import the texts again as a new project."
    )
    files = records.projects.text_files(project)
    first = project.stage(0)
    wanted = [(first.rows, first.digest), *((each.rows, each.digest) for each in project.additions)]
    for path, (rows, sum_of_texts) in zip(files, wanted, strict=True):
        if not path.exists():
            what = "The file of texts is missing."
            inspection.report_finding("texts", "error", path, what, means)
            continue
        inspection.count_files([path])
        fault = _fault_of_texts(path, rows, sum_of_texts)
        if fault:
            inspection.report_finding(
                "texts", "error", path, f"The file of texts is damaged: {fault}.", means
            )
    for path in inspection.home.all_added_texts(project.id):
        # Not one that is being added: it is in its place a moment before the record names it.
        if path not in records.projects.text_files(records.projects.by_id(project.id)):
            inspection.report_finding(
                "leftover", "warning", path, "These added texts are not named by the project.",
                "Adding them was cut short, or an older database was put back. Nothing reads them.",
                "Moves them to quarantine.", partial(_aside, inspection.home, project.id, path),
                project.id,
            )  # fmt: skip


def _fault_of_texts(path: Path, rows: int, sum_of_texts: str) -> str | None:
    fault = parquet_fault(path, TEXT_SCHEMA.names, rows)
    if fault is not None:
        return fault
    try:
        same = digest(pq.read_table(path, columns=["id", "text"]).to_pandas())
    except Exception as error:  # whatever a damaged page makes of itself
        return f"it cannot be read ({type(error).__name__})"
    return None if same == sum_of_texts else "its texts are not those imported"


def _aside(home: Home, project_id: int, path: Path, quarantine: Quarantine) -> None:
    """Move added texts away unless the record names them; nobody adds any while this looks."""
    store = Store(home.root)
    try:
        with store.projects.adding(project_id):
            project = store.projects.by_id(project_id)
            if path.exists() and path not in store.projects.text_files(project):
                quarantine.move(path, "no record names these added texts")
    finally:
        store.close()


def _labelling(inspection: Inspection, project: Project, labeling_run: LabelingRun) -> None:
    files = ScoreFiles(inspection.home.labeling_run(project.id, labeling_run.id))
    rows: list[np.ndarray] = []
    for path in files.parts():
        inspection.count_files([path])
        fault = parquet_fault(path, REQUIRED_COLUMNS, deep=inspection.deep)
        own = None if fault else _rows_of(path)
        if own is None:
            inspection.moved_aside(
                "labels", "error", path,
                f"A part of the labels is damaged: {fault or 'its rows cannot be read'}.",
                f"Its texts count as not labelled; {ASKED_AGAIN}",
                project_id=project.id,
            )  # fmt: skip
            continue
        if len(own) and not 0 <= own.min() <= own.max() < project.rows:
            inspection.report_finding(
                "labels", "error", path,
                f"It names rows beyond the project's {project.rows:,}.",
                "Reading the labels fails.",
                "Writes its other rows into a new part, and moves it to quarantine.",
                _without_strangers(inspection, project, labeling_run, path),
                project.id,
            )  # fmt: skip
        rows.append(own)
    for path in files.set_aside():
        inspection.moved_aside(
            "labels", "warning", path, "A part of the labels was found damaged and set aside.",
            f"Its texts count as not labelled unless they were labelled since; {ASKED_AGAIN}",
            project_id=project.id,
        )  # fmt: skip
    every = np.concatenate(rows) if rows else np.empty(0, np.int32)
    twice = len(every) - len(np.unique(every))
    if twice:
        inspection.report_finding(
            "labels", "note", files.folder, f"{twice:,} rows stand in several parts.",
            "A merge was cut short, or a text was asked again. Each row is read once, as it "
            "should be; the next labelling merges the parts.",
        )  # fmt: skip


def _rows_of(path: Path) -> np.ndarray | None:
    try:
        return np.asarray(pq.read_table(path, columns=["row"])["row"].to_numpy())
    except Exception:  # whatever a damaged page makes of itself
        return None


def _without_strangers(
    inspection: Inspection, project: Project, labeling_run: LabelingRun, path: Path
) -> Any:
    def mend(quarantine: Quarantine) -> None:
        table = pq.read_table(path).to_pandas()
        known_rows = table[(table["row"] >= 0) & (table["row"] < project.rows)]
        store = Store(inspection.home.root)
        try:
            if len(known_rows):
                names = {"row", "answer", "disagreement"} & set(known_rows.columns)
                columns = {name: known_rows[name].to_numpy() for name in names}
                store.labeling_runs.append(
                    labeling_run,
                    Scores(
                        scores=np.stack(known_rows["scores"].to_list()),
                        source=known_rows["source"].to_numpy(object),
                        raw=known_rows["raw"].to_numpy(object),
                        **columns,
                    ),
                )
        finally:
            store.close()
        quarantine.move(path, "it names rows beyond the project's")

    return mend


def _run(inspection: Inspection, run: Run) -> None:
    if not run.folder.is_dir():
        inspection.report_finding(
            "run", "error", run.folder, f"The folder of {run.name} is missing.",
            "Nothing of this run can be shown. Put it back from a backup.",
        )  # fmt: skip
        return
    inspection.count_files(run.files.all())
    _settings(inspection, run)
    _checkpoints(inspection, run)
    for path in run.files.tables():
        fault = parquet_fault(path, deep=inspection.deep)
        if fault is None:
            continue
        what = f"A file of {run.name} is damaged: {fault}."
        if run.files.is_log(path):
            means = "The run's charts and its plane cannot be read while it is there."
            then = "The run is shown without it."
            inspection.moved_aside("run", "error", path, what, means, then, run.project_id)
        else:
            means = "The run cannot be resumed or replayed. Put it back from a backup."
            inspection.report_finding("run", "error", path, what, means)
    if run.finished is not None:
        fault = "it is missing" if not run.student_folder.is_dir() else None
        fault = fault or model_fault(run.student_folder, inspection.deep)
        if fault:
            inspection.report_finding(
                "run", "error", run.student_folder, f"The student of {run.name}: {fault}.",
                "It cannot be tried or exported; figures and labels are not concerned. Put it "
                "back from a backup, or train again with the same seed.",
            )  # fmt: skip


def _audit(inspection: Inspection, records: Records, audit: Audit) -> None:
    path = inspection.home.audit(audit.project_id, audit.id) / POPULATION_FILE
    inspection.count_files([path])
    try:
        records.audits.population(audit)
    except StoreError as error:
        fault = "is damaged, or another" if path.exists() else "is missing"
        inspection.report_finding(
            "audit", "error", path, f"The file of what audit {audit.id} draws from {fault}.",
            f"{error} Nothing that it certified can be shown or exported meanwhile.",
        )  # fmt: skip


def _settings(inspection: Inspection, run: Run) -> None:
    path = run.files.config
    fault = json_fault(path) if path.exists() else "it is missing"
    if fault is None:
        return

    def mend(quarantine: Quarantine) -> None:
        if path.exists():
            quarantine.move(path, f"damaged: {fault}")
        with atomic_file(path) as temporary:
            text = json.dumps(config_document(run.config, run.labels), indent=2)
            temporary.write_text(text + "\n", encoding="utf-8")

    inspection.report_finding(
        "run", "warning", path, f"The settings beside {run.name}: {fault}.",
        "The folder alone would not tell how the run was made; the database knows it too.",
        "Writes them again from the database.",
        mend, run.project_id,
    )  # fmt: skip


def _checkpoints(inspection: Inspection, run: Run) -> None:
    for path in run.files.checkpoints():
        state = path / "state.json"
        fault = model_fault(path, inspection.deep) if state.exists() else "state.json is missing"
        if fault:
            inspection.moved_aside(
                "run", "error", path, f"A checkpoint of {run.name} is damaged: {fault}.",
                "The run cannot be resumed while it is there.",
                "Resuming the run trains from the start, to the same result.",
                run.project_id,
            )  # fmt: skip


def _derived(inspection: Inspection, project: Project) -> None:
    """Embeddings and probes: made again whenever they are missing."""
    embeddings = Embeddings(inspection.home).with_parts(project.id)
    probes = Probes(inspection.home).all(project.id)
    inspection.count_files([*embeddings, *probes])
    faults = {path: safetensors_fault(path, inspection.deep) for path in embeddings}
    faults |= {path: parquet_fault(path, deep=inspection.deep) for path in probes}
    for path, fault in faults.items():
        if fault:
            inspection.moved_aside(
                "derived", "error", path, f"A file made from the texts is damaged: {fault}.",
                "Information need cannot be shown while it is there.",
                f"It is made again by: llkd probe {project.name!r}", project.id,
            )  # fmt: skip
    maps = Maps(inspection.home)
    inspection.count_files(maps.all(project.id))
    if maps.all(project.id) and (fault := maps.fault(project.id)) is not None:
        inspection.moved_aside(
            "derived", "error", maps.path(project.id), f"The map is damaged: {fault}.",
            "It cannot be shown while it is there.",
            f"It is made again by: llkd map {project.name!r}", project.id,
        )  # fmt: skip
