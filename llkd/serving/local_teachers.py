"""Which local language model answers, with which settings, and loading it. Needs torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llkd.config import LabelSet, TeacherConfig, build
from llkd.errors import UserError
from llkd.serving.teacher_decider import TeacherDecider
from llkd.store import Project, Store
from llkd.teachers.registry import argument_of, checked, kind_of, split

KINDS = ("embedded", "local")
_ANY = ("yes", "no")


def loaded_teacher(
    store: Store,
    project: Project | None,
    name: str | None,
    waiting: int,
    settings: Mapping[str, Any] | None = None,
) -> TeacherDecider:
    """A decider over the model ``name``, by default the project's teacher, else the embedded one.

    What is not in ``settings`` (lead, rule of scoring, longest text) is as in the labelling run
    that the project uses. Raises UserError for a teacher that is no language model of this machine.
    """
    config = _settings(store, project)
    usual = config.teacher if split(config.teacher)[0] in KINDS else "embedded"
    config = checked(
        build(TeacherConfig, config.model_dump() | dict(settings or {}), teacher=name or usual)
    )
    if split(config.teacher)[0] not in KINDS:
        raise UserError(
            f"{config.teacher!r} is no language model on this machine, so it cannot answer any "
            "question. Name one: --teacher embedded, or --teacher local:<folder or hub id>."
        )
    from llkd.teachers.local.embedded import embedded_teacher
    from llkd.teachers.local.teacher import local_teacher

    make = embedded_teacher if config.teacher == "embedded" else local_teacher
    loaded = make(config, LabelSet.of(list(_ANY)), store.home.root)
    called = argument_of(config)
    return TeacherDecider(
        loaded.with_question,
        config,
        Path(called).name if called else kind_of(config).name,
        waiting=waiting,
    )


def _settings(store: Store, project: Project | None) -> TeacherConfig:
    run = None if project is None else store.labeling_runs.in_use(project.id, project.labelling_id)
    return TeacherConfig() if run is None else run.config
