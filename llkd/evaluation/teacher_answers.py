"""A pass's answers to the texts that judge it, never calibrated by the very text they answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from llkd.curation.calibration import bias_of, shift_of
from llkd.curation.evaluation_rows import EvaluationRows, development_rows
from llkd.curation.labels import TeacherLabels, in_todays_classes, todays_label
from llkd.curation.refinement.search import neighbours_of, refined_scores
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints
from llkd.store import Project, Scores, Store
from llkd.store.derived.nearest_texts import LabelSearch

FOLDS = 5


@dataclass(frozen=True)
class JudgedAnswers:
    """Answers to ``m`` judged texts: ``gold``, ``label`` (-1: none), ``probabilities`` [m, C].

    ``cross_fitted``: each was calibrated by a fit to the texts of other folds.
    """

    gold: Ints
    label: Ints
    probabilities: Floats
    confidence: Floats
    cross_fitted: bool = False


def judged_answers(
    store: Store, project: Project, labels: TeacherLabels, judged: EvaluationRows
) -> JudgedAnswers:
    """What ``labels`` say of the texts of ``judged`` that they hold.

    ``fitted`` changes labels by what known classes say. Where the texts that judge are those it was
    fitted on, each is answered by a fit to the other four fifths: judged on its own texts a fit
    would look better than it is. (A temperature alone changes no label and stays as it is.)
    """
    here = np.isin(judged.rows, labels.row)  # a job may have added rows since
    rows, gold = judged.rows[here], judged.gold[here]
    place = np.searchsorted(labels.row, rows)
    label, probabilities = labels.label[place], labels.probabilities[place]
    own = _fitted_on(store, project, labels)
    crossed = bool(np.isin(rows, own.rows).any()) if own is not None else False
    if own is not None and crossed:
        evidence = store.labeling_runs.scores(labels.labeling_run)
        label, probabilities = _cross_fitted(store, labels, evidence, own, rows)
    confidence = signals.confidence(probabilities) if len(label) else np.empty(0)
    return JudgedAnswers(gold, label, probabilities, confidence, crossed)


def _fitted_on(store: Store, project: Project, labels: TeacherLabels) -> EvaluationRows | None:
    """The texts of the kind that the labels were fitted on; None where no label depends on any."""
    base, _ = signals.split_calibration(labels.calibration)
    if base != signals.FITTED or labels.fit is None:
        return None
    kinds = development_rows(store, project, labels.labeling_run)
    return next((kind for kind in kinds if kind.source == labels.fit["source"]), None)


def _cross_fitted(
    store: Store, labels: TeacherLabels, evidence: Scores, own: EvaluationRows, rows: Ints
) -> tuple[Ints, Floats]:
    """Label ``[m]`` and probabilities ``[m, C]`` of ``rows``, those of ``own`` by other folds."""
    shift = shift_of(evidence, bias_of(store, labels.labeling_run, evidence, signals.FITTED))
    place = np.searchsorted(evidence.row, rows)
    probabilities = labels.probabilities[place].copy()
    inside = np.isin(own.rows, evidence.row)
    fit_rows, fit_place = own.rows[inside], np.searchsorted(evidence.row, own.rows[inside])
    known = evidence.scores[fit_place], shift[fit_place], own.gold[inside]
    search = neighbours_of(
        store,
        labels.labeling_run,
        evidence,
        labels.calibration,
        None if labels.refinement is None else labels.refinement.search,
    )
    answers = in_todays_classes(
        cross_fitted_answers(*known)
        if search is None
        else _refined_answers(evidence, shift, fit_place, own.gold[inside], search),
        labels.labeling_run,
    )
    both = np.isin(rows, fit_rows)
    probabilities[both] = answers[np.searchsorted(fit_rows, rows[both])]
    named_class = np.where(np.isnan(probabilities).any(axis=1), evidence.answer[place], -1)
    label = todays_label(probabilities, named_class, labels.labeling_run)
    return label, probabilities


def cross_fitted_answers(scores: Floats, shift: Floats, gold: Ints) -> Floats:
    """Probabilities ``[n, C]`` of each text under ``fitted``, fitted without its own fold's gold.

    ``shift [n, C]``: what ``batch`` takes away; ``gold [n]``. As ``batch`` where the other folds
    have nothing to fit on.
    """
    probabilities = np.empty(scores.shape, dtype=np.float64)
    for mine, weight, temperature in _fits(scores, shift, gold):
        probabilities[mine] = signals.teacher_probabilities(
            scores[mine], weight * shift[mine], temperature
        )
    return probabilities


def _fits(scores: Floats, shift: Floats, gold: Ints) -> Iterator[tuple[np.ndarray, float, float]]:
    """Of each fold which texts are in it, and the weight and temperature fitted to the others."""
    # Not by class: then a text's own class would say in which fold it is.
    fold = np.random.default_rng(0).permutation(len(gold)) % FOLDS
    for k in range(FOLDS):
        others = fold != k
        best = signals.fit_bias_weight(scores[others], shift[others], gold[others], least=1)
        yield (fold == k, *(best or (1.0, 1.0)))


def _refined_answers(
    evidence: Scores, shift: Floats, place: Ints, gold: Ints, search: LabelSearch
) -> Floats:
    """As :func:`cross_fitted_answers`, refined: the neighbours, too, without the fold's gold."""
    answers = np.empty((len(place), evidence.scores.shape[1]))
    for mine, weight, temperature in _fits(evidence.scores[place], shift[place], gold):
        calibrated = signals.teacher_probabilities(evidence.scores, weight * shift, temperature)
        refined = refined_scores(evidence, calibrated, search)
        answers[mine] = signals.softmax(refined[place[mine]])
    return answers
