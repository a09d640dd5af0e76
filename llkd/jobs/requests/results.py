"""Requests on what came out: export it, make it again, ask a student."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from llkd.config.selection_rule import EVERYTHING, SavedRule, SelectionRule
from llkd.jobs.requests.base import (
    JobRequest,
    ProjectRequest,
    rule_flags,
    value_flags,
)


class ExportRequest(ProjectRequest):
    """Write what a rule keeps, its manifest and (of a run) the student to the folder ``out``.

    ``columns`` None are the usual ones.
    """

    kind: Literal["export"] = "export"
    out: str
    formats: tuple[str, ...] = ("csv",)
    rule: SelectionRule = EVERYTHING
    student: bool = True
    zip_student: bool = False
    onnx: bool = False
    columns: tuple[str, ...] | None = None
    validation: float = 0.0
    seed: int = 0

    verb: ClassVar[str] = "export"

    @property
    def title(self) -> str:
        """What lists call it."""
        return f"Export {self.project}"

    @property
    def device(self) -> str | None:
        """None."""
        return None

    @property
    def run_numbers(self) -> frozenset[int]:
        """The run whose texts or student it takes."""
        run = None if isinstance(self.rule, SavedRule) else self.rule.run
        return frozenset() if run is None else frozenset({run})

    @property
    def selection_names(self) -> frozenset[str]:
        """The saved selection that it writes."""
        return frozenset({self.rule.name}) if isinstance(self.rule, SavedRule) else frozenset()

    @property
    def out_path(self) -> str | None:
        """The folder."""
        return self.out

    def flags(self) -> list[str]:
        """The flags of ``llkd export``."""
        columns = None if self.columns is None else ",".join(self.columns) or "none"
        return [
            *value_flags(
                out=self.out,
                format=",".join(self.formats),
                columns=columns,
                validation=self.validation or None,
                seed=self.seed if self.validation else None,
            ),
            *rule_flags(self.rule),
            *value_flags(
                no_student=not self.student,
                zip_student=self.zip_student,
                onnx=self.onnx,
            ),
        ]


class RebuildRequest(JobRequest):
    """Make the rows of a manifest again and compare; write them to ``out`` where it is not None."""

    kind: Literal["rebuild"] = "rebuild"
    manifest: str
    out: str | None = None

    verb: ClassVar[str] = "rebuild"

    @property
    def title(self) -> str:
        """What lists call it."""
        return f"Rebuild {Path(self.manifest).name}"

    @property
    def device(self) -> str | None:
        """None."""
        return None

    @property
    def out_path(self) -> str | None:
        """The folder."""
        return self.out

    def command(self) -> list[str]:
        """The command."""
        return ["rebuild", *value_flags(out=self.out), "--", self.manifest]


class PredictRequest(ProjectRequest):
    """Ask the student of a run about one text."""

    kind: Literal["predict"] = "predict"
    run: int
    text: str

    verb: ClassVar[str] = "predict"

    @property
    def title(self) -> str:
        """What lists call it."""
        return f"Ask run {self.run}"

    @property
    def device(self) -> str | None:
        """None: one text takes a moment."""
        return None

    @property
    def run_numbers(self) -> frozenset[int]:
        """The run whose student is asked."""
        return frozenset({self.run})

    def flags(self) -> list[str]:
        """The flags of ``llkd predict``."""
        return value_flags(run=self.run, text=self.text)


class PredictFileRequest(ProjectRequest):
    """Ask the student of a run about every text of a file; the table goes to ``out``.

    ``out`` None is a CSV beside where the job was started, named after the file.
    """

    kind: Literal["classify"] = "classify"
    run: int
    file: str
    out: str | None = None
    text_column: str | None = None

    verb: ClassVar[str] = "predict"

    @property
    def title(self) -> str:
        """What lists call it."""
        return f"Classify {Path(self.file).name} by run {self.run}"

    @property
    def run_numbers(self) -> frozenset[int]:
        """The run whose student is asked."""
        return frozenset({self.run})

    @property
    def out_path(self) -> str | None:
        """The table."""
        return self.out

    def flags(self) -> list[str]:
        """The flags of ``llkd predict``."""
        return value_flags(run=self.run, out=self.out, text_column=self.text_column)

    def command(self) -> list[str]:
        """The command."""
        return [*super().command(), self.file]
