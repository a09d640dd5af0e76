"""Teachers: who labels the texts. One file per kind behind ``teachers.base.Teacher``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ConfigError
from llkd.teachers.base import NO_EXAMPLES, FewShot, Meter, ScoredBatch, Teacher

__all__ = ["TEACHERS", "FewShot", "Meter", "ScoredBatch", "Teacher", "make_teacher"]


def _embedded(
    config: TeacherConfig, labels: LabelSet, home: Path, examples: FewShot, meter: Meter | None
) -> Teacher:
    from llkd.teachers.embedded import embedded_teacher

    del meter  # costs nothing
    return embedded_teacher(config, labels, home, examples)


def _local(
    config: TeacherConfig, labels: LabelSet, home: Path, examples: FewShot, meter: Meter | None
) -> Teacher:
    from llkd.teachers.local import local_teacher

    del meter  # costs nothing
    return local_teacher(config, labels, home, examples)


def _api(
    config: TeacherConfig, labels: LabelSet, home: Path, examples: FewShot, meter: Meter | None
) -> Teacher:
    from llkd.teachers.api import api_teacher

    return api_teacher(config, labels, home, examples, meter)


def _file(
    config: TeacherConfig, labels: LabelSet, home: Path, examples: FewShot, meter: Meter | None
) -> Teacher:
    from llkd.teachers.imported import imported_teacher

    del examples, meter  # no model is asked
    return imported_teacher(config, labels, home)


Maker = Callable[[TeacherConfig, LabelSet, Path, FewShot, Meter | None], Teacher]
TEACHERS: dict[str, Maker] = {
    "embedded": _embedded,
    "local": _local,
    "api": _api,
    "file": _file,
}


def make_teacher(
    config: TeacherConfig,
    labels: LabelSet,
    home: Path,
    *,
    examples: FewShot = NO_EXAMPLES,
    meter: Meter | None = None,
) -> Teacher:
    """The teacher that ``config.teacher`` names (``embedded`` or ``<kind>:<name>``).

    ``home`` is the folder under which converted weights are kept; ``examples`` stand in its
    prompts; ``meter`` watches what an API's calls cost. Raises ConfigError for an
    unknown kind, ModelError or DataError where the teacher cannot be used.
    """
    kind = config.teacher.partition(":")[0]
    if kind not in TEACHERS:
        raise ConfigError(
            f"There is no teacher of the kind {kind!r}. Choose one of: {', '.join(TEACHERS)}."
        )
    return TEACHERS[kind](config, labels, home, examples, meter)
