"""Requests on a project as a whole: into one file, out of one, and once more here."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from llkd.jobs.requests.base import JobRequest, ProjectRequest, value_flags


class PackRequest(ProjectRequest):
    """Write all of a project to the new file ``out``; its ``embeddings`` too unless left out."""

    kind: Literal["pack"] = "pack"
    out: str
    embeddings: bool = True

    verb: ClassVar[str] = "pack"

    @property
    def title(self) -> str:
        """What lists call it."""
        return f"Pack {self.project}"

    @property
    def device(self) -> str | None:
        """None."""
        return None

    @property
    def out_path(self) -> str | None:
        """The file."""
        return self.out

    def flags(self) -> list[str]:
        """The flags of ``llkd pack``."""
        return value_flags(out=self.out, no_embeddings=not self.embeddings)


class NearDuplicatesRequest(ProjectRequest):
    """Look for texts that nearly repeat each other, and note how many in the import's report."""

    kind: Literal["near-duplicates"] = "near-duplicates"

    verb: ClassVar[str] = "near-duplicates"

    @property
    def title(self) -> str:
        """What lists call it."""
        return f"Look for near-duplicates in {self.project}"

    @property
    def device(self) -> str | None:
        """None."""
        return None

    def flags(self) -> list[str]:
        """None."""
        return []


class DuplicateRequest(ProjectRequest):
    """Make a project ``name`` of all that another holds."""

    kind: Literal["duplicate"] = "duplicate"
    name: str

    verb: ClassVar[str] = "duplicate"

    @property
    def title(self) -> str:
        """What lists call it."""
        return f"Duplicate {self.project}"

    @property
    def device(self) -> str | None:
        """None."""
        return None

    def flags(self) -> list[str]:
        """None."""
        return []

    def command(self) -> list[str]:
        """The command."""
        return [*super().command(), self.name]


class UnpackRequest(JobRequest):
    """Make a project of a packed one, under the name that it had or under ``name``."""

    kind: Literal["unpack"] = "unpack"
    file: str
    name: str | None = None

    verb: ClassVar[str] = "unpack"

    @property
    def title(self) -> str:
        """What lists call it."""
        return f"Unpack {Path(self.file).name if self.name is None else self.name}"

    @property
    def device(self) -> str | None:
        """None."""
        return None

    def command(self) -> list[str]:
        """The command."""
        return ["unpack", *value_flags(project=self.name), "--", self.file]
