"""The same curated set again from its manifest, hash for hash, or what stands in the way.

Everything that decides the rows is compared with what the manifest says of it. Work done since
does not get in the way: texts labelled later, edits made or taken back later and another current
teacher are left aside, and the calibration is the one that was recorded.
"""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from llkd import curation, exporting
from llkd.config.labels import told_apart
from llkd.config.selection_rule import EVERYTHING, StandaloneRule
from llkd.curation import Need, TeacherLabels
from llkd.errors import InputsChanged, NotFound, UserError
from llkd.exporting import provenance
from llkd.exporting.manifest_document import Manifest, ScoreFacts
from llkd.store import LabelingRun, Project, Run, Scores, Store
from llkd.store.files.probabilities import read_probabilities
from llkd.workflows.rebuild_notes import other_writers, rebuild_notes
from llkd.workflows.recorded_sources import recorded_rule, recorded_run
from llkd.workflows.refinement import recorded_search
from llkd.workflows.selection import export_context


@dataclass
class _InputsNow:
    """What is there now of what a manifest speaks of, and how it differs."""

    project: Project
    labeling_run: LabelingRun | None = None
    evidence: Scores | None = None
    run: Run | None = None
    times: pd.Series | None = None
    need: Need | None = None
    search: str | None = None
    rule: StandaloneRule = EVERYTHING


def rebuild(store: Store, manifest: str | Path, out: str | Path | None = None) -> dict[str, Any]:
    """Make the rows of a manifest again and compare; write them to ``out`` where it is given.

    Returns rows, rows_sha256, files (whether each came out the same) and notes.
    Raises InputsChanged naming each input that is another now; UserError for what is no manifest.
    """
    try:
        document = exporting.manifest_at(manifest)
        return _rebuild(store, document, out)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise UserError(
            f"{manifest} is not whole, or was altered ({type(error).__name__}: {error}). "
            "Take the manifest.json as the export wrote it."
        ) from None


def _rebuild(store: Store, manifest: Manifest, out: str | Path | None) -> dict[str, Any]:
    changed: list[str] = []
    inputs_now = _find(store, manifest, changed)
    if changed or inputs_now.labeling_run is None or inputs_now.evidence is None:
        raise InputsChanged(changed)
    where = None if out is None else _other_place(out)
    table = _table(store, manifest, inputs_now, inputs_now.labeling_run, inputs_now.evidence)
    notes = rebuild_notes(
        store, manifest, inputs_now.project, inputs_now.labeling_run, inputs_now.evidence
    )
    differing: list[str] = []

    def check(total: str, names: list[str]) -> None:
        if total != manifest.rows_sha256:
            raise InputsChanged(
                [
                    f"Every recorded input is the same, but {table.num_rows:,} rows came out and "
                    f"{manifest.rows:,} were exported, or their values differ.",
                    *notes,
                ]
            )
        differing.extend(names)
        if names and not other_writers(manifest):
            raise InputsChanged(
                [f"The rows are the same, but these files came out unlike: {', '.join(names)}."]
            )

    names = inputs_now.labeling_run.classes.names
    with tempfile.TemporaryDirectory() as temporary:
        target_folder: AbstractContextManager[Path] = (
            nullcontext(Path(temporary) / "rebuilt") if where is None else where.folder()
        )
        with target_folder as target:
            files = exporting.write_again(table, target, manifest, names, check)
    return {
        "project": inputs_now.project.name,
        "rows": table.num_rows,
        "rows_sha256": manifest.rows_sha256,
        "files": {name: name not in differing for name in manifest.row_files},
        "folder": None if where is None else str(where),
        "written": [] if where is None else [where.place(file) for file in files],
        "notes": notes,
    }


def _other_place(out: str | Path) -> exporting.Destination:
    """Where to write to. Raises UserError where a student lies there: none is made again."""
    where = exporting.destination(out)
    there = where.earlier()
    if there is not None and any(name.startswith("student") for name in there["files"]):
        raise UserError(
            f"{where} holds an export with a student, which a rebuild does not make "
            "again and would remove. Choose another --out."
        )
    return where


def _find(store: Store, manifest: Manifest, changed: list[str]) -> _InputsNow:
    """Every input as it is now; what is another goes to ``changed``, as a sentence."""
    inputs = manifest.inputs
    inputs_now = _InputsNow(_project(store, manifest))
    project, at = inputs_now.project, float(inputs.as_of)
    if provenance.gold_sha256(store, project) != inputs.gold_sha256:
        changed.append("The gold labels or the held-out texts are others.")
    inputs_now.labeling_run = store.labeling_runs.find(project.id, manifest.teacher.fingerprint)
    if inputs_now.labeling_run is None:
        changed.append("The answers of the teacher that labelled these texts are not there.")
    else:
        classes = manifest.label_set
        # The names and the classes of that time, whatever they are called by now.
        then = replace(inputs_now.labeling_run, named_then=classes)
        # Classes that were merged stand where the first of them stood.
        order = list(dict.fromkeys(places[0] for places in then.shares if told_apart(places)))
        if () in then.shares or order != sorted(order):
            changed.append("The classes are others.")
        inputs_now.labeling_run = then
        inputs_now.evidence = _evidence(
            store, inputs_now.labeling_run, inputs.scores, project, changed
        )
    if inputs_now.evidence is not None and inputs.refinement is not None and not changed:
        inputs_now.search, problem = recorded_search(
            store, inputs_now.project, inputs.refinement, inputs_now.evidence.row
        )
        changed += [] if problem is None else [problem]
    inputs_now.run, inputs_now.times = recorded_run(store, project, manifest, changed)
    inputs_now.rule = recorded_rule(store, project, manifest)
    changed += curation.lost_audit(store, project.id, inputs_now.rule, manifest.certificate)
    if inputs_now.labeling_run is not None and inputs_now.evidence is not None and not changed:
        if inputs.refinement is not None:
            labels = _labels(store, manifest, inputs_now.labeling_run, inputs_now.search)
            rows = inputs_now.evidence.row
            changed += provenance.refined_otherwise(inputs.refinement, labels, rows)
        inputs_now.need = _find_need(store, manifest, inputs_now, changed)
    edits = store.decisions.edits(project.id, at)
    if provenance.edits_sha256(edits) != inputs.edits.sha256:
        changed.append(
            f"What people decided up to the export is not what it was: {len(edits):,} labels and "
            f"exclusions stand, and {inputs.edits.count:,} did."
        )
    return inputs_now


