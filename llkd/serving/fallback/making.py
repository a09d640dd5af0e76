"""From a project, a run and a teacher to a student with a certificate and somebody behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from llkd import curation
from llkd.config import Spending, TeacherConfig
from llkd.errors import UserError
from llkd.evaluation.answering import (
    AnswerCertificate,
    StudentAnswers,
    certify_answers,
    certifying_labels,
)
from llkd.selection import signals
from llkd.serving.fallback.decider import FallbackDecider, Otherwise
from llkd.serving.fallback.desk import TeacherDesk
from llkd.serving.fallback.measures import Promise
from llkd.serving.student_decider import StudentDecider
from llkd.store import Project, Run, Store
from llkd.teachers.base import Teacher
from llkd.teachers.registry import display_name, kind_of

AT_ONCE = 256


@dataclass(frozen=True)
class FallbackSettings:
    """How a student and its teacher share the work.

    ``answer_when`` is the share that must be right of what the student answers itself, in
    [0.5, 1); ``otherwise`` and ``patience`` as :class:`FallbackDecider` has them. ``teacher`` None
    is the project's labelling run's in use. ``spending`` bounds all starts of the server together.
    """

    answer_when: float
    teacher: TeacherConfig | None = None
    spending: Spending = Spending()
    confidence_level: float = 0.95
    otherwise: Otherwise = "student"
    patience: float = 30.0


def certificate_of(
    store: Store,
    project: Project,
    run: Run,
    student: StudentDecider,
    answer_when: float,
    confidence_level: float = 0.95,
) -> AnswerCertificate:
    """What is certified of a run's student in the form that ``student`` serves.

    Raises UserError where there are no labels to certify by, NotCertain where they do not suffice.
    """
    labels = certifying_labels(store, project, run)
    column = store.projects.texts(project, ["text"])["text"].to_numpy()
    texts = [str(text) for text in column[labels.rows]]
    return certify_answers(
        run.id,
        labels,
        texts,
        lambda several: student_answers(student, several),
        target=answer_when,
        confidence_level=confidence_level,
    )


def student_answers(student: StudentDecider, texts: Sequence[str]) -> StudentAnswers:
    """Classes and raw confidence of the very graph that answers requests."""
    label, confidence = [], []
    for start in range(0, len(texts), AT_ONCE):
        for logits, _ in student.classifier.logits(texts[start : start + AT_ONCE]):
            label.append(int(logits.argmax()))
            confidence.append(float(signals.softmax(logits[None]).max()))
    return StudentAnswers(np.array(label, dtype=np.int64), np.array(confidence))


def fallback_decider(
    store: Store,
    project: Project,
    run: Run,
    student: StudentDecider,
    settings: FallbackSettings,
    *,
    make: Callable[[], Teacher] | None = None,
) -> FallbackDecider:
    """The student in front of the teacher that ``settings`` name.

    ``make`` makes another teacher, as a program hands it over; it is called once. Raises UserError
    where nothing is certified, where classes came after the run, or where the teacher can answer
    only texts of its own (a file, a committee); what making the teacher raises.
    """
    certificate = certificate_of(
        store, project, run, student, settings.answer_when, settings.confidence_level
    )
    config = TeacherConfig() if make else _teacher_config(store, project, settings.teacher)
    label_set = curation.label_set_of(project)
    desk = TeacherDesk(
        store, project, run, label_set, config, settings.spending, make, settings.patience
    )
    try:
        desk.calls.prepare()  # what is wrong with the teacher is said before anybody calls
    except BaseException:
        desk.close()
        raise
    return FallbackDecider(
        student,
        Promise(
            certificate.threshold,
            certificate.target,
            certificate.expected_share,
            certificate.sentence,
            certificate.confidences,
        ),
        desk.calls,
        teacher=display_name(config) if make is None else "of the program",
        costs=desk.costs,
        kept_counts=desk.kept_counts,
        on_close=desk.close,
        otherwise=settings.otherwise,
        patience=settings.patience,
    )


def _teacher_config(store: Store, project: Project, wanted: TeacherConfig | None) -> TeacherConfig:
    """The teacher to ask. Raises UserError for one that knows only the project's own texts."""
    if wanted is None:
        wanted = curation.active_labeling_run(store, project).config
    kind = kind_of(wanted)
    if kind.lookup or kind.pools:
        raise UserError(
            f"{display_name(wanted)} cannot answer new texts: name a teacher that can, such as "
            "--teacher embedded or --teacher api:MODEL --base-url URL."
        )
    return wanted
