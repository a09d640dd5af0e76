"""The few-shot examples of a teacher pass, with the embeddings that the nearest ones need."""

from __future__ import annotations

from collections.abc import Sequence

from llkd import curation
from llkd.config import TeacherConfig
from llkd.embedding.pool import student_embeddings
from llkd.jobs.progress import Progress, SilentProgress
from llkd.store import Project, Store
from llkd.teachers.base import FewShot


def few_shot(
    store: Store,
    project: Project,
    config: TeacherConfig,
    job: Progress | None = None,
    snapshot: Sequence[Sequence[int]] | None = None,
    *,
    student: str = "embedded",
) -> FewShot:
    """The examples that ``config`` asks for (see ``curation.few_shot``).

    ``snapshot`` is ``FewShot.identity["rows"]`` of an earlier attempt, so that a resumed pass asks
    in the same words. Kind ``nearest`` embeds all texts of the project once, with ``student``.
    Raises UserError where there are too few labels.
    """
    if config.examples == "nearest":
        if snapshot is None:
            curation.check_examples(store, project, config)  # before minutes of embedding
        student_embeddings(store, project, student, job or SilentProgress())
    return curation.few_shot(store, project, config, snapshot=snapshot, student=student)
