"""The report of a comparison as a typed document: arms, runs, differences, who evaluated.

One reader for what any version stored: :meth:`ComparisonReport.read`. A key that 0.3.0 did not
write is None or empty; :meth:`ComparisonReport.document` gives back the keys that were read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from llkd.config import Document
from llkd.evaluation.intervals import Difference
from llkd.evaluation.run_result import RunResult

Budget = Literal["epochs", "samples"]
BUDGETS: tuple[Budget, ...] = ("epochs", "samples")
"""``epochs``: each arm walks the pool as often as set, or as usual for it. ``samples``: each step
takes as many as the reference's (LLKD's, where it takes part)."""


class ArmMeans(Document):
    """An arm at one budget: means over its seeds, None where no run of it has the figure."""

    arm: str
    budget: str
    strategy: str = ""
    seeds: int = 0
    weights: str | None = None
    accuracy: float | None = None
    macro_f1: float | None = None
    selected_share: float | None = None
    backpropagated: int | None = None
    updates: int | None = None
    selected_accuracy: float | None = None
    training_seconds: float | None = None
    seconds: float | None = None


class ArmResult(RunResult):
    """One run of a comparison: of which arm, at which budget."""

    arm: str
    budget: str


class ArmDifference(Document):
    """``arm`` minus ``rival``, paired on the same ``texts`` over ``seeds``.

    ``among``: so many differences hold together at 95 %; None: a report of 0.3.0.
    """

    arm: str
    budget: str
    rival: str
    accuracy: Difference
    macro_f1: Difference
    seeds: int
    texts: int = 0
    among: int | None = None


class EvaluationSummary(Document):
    """Whose classes evaluate: ``kind`` gold, people or teacher; how many texts, how these came.

    ``usable_labels``: of people, that can be used so far; ``least``: so many are needed.
    """

    kind: str = "gold"
    texts: int = 0
    sampling: str = Field(default="held out", alias="chosen")
    usable_labels: int = Field(default=0, alias="given")
    least: int | None = None


class ArmAgreement(Document):
    """Shares of texts on which an arm's students say what the teacher says, and what 'all' says."""

    arm: str
    budget: str
    with_teacher: float
    with_all: float | None = None


class Agreement(Document):
    """Agreement on ``texts`` texts that did not train; no accuracy."""

    texts: int
    arms: tuple[ArmAgreement, ...] = ()

    def of(self, arm: str, budget: str) -> ArmAgreement | None:
        """That of one arm at one budget."""
        return next((a for a in self.arms if (a.arm, a.budget) == (arm, budget)), None)


class TeacherFigures(Document):
    """The teacher on the same texts; what else its labelling run reports is kept as it is."""

    accuracy: float | None = None
    macro_f1: float | None = None


class ComparisonReport(Document):
    """What a comparison measured, and what it concludes from that.

    ``student`` says what the best of its students is worth beside the teacher; empty before 0.5.0.
    """

    project: str = ""
    teacher: TeacherFigures = TeacherFigures()
    evaluation: EvaluationSummary | None = Field(default=None, alias="judges")
    texts: int | None = None
    notes: tuple[str, ...] = ()
    arms: tuple[ArmMeans, ...]
    runs: tuple[ArmResult, ...] = ()
    differences: tuple[ArmDifference, ...] = ()
    agreement: Agreement | None = None
    student: str = ""
    conclusion: str = ""
    lines: tuple[str, ...] = ()
    basis: tuple[str, ...] = ()

    @property
    def measured(self) -> bool:
        """Whether the accuracy of any arm is known."""
        return any(row.accuracy is not None for row in self.arms)

    def row(self, arm: str, budget: str) -> ArmMeans | None:
        """An arm's means at one budget."""
        return next((row for row in self.arms if (row.arm, row.budget) == (arm, budget)), None)

    def difference(self, arm: str, budget: str, rival: str) -> ArmDifference | None:
        """``arm`` minus ``rival``; None where they were not compared."""
        key = (arm, budget, rival)
        return next((d for d in self.differences if (d.arm, d.budget, d.rival) == key), None)

    def accuracies(self, arm: str, budget: str) -> list[float]:
        """The measured accuracy of each run of an arm."""
        return [
            run.accuracy
            for run in self.runs
            if (run.arm, run.budget) == (arm, budget) and run.accuracy is not None
        ]


def stored_report(result: Mapping[str, object] | None) -> ComparisonReport | None:
    """The report in a job's result; None where it holds none. Raises ConfigError if damaged."""
    return ComparisonReport.read(result) if result and "arms" in result else None
