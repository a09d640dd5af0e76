"""Projects, teacher passes and runs: whether the files that the database names are whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from llkd.store import Labelling, Project, Run, Scores, Store
from llkd.store.home import atomic_file
from llkd.store.labellings import SCORE_SCHEMA
from llkd.store.quarantine import Quarantine
from llkd.store.runs import config_document
from llkd.store.text_files import TEXT_SCHEMA, digest
from llkd.upkeep.databases import check_account
from llkd.upkeep.files import json_fault, model_fault, parquet_fault, safetensors_fault
from llkd.upkeep.visit import Records, Visit

ASKED_AGAIN = "labelling again asks about its texts only, and answers kept cost nothing."


def check_project(visit: Visit, records: Records, project: Project) -> None:
    """One project: its texts, its passes, its runs, and what was derived from them."""
    _texts(visit, project)
    for labelling in records.labellings.all(project.id):
        _labelling(visit, project, labelling)
        check_account(visit, records.labellings.account(labelling), project.id)
    for run in records.runs.all(project.id):
        _run(visit, run)
    _derived(visit, project)


def _texts(visit: Visit, project: Project) -> None:
    path = visit.home.project(project.id) / "texts.parquet"
    means = (
        f"The texts of project {project.name!r} cannot be used. Put the file back from a backup, "
        "or import the texts again as a new project."
    )
    if not path.exists():
        visit.found("texts", "error", path, "The file of texts is missing.", means)
        return
    visit.seen([path])
    fault = parquet_fault(path, TEXT_SCHEMA.names, project.rows)
    if fault is None:
        try:
            same = digest(pq.read_table(path, columns=["id", "text"]).to_pandas())
            fault = None if same == project.digest else "its texts are not those imported"
        except Exception as error:  # whatever a damaged page makes of itself
            fault = f"it cannot be read ({type(error).__name__})"
    if fault:
        visit.found("texts", "error", path, f"The file of texts is damaged: {fault}.", means)


def _labelling(visit: Visit, project: Project, labelling: Labelling) -> None:
    folder = visit.home.labelling(project.id, labelling.id)
    rows: list[np.ndarray] = []
    for path in sorted(folder.glob("part-*.parquet")):
        visit.seen([path])
        fault = parquet_fault(path, SCORE_SCHEMA.names, deep=visit.deep)
        own = None if fault else _rows_of(path)
        if own is None:
            visit.moved_aside(
                "labels", "error", path,
                f"A part of the labels is damaged: {fault or 'its rows cannot be read'}.",
                f"Its texts count as not labelled; {ASKED_AGAIN}",
                project_id=project.id,
            )  # fmt: skip
            continue
        if len(own) and not 0 <= own.min() <= own.max() < project.rows:
            visit.found(
                "labels", "error", path,
                f"It names rows beyond the project's {project.rows:,}.",
                "Reading the labels fails.",
                "Writes its other rows into a new part, and moves it to quarantine.",
                _without_strangers(visit, project, labelling, path),
                project.id,
            )  # fmt: skip
        rows.append(own)
    for path in sorted(folder.glob("part-*.parquet.damaged")):
        visit.moved_aside(
            "labels", "warning", path, "A part of the labels was found damaged and set aside.",
            f"Its texts count as not labelled unless they were labelled since; {ASKED_AGAIN}",
            project_id=project.id,
        )  # fmt: skip
    every = np.concatenate(rows) if rows else np.empty(0, np.int32)
    twice = len(every) - len(np.unique(every))
    if twice:
        visit.found(
            "labels", "note", folder, f"{twice:,} rows stand in several parts.",
            "A merge was cut short, or a text was asked again. Each row is read once, as it "
            "should be; the next labelling merges the parts.",
        )  # fmt: skip


def _rows_of(path: Path) -> np.ndarray | None:
    try:
        return np.asarray(pq.read_table(path, columns=["row"])["row"].to_numpy())
    except Exception:  # whatever a damaged page makes of itself
        return None


def _without_strangers(visit: Visit, project: Project, labelling: Labelling, path: Path) -> Any:
    def mend(quarantine: Quarantine) -> None:
        table = pq.read_table(path).to_pandas()
        kept = table[(table["row"] >= 0) & (table["row"] < project.rows)]
        store = Store(visit.home.root)
        try:
            if len(kept):
                columns = {name: kept[name].to_numpy() for name in ("row", "answer")}
                store.labellings.append(
                    labelling,
                    Scores(
                        scores=np.stack(kept["scores"].to_list()),
                        source=kept["source"].to_numpy(object),
                        raw=kept["raw"].to_numpy(object),
                        **columns,
                    ),
                )
        finally:
            store.close()
        quarantine.move(path, "it names rows beyond the project's")

    return mend


def _run(visit: Visit, run: Run) -> None:
    if not run.folder.is_dir():
        visit.found(
            "run", "error", run.folder, f"The folder of {run.name} is missing.",
            "Nothing of this run can be shown. Put it back from a backup.",
        )  # fmt: skip
        return
    visit.seen(path for path in run.folder.rglob("*") if path.is_file())
    _settings(visit, run)
    _checkpoints(visit, run)
    for path in sorted(run.folder.glob("*.parquet")):
        fault = parquet_fault(path, deep=visit.deep)
        if fault is None:
            continue
        what = f"A file of {run.name} is damaged: {fault}."
        if path.name.startswith(("signals-", "eval-", "steps-", "decisions-")):
            means = "The run's charts and its plane cannot be read while it is there."
            then = "The run is shown without it."
            visit.moved_aside("run", "error", path, what, means, then, run.project_id)
        else:
            means = "The run cannot be resumed or replayed. Put it back from a backup."
            visit.found("run", "error", path, what, means)
    if run.finished is not None:
        fault = "it is missing" if not run.student_folder.is_dir() else None
        fault = fault or model_fault(run.student_folder, visit.deep)
        if fault:
            visit.found(
                "run", "error", run.student_folder, f"The student of {run.name}: {fault}.",
                "It cannot be tried or exported; figures and labels are not concerned. Put it "
                "back from a backup, or train again with the same seed.",
            )  # fmt: skip


def _settings(visit: Visit, run: Run) -> None:
    path = run.folder / "config.json"
    fault = json_fault(path) if path.exists() else "it is missing"
    if fault is None:
        return

    def mend(quarantine: Quarantine) -> None:
        if path.exists():
            quarantine.move(path, f"damaged: {fault}")
        with atomic_file(path) as temporary:
            text = json.dumps(config_document(run.config, run.labels), indent=2)
            temporary.write_text(text + "\n", encoding="utf-8")

    visit.found(
        "run", "warning", path, f"The settings beside {run.name}: {fault}.",
        "The folder alone would not tell how the run was made; the database knows it too.",
        "Writes them again from the database.",
        mend, run.project_id,
    )  # fmt: skip


def _checkpoints(visit: Visit, run: Run) -> None:
    for path in sorted(run.folder.glob("checkpoint-*")):
        state = path / "state.json"
        fault = model_fault(path, visit.deep) if state.exists() else "state.json is missing"
        if fault:
            visit.moved_aside(
                "run", "error", path, f"A checkpoint of {run.name} is damaged: {fault}.",
                "The run cannot be resumed while it is there.",
                "Resuming the run trains from the start, to the same result.",
                run.project_id,
            )  # fmt: skip


def _derived(visit: Visit, project: Project) -> None:
    """Embeddings and probes: made again whenever they are missing."""
    folder = visit.home.project(project.id)
    embeddings = sorted((folder / "embeddings").rglob("*.safetensors"))
    probes = sorted((folder / "probes").glob("*.parquet"))
    visit.seen([*embeddings, *probes])
    faults = {path: safetensors_fault(path, visit.deep) for path in embeddings}
    faults |= {path: parquet_fault(path, deep=visit.deep) for path in probes}
    for path, fault in faults.items():
        if fault:
            visit.moved_aside(
                "derived", "error", path, f"A file made from the texts is damaged: {fault}.",
                "Information need cannot be shown while it is there.",
                f"It is made again by: llkd probe {project.name!r}", project.id,
            )  # fmt: skip
