import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llkd.teachers.replies import letter_scores, read_reply, vote_scores

NAMES = [("World", "World"), ("Sports", "sport news"), ("Tech", "Technology"), ("A", "A")]
CARDS = [("credit", "credit"), ("credit cards", "credit cards"), ("None", "None")]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("B", 1),
        (" b.\n", 1),
        ("(C)", 2),
        ("**B**", 1),
        ("B. Sports", 1),
        ("b) sport news", 1),
        ("Sports", 1),
        ("SPORT NEWS!", 1),
        ("technology", 2),
        ("Technolog", 2),
        ("Sports, because of the match", 1),
        ("World\n\nThe text is about treaties.", 0),
        ("", -1),
        ("E", -1),
        ("Z.", -1),
        ("s", -1),
        ("B. World", -1),
        ("Sports or World", -1),
        ("not sports", -1),
        ("A technology article", -1),
        ("Worldwide", -1),
        ("I cannot help with that.", -1),
        ("🤷", -1),
    ],
)
def test_replies_with_letters(reply, expected):
    assert read_reply(reply, NAMES[:3], letters=True) == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("credit", 0),
        ("Credit cards.", 1),
        ("credit cards, please", 1),
        ("credit card", -1),
        ("none", 2),
        ("B", -1),
        ("c", -1),
        ("cred", -1),
    ],
)
def test_replies_by_name(reply, expected):
    assert read_reply(reply, CARDS, letters=False) == expected


def test_a_class_called_by_another_options_letter_is_its_name():
    assert read_reply("A", NAMES, letters=True) == 3


@given(st.text(max_size=60), st.booleans())
def test_any_reply_is_a_class_or_none(reply, letters):
    assert read_reply(reply, NAMES, letters=letters) in range(-1, 4)


def test_listed_letters_are_scored_and_the_others_below_the_smallest():
    listed = [("A", -0.2), ("The", -2.0), (" B", -3.0), ("B.", -4.0), ("x", -7.0)]
    scores, missing = letter_scores(listed, 3)
    expected = [-0.2, np.log(np.exp(-3) + np.exp(-4)), -7 - np.log(10)]
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    assert missing == [2]


def test_no_listed_letter_is_no_score():
    scores, missing = letter_scores([("The", -0.1), ("a", -1.0), ("AB", -2.0), ("T", -3.0)], 3)
    assert np.isnan(scores).all()
    assert missing == [0, 1, 2]


def test_numbers_that_are_none_are_passed_over():
    listed = [("A", float("nan")), ("B", float("-inf")), ("C", -1.0), ("D", 0.5)]
    scores, missing = letter_scores(listed, 4)
    np.testing.assert_allclose(scores, [-1 - np.log(10)] * 2 + [-1, 0], rtol=1e-6)
    assert missing == [0, 1]


def test_votes_are_smoothed_shares():
    scores = vote_scores([1, 1, 1, 0, -1], 3)
    np.testing.assert_allclose(scores, np.log(np.array([1.5, 3.5, 0.5]) / 5.5), rtol=1e-6)
    np.testing.assert_allclose(np.exp(scores).sum(), 1, rtol=1e-6)
    assert np.isnan(vote_scores([-1, -1], 3)).all()
