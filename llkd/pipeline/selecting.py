"""Which texts are kept, and taking them away."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from llkd import curation, exporting
from llkd.config import Calibration
from llkd.errors import JobCancelled, UserError
from llkd.jobs import JobContext
from llkd.pipeline import provenance, taking_away
from llkd.store import Labelling, Project, Run, Scores, Store

Threshold = curation.Threshold
TRAINED_ON = "trained on by run"
THRESHOLDS = "thresholds"


@dataclass(frozen=True)
class Chosen:
    """The plane, which of its rows are kept, by which rule, and the run it speaks of."""

    plane: curation.Plane
    kept: np.ndarray
    rule: dict[str, Any]
    run: Run | None


def select(
    store: Store,
    project: Project,
    *,
    run: Run | None = None,
    teacher_threshold: Threshold | None = None,
    student_threshold: Threshold | None = None,
    calibration: Calibration | None = None,
    selection: str | None = None,
) -> dict[str, Any]:
    """Count what is kept, of all rows of the pool.

    With a run and no threshold: the texts that the run trained on. With thresholds: the texts at
    or above both, information need being the run's (last epoch) or else the probe's. With
    ``selection``: the saved view of that name. Thresholds by class are under the classes' keys.
    """
    chosen = choose(
        store, project, run, teacher_threshold, student_threshold, calibration, selection
    )
    told = curation.summary(chosen.plane, chosen.kept)
    return {"project": project.name, **told, "rule": chosen.rule}


def saved_rows(store: Store, project: Project, name: str, until: float | None = None) -> np.ndarray:
    """The rows that a saved selection keeps, by what people had decided ``until`` then."""
    found = choose(store, project, selection=name, at=until)
    return found.plane.frame["row"].to_numpy()[found.kept]


def choose(
    store: Store,
    project: Project,
    run: Run | None = None,
    teacher: Threshold | None = None,
    student: Threshold | None = None,
    calibration: Calibration | None = None,
    selection: str | None = None,
    at: float | None = None,
) -> Chosen:
    """What is kept, as :func:`select` counts it; with people's decisions of the moment ``at``."""
    epoch = None
    if selection is not None:
        if run is not None or teacher is not None or student is not None:
            raise UserError("A saved selection has its own thresholds. Name it alone.")
        view = store.people.selection(project.id, selection)["view"]
        calibration = view.get("calibration")
        run, epoch = curation.run_of_view(store, project, view.get("run"), view.get("epoch"))
    if run is not None and run.summary is None and not store.runs.epochs(run):
        raise UserError(f"Run {run.id} has no results yet. Wait for its first epoch, or resume it.")
    plane = curation.load_plane(store, project, calibration=calibration, run=run, epoch=epoch)
    if selection is not None:
        teacher, student = (
            _of_classes_there(view.get(f"{side}_threshold", 0.0), plane)
            for side in ("teacher", "student")
        )
    teacher, student = _under_keys(teacher, plane), _under_keys(student, plane)
    if at is not None:
        plane = curation.with_decisions(plane, store.people.decisions(project.id, at))
    if run is not None and teacher is None and student is None:
        rule: dict[str, Any] = {"kind": TRAINED_ON, "run": run.id}
        return Chosen(plane, kept_by(plane, rule, curation.times_trained(store, run)), rule, run)
    rule = {
        "kind": THRESHOLDS,
        "teacher_threshold": teacher or 0.0,
        "student_threshold": student or 0.0,
        "information_need": plane.need_source,
        "selection": selection,
        "run": run.id if run else None,
    }
    if student and plane.student_probabilities is None:
        raise UserError(
            "A student threshold needs the information need of each text, which is not there yet. "
            f"Make it with: llkd probe {curation.quoted(project.name)}"
        )
    return Chosen(plane, kept_by(plane, rule, None), rule, run)


def _of_classes_there(threshold: Threshold, plane: curation.Plane) -> Threshold:
    """A saved threshold without classes that are no more."""
    if not isinstance(threshold, Mapping):
        return threshold
    return {key: value for key, value in threshold.items() if key in plane.keys}


def _under_keys(threshold: Threshold | None, plane: curation.Plane) -> Threshold | None:
    """Thresholds by key; what is no key is taken as the name of a class."""
    if not isinstance(threshold, Mapping):
        return threshold
    keys = plane.keys
    own = {key: value for key, value in threshold.items() if key in keys}
    others = {name: value for name, value in threshold.items() if name not in keys}
    return {**plane.classes.by_key(others), **own}


def kept_by(plane: curation.Plane, rule: Mapping[str, Any], times: pd.Series | None) -> np.ndarray:
    """Which rows of the plane a rule keeps; ``times`` is how often its run trained on each row."""
    if rule["kind"] == TRAINED_ON:
        trained = [] if times is None else times.index
        excluded = plane.frame["excluded"].to_numpy()
        return np.asarray(plane.frame["row"].isin(trained).to_numpy() & ~excluded)
    return curation.kept_rows(plane, rule["teacher_threshold"], rule["student_threshold"])


def times_selected(store: Store, run: Run) -> pd.Series:
    """How often each row was selected in a run, indexed by row: what exports of 0.3 counted."""
    decisions = store.runs.decisions(run)
    if decisions.empty:
        return pd.Series(dtype=np.int64)
    return decisions.loc[decisions["selected"], "row"].value_counts()


