"""Requests that train or run a student."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from llkd.config import AUTO_STRATEGY, Calibration, ExecutorConfig, TrainingConfig
from llkd.config.tracking import clean_tracker
from llkd.jobs.requests.base import (
    JobRequest,
    ProjectRequest,
    setting_flags,
    threshold_flags,
    value_flags,
)
from llkd.selection.registry import CONTROLS, EVERYTHING, METHOD, label_of, takes

OF_ONE_RUN = ("reference_run", "early_stopping", "patience")
"""Training settings that arms of a comparison cannot share."""
OWN_FLAGS = ("strategy", "saved", "teacher_threshold", "student_threshold", "class_specific")
"""Settings of a selection that commands spell in their own way."""

AUTO_ARMS = ("auto",)
"""The arms that are worth their time for a project: what the advice proposes when it begins."""
ARMS_BEFORE_ADVICE = (METHOD, EVERYTHING, *CONTROLS)
"""What a stored request means that names no arms: the usual ones of before 0.9."""
NO_THRESHOLDS: dict[str, Any] = {"teacher_threshold": 0.0, "student_threshold": 0.0}


class ProbeRequest(ProjectRequest):
    """Measure information need before any training: embed all texts and fit the probe.

    ``refine``: also refine the labels by their neighbours from then on, or no longer; None leaves
    that as it is.
    """

    kind: Literal["probe"] = "probe"
    student: str = "embedded"
    refine: bool | None = None

    verb: ClassVar[str] = "probe"

    @property
    def title(self) -> str:
        """What lists call it."""
        return f"Probe {self.project}"

    def flags(self) -> list[str]:
        """The flags of ``llkd probe``."""
        flags = value_flags(student=None if self.student == "embedded" else self.student)
        refining = {None: [], True: ["--refine"], False: ["--no-refine"]}
        return flags + refining[self.refine]


class _Tracked(ProjectRequest):
    """Work whose runs a tracking server is told of when they have ended.

    ``track``: which (``mlflow`` or ``mlflow:URL``), None for none; ``track_student``: with the
    student's files.
    """

    track: str | None = None
    track_student: bool = False

    @field_validator("track")
    @classmethod
    def _tracker(cls, track: str | None) -> str | None:
        return None if track is None else clean_tracker(track)

    def track_flags(self) -> list[str]:
        """The flags that say so."""
        student = self.track_student and self.track is not None
        return value_flags(track=self.track, track_student=student)


class TrainRequest(_Tracked):
    """Train one student; ``calibration`` None is that of the labels."""

    kind: Literal["train"] = "train"
    training: TrainingConfig = TrainingConfig()
    calibration: Calibration | None = None
    executor: ExecutorConfig = ExecutorConfig()

    verb: ClassVar[str] = "train"

    @field_validator("training")
    @classmethod
    def _what_counts(cls, training: TrainingConfig) -> TrainingConfig:
        """Without what the strategy does not look at: equal runs have equal settings."""
        selection = training.selection
        unused = {} if takes(selection, "share") else {"share": None}
        unused |= {} if takes(selection, "saved") else {"saved": None}
        unused |= {} if takes(selection, "thresholds") else NO_THRESHOLDS
        counted = takes(selection, "reference_counts")
        return training.model_copy(
            update={
                "selection": selection.model_copy(update=unused),
                "reference_run": training.reference_run if counted else None,
            }
        )

    @property
    def title(self) -> str:
        """What lists call it."""
        label = label_of(self.training.selection.strategy)
        return f"Train {self.project}: {label}, seed {self.training.seed}"

    @property
    def device(self) -> str | None:
        """None where a cluster that is there already does the work."""
        return _device(self.executor)

    @property
    def run_numbers(self) -> frozenset[int]:
        """The run whose counts it copies."""
        reference = self.training.reference_run
        return frozenset() if reference is None else frozenset({reference})

    @property
    def selection_names(self) -> frozenset[str]:
        """The saved selection that it trains on."""
        return saved_of(self.training)

    def flags(self) -> list[str]:
        """The flags of ``llkd train``."""
        selection = self.training.selection
        flags = [f"--strategy={selection.strategy}"]
        flags += setting_flags(self.training, skip={"selection"})
        flags += setting_flags(selection, skip=OWN_FLAGS)
        flags += value_flags(no_class_thresholds=not selection.class_specific)
        if takes(selection, "thresholds"):
            flags += threshold_flags(selection.teacher_threshold, selection.student_threshold)
        flags += setting_flags(self.executor)
        flags += value_flags(selection=selection.saved, calibration=self.calibration)
        return flags + self.track_flags()


class CompareRequest(_Tracked):
    """Train every arm with every seed and put them side by side; ``executor``: where."""

    kind: Literal["compare"] = "compare"
    training: TrainingConfig = TrainingConfig()
    seeds: Annotated[int, Field(ge=1)]
    arms: tuple[str, ...] = AUTO_ARMS
    executor: ExecutorConfig = ExecutorConfig()

    @field_validator("arms", mode="before")
    @classmethod
    def _as_stored(cls, arms: Any) -> Any:
        return ARMS_BEFORE_ADVICE if arms is None else arms

    @field_validator("training")
    @classmethod
    def _what_all_share(cls, training: TrainingConfig) -> TrainingConfig:
        """Without what arms cannot share: each arm brings its own."""
        defaults = TrainingConfig()
        own = {"strategy": AUTO_STRATEGY, "share": None, **NO_THRESHOLDS}
        selection = training.selection.model_copy(update=own)
        update = {name: getattr(defaults, name) for name in OF_ONE_RUN}
        return training.model_copy(update={"selection": selection, **update})

    verb: ClassVar[str] = "compare"

    @property
    def title(self) -> str:
        """What lists call it."""
        return f"Compare on {self.project}"

    @property
    def device(self) -> str | None:
        """None where a cluster that is there already does the work."""
        return _device(self.executor)

    @property
    def selection_names(self) -> frozenset[str]:
        """The saved selection that is an arm."""
        return saved_of(self.training)

    def flags(self) -> list[str]:
        """The flags of ``llkd compare``."""
        selection = self.training.selection
        flags = value_flags(
            seeds=self.seeds, arms=None if self.arms == AUTO_ARMS else ",".join(self.arms)
        )
        flags += setting_flags(self.training, skip={"selection"})
        flags += setting_flags(selection, skip=OWN_FLAGS)
        flags += value_flags(no_class_thresholds=not selection.class_specific)
        flags += setting_flags(self.executor)
        return flags + value_flags(selection=selection.saved) + self.track_flags()


class DemoRequest(JobRequest):
    """Everything on the sample in one go, in a project of its own."""

    kind: Literal["demo"] = "demo"
    training: TrainingConfig = TrainingConfig()

    verb: ClassVar[str] = "demo"

    @property
    def title(self) -> str:
        """What lists call it."""
        return "Demo on the sample"

    def command(self) -> list[str]:
        """The command."""
        return ["demo", *setting_flags(self.training, skip={"selection", "reference_run"})]


def _device(executor: ExecutorConfig) -> str | None:
    """The device of this machine that work needs: none where a cluster is there to do it."""
    there = executor.on_cluster and not executor.starts_workers_here
    return None if there else "auto"


def saved_of(training: TrainingConfig) -> frozenset[str]:
    """The saved selection that the settings name."""
    saved = training.selection.saved
    return frozenset() if saved is None else frozenset({saved})
