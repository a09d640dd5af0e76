"""What of a calibration is fitted to what people have told: a temperature, a bias weight."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from llkd.curation.class_shares import LABELS_TO_TELL
from llkd.curation.evaluation_rows import development_rows
from llkd.curation.random_order import random_sample
from llkd.curation.refinement.search import neighbours_of, refined_scores
from llkd.errors import UserError
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints
from llkd.store import LabelingRun, Project, Scores, Store
from llkd.store.derived.nearest_texts import LabelSearch


def bias_of(store: Store, labeling_run: LabelingRun, evidence: Scores, base: str) -> Floats:
    """The bias ``[C]`` of a calibration without temperature, from the rows scored so far.

    Of ``fitted`` that of ``batch``, which its weight then multiplies. In a student-first pass
    ``batch`` takes its mean over the random sample alone: over texts chosen by need it is no longer
    the pool's.
    """
    if base in {"batch", signals.FITTED}:
        return batch_bias(evidence, random_sample(store, labeling_run))
    free = None if labeling_run.content_free is None else np.asarray(labeling_run.content_free)
    return signals.calibration_bias(evidence.scores, base, free)


def batch_bias(evidence: Scores, sample: Ints | None) -> Floats:
    """The mean score of each class ``[C]`` over the rows of ``sample``, or over all of them.

    All rows count where there is no sample, or nothing of it is scored yet.
    """
    scores = evidence.scores
    in_sample = None if sample is None else np.isin(evidence.row, sample)
    if in_sample is not None and in_sample.any():
        scores = scores[in_sample]
    return signals.calibration_bias(scores, "batch")


def refined_evidence(
    evidence: Scores, shift: Floats, neighbours: LabelSearch
) -> tuple[Scores, Floats]:
    """The answers with refined logits in place of scores, and what is still to be taken off: 0."""
    probabilities = signals.teacher_probabilities(evidence.scores, shift)
    logits = refined_scores(evidence, probabilities, neighbours)
    return replace(evidence, scores=logits), np.zeros(logits.shape)


def shift_of(evidence: Scores, bias: Floats) -> Floats:
    """What is taken off each row's scores, ``[m, C]``.

    Rows that carry a confidence rather than measured log-probabilities have no prompt bias.
    """
    measured = signals.is_measured(evidence.source)
    return np.where(measured[:, None], bias, 0.0)


def fit_calibration(
    store: Store, project: Project, labeling_run: LabelingRun, calibration: str
) -> dict[str, Any]:
    """Fit the temperature on top of ``calibration`` and keep it with the pass.

    Of ``fitted`` the bias weight, too; of refined labels the temperature that suits them. On gold
    of the pool; where it is too little, on
    human labels; never on held-out gold, which measures. Texts that stand as examples in every
    prompt are left out. Returns temperature, rows
    (how many), source (``gold`` or ``human``), held_out (False; passes of older versions may say
    True), nll_before and nll_after (nats per text, on these rows), and of ``fitted`` bias_weight.
    Raises UserError where there is too little to fit on.
    """
    base, _ = signals.split_calibration(calibration)
    name = signals.fit_name(calibration)
    evidence = store.labeling_runs.scores(labeling_run)
    shift = shift_of(evidence, bias_of(store, labeling_run, evidence, base))
    neighbours = neighbours_of(store, labeling_run, evidence, name)
    if neighbours is not None:
        evidence, shift = refined_evidence(evidence, shift, neighbours)
    fit = fit_of(store, project, labeling_run, evidence, shift, base)
    if fit is None:
        raise UserError(not_fitted(project, base))
    store.labeling_runs.set_fit(labeling_run.id, base if neighbours is None else name, fit)
    return fit


def not_fitted(project: Project, base: str) -> str:
    """Why nothing was fitted on top of ``base``, and what to do."""
    if base == signals.FITTED:
        return (
            f"Fitted calibration needs at least {signals.WEIGHT_ROWS} texts in the pool of "
            f"{project.name!r} that the teacher has scored and whose class is known. Held-out gold "
            f"measures and is not fitted on. Label {LABELS_TO_TELL} texts on the Curate page in "
            "random order, or hold fewer out; until then labels are as under batch."
        )
    return (
        f"A temperature needs at least {signals.FIT_ROWS} texts in the pool of {project.name!r} "
        "that the teacher has scored and whose class is known, one of them labelled wrongly. "
        "Held-out gold measures and is not fitted on. Label some texts on the Curate page, or "
        "hold fewer out."
    )


def fit_of(
    store: Store,
    project: Project,
    labeling_run: LabelingRun,
    evidence: Scores,
    shift: Floats,
    base: str,
    without: Ints | None = None,
) -> dict[str, Any] | None:
    """The fit on the best rows there are, as in :func:`fit_calibration`; None without enough.

    The rows of ``without`` say nothing: they are to judge.
    """
    for judged in development_rows(store, project, labeling_run):
        # A job may have added rows since the evidence was read.
        here = np.isin(judged.rows, evidence.row)
        if without is not None:
            here &= ~np.isin(judged.rows, without)
        place = np.searchsorted(evidence.row, judged.rows[here])
        scores, own, gold = evidence.scores[place], shift[place], judged.gold[here]
        fit = _fit(scores, own, gold, base)
        if fit is not None:
            weighted = own * fit.get("bias_weight", 1.0)
            return {
                **fit,
                "rows": int(np.isfinite(scores).all(axis=1).sum()),
                "source": judged.source,
                "held_out": judged.held_out,
                "nll_before": signals.gold_nll(scores, own, gold, 1.0),
                "nll_after": signals.gold_nll(scores, weighted, gold, fit["temperature"]),
            }
    return None


def _fit(scores: Floats, shift: Floats, gold: Ints, base: str) -> dict[str, float] | None:
    if base == signals.FITTED:
        best = signals.fit_bias_weight(scores, shift, gold)
        return best and {"bias_weight": best.weight, "temperature": best.temperature}
    temperature = signals.fit_temperature(scores, shift, gold)
    return None if temperature is None else {"temperature": temperature}
