"""One examination under way: the home, its database opened for reading, what was found so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from llkd.maintenance.findings import Finding, Mend, Report, Severity
from llkd.store import Job, Project
from llkd.store.audits import Audits
from llkd.store.files.quarantine import Quarantine
from llkd.store.home import Home
from llkd.store.job_records import JobRecords
from llkd.store.labeling_runs import LabelingRuns
from llkd.store.people.samples import LabelSamples
from llkd.store.people.text_views import TextViews
from llkd.store.projects import Projects
from llkd.store.runs import Runs
from llkd.store.selections import Selections


@dataclass
class Records:
    """What the database names, each kind as the store reads it."""

    engine: sa.Engine
    projects: Projects
    labeling_runs: LabelingRuns
    runs: Runs
    jobs: JobRecords
    selections: Selections
    text_views: TextViews
    audits: Audits
    label_samples: LabelSamples

    @classmethod
    def of(cls, engine: sa.Engine, home: Home) -> Records:
        """The records that an engine reads."""
        return cls(
            engine,
            Projects(engine, home),
            LabelingRuns(engine, home),
            Runs(engine, home),
            JobRecords(engine),
            Selections(engine),
            TextViews(engine),
            Audits(engine, home),
            LabelSamples(engine),
        )


class Inspection:
    """Collects findings; ``count_files`` counts those that were looked into."""

    def __init__(self, home: Home, deep: bool) -> None:
        self.home, self.deep = home, deep
        self.report = Report(home.root)
        self.projects: list[Project] = []
        self.jobs: list[Job] = []

    def count_files(self, paths: Iterable[Path]) -> None:
        """These files were looked into."""
        self.report.files += sum(1 for _ in paths)

    def report_finding(
        self,
        check: str,
        severity: Severity,
        path: Path | str,
        what: str,
        means: str,
        mending: str | None = None,
        mend: Mend | None = None,
        project_id: int | None = None,
    ) -> None:
        """Note a finding."""
        where = self.shown(path) if isinstance(path, Path) else path
        self.report.findings.append(
            Finding(check, severity, where, what, means, mending, mend, project_id)
        )

    def moved_aside(
        self,
        check: str,
        severity: Severity,
        path: Path,
        what: str,
        means: str,
        then: str = "",
        project_id: int | None = None,
    ) -> None:
        """Note a finding that is mended by moving ``path`` to the quarantine."""

        def mend(quarantine: Quarantine) -> None:
            quarantine.move(path, what)

        mending = f"Moves it to quarantine.{' ' + then if then else ''}"
        self.report_finding(check, severity, path, what, means, mending, mend, project_id)

    def shown(self, path: Path) -> str:
        """A path as a person finds it from the home."""
        inside = path.is_relative_to(self.home.root)
        return (
            str(path.relative_to(self.home.root))
            if inside and path != self.home.root
            else str(path)
        )
