"""A temperature on top of a calibration: fitted to what people have told, kept with the pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from llkd import signals
from llkd.curation.judging import development_rows
from llkd.curation.order import random_sample
from llkd.errors import UserError
from llkd.signals import Floats, Ints
from llkd.store import Labelling, Project, Scores, Store


def bias_of(store: Store, labelling: Labelling, evidence: Scores, base: str) -> Floats:
    """The bias ``[C]`` of a calibration without temperature, from the rows scored so far.

    In a student-first pass ``batch`` takes its mean over the random sample alone: over texts
    chosen by need it is no longer the pool's.
    """
    if base == "batch":
        return batch_bias(evidence, random_sample(store, labelling))
    free = None if labelling.content_free is None else np.asarray(labelling.content_free)
    return signals.calibration_bias(evidence.scores, base, free)


def batch_bias(evidence: Scores, sample: Ints | None) -> Floats:
    """The mean score of each class ``[C]`` over the rows of ``sample``, or over all of them.

    All rows count where there is no sample, or nothing of it is scored yet.
    """
    scores = evidence.scores
    drawn = None if sample is None else np.isin(evidence.row, sample)
    if drawn is not None and drawn.any():
        scores = scores[drawn]
    return signals.calibration_bias(scores, "batch")


def shift_of(evidence: Scores, bias: Floats) -> Floats:
    """What is taken off each row's scores, ``[m, C]``.

    Rows that carry a confidence rather than measured log-probabilities have no prompt bias.
    """
    measured = np.isin(evidence.source, ["logprob"])
    return np.where(measured[:, None], bias, 0.0)


def fit_temperature(
    store: Store, project: Project, labelling: Labelling, base: str
) -> dict[str, Any]:
    """Fit the temperature on top of the calibration ``base`` and keep it with the pass.

    On gold of the pool; where it is too little, on human labels; never on held-out gold, which
    measures. Texts that stand as examples in every prompt are left out. Returns temperature, rows
    (how many), source (``gold`` or ``human``), held_out (False; passes of older versions may say
    True), nll_before and nll_after (nats per text, on these rows).
    Raises UserError where there is too little to fit on.
    """
    evidence = store.labellings.scores(labelling)
    shift = shift_of(evidence, bias_of(store, labelling, evidence, base))
    fit = fitted(store, project, labelling, evidence, shift)
    if fit is None:
        raise UserError(not_fitted(project))
    store.labellings.set_fit(labelling.id, base, fit)
    return fit


def not_fitted(project: Project) -> str:
    """Why there is no temperature, and what to do."""
    return (
        f"A temperature needs at least {signals.FIT_ROWS} texts in the pool of {project.name!r} "
        "that the teacher has scored and whose class is known, one of them labelled wrongly. "
        "Held-out gold measures and is not fitted on. Label some texts on the Curate page, or "
        "hold fewer out."
    )


def fitted(
    store: Store,
    project: Project,
    labelling: Labelling,
    evidence: Scores,
    shift: Floats,
    without: Ints | None = None,
) -> dict[str, Any] | None:
    """The fit on the best rows there are, as in :func:`fit_temperature`; None without enough.

    The rows of ``without`` say nothing: they are to judge.
    """
    for judged in development_rows(store, project, labelling):
        # A job may have added rows since the evidence was read.
        here = np.isin(judged.rows, evidence.row)
        if without is not None:
            here &= ~np.isin(judged.rows, without)
        place = np.searchsorted(evidence.row, judged.rows[here])
        part = evidence.scores[place], shift[place], judged.gold[here]
        temperature = signals.fit_temperature(*part)
        if temperature is not None:
            return {
                "temperature": temperature,
                "rows": int(np.isfinite(part[0]).all(axis=1).sum()),
                "source": judged.source,
                "held_out": judged.held_out,
                "nll_before": signals.gold_nll(*part, 1.0),
                "nll_after": signals.gold_nll(*part, temperature),
            }
    return None
