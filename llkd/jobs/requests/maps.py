"""The request for a map of a project's texts."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from llkd.jobs.requests.base import ProjectRequest, value_flags


class MapRequest(ProjectRequest):
    """Map every text by its embedding, or place those that came after the map was made.

    ``student``: whose embeddings; None are those in use. ``again``: a new map, on which every text
    may stand elsewhere; ``seed`` is that of a new one.
    """

    kind: Literal["map"] = "map"
    student: str | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    again: bool = False

    verb: ClassVar[str] = "map"

    @property
    def title(self) -> str:
        """What lists call it."""
        return f"Map {self.project}"

    def flags(self) -> list[str]:
        """The flags of ``llkd map``."""
        return value_flags(student=self.student, seed=self.seed or None, again=self.again)
