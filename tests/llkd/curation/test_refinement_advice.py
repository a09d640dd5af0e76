"""Whether labels are refined by default: by the agreement of two teachers, without gold."""

import numpy as np
import pytest

from llkd.curation.refinement import refinement_advice
from llkd.evaluation.certificate import cohen_kappa


def labels(right, n=2000, classes=5, seed=0):
    """Gold, and two teachers that are right at this rate and know nothing of one another."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, classes, n)
    guesses = (rng.integers(0, classes, n) for _ in range(2))
    return [np.where(rng.random(n) < right, gold, guess) for guess in guesses]


def test_teachers_that_know_the_classes_are_refined_and_guessing_ones_are_not():
    knowing = refinement_advice(*labels(right=0.6), classes=5)
    assert knowing.refine and not knowing.sentence and knowing.neighbours == 15
    guessing = refinement_advice(*labels(right=0.1), classes=5)
    assert not guessing.refine and "hardly more than by chance" in guessing.sentence


def test_kappa_is_cohens():
    first, second = labels(right=0.5)
    advice = refinement_advice(first, second, classes=5)
    assert advice.kappa == pytest.approx(cohen_kappa(first, second).kappa)
    second[:500] = -1
    half = refinement_advice(first, second, classes=5)
    assert half.texts == 1500
    assert half.kappa == pytest.approx(cohen_kappa(first[500:], second[500:]).kappa)


def test_few_texts_of_many_classes_are_left_alone():
    first, second = labels(right=0.9, n=300, classes=77)
    advice = refinement_advice(first, second, classes=77)
    assert not advice.refine and "462 labelled texts" in advice.sentence


def test_without_a_second_teacher_nothing_is_refined():
    first, _ = labels(right=0.9)
    advice = refinement_advice(first, np.full(2000, -1), classes=5)
    assert not advice.refine and advice.kappa is None and "no second teacher" in advice.sentence
    assert not refinement_advice(np.zeros(50), np.zeros(50), classes=2).refine
