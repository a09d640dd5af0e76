"""Texts with a known class that a student had no part in: only they say how right it is.

The teacher's labels are none: the student learnt from them. People's labels of single texts that
they picked are none either: they are no sample of what is to come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from llkd.config.selection_rule import ThresholdRule
from llkd.curation import known_to_audit, known_to_run
from llkd.errors import LLKDError, UserError
from llkd.evaluation.audits.evidence import evidence_of
from llkd.evaluation.predictions import evaluation_rows, finished_runs
from llkd.selection.signals import Ints
from llkd.store import Audit, Project, Run, Store

LabelSource = Literal["gold", "people", "audit"]
SOURCE_WORDS: dict[LabelSource, str] = {
    "gold": "held-out texts with gold",
    "people": "texts that people labelled in random order",
    "audit": "audited texts that the student did not learn from",
}

OVERLAP = 0.1
"""The share of the certifying texts that another project's must have to be the same labels."""


@dataclass(frozen=True)
class CertifyingLabels:
    """``rows [m]`` of the project, the classes ``label [m]`` that people know, as the run has them.

    A class that the run does not have is -1: no answer of its student is right there. ``looks``
    counts the finished runs that the same texts have evaluated, this one among them, in this
    project or another: whichever of them is served may have been chosen for its figures there.
    """

    source: LabelSource
    rows: Ints
    label: Ints
    looks: int


def certifying_labels(store: Store, project: Project, run: Run) -> CertifyingLabels:
    """The labels that can certify a run's student.

    Held-out gold; without it labels that people gave along the random order and that evaluated the
    run; else answers of blind audits of all texts, in their order of drawing, on the random tenth
    (or on labels of people) that no training took. Raises UserError where there are none.
    """
    kind = run.config.judged_by
    sampling = (run.labels.get("judges") or {}).get("chosen")
    if kind == "gold" or (kind == "people" and sampling == "at random"):
        rows, label = evaluation_rows(store, project, run)
        if len(rows):
            looks = _looks(store, project, run, rows)
            return CertifyingLabels("gold" if kind == "gold" else "people", rows, label, looks)
    audited = _audited(store, project, run)
    if audited is None:
        raise UserError(
            f"Nothing says how often the student of run {run.id} is right: the project has no "
            "held-out gold, and no person's labels of texts drawn at random that it did not learn "
            "from. Import texts with gold, or label at least 60 texts on Curate in random order "
            "and train again, judged by people."
        )
    return audited


def _looks(store: Store, project: Project, run: Run, rows: Ints) -> int:
    """Finished runs that texts of ``rows`` evaluated as well, in this project or another."""
    count = _looks_elsewhere(store, project, rows)
    for other in store.runs.all(project.id):
        if other.summary is None or other.config.judged_by == "teacher":
            continue
        count += other.id == run.id or bool(
            np.isin(evaluation_rows(store, project, other)[0], rows, assume_unique=True).any()
        )
    return max(1, count)


def _looks_elsewhere(store: Store, project: Project, rows: Ints) -> int:
    """Finished runs of other projects that a tenth or more of the same texts evaluated.

    A project made of another's file and its inbox has the same held-out texts; a few texts that
    anybody writes, such as "thanks", stand in projects that have nothing to do with each other.
    """
    others = [
        (other, runs)
        for other in store.projects.all()
        if other.id != project.id
        and (runs := [r for r in finished_runs(store, other) if r.config.judged_by != "teacher"])
    ]
    if not others:
        return 0
    own = set(store.projects.texts(project.id, ["text"])["text"].to_numpy()[rows].tolist())
    count = 0
    for other, runs in others:
        try:
            texts = store.projects.texts(other.id, ["text", "gold", "split"])
        except LLKDError:
            continue  # its texts are damaged: they evaluate nothing any more
        words = texts["text"].to_numpy()
        for run in runs:
            evaluated = words[evaluation_rows(store, other, run, texts)[0]].tolist()
            count += len(own.intersection(evaluated)) >= max(1, OVERLAP * len(own))
    return count


def _audited(store: Store, project: Project, run: Run) -> CertifyingLabels | None:
    """Answers that count, of texts that evaluated the run and therefore trained nothing.

    Those were drawn at random, or are all that people had labelled, whatever their text; so what
    an audit's beginning has of them is a sample of what the audit drew from, which must be all
    texts.
    """
    stored = store.runs.evaluation_labels(run)
    if stored is None or run.config.judged_by == "gold":
        return None
    aside = set(stored[0].tolist())
    places = run.classes.places
    known = known_to_run(project, run).rows
    label_of: dict[int, int] = {}
    for audit in store.audits.all(project.id):
        if not _of_all_texts(audit) or known_to_audit(project, audit).rows < known:
            continue  # texts were added before the run was made: it is no sample of all of them
        for answer in evidence_of(store, audit).answers:
            if answer.row in aside:
                key = answer.key
                label_of.setdefault(answer.row, -1 if key is None else places.get(key, -1))
    if not label_of:
        return None
    rows = np.array(sorted(label_of), dtype=np.int64)
    label = np.array([label_of[row] for row in rows.tolist()], dtype=np.int64)
    looks = _looks(store, project, run, rows) if run.config.judged_by == "people" else 1
    return CertifyingLabels("audit", rows, label, looks)


def _of_all_texts(audit: Audit) -> bool:
    rule = audit.rule
    return isinstance(rule, ThresholdRule) and not (
        _holds_back(rule.teacher_threshold) or _holds_back(rule.student_threshold)
    )


def _holds_back(threshold: float | dict[str, float]) -> bool:
    values = threshold.values() if isinstance(threshold, dict) else [threshold]
    return any(value > 0 for value in values)
