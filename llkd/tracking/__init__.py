"""Finished runs in a tracking server: what is told of a run, and telling it."""

from llkd.tracking.mlflow_server import send_run
from llkd.tracking.tracked_run import TrackedRun

__all__ = ["TrackedRun", "send_run"]
