"""Teachers: who labels the texts. One file per kind behind ``teachers.base.Teacher``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ConfigError
from llkd.teachers.base import ScoredBatch, Teacher

__all__ = ["TEACHERS", "ScoredBatch", "Teacher", "make_teacher"]


def _embedded(config: TeacherConfig, labels: LabelSet, home: Path) -> Teacher:
    from llkd.teachers.embedded import embedded_teacher

    return embedded_teacher(config, labels, home)


def _local(config: TeacherConfig, labels: LabelSet, home: Path) -> Teacher:
    from llkd.teachers.local import local_teacher

    return local_teacher(config, labels, home)


def _api(config: TeacherConfig, labels: LabelSet, home: Path) -> Teacher:
    from llkd.teachers.api import api_teacher

    return api_teacher(config, labels, home)


def _file(config: TeacherConfig, labels: LabelSet, home: Path) -> Teacher:
    from llkd.teachers.imported import imported_teacher

    return imported_teacher(config, labels, home)


TEACHERS: dict[str, Callable[[TeacherConfig, LabelSet, Path], Teacher]] = {
    "embedded": _embedded,
    "local": _local,
    "api": _api,
    "file": _file,
}


def make_teacher(config: TeacherConfig, labels: LabelSet, home: Path) -> Teacher:
    """The teacher that ``config.teacher`` names (``embedded`` or ``<kind>:<name>``).

    ``home`` is the folder under which converted weights are kept. Raises ConfigError for an
    unknown kind, ModelError or DataError where the teacher cannot be used.
    """
    kind = config.teacher.partition(":")[0]
    if kind not in TEACHERS:
        raise ConfigError(
            f"There is no teacher of the kind {kind!r}. Choose one of: {', '.join(TEACHERS)}."
        )
    return TEACHERS[kind](config, labels, home)
