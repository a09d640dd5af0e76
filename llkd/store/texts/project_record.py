"""A project as it was at one moment: how many texts it had, and in what steps they came.

Texts are added behind those that are there, so a row keeps its number and its text for good. A
:class:`Project` is one stage of that: whoever holds it sees the same rows until the end of its
work, also where texts are added meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from llkd.config import LabelSet, build
from llkd.errors import ConfigError
from llkd.store.damaged import documents


@dataclass(frozen=True)
class Addition:
    """Texts that were added at once: the ``rows`` rows from ``first`` on.

    ``digest`` is of these texts alone, ``before`` that of the project until then; ``source`` and
    ``report`` are as a project's, ``created`` is in seconds since 1970.
    """

    first: int
    rows: int
    digest: str
    before: str
    created: float
    source: str
    report: dict[str, Any]

    @property
    def after(self) -> str:
        """The digest of the project with these texts."""
        return hashlib.sha256(f"{self.before} {self.digest}".encode()).hexdigest()

    def document(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)


@dataclass(frozen=True)
class Project:
    """One project: its texts are rows 0 to ``rows - 1``.

    ``digest`` stands for the texts and the steps in which they came; ``source`` and ``report`` are
    of the import, ``additions`` what was added since, in order. ``archived``: when it was put away,
    in seconds since 1970; None for one that is in use.
    """

    id: int
    name: str
    created: float
    source: str
    rows: int
    digest: str
    report: dict[str, Any]
    label_set: LabelSet | None
    labelling_id: int | None
    archived: float | None = None
    additions: tuple[Addition, ...] = ()

    @property
    def stages(self) -> tuple[int, ...]:
        """How many texts there were after the import and after each addition, ascending."""
        return (*(addition.first for addition in self.additions), self.rows)

    @property
    def origin(self) -> str:
        """The digest of the texts that were imported: what stands for the project's rows."""
        return self.additions[0].before if self.additions else self.digest

    def stage(self, additions: int) -> Project:
        """The project with only so many of its additions."""
        if additions >= len(self.additions):
            return self
        following = self.additions[additions]
        return replace(
            self,
            rows=following.first,
            digest=following.before,
            additions=self.additions[:additions],
        )

    def every_stage(self) -> Iterator[Project]:
        """What it is now, and what it was before each addition, newest first."""
        for additions in range(len(self.additions), -1, -1):
            yield self.stage(additions)

    def holding(self, rows: np.ndarray | int) -> Project:
        """The earliest stage that has all of these rows, or this number of texts."""
        least = rows if isinstance(rows, int) else int(rows.max(initial=-1)) + 1
        return self.stage(int(np.searchsorted(self.stages, least)))

    def total(self, name: str) -> int:
        """A count of the reports of the import and of what was added, such as ``gold``."""
        reports = [self.report, *(addition.report for addition in self.additions)]
        return sum(int(report.get(name) or 0) for report in reports)


def project_from_row(values: dict[str, Any]) -> Project:
    """A project of its record. Raises ConfigError where a value is not what it should be."""
    documents(values, "report", optional=("label_set",))
    if values["label_set"] is not None:
        values["label_set"] = build(LabelSet, values["label_set"])
    values["additions"] = additions_of(values.get("additions"), values["rows"], values["digest"])
    return Project(**values)


def additions_of(stored: Any, rows: int, digest: str) -> tuple[Addition, ...]:
    """Additions as they are stored. Raises ConfigError where they do not lead to this project."""
    if not stored:
        return ()
    if not isinstance(stored, Sequence) or not all(isinstance(each, Mapping) for each in stored):
        raise ConfigError(f"additions holds {type(stored).__name__} in place of a list of them")
    additions = tuple(Addition(**each) for each in stored)
    for earlier, later in zip(additions, additions[1:], strict=False):
        if earlier.after != later.before or earlier.first + earlier.rows != later.first:
            raise ConfigError("additions do not follow one another")
    last = additions[-1]
    if last.after != digest or last.first + last.rows != rows:
        raise ConfigError("additions do not lead to the texts that the record counts")
    return additions
