"""The request to tell a tracking server of a run."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import field_validator

from llkd.config.tracking import clean_tracker
from llkd.jobs.requests.base import ProjectRequest, value_flags


class TrackRequest(ProjectRequest):
    """Tell the tracking server ``tracker`` of a finished run; ``student``: with its files."""

    kind: Literal["track"] = "track"
    run: int
    tracker: str = "mlflow"
    student: bool = False

    verb: ClassVar[str] = "track"

    @field_validator("tracker")
    @classmethod
    def _in_one_way(cls, tracker: str) -> str:
        return clean_tracker(tracker)

    @property
    def title(self) -> str:
        """What lists call it."""
        return f"Track run {self.run} in MLflow"

    @property
    def device(self) -> str | None:
        """None."""
        return None

    @property
    def run_numbers(self) -> frozenset[int]:
        """The run."""
        return frozenset({self.run})

    def flags(self) -> list[str]:
        """The flags of ``llkd track``."""
        to = None if self.tracker == "mlflow" else self.tracker
        return value_flags(run=self.run, to=to, student=self.student)
