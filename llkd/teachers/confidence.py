"""Where a teacher's confidence can come from, and what people are told of it: here and only here.

Forms, reports, the comparison of prompts and the model card use these words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ConfidenceSource:
    """``label``: its name; ``explanation``: what it is worth and costs, in a sentence."""

    label: str
    explanation: str


CONFIDENCE_SOURCES: Mapping[str, ConfidenceSource] = {
    "auto": ConfidenceSource(
        "What the server offers",
        "Log-probabilities where the server gives them, else agreement of several answers.",
    ),
    "logprob": ConfidenceSource(
        "Log-probabilities",
        "Measured by the model itself in one pass: the best there is, where it can be had.",
    ),
    "probability": ConfidenceSource(
        "Probabilities of a decision model",
        "The server gives a probability for every class, in one call.",
    ),
    "similarity": ConfidenceSource(
        "Likeness to the class's words",
        "How near the text lies to what each class is called and means, as an encoder sees them.",
    ),
    "pooled": ConfidenceSource(
        "Pooled from the members",
        "The weighted mean of what the members of a committee say, as log-probabilities.",
    ),
    "self_consistency": ConfidenceSource(
        "Agreement of several answers",
        "Each text is asked about several times; the share that agrees is the confidence. "
        "It costs that many answers.",
    ),
    "verbalized": ConfidenceSource(
        "Stated by the model",
        "The model writes how sure it is: one call, but models tend to overstate it.",
    ),
    "imported": ConfidenceSource("Given in the file", "The file of labels states it."),
    "none": ConfidenceSource("None", "One answer and no confidence: nothing can be sorted out."),
}
"""By the name under which answers and settings store it."""


def confidence_label(source: str) -> str:
    """The name of a source of confidence; of an unknown one what is stored."""
    entry = CONFIDENCE_SOURCES.get(source)
    return source if entry is None else entry.label
