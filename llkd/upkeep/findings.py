"""What an examination found, and the place where mending puts things."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from llkd.errors import StoreError
from llkd.store.home import Home

Severity = Literal["error", "warning", "note"]


class Quarantine:
    """``<home>/quarantine/<date>/``: where things are moved to, under the path they had."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self.folder: Path | None = None

    def move(self, path: Path, why: str) -> Path:
        """Move a file or folder here and note why. Raises StoreError where it cannot be moved."""
        try:
            folder = self._made()
            target = folder / path.relative_to(self._home.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
            with (folder / "NOTE.txt").open("a", encoding="utf-8") as note:
                note.write(f"{path.relative_to(self._home.root)}: {why}\n")
        except OSError as error:
            raise StoreError(f"Cannot move {path}: {error.strerror}.") from error
        return target

    def _made(self) -> Path:
        if self.folder is None:
            stamp, tries = time.strftime("%Y-%m-%d-%H%M%S"), 1
            folder = self._home.root / "quarantine" / stamp
            while folder.exists():
                tries += 1
                folder = folder.with_name(f"{stamp}-{tries}")
            folder.mkdir(parents=True)
            self.folder = folder
        return self.folder


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
