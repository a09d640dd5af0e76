"""Which texts are kept, and taking them away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from llkd import curation, exporting, signals
from llkd.config import Calibration
from llkd.errors import UserError
from llkd.jobs import JobContext
from llkd.pipeline import taking_away
from llkd.store import Project, Run, Store

Threshold = curation.Threshold


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
    ``selection``: the saved view of that name.
    """
    plane, kept, rule = _kept(
        store, project, run, teacher_threshold, student_threshold, calibration, selection
    )
    return {"project": project.name, **curation.summary(plane, kept), "rule": rule}


def saved_rows(store: Store, project: Project, name: str, until: float | None = None) -> np.ndarray:
    """The rows that a saved selection keeps, by what people had decided ``until`` then."""
    plane, kept, _ = _kept(store, project, None, None, None, None, name, until)
    return plane.frame["row"].to_numpy()[kept]


def _kept(
    store: Store,
    project: Project,
    run: Run | None,
    teacher: Threshold | None,
    student: Threshold | None,
    calibration: Calibration | None,
    selection: str | None,
    until: float | None = None,
) -> tuple[curation.Plane, np.ndarray, dict[str, Any]]:
    epoch = None
    if selection is not None:
        if run is not None or teacher is not None or student is not None:
            raise UserError("A saved selection has its own thresholds. Name it alone.")
        view = store.people.selection(project.id, selection)["view"]
        teacher, student = view.get("teacher_threshold", 0.0), view.get("student_threshold", 0.0)
        calibration, epoch = view.get("calibration"), view.get("epoch")
        run = store.runs.get(view["run"], project.id) if view.get("run") is not None else None
    if run is not None and run.summary is None and not store.runs.epochs(run):
        raise UserError(f"Run {run.id} has no results yet. Wait for its first epoch, or resume it.")
    plane = curation.load_plane(store, project, calibration=calibration, run=run, epoch=epoch)
    if until is not None:
        plane = curation.with_decisions(plane, store.people.decisions(project.id, until))
    if run is not None and teacher is None and student is None:
        trained = times_selected(store, run)
        excluded = plane.frame["excluded"].to_numpy()
        kept = plane.frame["row"].isin(trained.index).to_numpy() & ~excluded
        return plane, kept, {"kind": "trained on by run", "run": run.id}
    rule = {
        "kind": "thresholds",
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
    return plane, curation.kept_rows(plane, teacher or 0.0, student or 0.0), rule


def times_selected(store: Store, run: Run) -> pd.Series:
    """How often each row was trained on in a run, indexed by row."""
    decisions = store.runs.decisions(run)
    if decisions.empty:
        return pd.Series(dtype=np.int64)
    return decisions.loc[decisions["selected"], "row"].value_counts()


def curated_frame(
    store: Store, plane: curation.Plane, kept: np.ndarray, run: Run | None
) -> pd.DataFrame:
    """The kept rows as they are exported, in row order."""
    frame = plane.frame[kept]
    texts = store.projects.texts(plane.project.id, ["text"])["text"]
    names = np.array([*plane.names, None], dtype=object)
    out = pd.DataFrame(
        {
            "id": frame["id"].astype(str),
            "text": texts.iloc[frame["row"]].to_numpy(),
            "label": names[frame["label"]],
            "labelled_by": np.where(frame["human_label"] >= 0, "person", "teacher"),
            "teacher_label": names[frame["teacher_label"]],
            "teacher_confidence": frame["confidence"],
            "information_need": frame["information_need"],
            "student_label": names[frame["student_label"]],
        }
    )
    if plane.student_probabilities is not None:
        out["student_confidence"] = signals.confidence(plane.student_probabilities[kept])
    if run is not None:
        counts = times_selected(store, run)
        out["times_trained_on"] = frame["row"].map(counts).fillna(0).astype(int)
    return out[out["label"].notna()].reset_index(drop=True)


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
    job: JobContext | None = None,
) -> dict[str, Any]:
    """Write the curated set, its manifest and (of a run) the student to the folder ``out``.

    ``onnx``: the student also as ONNX, see :mod:`llkd.pipeline.taking_away`.
    """
    folder = exporting.checked_folder(out)
    taken = taking_away.student_run(store, project, run, selection, onnx) if student else None
    plane, kept, rule = _kept(
        store, project, run, teacher_threshold, student_threshold, calibration, selection
    )
    frame = curated_frame(store, plane, kept, run)
    if frame.empty:
        raise UserError("Nothing is kept, so there is nothing to export. Lower the thresholds.")
    labelling = plane.labelling
    manifest = {
        "project": {
            "name": project.name,
            "source": project.source,
            "rows": project.rows,
            "texts_sha256": project.digest,
        },
        "classes": [entry.model_dump() for entry in labelling.label_set.labels],
        "teacher": {
            "describe": labelling.teacher,
            "fingerprint": labelling.fingerprint,
            "calibration": plane.calibration,
            "temperature": plane.temperature,
            "temperature_fit": plane.temperature_fit,
            "tokens_in": labelling.tokens_in,
            "tokens_out": labelling.tokens_out,
        },
        "selection": rule,
        "counts": curation.summary(plane, kept),
        "people": {
            "labelled": int((plane.frame["human_label"] >= 0).sum()),
            "excluded": int(plane.frame["excluded"].sum()),
        },
        "run": None if run is None else _run_facts(run),
    }
    beside, forms = None, None
    if taken is not None:
        beside, forms = taking_away.beside(store, project, taken, onnx, job)
    files = exporting.write_curated(
        frame,
        folder,
        formats,
        plane.names,
        manifest,
        student=None if taken is None else taken.student_folder,
        zip_student=zip_student,
        beside=beside,
    )
    store.people.record(project.id, "export", {"folder": str(folder), "rows": len(frame), **rule})
    return {
        "files": [str(file) for file in files],
        "rows": len(frame),
        "folder": str(folder),
        **({} if forms is None else {"student": forms}),
    }


def _run_facts(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "config": run.config.model_dump(mode="json"),
        "labels": run.labels,
        "summary": run.summary,
    }
