"""Which texts are kept, and taking them away."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from llkd import curation, exporting
from llkd.config.selection_rule import EVERYTHING, CertifiedRule, SavedRule, StandaloneRule
from llkd.curation import KeptTexts
from llkd.curation.kept_texts import calibration_of
from llkd.embedding.pool import refine_in_use
from llkd.errors import JobCancelled, UserError
from llkd.evaluation import audits
from llkd.exporting import provenance
from llkd.exporting.manifest_document import (
    Contents,
    Counts,
    OptionFacts,
    PeopleFacts,
    ProjectFacts,
    RunFacts,
    TeacherFacts,
)
from llkd.jobs.progress import Progress, SilentProgress
from llkd.store import LabelingRun, Project, Run, Scores, Store
from llkd.workflows import student_export


def select(
    store: Store, project: Project, rule: StandaloneRule | SavedRule = EVERYTHING
) -> dict[str, Any]:
    """Count what a rule keeps, of all rows of the pool; see ``curation.apply_rule``."""
    texts = _kept_texts(store, project, rule, None, SilentProgress())
    counts = curation.summary(texts.plane, texts.mask)
    return {"project": project.name, **counts, "rule": texts.document()}


def _kept_texts(
    store: Store,
    project: Project,
    rule: StandaloneRule | SavedRule,
    moment: float | None,
    job: Progress,
) -> KeptTexts:
    """The texts of a rule; the search that refines their labels is made where it is missing."""
    plain = (
        store.selections.get(project.id, rule.name).rule if isinstance(rule, SavedRule) else rule
    )
    if plain.run is None:  # a run keeps its own search
        refine_in_use(store, project, calibration_of(store, project, plain), job)
    return curation.apply_rule(store, project, rule, moment)


def times_selected(store: Store, run: Run) -> pd.Series:
    """How often each row was selected in a run, indexed by row: what exports of 0.3 counted."""
    decisions = store.runs.decisions(run)
    if decisions.empty:
        return pd.Series(dtype=np.int64)
    return decisions.loc[decisions["selected"], "row"].value_counts()


def export_context(
    store: Store,
    project: Project,
    scores: Scores,
    run: Run | None,
    times: pd.Series | None,
    moment: float,
) -> exporting.ExportContext:
    """What the columns of a curated set need besides the plane; notes as of that moment."""
    source = np.full(project.rows, None, dtype=object)
    source[scores.row] = scores.source
    texts = store.projects.texts(project, ["text"])["text"]
    weighting = "product" if run is None else run.config.selection.weighting
    noted = store.history.notes(project.id, at=moment)
    notes = {row: "\n".join(f"{n.who}: {n.text}" for n in each) for row, each in noted.items()}
    return exporting.ExportContext(texts, source, times, weighting, notes)


def export(
    store: Store,
    project: Project,
    out: str | Path,
    rule: StandaloneRule | SavedRule = EVERYTHING,
    *,
    formats: list[str],
    student: bool = True,
    student_run: Run | None = None,
    zip_student: bool = False,
    onnx: bool = False,
    columns: tuple[str, ...] = exporting.USUAL_GROUPS,
    validation: float = 0.0,
    seed: int = 0,
    job: Progress | None = None,
) -> dict[str, Any]:
    """Write the curated set, its manifest and (of a run) the student to ``out``: a folder, or s3://bucket/prefix.

    ``columns`` are groups of columns, ``validation`` the share of a validation split drawn with
    ``seed``; ``student_run``: whose student goes along, where it is not that of the rule;
    ``onnx``: the student also as ONNX, see ``workflows.student_export``. Stopped, or
    where anything fails, it leaves what was there before.
    """
    where = exporting.destination(out)
    if student and student_run is None:
        student_run = student_export.student_run(store, project, rule, onnx)
    options = exporting.Options(
        tuple(formats), tuple(columns), exporting.checked_share(validation), seed
    )
    moment = time.time()
    texts = _kept_texts(store, project, rule, moment, job or SilentProgress())
    plane = texts.plane
    labelled = plane.frame["row"].to_numpy()[plane.frame["teacher_label"].to_numpy() >= 0]
    scores = provenance.usable_scores(store, plane.labeling_run, labelled)
    times = None if texts.run is None else curation.times_trained(store, texts.run)
    context = export_context(store, project, scores, texts.run, times, moment)
    table = exporting.curated_table(plane, texts.mask, context, options)
    if not table.num_rows:
        raise UserError("Nothing is kept, so there is nothing to export. Lower the thresholds.")
    counts = per_split(table)
    described = exporting.described(
        table.column_names, exporting.weight_formula(plane, context.weighting), plane.names
    )
    contents = Contents.model_validate(
        {
            **_facts(texts),
            "splits": counts,
            "columns": described,
            "options": OptionFacts(
                **asdict(options), split_rule=exporting.RULE if options.validation else None
            ),
            "inputs": provenance.inputs(store, plane, scores, texts.run, times, moment),
            "certificate": _certificate(store, project, texts, moment),
        }
    )
    extra_files, measured = None, None
    if student_run is not None:
        extra_files, measured = student_export.extra_files(store, project, student_run, onnx, job)
    with where.folder() as folder:
        files = exporting.write_curated(
            table,
            folder,
            options.formats,
            plane.names,
            contents.document(),
            student=None if student_run is None else student_export.portable_student(student_run),
            zip_student=zip_student,
            extra_files=extra_files,
            progress=None if job is None else _watched(job),
        )
    event = {**texts.document(), "folder": str(where), "rows": table.num_rows}
    store.events.record(project.id, "export", event)
    return {
        "files": [where.place(file) for file in files],
        "rows": table.num_rows,
        "folder": str(where),
        "splits": counts,
        "manifest": where.place(files[-1]),
        **({} if measured is None else {"student": measured}),
    }


def _watched(job: Progress) -> exporting.Progress:
    def progress(done: int, total: int, message: str) -> None:
        job.progress(done, total, message)
        if job.should_stop():
            raise JobCancelled("Stopped on request. Nothing was written.")

    return progress


def per_split(table: pa.Table) -> dict[str, dict[str, int]]:
    """Rows of each split by class, largest first."""
    return {
        name: {
            str(entry["values"]): int(entry["counts"])
            for entry in sorted(
                part["label"].value_counts().to_pylist(), key=lambda entry: -entry["counts"]
            )
        }
        for name, part in exporting.parts(table).items()
    }


def _certificate(
    store: Store, project: Project, texts: KeptTexts, moment: float
) -> dict[str, Any] | None:
    """What certifies the exported texts; None where the rule is no certificate."""
    if not isinstance(texts.rule, CertifiedRule):
        return None
    return audits.certificate_facts(store, project, texts.rule, at=moment, plane=texts.plane)


def _facts(texts: KeptTexts) -> dict[str, object]:
    """What a manifest says of the project, the teacher, the people and the run."""
    plane = texts.plane
    labeling_run, project = plane.labeling_run, plane.project
    frame = plane.frame
    return {
        "project": ProjectFacts(
            name=project.name,
            source=exporting.file_name(project.source),
            rows=project.rows,
            texts_sha256=project.digest,
        ),
        "classes": [entry.model_dump(mode="json") for entry in plane.classes.labels],
        "split_classes": [entry.model_dump(mode="json") for entry in plane.classes.split_classes],
        "teacher": _teacher_facts(labeling_run, plane),
        "selection": texts.document(),
        "counts": Counts(**curation.summary(plane, texts.mask)),
        "people": PeopleFacts(
            labelled=int((frame["human_label"] >= 0).sum()),
            excluded=int(frame["excluded"].sum()),
        ),
        "run": None if texts.run is None else _run_facts(texts.run),
    }


def _teacher_facts(labeling_run: LabelingRun, plane: curation.Plane) -> TeacherFacts:
    return TeacherFacts(
        describe=labeling_run.teacher,
        fingerprint=labeling_run.fingerprint,
        prompt=labeling_run.teacher.get("prompt"),
        settings=labeling_run.config.model_dump(mode="json"),
        tokens_in=labeling_run.tokens_in,
        tokens_out=labeling_run.tokens_out,
        calibration=plane.calibration,
        temperature=plane.temperature,
        temperature_fit=plane.temperature_fit,
    )


def _run_facts(run: Run) -> RunFacts:
    return RunFacts(
        id=run.id,
        config=run.config.model_dump(mode="json"),
        labels={**run.labels, "classes": run.class_names, "class_keys": run.classes.keys},
        summary=None if run.summary is None else run.summary.document(),
    )
