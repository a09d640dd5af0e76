"""A student beside its teacher on the same texts, and what is said of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llkd import curation
from llkd.curation.labels import TeacherLabels
from llkd.evaluation import predictions
from llkd.evaluation.differences import paired_difference
from llkd.evaluation.intervals import Difference, Interval, wilson
from llkd.evaluation.metrics import confusion_matrix
from llkd.evaluation.what_to_change import what_to_change
from llkd.evaluation.wording import counted, listed, points_spelled, share, share_with_interval
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints
from llkd.store import Project, Run, Store

MOST_NAMES = 3
"""So many classes are named; the others are counted."""


@dataclass(frozen=True)
class Standing:
    """A student and its teacher on the ``texts`` of the student's evaluation set.

    Accuracies lie in [0, 1] with the Wilson interval of the student's; the teacher's is of the
    ``teacher_texts`` that it answered, None where it answered none. ``difference``: student minus
    teacher, paired on those. ``unused``: classes that the student gives to none of the texts, with
    how many belong to each, the largest first. ``by_people``: people's labels evaluate, not gold.
    """

    run: int
    texts: int
    by_people: bool
    accuracy: float
    interval: Interval
    teacher_accuracy: float | None
    teacher_texts: int
    difference: Difference | None
    unused: tuple[tuple[str, int], ...]

    @property
    def below(self) -> bool:
        """Whether the student is worse than its teacher: the whole interval lies below 0."""
        return self.difference is not None and self.difference.high < 0


def standing(
    store: Store, project: Project, run: Run, labels: TeacherLabels | None = None
) -> Standing | None:
    """A finished run beside its teacher; None where nobody knows a class of its evaluation set.

    ``labels``: the teacher's as the run got them; they are derived where they are not passed.
    """
    if run.config.judged_by == "teacher":
        return None
    evaluated = predictions.predictions_by_row(store, project, run)
    if evaluated is None:
        return None
    if labels is None:
        labels = curation.teacher_labels(
            store,
            store.labeling_runs.get(run.labelling_id).in_classes_of(run.classes),
            run.labels["calibration"],
            run.labels.get("bias"),
            run.labels.get("temperature"),
        )
    return standing_of(run, *evaluated, labels)


def standing_of(
    run: Run, rows: Ints, gold: Ints, probabilities: Floats, labels: TeacherLabels
) -> Standing | None:
    """:func:`standing` from the student's ``probabilities [m, C]`` for ``rows [m]``, ascending."""
    label = signals.pseudo_label(probabilities)
    known = gold >= 0
    right = (label == gold)[known]
    interval = wilson(int(right.sum()), len(right))
    if interval is None:
        return None
    taught = np.full(len(rows), -1, dtype=np.int64)
    here = np.isin(labels.row, rows)
    taught[np.searchsorted(rows, labels.row[here])] = labels.label[here]
    both = known & (taught >= 0)
    difference, teacher = None, None
    if both.any():
        teacher = float((taught == gold)[both].mean())
        difference = paired_difference(label[both], taught[both], gold[both])
    return Standing(
        run=run.id,
        texts=len(right),
        by_people=run.config.judged_by == "people",
        accuracy=float(right.mean()),
        interval=interval,
        teacher_accuracy=teacher,
        teacher_texts=int(both.sum()),
        difference=difference,
        unused=unused_classes(confusion_matrix(label, gold, len(run.class_names)), run.class_names),
    )


def unused_classes(
    confusion: Sequence[Sequence[int]] | np.ndarray, names: Sequence[str]
) -> tuple[tuple[str, int], ...]:
    """Classes that texts belong to and no answer names, with their texts, the largest first.

    ``confusion [C, C]``: rows are true classes, columns answers.
    """
    matrix = np.asarray(confusion)
    belong, answered = matrix.sum(axis=1), matrix.sum(axis=0)
    order = np.argsort(-belong, kind="stable")
    return tuple((names[k], int(belong[k])) for k in order if belong[k] and not answered[k])


def unused_sentence(unused: Sequence[tuple[str, int]], which: str = "held-out text") -> str:
    """The classes that a student never answers; empty where there is none. ``which``: texts."""
    if not unused:
        return ""
    (name, texts), *others = unused
    parts = [f"'{name}' ({counted(texts, which)})"]
    parts += [f"'{name}' ({texts:,})" for name, texts in others[: MOST_NAMES - 1]]
    if len(unused) > MOST_NAMES:
        more = len(unused) - MOST_NAMES
        parts.append(f"{more:,} more {'class' if more == 1 else 'classes'}")
    return f"It never answers {listed(parts)}."


def sentence(of: Standing, run: Run) -> str:
    """The student against its teacher; where it is behind, first that and what to change.

    A class that it never answers is named in it.
    """
    which = "labelled text" if of.by_people else "held-out text"
    own = f"{share_with_interval(of.accuracy, of.interval)} of {counted(of.texts, which)}"
    student = f"The student of run {of.run}"
    if of.difference is None or of.teacher_accuracy is None:
        parts = [f"{student} is right in {own}; its teacher labelled none of them."]
    else:
        teacher = share(of.teacher_accuracy)
        if of.teacher_texts < of.texts:
            teacher += f" of the {of.teacher_texts:,} that it labelled"
        points = points_spelled(of.difference)
        if of.below:
            start = f"{student} is worse than its teacher: right in {own}, the teacher in {teacher}"
            parts = [f"{start} ({points}).", what_to_change(run)]
        else:
            start = f"{student} is right in {own}, its teacher in {teacher}"
            parts = [f"{start}: {_verdict(of.difference)} ({points})."]
    return " ".join(part for part in [*parts, unused_sentence(of.unused, which)] if part)


def said_of(store: Store, project: Project, run: Run) -> str:
    """:func:`sentence` of a finished run; empty where nobody knows a class of its texts."""
    of = standing(store, project, run)
    return "" if of is None else sentence(of, run)


def _verdict(difference: Difference) -> str:
    if difference.within_a_point:
        return "as good, to within a point"
    return "it is better" if difference.low > 0 else "no clear difference"
