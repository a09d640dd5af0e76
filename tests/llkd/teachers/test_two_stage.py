import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llkd.teachers.api.two_stage import MOST_CLASSES, combine, split, to_open


@given(st.integers(2, MOST_CLASSES))
def test_groups_hold_each_class_once_in_order(classes):
    groups = split(classes)
    assert [k for group in groups for k in group] == list(range(classes))
    sizes = [len(group) for group in groups]
    assert len(groups) <= 20
    assert max(sizes) <= 20
    assert max(sizes) - min(sizes) <= 1


def test_groups_are_as_few_as_can_be():
    assert [len(group) for group in split(45)] == [15, 15, 15]
    assert len(split(21)) == 2
    assert len(split(400)) == 20


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([0.95, 0.04, 0.01], [0]),
        ([0.2, 0.69, 0.11], [1, 0, 2]),
        ([0.3, 0.25, 0.25, 0.2], [0, 1, 2]),
        ([0.0005, 0.0009], [1, 0]),
        ([0.05] * 20, [0]),
    ],
)
def test_the_best_group_is_opened_and_others_with_a_tenth(shares, expected):
    assert to_open(np.log(np.array(shares, dtype=np.float32) + 1e-9)) == expected


def test_scores_add_up_over_both_stages():
    inside = {0: np.log(np.array([0.9, 0.1], np.float32))}
    scores = combine([[0, 1], [2, 3, 4]], np.log(np.array([0.8, 0.2], np.float32)), inside)
    np.testing.assert_allclose(np.exp(scores), [0.72, 0.08, *[0.2 / 30] * 3], rtol=1e-5)


def test_words_that_are_no_letter_do_not_weigh_one_group_against_another():
    hardly_a_letter = np.log(np.array([0.08, 0.02], np.float32))
    inside = {0: hardly_a_letter, 1: np.log(np.array([0.5, 0.5], np.float32))}
    scores = combine([[0, 1], [2, 3]], np.log(np.array([0.6, 0.4], np.float32)), inside)
    np.testing.assert_allclose(np.exp(scores), [0.48, 0.12, 0.2, 0.2], rtol=1e-5)
