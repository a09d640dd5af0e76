"""Which way of asking a few texts speak for."""

import numpy as np
import pytest

from llkd.teachers.api.names.evidence import best_way, evidence, information, letters_stay, sentence

SURE = np.array([[0.97, 0.01, 0.02], [0.01, 0.98, 0.01], [0.02, 0.01, 0.97]])
ONE = np.array([[0.7, 0.2, 0.1]] * 3)
UNKNOWN = np.full(12, -1)
KNOWN = np.tile([0, 1, 2], 4)


def found(way, shares, mass, known=UNKNOWN, apart=True):
    scores = np.log(np.tile(shares, (4, 1))).astype(np.float32)
    return evidence(way, scores, [mass] * 12, known, apart=apart)


def test_information_is_none_where_all_answers_are_the_same_and_all_where_each_is_sure():
    assert information(ONE) == pytest.approx(0)
    assert information(np.eye(3)) == pytest.approx(1)
    assert information(np.full((3, 3), 1 / 3)) == pytest.approx(0)
    assert information(SURE[:1]) == 0


def test_letters_stay_where_they_hold_the_probability_and_vary():
    assert letters_stay(found("letters", SURE, 0.97))
    assert not letters_stay(found("letters", SURE, 0.6))
    assert not letters_stay(found("letters", ONE, 0.99))
    wrong = found("letters", SURE, 0.97, (KNOWN + 1) % 3)
    assert not letters_stay(wrong), "known classes say that they are wrong"


def test_answers_that_tell_more_of_their_texts_win():
    letters, names = found("letters", ONE, 0.8), found("names", SURE, 0.04)
    assert best_way([letters, names]) == "names"
    assert best_way([found("letters", SURE, 0.8), found("names", ONE, 0.5)]) == "letters"


def test_where_they_tell_as_much_the_one_with_more_of_the_probability_wins():
    names, prefilled = found("names", SURE, 0.04), found("prefilled", SURE, 0.6)
    assert best_way([names, prefilled]) == "prefilled"
    assert best_way([names, found("prefilled", SURE, 0.1)]) == "names"


def test_known_classes_count_for_more_than_information():
    wrong = found("names", SURE, 0.9, (KNOWN + 1) % 3)
    assert wrong.right == 0 and wrong.known == 12
    vague = found("prefilled", SURE**0.1, 0.3, KNOWN)
    assert vague.right == 12 and vague.information < wrong.information
    assert best_way([wrong, vague]) == "prefilled"


def test_a_leaning_of_the_model_is_no_mistake():
    leaning = SURE * np.array([1.0, 1.0, 0.001])  # it hardly ever says the third
    assert found("names", leaning, 0.5, KNOWN).right == 12


def test_what_cannot_be_told_apart_or_is_not_answered_is_not_chosen():
    letters = found("letters", ONE, 0.5)
    assert best_way([letters, found("names", SURE, 0.9, apart=False)]) == "letters"
    nothing = evidence(
        "names", np.full((12, 3), np.nan, np.float32), [0.0] * 12, UNKNOWN, apart=True
    )
    assert not nothing.usable and nothing.classes == 0
    assert best_way([letters, nothing]) == "letters"
    assert best_way([nothing]) == "letters"


def test_the_sentence_says_what_was_chosen_and_what_the_others_held():
    ways = [
        found("letters", ONE, 0.04),
        found("names", SURE, 0.61),
        found("prefilled", SURE, 0.0, apart=False),
    ]
    words = sentence("names", [each.document() for each in ways])
    assert words.startswith(
        "Asked by class names, as 12 texts speak for it: 61 % of the probability"
    )
    assert "(letters 4 %, 0 %; class names behind a begun answer 0 %" in words
    assert sentence("letters", [ways[0].document()]) == "", "nothing else was tried"
    assert "10 of 12" not in words and "known" not in words
