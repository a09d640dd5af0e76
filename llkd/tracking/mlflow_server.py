"""A run told to an MLflow server through MLflow's own client; telling it twice adds nothing.

MLflow reads its credentials from its own variables. Nothing that it says is shown as it is: an
address from the environment may hold a password.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from llkd.config.tracking import shown_uri
from llkd.errors import LLKDError, UserError
from llkd.installation import require
from llkd.tracking.tracked_run import TrackedRun

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

IDENTITY = "llkd.identity"
SECONDS = 20
"""How long one request may take; there are two tries."""
_AT_ONCE = 100
_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": str(SECONDS),
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    # Its client would tell its makers of its use.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
_Entry = TypeVar("_Entry")
# A port or a run's id may hold these figures, too.
_NO_ENTRY = re.compile(r"error code (401|403)\b|UNAUTHENTICATED|PERMISSION_DENIED")


def send_run(run: TrackedRun, uri: str, tell: Callable[[str], None]) -> dict[str, Any]:
    """Tell the server of a run: made there, or completed where it is there already.

    Returns ``url`` (without secrets), ``experiment``, ``run`` (its id there), ``new``. Raises
    UserError with what is to be done; a second call then goes on.
    """
    require("mlflow", "Tracking runs in MLflow")
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    from mlflow import MlflowClient

    try:
        return _report_run(MlflowClient(tracking_uri=uri), run, uri, tell)
    except LLKDError:
        raise
    except Exception as error:
        raise _failure(error, uri) from None


def _report_run(
    client: MlflowClient, run: TrackedRun, uri: str, tell: Callable[[str], None]
) -> dict[str, Any]:
    tell(f"Asking {shown_uri(uri)}")
    experiment = _experiment(client, run)
    there = _known(client, experiment, run.identity)
    new = there is None
    if there is None:
        there = client.create_run(
            experiment,
            start_time=_milliseconds(run.began),
            tags={**run.tags, IDENTITY: run.identity},
            run_name=run.name,
        )
    number = there.info.run_id
    tell("Sending settings and metrics")
    _send_figures(client, number, run, {} if new else dict(there.data.params))
    for place, (path, content) in enumerate(sorted(run.files.items())):
        tell(f"Sending files ({place + 1} of {len(run.files)})")
        _send_file(client, number, path, content)
    client.set_terminated(number, "FINISHED", end_time=_milliseconds(run.ended))
    return {
        "url": f"{shown_uri(uri)}/#/experiments/{experiment}/runs/{number}",
        "experiment": run.experiment,
        "run": number,
        "new": new,
    }


def _experiment(client: MlflowClient, run: TrackedRun) -> str:
    known = client.get_experiment_by_name(run.experiment)
    if known is None:
        return str(client.create_experiment(run.experiment))
    if known.lifecycle_stage == "deleted":
        raise UserError(
            f"The experiment {run.experiment!r} was deleted in MLflow. Restore it there (mlflow "
            f"experiments restore -x {known.experiment_id}), or rename the project."
        )
    return str(known.experiment_id)


def _known(client: MlflowClient, experiment: str, identity: str) -> Run | None:
    """The run that was told of before, finished or broken off."""
    runs = client.search_runs(
        [experiment], filter_string=f"tags.`{IDENTITY}` = '{identity}'", max_results=1
    )
    return runs[0] if runs else None


def _send_figures(
    client: MlflowClient, number: str, run: TrackedRun, params: dict[str, str]
) -> None:
    from mlflow.entities import Metric, Param, RunTag

    keys = sorted({metric.key for metric in run.metrics})
    steps = {(key, entry.step) for key in keys for entry in client.get_metric_history(number, key)}
    began = _milliseconds(run.began)
    metrics = [
        Metric(metric.key, metric.value, began + metric.step, metric.step)
        for metric in run.metrics
        if (metric.key, metric.step) not in steps
    ]
    new = [Param(key, value) for key, value in run.params.items() if key not in params]
    for part in _parts(new):
        client.log_batch(number, params=part)
    for part in _parts(metrics):
        client.log_batch(number, metrics=part)
    for part in _parts([RunTag(key, value) for key, value in run.tags.items()]):
        client.log_batch(number, tags=part)


def _send_file(client: MlflowClient, number: str, path: str, content: str | Path) -> None:
    folder, _, name = path.rpartition("/")
    if isinstance(content, Path):
        client.log_artifact(number, str(content), folder or None)
        return
    with tempfile.TemporaryDirectory(prefix="llkd-track-") as temporary:
        file = Path(temporary) / name
        file.write_text(content, encoding="utf-8")
        client.log_artifact(number, str(file), folder or None)


def _parts(entries: Sequence[_Entry]) -> Iterator[list[_Entry]]:
    for start in range(0, len(entries), _AT_ONCE):
        yield list(entries[start : start + _AT_ONCE])


def _milliseconds(seconds: float) -> int:
    return int(1000 * seconds)


def _failure(error: Exception, uri: str) -> UserError:
    """What went wrong, in words of our own: the client's may hold the whole address."""
    place = shown_uri(uri)
    words = f"{type(error).__name__} {error}"
    again = "Nothing of the run is lost: llkd track, or llkd resume, goes on."
    if _NO_ENTRY.search(words):
        return UserError(
            f"The tracking server at {place} does not let this program in. Set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, and "
            f"track the run again. {again}"
        )
    if any(mark in words for mark in ("Max retries", "Timeout", "timed out", "Connection")):
        return UserError(
            f"The tracking server at {place} cannot be reached, or does not answer within "
            f"{SECONDS} s. {again}"
        )
    return UserError(
        f"The tracking server at {place} does not take the run ({type(error).__name__}): it may be "
        f"no MLflow server, or another version of it. {again}"
    )
