"""How good one teacher's answers to judged texts are, under every calibration that applies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from llkd import curation
from llkd.curation.probe import assign_folds
from llkd.evaluation import confidence_metrics, intervals, metrics, teacher_answers
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints
from llkd.store import Scores

FOLDS = 5


@dataclass(frozen=True)
class Derived:
    """Answers under one calibration: ``label`` [n] (-1: none) and ``probabilities`` [n, C]."""

    calibration: str
    label: Ints
    probabilities: Floats
    temperature: float

    @property
    def confidence(self) -> Floats:
        """Of each label, ``[n]``; 0 where there is none, so that it is kept last of all."""
        return np.nan_to_num(signals.confidence(self.probabilities), nan=0.0)


def derive(
    evidence: Scores,
    free: np.ndarray | None,
    gold: Ints,
    seed: int,
    *,
    in_use: str = "batch",
) -> list[Derived]:
    """The answers under each calibration that applies, a base and then its tempered twin.

    ``batch`` takes its bias from these texts, ``contextual`` from ``free`` (left out without).
    A temperature is cross-fitted, so that no text is calibrated by itself; it is left out where
    there is too little gold. Confidence that was not measured as log-probabilities has no bias.
    ``fitted``, cross-fitted too, takes part where it is ``in_use``: it must stand among what the
    others are compared with, and each further way makes a winner harder to tell from chance.
    """
    answers = []
    for base in _bases(evidence, free):
        bias = signals.calibration_bias(evidence.scores, base, free)
        shift = curation.shift_of(evidence, bias)
        plain = signals.teacher_probabilities(evidence.scores, shift)
        label = signals.pseudo_label(plain)
        label = np.where(label < 0, evidence.answer, label)
        answers.append(Derived(base, label, plain, 1.0))
        tempered = cross_fitted(evidence.scores, shift, gold, seed)
        whole = signals.fit_temperature(evidence.scores, shift, gold)
        if tempered is not None and whole is not None:
            answers.append(Derived(base + signals.TEMPERED, label, tempered, whole))
    return [*answers, *_fitted(evidence, gold)] if in_use == signals.FITTED else answers


def _fitted(evidence: Scores, gold: Ints) -> list[Derived]:
    """The answers under ``fitted``; none where there is too little gold, or no bias to weigh."""
    if not signals.is_measured(evidence.source).any():
        return []
    shift = curation.shift_of(evidence, signals.calibration_bias(evidence.scores, "batch"))
    whole = signals.fit_bias_weight(evidence.scores, shift, gold)
    if whole is None:
        return []
    probabilities = teacher_answers.cross_fitted_answers(evidence.scores, shift, gold)
    label = signals.pseudo_label(probabilities)
    label = np.where(label < 0, evidence.answer, label)
    return [Derived(signals.FITTED, label, probabilities, whole.temperature)]


def _bases(evidence: Scores, free: np.ndarray | None) -> list[str]:
    if not signals.is_measured(evidence.source).any():
        return ["none"]
    return ["none", "batch"] + (["contextual"] if free is not None else [])


def cross_fitted(scores: Floats, shift: Floats, gold: Ints, seed: int) -> Floats | None:
    """Probabilities ``[n, C]`` at a temperature that was fitted without the row's own fold.

    None where a fold has too little to fit on.
    """
    if len(gold) < FOLDS:
        return None
    fold = assign_folds(gold, FOLDS, np.random.default_rng(seed))
    probabilities = np.empty(scores.shape, dtype=np.float64)
    for k in range(FOLDS):
        own, others = fold == k, fold != k
        temperature = signals.fit_temperature(scores[others], shift[others], gold[others])
        if temperature is None:
            return None
        probabilities[own] = signals.teacher_probabilities(scores[own], shift[own], temperature)
    return probabilities


def measures(derived: Derived, gold: Ints, classes: int) -> dict[str, Any]:
    """Figures of one calibration as JSON values; a text without an answer counts as wrong.

    ``aurc`` ranks texts without a confidence last; ``auroc``, ``ece`` and ``nll`` (nats a text)
    speak of those with one. ``kept_at_90``: the share that can be kept, most confident first, with
    at least 90 % of it right here.
    """
    correct = derived.label == gold
    interval = intervals.wilson(int(correct.sum()), len(correct))
    stated = signals.confidence(derived.probabilities)
    logs = np.log(np.maximum(derived.probabilities, 1e-12))
    curve = confidence_metrics.risk_coverage(derived.confidence, correct, points=len(gold))
    return {
        "calibration": derived.calibration,
        "temperature": derived.temperature,
        "answered": int((derived.label >= 0).sum()),
        "accuracy": float(correct.mean()),
        "accuracy_low": None if interval is None else interval[0],
        "accuracy_high": None if interval is None else interval[1],
        "macro_f1": _macro_f1(derived.label, gold, classes),
        "auroc": confidence_metrics.auroc(stated, correct),
        "ece": confidence_metrics.ece(stated, correct),
        "nll": signals.gold_nll(logs, 0.0, gold, 1.0),
        "aurc": confidence_metrics.aurc(derived.confidence, correct),
        "kept_at_90": max((p["coverage"] for p in curve if p["risk"] <= 0.1), default=0.0),
        "kept_at_95": max((p["coverage"] for p in curve if p["risk"] <= 0.05), default=0.0),
    }


def _macro_f1(label: Ints, gold: Ints, classes: int) -> float:
    """Mean F1 of the classes that occur, a missing answer being a miss of its class."""
    answers = np.where(label < 0, classes, label)  # one class more, which is never gold
    table = metrics.class_table(answers, gold, [str(k) for k in range(classes + 1)])
    occur = np.union1d(gold, label[label >= 0])
    return float(np.mean([table[k]["f1"] for k in occur]))
