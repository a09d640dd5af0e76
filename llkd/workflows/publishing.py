"""Pushing to a model hub: an export is made, or one that is there is taken, and sent as it is."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from llkd import exporting, publishing
from llkd.config.selection_rule import EVERYTHING, SavedRule, StandaloneRule
from llkd.errors import LLKDError, UserError
from llkd.jobs.progress import Progress
from llkd.publishing import Shipment
from llkd.store import Project, Store
from llkd.workflows import selection, student_export

_FOLDER = "push_folder"


def push(
    store: Store,
    project: Project,
    job: Progress,
    *,
    dataset: str | None = None,
    model: str | None = None,
    public: bool = False,
    dry_run: bool = False,
    folder: str | Path | None = None,
    rule: StandaloneRule | SavedRule = EVERYTHING,
    onnx: bool = False,
    columns: tuple[str, ...] = exporting.USUAL_GROUPS,
    validation: float = 0.0,
    seed: int = 0,
) -> dict[str, Any]:
    """Send the curated set to ``dataset`` and the student to ``model``, each ``OWNER/NAME``.

    ``folder``: a finished export to send; None makes one of the rule, which is kept in the home:
    it is what was sent. ``dry_run``: only say what would go. Raises UserError with what is to be
    done; each repository is whole or as before, and a second push sends only what is missing.
    """
    if dataset is None and model is None:
        raise UserError("Say where to: --dataset OWNER/NAME, --model OWNER/NAME, or both.")
    for name in (dataset, model):
        if name is not None:
            publishing.checked_name(name)
    endpoint = publishing.hub_endpoint()
    if folder is None:
        source = _exported(
            store, project, job, rule,
            dataset=dataset is not None, model=model is not None, onnx=onnx,
            columns=columns, validation=validation, seed=seed,
        )  # fmt: skip
    else:
        source = Path(folder).expanduser().resolve()
    shipments = publishing.shipments_of(source, dataset, model)
    document: dict[str, Any] = {
        "project": project.name,
        "hub": endpoint,
        "folder": str(source),
        "dry_run": dry_run,
        "public": public,
        "shipments": [shipment.document() for shipment in shipments],
    }
    if dry_run:
        return document
    document["pushed"] = _send_all(store, project, job, shipments, public)
    return document


def _send_all(
    store: Store, project: Project, job: Progress, shipments: list[Shipment], public: bool
) -> list[dict[str, Any]]:
    place = publishing.hub_token()
    pushed: list[dict[str, Any]] = []
    for number, shipment in enumerate(shipments):
        job.check()
        try:
            result = publishing.send(
                shipment,
                place,
                public,
                lambda words, number=number: job.progress(  # type: ignore[misc]
                    number, len(shipments), words, always=True
                ),
            )
        except LLKDError as error:
            if pushed:  # said along: half of it is done
                done = " and ".join(str(entry["repository"]) for entry in pushed)
                error.args = (f"{done} is pushed. {error}", *error.args[1:])
            raise
        store.events.record(project.id, "push", {**result, "hub": place.endpoint})
        pushed.append(result)
    job.progress(len(shipments), len(shipments), "Pushed", always=True)
    return pushed


def _exported(
    store: Store,
    project: Project,
    job: Progress,
    rule: StandaloneRule | SavedRule,
    *,
    dataset: bool,
    model: bool,
    onnx: bool,
    **options: Any,
) -> Path:
    """The folder of an export of the rule, made now; an earlier attempt's where it is whole."""
    earlier = job.facts.get(_FOLDER)
    if earlier is not None and exporting.manifest_in(Path(str(earlier))) is not None:
        return Path(str(earlier))
    run = student_export.student_run(store, project, rule, onnx) if model else None
    if model and run is None:
        raise UserError(
            "--model takes the student of a run: name the run with --run, or a saved selection of "
            "one."
        )
    folder = _free_folder(store, project)
    job.remember(**{_FOLDER: str(folder)})
    selection.export(
        store,
        project,
        folder,
        rule,
        formats=["hf"],
        student=model,
        student_run=run,
        onnx=onnx,
        job=job,
        **options,
    )
    return folder


def _free_folder(store: Store, project: Project) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    name, number = f"{project.id}-push-{stamp}", 2
    folder = store.home.exports / name
    while folder.exists():
        folder = store.home.exports / f"{name}-{number}"
        number += 1
    return folder
