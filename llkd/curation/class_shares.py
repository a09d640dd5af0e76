"""How far batch calibration moves the shares of the classes, which it cannot tell from a leaning.

Batch calibration takes each class's mean score away, so that no class is favoured everywhere. Where
one class is truly common its mean is high for a good reason, and the calibration harms.
"""

from __future__ import annotations

import numpy as np

from llkd.selection import signals
from llkd.store import Scores

LARGE = 0.2
"""From this total variation on a person should look."""
LABELS_TO_TELL = 30


def batch_share_shift(evidence: Scores, bias: signals.Floats) -> float | None:
    """Total variation, in [0, 1], between the class histograms with and without batch calibration.

    ``bias [C]`` is that of ``batch``. Only rows with measured log-probabilities count; None where
    there are none.
    """
    measured = signals.is_measured(evidence.source) & np.isfinite(evidence.scores).all(axis=1)
    if not measured.any():
        return None
    scores = evidence.scores[measured]
    classes = scores.shape[1]
    plain, centred = (
        np.bincount(values.argmax(axis=1), minlength=classes) / len(scores)
        for values in (scores, scores - bias)
    )
    return float(np.abs(plain - centred).sum() / 2)


def share_warning(shift: float | None) -> str:
    """What to know where the shift is large; empty where it is not."""
    if shift is None or shift <= LARGE:
        return ""
    portion = f"{100 * shift:.0f}\u00a0%"
    return (
        f"Batch calibration gives {portion} of the texts to other classes. It evens the classes "
        "out, which is right where the teacher leans and wrong where one class is truly common; "
        "without labels nobody can tell which."
    )


def how_to_tell(known: int) -> str:
    """What to do about it on the command line, where ``known`` texts can be fitted on."""
    if known >= signals.WEIGHT_ROWS:
        return (
            f"The classes of {known:,} texts are known: --calibration fitted takes away only as "
            "much as they support."
        )
    return (
        f"Label {LABELS_TO_TELL} texts on Curate in random order; --calibration fitted then takes "
        "away only as much as they support."
    )
