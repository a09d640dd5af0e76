"""Refined labels: the formula, and the search for the texts that it asks."""

from llkd.curation.refinement.advice import RefinementAdvice, refinement_advice
from llkd.curation.refinement.formula import (
    DAMPING,
    SOFTENING,
    WEIGHT,
    Refinement,
    neighbours_for,
    refined_logits,
)

__all__ = [
    "DAMPING",
    "SOFTENING",
    "WEIGHT",
    "Refinement",
    "RefinementAdvice",
    "neighbours_for",
    "refined_logits",
    "refinement_advice",
]