def beyond_the_plane(
    store: Store, project: Project, evidence: Scores, run: Run | None, times: pd.Series | None
) -> exporting.Beyond:
    """What the columns of a curated set need besides the plane."""
    source = np.full(project.rows, None, dtype=object)
    source[evidence.row] = evidence.source
    texts = store.projects.texts(project.id, ["text"])["text"]
    weighting = "product" if run is None else run.config.selection.weighting
    return exporting.Beyond(texts, source, times, weighting)


def export(
    store: Store,
    project: Project,
    out: str | Path,
    *,
    formats: list[str],
    run: Run | None = None,
    teacher_threshold: Threshold | None = None,
    student_threshold: Threshold | None = None,
    calibration: Calibration | None = None,
    selection: str | None = None,
    student: bool = True,
    zip_student: bool = False,
    onnx: bool = False,
    columns: tuple[str, ...] = exporting.USUAL_GROUPS,
    validation: float = 0.0,
    seed: int = 0,
    job: JobContext | None = None,
) -> dict[str, Any]:
    """Write the curated set, its manifest and (of a run) the student to the folder ``out``.

    ``columns`` are groups of columns, ``validation`` the share of a validation split drawn with
    ``seed``; ``onnx``: the student also as ONNX, see :mod:`llkd.pipeline.taking_away`. Stopped, or
    where anything fails, it leaves what was there before.
    """
    folder = exporting.checked_folder(out)
    taken = taking_away.student_run(store, project, run, selection, onnx) if student else None
    options = exporting.Options(
        tuple(formats), tuple(columns), exporting.checked_share(validation), seed
    )
    at = time.time()
    chosen = choose(
        store, project, run, teacher_threshold, student_threshold, calibration, selection, at
    )
    plane, used = chosen.plane, chosen.run
    labelled = plane.frame["row"].to_numpy()[plane.frame["teacher_label"].to_numpy() >= 0]
    evidence = provenance.evidence_of(store, plane.labelling, labelled)
    times = None if used is None else curation.times_trained(store, used)
    beyond = beyond_the_plane(store, project, evidence, used, times)
    table = exporting.curated_table(plane, chosen.kept, beyond, options)
    if not table.num_rows:
        raise UserError("Nothing is kept, so there is nothing to export. Lower the thresholds.")
    counts = per_split(table)
    manifest = {
        **_facts(plane, chosen),
        "splits": counts,
        "columns": exporting.described(
            table.column_names, exporting.weight_formula(plane, beyond.weighting), plane.names
        ),
        "options": {
            "formats": list(options.formats),
            "columns": list(options.columns),
            "validation": options.validation,
            "seed": options.seed,
            "split_rule": exporting.RULE if options.validation else None,
        },
        "inputs": provenance.inputs(store, plane, evidence, used, times, at),
    }
    beside, forms = None, None
    if taken is not None:
        beside, forms = taking_away.beside(store, project, taken, onnx, job)
    files = exporting.write_curated(
        table,
        folder,
        options.formats,
        plane.names,
        manifest,
        student=None if taken is None else taking_away.portable_student(taken),
        zip_student=zip_student,
        beside=beside,
        progress=None if job is None else _watched(job),
    )
    told = {"folder": str(folder), "rows": table.num_rows, **chosen.rule}
    store.people.record(project.id, "export", told)
    return {
        "files": [str(file) for file in files],
        "rows": table.num_rows,
        "folder": str(folder),
        "splits": counts,
        "manifest": str(files[-1]),
        **({} if forms is None else {"student": forms}),
    }


def _watched(job: JobContext) -> exporting.Progress:
    def progress(done: int, total: int, message: str) -> None:
        job.progress(done, total, message)
        if job.should_stop():
            raise JobCancelled("Stopped on request. Nothing was written.")

    return progress


def per_split(table: pa.Table) -> dict[str, dict[str, int]]:
    """Rows of each split by class, largest first."""
    return {
        name: {
            str(one["values"]): int(one["counts"])
            for one in sorted(
                part["label"].value_counts().to_pylist(), key=lambda one: -one["counts"]
            )
        }
        for name, part in exporting.parts(table).items()
    }


def _facts(plane: curation.Plane, chosen: Chosen) -> dict[str, Any]:
    """What a manifest says of the project, the teacher, the people and the run."""
    labelling, project = plane.labelling, plane.project
    frame = plane.frame
    return {
        "project": {
            "name": project.name,
            "source": exporting.file_name(project.source),
            "rows": project.rows,
            "texts_sha256": project.digest,
        },
        "classes": [entry.model_dump(mode="json") for entry in plane.classes.labels],
        "teacher": {
            **_teacher_facts(labelling),
            "calibration": plane.calibration,
            "temperature": plane.temperature,
            "temperature_fit": plane.temperature_fit,
        },
        "selection": chosen.rule,
        "counts": curation.summary(plane, chosen.kept),
        "people": {
            "labelled": int((frame["human_label"] >= 0).sum()),
            "excluded": int(frame["excluded"].sum()),
        },
        "run": None if chosen.run is None else _run_facts(chosen.run),
    }


def _teacher_facts(labelling: Labelling) -> dict[str, Any]:
    return {
        "describe": labelling.teacher,
        "fingerprint": labelling.fingerprint,
        "prompt": labelling.teacher.get("prompt"),
        "settings": labelling.config.model_dump(mode="json"),
        "tokens_in": labelling.tokens_in,
        "tokens_out": labelling.tokens_out,
    }


def _run_facts(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "config": run.config.model_dump(mode="json"),
        "labels": {**run.labels, "classes": run.class_names, "class_keys": run.classes.keys},
        "summary": run.summary,
    }
