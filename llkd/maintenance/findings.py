"""What an examination found, and the place where mending puts things."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from llkd.store.files.quarantine import Quarantine

Severity = Literal["error", "warning", "note"]


Mend = Callable[[Quarantine], None]


@dataclass
class Finding:
    """One thing that is not as it should be.

    ``what`` happened, what it ``means`` for the user, and what ``mending`` would do (None where
    the program cannot mend it without losing something; ``means`` then says what to do). A note
    is worth knowing and no fault. ``project_id``: whose jobs must not run while it is mended;
    None: nobody's. ``left`` says why mending left it.
    """

    check: str
    severity: Severity
    where: str
    what: str
    means: str
    mending: str | None = None
    mend: Mend | None = field(default=None, repr=False)
    project_id: int | None = None
    left: str | None = None

    def document(self) -> dict[str, Any]:
        """For JSON."""
        names = ("check", "severity", "where", "what", "means", "mending", "left")
        return {name: getattr(self, name) for name in names}


@dataclass
class Report:
    """What was looked at, what is wrong with it, and what was mended just now."""

    home: Path
    projects: int = 0
    files: int = 0
    findings: list[Finding] = field(default_factory=list)
    mended: list[Finding] = field(default_factory=list)
    quarantine: Path | None = None

    @property
    def faults(self) -> list[Finding]:
        """The findings that are more than notes."""
        return [finding for finding in self.findings if finding.severity != "note"]

    def document(self) -> dict[str, Any]:
        """For JSON; ``faults`` counts what remains."""
        return {
            "home": str(self.home),
            "projects": self.projects,
            "files": self.files,
            "faults": len(self.faults),
            "findings": [finding.document() for finding in self.findings],
            "mended": [finding.document() for finding in self.mended],
            "quarantine": None if self.quarantine is None else str(self.quarantine),
        }
