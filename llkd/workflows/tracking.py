"""Runs told to a tracking server: after training, in a job of its own, or later by hand."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llkd import __version__, exporting, jobs
from llkd.config.tracking import tracking_uri
from llkd.errors import LLKDError, UserError
from llkd.jobs.progress import Progress
from llkd.jobs.requests import TrackRequest
from llkd.selection.registry import label_of
from llkd.store import Project, Run, Store
from llkd.tracking import TrackedRun, send_run
from llkd.tracking.tracked_run import flat, metrics_of
from llkd.workflows import student_export
from llkd.workflows.evaluation import run_report
from llkd.workflows.model_card import card_of_run

_MOST_RESUMED = 20


def track(
    store: Store,
    project: Project,
    run: Run,
    tracker: str,
    job: Progress,
    *,
    student: bool = False,
) -> dict[str, Any]:
    """Tell the tracking server of a finished run; again adds nothing that is there.

    ``student``: its folder goes along. Returns ``url``, ``experiment``, ``new`` and more. Raises
    UserError for a run that has not ended well, or what the server is to be helped with.
    """
    uri = tracking_uri(tracker)
    document = tracked_run(store, project, run, student)

    def tell(words: str) -> None:
        job.check()
        job.progress(0, None, words, always=True)

    result = send_run(document, uri, tell)
    facts = {"project": project.name, "run_here": run.id, "student": student, **result}
    store.events.record(project.id, "track", facts)
    return facts


def start_tracking(
    store: Store, project: Project, runs: Sequence[int], tracker: str | None, student: bool
) -> list[int]:
    """Begin a job for each run that tells the server of it; the numbers of these jobs.

    A training waits for nothing here, and fails for nothing: what cannot begin is a line of the
    log.
    """
    if tracker is None:
        return []
    begun = []
    for run in runs:
        request = TrackRequest(project=project.name, run=run, tracker=tracker, student=student)
        try:
            begun.append(jobs.start(store, request).id)
        except (LLKDError, OSError) as error:
            logging.getLogger("llkd").warning("run %d is not tracked: %s", run, error)
    return begun


def resume_waiting(store: Store, project: Project, tracker: str) -> list[int]:
    """Begin again what the server could not be told of before, now that it has answered."""
    resumed: list[int] = []
    for job in store.jobs.all(project.id, states=("failed", "died")):
        request = jobs.known_request(store, job) if job.kind == "track" else None
        if not isinstance(request, TrackRequest) or request.tracker != tracker:
            continue
        try:
            resumed.append(jobs.resume(store, job.id).id)
        except LLKDError:
            continue  # somebody else was faster, or the run is gone
        if len(resumed) == _MOST_RESUMED:
            break
    return resumed


def tracked_run(store: Store, project: Project, run: Run, student: bool = False) -> TrackedRun:
    """What is told of a run. Raises UserError where it has not finished."""
    if run.summary is None:
        raise UserError(
            f"Run {run.id} has not finished, so there is nothing to track yet. Wait for it, or "
            "resume it."
        )
    summary = run.summary.document()
    labels = run.labels
    settings = {
        **run.config.model_dump(mode="json"),
        "labels.calibration": labels.get("calibration"),
        "labels.texts": labels.get("rows"),
        "labels.people": labels.get("human_labels"),
    }
    report = run_report(store, project, run)
    files: dict[str, str | Path] = {
        "report.json": _json(report),
        "epochs.json": _json(summary),
        "settings.json": _json(exporting.portable(run.config.model_dump(mode="json"))),
        "model_card.md": exporting.model_card(card_of_run(store, project, run, None, {})),
    }
    if student:
        files |= _student_files(store, project, run)
    return TrackedRun(
        identity=_identity(run),
        experiment=project.name,
        name=run.title or run.name,
        began=run.created,
        ended=run.finished or run.created,
        params=flat(exporting.portable(settings)),
        metrics=metrics_of(summary),
        tags=_tags(project, run),
        files=files,
    )


def _identity(run: Run) -> str:
    """Equal for a run of one home, whatever it and its project are called by now."""
    facts = f"{run.id} {run.created!r} {run.labels.get('targets_sha256')}"
    return hashlib.sha256(facts.encode()).hexdigest()[:32]


def _tags(project: Project, run: Run) -> dict[str, str]:
    strategy = run.config.selection.strategy
    facts = {
        "llkd.project": project.name,
        "llkd.run": run.id,
        "llkd.strategy": strategy,
        "llkd.strategy_name": label_of(strategy),
        "llkd.version": __version__,
        "llkd.texts_sha256": run.labels.get("project_sha256"),
        "llkd.rows_sha256": run.labels.get("rows_sha256"),
        "llkd.targets_sha256": run.labels.get("targets_sha256"),
        "mlflow.note.content": run.note,
    }
    return {name: str(value)[:5000] for name, value in facts.items() if value}


def _student_files(store: Store, project: Project, run: Run) -> dict[str, str | Path]:
    folder = student_export.portable_student(run)
    extra, _ = student_export.extra_files(store, project, run, onnx=False)
    own: dict[str, str | Path] = {
        f.relative_to(folder).as_posix(): f for f in folder.rglob("*") if f.is_file()
    }
    return {f"student/{name}": content for name, content in {**own, **extra}.items()}


def _json(document: Any) -> str:
    return json.dumps(exporting.portable(document), ensure_ascii=False, indent=1) + "\n"
