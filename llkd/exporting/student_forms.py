"""How alike and how fast several forms of one student are, on the same texts.

A form is a function from texts to probabilities ``[n, C]``; the first one is what the others are
held against. ``n`` texts, ``C`` classes; the reports hold JSON values only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from llkd.evaluation import intervals, metrics
from llkd.evaluation.differences import paired_difference
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints

Predict = Callable[[Sequence[str]], Floats]

BATCH = 32
SINGLE_TEXTS = 60
BATCHES = 12
WARM_UP = 3

WORST_DIFFERENCE = 0.01
LEAST_AGREEMENT = 0.95


def answers(
    forms: Mapping[str, Predict],
    texts: Sequence[str],
    on_text: Callable[[int], None] | None = None,
) -> dict[str, Floats]:
    """Probabilities ``[n, C]`` of every form, in batches of BATCH in the order of the texts.

    ``on_text`` hears how many texts, over all forms, are done.
    """
    by_form: dict[str, list[Floats]] = {name: [] for name in forms}
    done = 0
    for name, predict in forms.items():
        for start in range(0, len(texts), BATCH):
            part = texts[start : start + BATCH]
            by_form[name].append(np.asarray(predict(part), dtype=np.float64))
            done += len(part)
            if on_text is not None:
                on_text(done)
    return {name: np.concatenate(parts) for name, parts in by_form.items()}


def likeness(
    probabilities: Mapping[str, Floats],
    gold: Ints | None,
) -> dict[str, dict[str, Any]]:
    """Each form against the first one and, where ``gold [n]`` is given, against the truth.

    ``agreement``: share of texts with the same label, with a Wilson interval;
    ``largest_difference``: of any probability; ``accuracy_difference``: accuracy minus that of the
    first form, with the interval of :mod:`llkd.evaluation.differences`; those of all forms hold
    together.
    """
    reference = next(iter(probabilities.values()))
    first = signals.pseudo_label(reference)
    by_form: dict[str, dict[str, Any]] = {}
    for name, values in probabilities.items():
        label = signals.pseudo_label(values)
        same = int((label == first).sum())
        entry: dict[str, Any] = {
            "agreement": same / len(label),
            "agreement_interval": list(intervals.wilson(same, len(label)) or ()),
            "largest_difference": float(np.abs(values - reference).max()),
        }
        if gold is not None:
            right = label == gold
            difference = paired_difference(label, first, gold, among=len(probabilities) - 1)
            entry |= {
                "accuracy": float(right.mean()),
                "accuracy_interval": list(intervals.wilson(int(right.sum()), len(right)) or ()),
                "macro_f1": metrics.macro_f1(label, gold, values.shape[1]),
                "accuracy_difference": {
                    "value": difference.value,
                    "low": difference.low,
                    "high": difference.high,
                },
            }
        by_form[name] = entry
    return by_form


def paces(
    forms: Mapping[str, Predict],
    texts: Sequence[str],
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, dict[str, float]]:
    """Median milliseconds a text alone, and texts a second in batches of BATCH (the median one).

    From text to probabilities, tokenising included, model loaded and warm. The forms take turns,
    so that a busy moment of the machine falls on all of them. Short lists are gone through again.
    """
    singles: dict[str, list[float]] = {name: [] for name in forms}
    batches: dict[str, list[float]] = {name: [] for name in forms}
    for number in range(WARM_UP + SINGLE_TEXTS):
        for name, predict in forms.items():
            spent = _timed(predict, [texts[number % len(texts)]], clock)
            if number >= WARM_UP:
                singles[name].append(spent)
    for number in range(1 + BATCHES):
        part = [texts[(number * BATCH + k) % len(texts)] for k in range(BATCH)]
        for name, predict in forms.items():
            spent = _timed(predict, part, clock)
            if number:
                batches[name].append(spent)
    return {
        name: {
            "ms_per_text": 1000 * float(np.median(singles[name])),
            "texts_per_second": BATCH / max(float(np.median(batches[name])), 1e-9),
        }
        for name in forms
    }


def _timed(predict: Predict, texts: Sequence[str], clock: Callable[[], float]) -> float:
    began = clock()
    predict(texts)
    return clock() - began


def advice(small: Mapping[str, Any]) -> str | None:
    """A sentence where the 8-bit form of :func:`likeness` should not be used unread; else None.

    The rule: it is more than one point less accurate than the first form, or gives another label
    to more than one text in twenty.
    """
    lost = -small["accuracy_difference"]["value"] if "accuracy_difference" in small else 0.0
    other = 1 - small["agreement"]
    # Sums of floats must not tip the scale.
    worse = lost > WORST_DIFFERENCE + 1e-9
    if not worse and other <= 1 - LEAST_AGREEMENT + 1e-9:
        return None
    parts = []
    if worse:
        parts.append(f"is {100 * lost:.1f} points less accurate than the 32-bit one")
    if other > 1 - LEAST_AGREEMENT + 1e-9:
        parts.append(
            f"gives another label than the {'32-bit one' if not parts else 'other'} to "
            f"{100 * other:.1f} % of the texts"
        )
    return f"The 8-bit model {' and '.join(parts)}: prefer model.onnx."
