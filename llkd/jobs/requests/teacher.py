"""Requests that ask a teacher."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from llkd.config import Calibration, ExecutorConfig, OrderConfig, Spending, TeacherConfig
from llkd.jobs.requests.base import ProjectRequest, separated, setting_flags, value_flags
from llkd.teachers.registry import TEACHERS, split, teachers_of

FREE_TEXT = ("instruction", "question", "lead")
"""Settings in the user's own words, in which a comma separates nothing."""
COMPARED_ROWS = 200
"""How many texts prompts are compared on, unless somebody says so."""
Count = Annotated[int, Field(ge=1)]
Row = Annotated[int, Field(ge=0)]


class LabelRequest(ProjectRequest):
    """Label the texts of a project that this teacher has not labelled yet.

    ``calibration``: None as is usual for the teacher; ``limit``: how many in all;
    ``ask_again``: also those whose answer could not be used; ``probe``:
    measure information need afterwards; ``batch``: in batches that the server answers within a day,
    at a lower price. ``about``: the key of a class that was added or split; only the texts that it
    could touch are asked about, and all other labels stay. ``beside``: the labels in use stay so.
    ``executor``: where a teacher that is a model scores.
    """

    kind: Literal["label"] = "label"
    teacher: TeacherConfig = TeacherConfig()
    calibration: Calibration | None = None
    limit: Count | None = None
    spending: Spending = Spending()
    order: OrderConfig = OrderConfig()
    ask_again: bool = False
    probe: bool = True
    batch: bool = False
    about: str | None = None
    beside: bool = False
    executor: ExecutorConfig = ExecutorConfig()

    verb: ClassVar[str] = "label"

    @property
    def title(self) -> str:
        """What lists call it."""
        return f"Label {self.project}"

    @property
    def device(self) -> str | None:
        """None for a server or a file, and where a cluster that is there already does the work."""
        if self.executor.on_cluster and not self.executor.starts_workers_here:
            return None
        return device_of(teachers_of(self.teacher))

    @property
    def server_urls(self) -> tuple[str, ...]:
        """The teacher's, where it has one."""
        return urls_of(self.teacher)

    def flags(self) -> list[str]:
        """The flags of ``llkd label``."""
        return [
            *setting_flags(self.teacher),
            *setting_flags(self.spending),
            *setting_flags(self.order),
            *setting_flags(self.executor),
            *value_flags(
                calibration=self.calibration,
                limit=self.limit,
                ask_again=self.ask_again,
                no_probe=not self.probe,
                batch=self.batch,
                about=self.about,
                beside=self.beside,
            ),
        ]


SMALL_POOL = 10_000
"""Up to so many texts the usual labelling asks a language model as well: minutes, not hours."""


def usual_teacher(rows: int) -> TeacherConfig:
    """Who labels a pool of so many texts unless a person says so: the usual committee.

    Of a large pool label similarity alone: nobody should wait for hours without having asked for
    it.
    """
    return TeacherConfig(teacher="committee" if rows <= SMALL_POOL else "similarity")


def usual_labelling(project: str, rows: int) -> LabelRequest:
    """Label a fresh project as is usual for so many texts."""
    return LabelRequest(project=project, teacher=usual_teacher(rows))


class DryRunRequest(ProjectRequest):
    """Ask about a few texts, label none, and say what the rest would take.

    ``rows``: which texts (five at random); ``limit``, ``batch`` and ``about``: those of the
    labelling to be estimated.
    """

    kind: Literal["dry-run"] = "dry-run"
    teacher: TeacherConfig = TeacherConfig()
    rows: tuple[Row, ...] | None = None
    limit: Count | None = None
    spending: Spending = Spending()
    batch: bool = False
    about: str | None = None

    verb: ClassVar[str] = "label"

    @property
    def title(self) -> str:
        """What lists call it."""
        return f"Dry run of {self.project}"

    @property
    def device(self) -> str | None:
        """None for a server or a file."""
        return device_of(teachers_of(self.teacher))

    @property
    def server_urls(self) -> tuple[str, ...]:
        """The teacher's, where it has one."""
        return urls_of(self.teacher)

    def flags(self) -> list[str]:
        """The flags of ``llkd label --dry-run``."""
        rows = None if self.rows is None else ",".join(map(str, self.rows))
        return [
            *setting_flags(self.teacher),
            *setting_flags(self.spending),
            *value_flags(
                limit=self.limit, dry_run=True, rows=rows, batch=self.batch, about=self.about
            ),
        ]


class PromptComparisonRequest(ProjectRequest):
    """Ask about the same texts in every way that ``variants`` names, and recommend one.

    ``variants`` maps settings of the teacher to the values that compete; ``rows`` is how many texts
    with a known class are asked about.
    """

    kind: Literal["bake-off"] = "bake-off"
    teacher: TeacherConfig = TeacherConfig()
    variants: dict[str, tuple[str, ...]] = {}
    rows: Count = COMPARED_ROWS
    spending: Spending = Spending()

    verb: ClassVar[str] = "bake-off"

    @property
    def title(self) -> str:
        """What lists call it."""
        return f"Compare prompts on {self.project}"

    @property
    def device(self) -> str | None:
        """None where no model of these runs on this machine."""
        return device_of([*teachers_of(self.teacher), *self.variants.get("teacher", ())])

    @property
    def server_urls(self) -> tuple[str, ...]:
        """Those of all variants."""
        return (*urls_of(self.teacher), *self.variants.get("base_url", ()))

    def flags(self) -> list[str]:
        """The flags of ``llkd bake-off``."""
        flags = setting_flags(self.teacher) + setting_flags(self.spending)
        flags += value_flags(rows=None if self.rows == COMPARED_ROWS else self.rows)
        for name, values in self.variants.items():
            if name in FREE_TEXT:
                flags += [f"--try={name}={value}" for value in values]
            else:
                flags.append(f"--try={name}={separated(values)}")
        return flags


def urls_of(config: TeacherConfig) -> tuple[str, ...]:
    """The base URL of these settings; none where they have none."""
    return () if config.base_url is None else (config.base_url,)


def device_of(teachers: Iterable[str]) -> str | None:
    """None where no model runs on this machine, so that such jobs wait for no other."""
    kinds = [TEACHERS.get(split(teacher)[0]) for teacher in teachers]
    return "auto" if any(kind is None or kind.uses_device for kind in kinds) else None
