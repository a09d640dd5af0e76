"""The request of a stored job, whichever version stored it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from llkd.config import AUTO_STRATEGY, BEFORE_HEAD_START, USUAL_WINDOW, TrainingConfig, build
from llkd.errors import LLKDError, UserError
from llkd.jobs.registry import job_kind
from llkd.jobs.requests import AUTO_ARMS, CompareRequest, JobRequest, TrainRequest
from llkd.jobs.requests.student import ARMS_BEFORE_ADVICE
from llkd.selection.strategies.neighbours import NEIGHBOURS
from llkd.selection.strategy_spec import DEFAULT_SHARE
from llkd.selection.usual_settings import USUAL_EPOCHS
from llkd.store import Job, Store

OLD_COMMANDS = "llkd.cli.old_commands:request_of_command"
"""What reads the command of a job of before 0.4.0: the command line's own parser, above here."""


STRATEGY_BEFORE_ADVICE = "neighbours"
"""What ``llkd train`` meant, before 0.9, where nobody named a strategy."""


def read_request(document: dict[str, Any]) -> JobRequest:
    """A request from its JSON. Raises ConfigError for one that this version does not know.

    One of before 0.9 says nothing of the student's head, which began at random then.
    """
    training = document.get("training")
    if isinstance(training, dict):
        if "head_start" not in training:
            training = {**training, "selection": _as_meant(dict(training.get("selection") or {}))}
            training.setdefault("epochs", USUAL_EPOCHS)
        training = {"head_start": BEFORE_HEAD_START, **training}
        document = {**document, "training": training}
    return build(job_kind(str(document.get("kind"))).request, document)


def _as_then(request: JobRequest) -> JobRequest:
    """An old command's request with the window, head, strategy and arms that it meant then.

    Where it names none.
    """
    training = getattr(request, "training", None)
    if training is None:
        return request
    update: dict[str, Any] = {}
    then = {
        "head_start": BEFORE_HEAD_START,
        "max_tokens": training.max_tokens or USUAL_WINDOW,
        "epochs": training.epochs or USUAL_EPOCHS,
    }
    training = training.model_copy(update=then)
    if isinstance(request, TrainRequest) and training.selection.strategy == AUTO_STRATEGY:
        values = {**training.selection.model_dump(), "strategy": STRATEGY_BEFORE_ADVICE}
        training = build(TrainingConfig, training.model_dump(), selection=_as_meant(values))
    if isinstance(request, CompareRequest) and request.arms == AUTO_ARMS:
        update["arms"] = ARMS_BEFORE_ADVICE
    return request.model_copy(update={"training": training, **update})


def _as_meant(selection: dict[str, Any]) -> dict[str, Any]:
    """The selection of a request of before 0.9: without a share ``neighbours`` took a fifth."""
    if selection.get("strategy") == NEIGHBOURS.name and selection.get("share") is None:
        return {**selection, "share": DEFAULT_SHARE}
    return selection


def request_of(store: Store, job: Job) -> JobRequest:
    """What a job is asked to do. Raises UserError where it cannot be read any more.

    A version before 0.4.0 stored a command instead, which is read once and kept as a request.
    """
    try:
        if job.request is not None:
            return read_request(job.request)
        request = _as_then(_old_command_reader()(store, job.arguments))
    except LLKDError as error:
        raise UserError(
            f"What job {job.id} ({job.title}) was to do cannot be read: {error} Start it anew."
        ) from error
    store.jobs.update(job.id, request=request.model_dump(mode="json"))
    return request


def known_request(store: Store, job: Job) -> JobRequest | None:
    """As :func:`request_of`; None where it cannot be read."""
    try:
        return request_of(store, job)
    except UserError:
        return None


def _old_command_reader() -> Callable[[Store, list[str]], JobRequest]:
    module, _, function = OLD_COMMANDS.partition(":")
    reader: Callable[[Store, list[str]], JobRequest] = getattr(import_module(module), function)
    return reader
