"""What every request has: its kind, a title, a device, and the command that a person could type."""

from __future__ import annotations

import csv
import io
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from llkd.config import Settings
from llkd.config.selection_rule import (
    SavedRule,
    StandaloneRule,
    Threshold,
    ThresholdRule,
    TrainedOnRule,
)


class JobRequest(Settings):
    """Work to be done, in full: what a job stores, and what page, command line and API make.

    It holds no secrets: keys of servers are never part of it.
    """

    kind: str
    verb: ClassVar[str]
    """The command that asks for it."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What lists call a job with this request."""

    @property
    def device(self) -> str | None:
        """The device whose queue the work waits in; None where it needs none."""
        return "auto"

    @property
    def project_name(self) -> str | None:
        """The project it works on; None where it makes or finds one itself."""
        return None

    @property
    def run_numbers(self) -> frozenset[int]:
        """The runs that it reads: none of them may be deleted meanwhile."""
        return frozenset()

    @property
    def selection_names(self) -> frozenset[str]:
        """The saved selections that it reads."""
        return frozenset()

    @property
    def server_urls(self) -> tuple[str, ...]:
        """The base URLs of the teachers' servers that it asks, as far as it names them itself."""
        return ()

    @property
    def out_path(self) -> str | None:
        """The file or folder that it writes; None where it writes to the home alone."""
        return None

    @abstractmethod
    def command(self) -> list[str]:
        """What a person could type after ``llkd``: the settings that are not at their defaults."""


class ProjectRequest(JobRequest):
    """A request on one project, which is called by its name."""

    project: str

    @property
    def project_name(self) -> str | None:
        """The project's name."""
        return self.project

    @abstractmethod
    def flags(self) -> list[str]:
        """The flags of the command."""

    def command(self) -> list[str]:
        """The command; after ``--`` even a project called ``--home`` is only a name."""
        return [self.verb, *self.flags(), "--", self.project]


def setting_flags(settings: Settings, skip: Collection[str] = ()) -> list[str]:
    """``--name=value`` for every setting that is not at its default."""
    values = settings.model_dump(mode="json")
    defaults = type(settings)().model_dump(mode="json")
    return [
        f"{flag_of(name)}={separated(value) if isinstance(value, list) else value}"
        for name, value in values.items()
        if name not in skip and value != defaults[name]
    ]


def separated(values: Sequence[str]) -> str:
    """Values with commas between them; one that holds a comma itself stands in quotes."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def flag_of(name: str) -> str:
    """The flag of a setting."""
    return f"--{name.replace('_', '-')}"


def value_flags(**values: Any) -> list[str]:
    """``--name=value`` for all that are not None; the bare flag for True, nothing for False."""
    flags = []
    for name, value in values.items():
        if value is True:
            flags.append(flag_of(name))
        elif value is not None and value is not False:
            flags.append(f"{flag_of(name)}={value}")
    return flags


def rule_flags(rule: StandaloneRule | SavedRule) -> list[str]:
    """The flags that spell out a rule, for ``llkd select`` and ``llkd export``.

    Raises ValueError for what no flag says: an epoch, listed rows, a moment.
    """
    if isinstance(rule, SavedRule) and rule.moment is None:
        return [f"--selection={rule.name}"]
    if isinstance(rule, ThresholdRule | TrainedOnRule) and rule.run is not None:
        flags = [f"--run={rule.run}"]
    elif isinstance(rule, ThresholdRule):
        flags = []
    else:
        raise ValueError(f"no flags spell out {rule!r}")
    if isinstance(rule, ThresholdRule):
        sides = rule.teacher_threshold, rule.student_threshold
        # With a run and no threshold at all, the command takes what the run trained on.
        flags += ["--teacher-threshold=0"] if flags and not any(sides) else threshold_flags(*sides)
    return flags + value_flags(calibration=rule.calibration)


def threshold_flags(teacher: Threshold | None, student: Threshold | None) -> list[str]:
    """``--teacher-threshold`` and ``--student-threshold``: a number, or KEY=NUMBER a class."""
    flags = []
    for side, value in (("teacher", teacher), ("student", student)):
        if isinstance(value, Mapping):
            flags += [f"--{side}-threshold={key}={number}" for key, number in value.items()]
        elif value:
            flags.append(f"--{side}-threshold={value}")
    if any(isinstance(value, Mapping) for value in (teacher, student)):
        flags.append("--class-keys")
    return flags
