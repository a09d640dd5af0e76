"""How long labelling may take, said before it begins: language models read a few texts a second."""

from __future__ import annotations

from llkd.config import TeacherConfig
from llkd.store import Project, Store
from llkd.teachers.registry import display_name, kind_of, teachers_of
from llkd.teachers.registry import teachers_asked as asked_teachers
from ui.shell import reads
from ui.shell.wording import counted, duration, plain
from ui.teacher.setup.plan import Plan, asked_before, wanted_rows

USUAL_PACE = 5.0
"""Texts a second of the embedded model on two processor cores (docs/benchmarks.md)."""
LEAST_TEXTS = 20
"""Of fewer texts no pace is taken."""


def words(store: Store, project: Project, config: TeacherConfig, plan: Plan | str) -> str:
    """About how long the language models on this machine take; empty where none is asked.

    By what the newest labelling run of the same model took here, else as is usual.
    """
    wanted = project.rows if isinstance(plan, str) else wanted_rows(store, project, plan)
    parts = []
    for member in asked_teachers(config):
        kind = kind_of(member)
        remaining = wanted - asked_before(store, project, member)
        if not kind.uses_device or not kind.has_prompt or remaining <= 0:
            continue
        pace = _measured_pace(store, member.teacher)
        name = plain(display_name(member))
        if pace is None and member.teacher != "embedded":
            parts.append(f"how long {name} takes is not known yet: try it on five texts")
            continue
        source = "as measured here" if pace else "as is usual on two processor cores"
        time = duration(remaining / (pace or USUAL_PACE))
        parts.append(f"{name} takes {time} for {counted(remaining, 'text')}, {source}")
    if not parts:
        return ""
    sentence = "; ".join(parts)
    meanwhile = (
        " Labels of the members before it can be used meanwhile."
        if len(teachers_of(config)) > 1
        else ""
    )
    return f":material/schedule: {sentence[:1].upper()}{sentence[1:]}.{meanwhile}"


def _measured_pace(store: Store, teacher: str) -> float | None:
    """Texts a second of the newest labelling run by this teacher that asked about enough."""
    runs = [run for project in store.projects.all() for run in store.labeling_runs.all(project.id)]
    for run in sorted(runs, key=lambda run: -run.created):
        if run.config.teacher != teacher or run.seconds <= 0:
            continue
        answered = reads.labelled_rows(store, run) - run.cached
        if answered >= LEAST_TEXTS:
            return answered / run.seconds
    return None
