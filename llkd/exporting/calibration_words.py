"""What a card says of a student's temperature: how sure its served probabilities may be taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def calibration_words(calibration: Mapping[str, Any] | None) -> str:
    """A paragraph for people who serve the student. See :mod:`llkd.evaluation.student_calibration`.

    None: no held-out text has a label that somebody knows.
    """
    if calibration is None:
        return (
            "`llkd serve` gives its probabilities as they are, uncalibrated: too few held-out "
            "texts have a class that somebody knows, so nothing is known of how sure it may be "
            "taken."
        )
    whose = "gold labels" if calibration["source"] == "gold" else "labels of people"
    before, after = calibration["ece_before"], calibration["ece_after"]
    return (
        f"`llkd serve` divides its logits by the temperature {calibration['temperature']:.3g}, "
        f"which made the {whose} of {calibration['texts']:,} held-out texts most likely; the "
        "figures above are without it. On texts that did not fit it (five folds) the expected "
        f"calibration error was {after:.3f} instead of {before:.3f}, the negative "
        f"log-likelihood {calibration['nll_after']:.3f} instead of "
        f"{calibration['nll_before']:.3f} nats."
    )
