"""What a committee's members say: a pass each, as log-probabilities of the same classes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llkd import curation
from llkd.config import LabelSet
from llkd.errors import UserError
from llkd.selection import pooling, signals
from llkd.selection.signals import Floats, Ints
from llkd.store import Project, Scores, Store


@dataclass(frozen=True)
class Member:
    """One member's pass: what it says of ``rows`` as log-probabilities ``[m, C]``."""

    labels: curation.TeacherLabels
    rows: Ints
    logs: Floats
    scores_sha256: str

    def facts(self) -> dict[str, Any]:
        """What decides the pool, of this member: its pass, its scores, its calibration."""
        labels = self.labels
        refinement = labels.refinement
        return {
            "labeling_run": labels.labeling_run.id,
            "teacher": labels.labeling_run.config.teacher,
            "fingerprint": labels.labeling_run.fingerprint,
            "scores_sha256": self.scores_sha256,
            "calibration": labels.calibration,
            # Rounded: the last digits are those of a machine, and make no other committee.
            "bias": [round(float(value), 6) for value in labels.bias],
            "temperature": round(labels.temperature, 6),
            "refinement": None if refinement is None else refinement.search,
        }


def member_of(store: Store, project: Project, label_set: LabelSet, number: int) -> Member:
    """A member's pass under its own calibration, its classes in the order of ``label_set``.

    Raises UserError where it is of another project or has other classes.
    """
    labeling_run = store.labeling_runs.get(number)
    if labeling_run.project_id != project.id:
        raise UserError(
            f"Labelling run {number} is not one of {project.name!r}. Name members of the same "
            "project."
        )
    places = labeling_run.classes.places
    columns = [places.get(key, -1) for key in label_set.keys]
    if labeling_run.classes.split_classes or sorted(columns) != list(range(labeling_run.width)):
        raise UserError(
            f"Labelling run {number} has other classes ({', '.join(labeling_run.classes.names)}) "
            f"than {project.name!r} has now ({', '.join(label_set.names)}). Label with that "
            "teacher again, or leave it out of the committee."
        )
    labels = curation.teacher_labels(store, labeling_run)
    place = np.argsort(columns)
    label = np.where(labels.label >= 0, place[labels.label], -1)
    logs = pooling.member_logs(labels.probabilities[:, columns], label)
    return Member(labels, labels.row, logs, _digest(store.labeling_runs.scores(labeling_run)))


def _digest(scores: Scores) -> str:
    total = hashlib.sha256()
    total.update(scores.row.astype("<i8").tobytes())
    total.update(np.nan_to_num(scores.scores, nan=-1e30).astype("<f4").tobytes())
    total.update(scores.answer.astype("<i8").tobytes())
    return total.hexdigest()


def spread(member: Member, rows: Ints) -> Floats:
    """A member's log-probabilities for ``rows``: NaN where it was not asked."""
    logs = np.full((len(rows), member.logs.shape[1]), np.nan)
    logs[np.searchsorted(rows, member.rows)] = member.logs
    return logs


def pool_by_fitted_weights(
    store: Store, project: Project, members: Sequence[Member], rows: Ints, logs: Sequence[Floats]
) -> tuple[pooling.Pooled, Floats, dict[str, Any]]:
    """The pool by weights fitted to gold of the pool, else to people's labels there.

    Texts that stand in a member's prompt with their class say nothing. Raises UserError.
    """
    shown = set().union(*(curation.example_rows(m.labels.labeling_run) for m in members))
    for kind in curation.development_rows(store, project):
        here = np.isin(kind.rows, rows) & ~np.isin(kind.rows, list(shown))
        gold = np.full(len(rows), -1)
        gold[np.searchsorted(rows, kind.rows[here])] = kind.gold[here]
        answer = pooling.pool_fitted(logs, gold)
        if answer is not None:
            return *answer, {"source": kind.source, "texts": int(here.sum())}
    raise UserError(
        f"Fitted weights need at least {signals.WEIGHT_ROWS} texts in the pool of "
        f"{project.name!r} that all members have labelled and whose class is known. Label some on "
        "the Curate page in random order, or choose --weights equal."
    )