def _project(store: Store, manifest: Manifest) -> Project:
    """The project by its name, or whichever holds the same texts, as it was then.

    Texts that were added since are left aside. Raises for none.
    """
    name, digest = str(manifest.project.name), manifest.project.texts_sha256
    projects = store.projects.all()
    stages = (stage for project in projects for stage in project.every_stage())
    same = [stage for stage in stages if stage.digest == digest]
    for project in same:
        if project.name == name:
            return project
    if same:
        return same[0]
    if any(project.name == name for project in projects):
        raise InputsChanged([f"The texts of {name!r} are not those that were exported."])
    raise NotFound(
        f"No project here holds the texts of this export (project {name!r}, from "
        f"{manifest.project.source}). Rebuild it in the home where it was made, or a copy of it."
    )


def _evidence(
    store: Store,
    labeling_run: LabelingRun,
    recorded: ScoreFacts,
    project: Project,
    changed: list[str],
) -> Scores:
    rows = np.flatnonzero(provenance.unpacked(recorded.rows, project.rows))
    evidence = provenance.usable_scores(store, labeling_run, rows)
    lost = len(rows) - len(evidence.row)
    if lost:
        changed.append(f"The teacher's answers to {lost:,} of {len(rows):,} texts are gone.")
    elif provenance.scores_sha256(evidence) != recorded.sha256:
        changed.append("The teacher's scores are not what they were.")
    return evidence


def _find_need(
    store: Store, manifest: Manifest, inputs_now: _InputsNow, changed: list[str]
) -> Need | None:
    recorded = manifest.inputs.information_need
    total = recorded.sha256
    if total is None:
        return None
    if inputs_now.run is not None:
        file = store.runs.signals_file(inputs_now.run, int(recorded.epoch or 0))
        if not file.exists() or exporting.sha256(file) != total:
            changed.append(f"The signals of run {inputs_now.run.id} are not what they were.")
            return None
        return Need(*read_probabilities(file), str(recorded.source), file, inputs_now.run.classes)
    file = store.probes.exported(inputs_now.project.id, str(total))
    if not file.exists() and inputs_now.labeling_run is not None:
        labels = _labels(store, manifest, inputs_now.labeling_run, inputs_now.search)
        again = curation.find_need(store, inputs_now.project, labels)
        file = file if again is None else again.file
    if not file.exists() or exporting.sha256(file) != total:
        changed.append("The probe's information need is not what it was, and was not kept.")
        return None
    return Need(*read_probabilities(file), str(recorded.source), file)


def _labels(
    store: Store, manifest: Manifest, labeling_run: LabelingRun, search: str | None
) -> TeacherLabels:
    """All labels of the pass as they were derived then."""
    inputs = manifest.inputs
    bias = [float(value) for value in inputs.bias]
    temperature = float(inputs.temperature)
    return curation.teacher_labels(
        store, labeling_run, manifest.teacher.calibration, bias, temperature, search=search
    )


def _table(
    store: Store,
    manifest: Manifest,
    inputs_now: _InputsNow,
    labeling_run: LabelingRun,
    evidence: Scores,
) -> pa.Table:
    labels = _labels(store, manifest, labeling_run, inputs_now.search)
    then = np.isin(labels.row, evidence.row)
    labels = replace(
        labels,
        row=labels.row[then],
        probabilities=labels.probabilities[then],
        label=labels.label[then],
        confidence=labels.confidence[then],
        source=labels.source[then],
    )
    decisions = store.decisions.current(inputs_now.project.id, float(manifest.inputs.as_of))
    plane = curation.plane_of(store, inputs_now.project, labels, inputs_now.need, decisions)
    rule = inputs_now.rule
    certified = curation.frozen_rows(store, inputs_now.project.id, rule)
    mask = curation.rows_kept_by(plane, rule, inputs_now.times, certified)
    wanted = manifest.options
    options = exporting.Options(
        tuple(wanted.formats),
        tuple(wanted.columns),
        exporting.checked_share(float(wanted.validation)),
        int(wanted.seed),
    )
    beyond = export_context(
        store,
        inputs_now.project,
        evidence,
        inputs_now.run,
        inputs_now.times,
        float(manifest.inputs.as_of),
    )
    return exporting.curated_table(plane, mask, beyond, options)
