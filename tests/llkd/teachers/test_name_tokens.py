"""Which listed words begin which class's name."""

import math

import numpy as np
import pytest

from llkd.teachers.api.names.tokens import behind_a_space, class_scores, forms_of, read_names


def logs(**shares):
    return [(word, math.log(share)) for word, share in shares.items()]


def read(names, listed):
    return read_names(listed, forms_of(names))


def test_case_and_spaces_of_one_name_add_up():
    listed = [
        (" Sports", -1.0),
        ("sports", -2.0),
        ("▁SPORTS", -3.0),
        ("World", -1.5),
        ("the", -0.9),
    ]
    scores, missing = class_scores(read(["World", "Sports"], listed), 2)
    assert missing == []
    np.testing.assert_allclose(
        np.exp(scores), [math.exp(-1.5), math.exp(-1) + math.exp(-2) + math.exp(-3)], rtol=1e-6
    )


def test_a_class_that_is_not_listed_gets_less_than_the_least_that_is():
    reading = read(["World", "Sports", "Science"], [("World", -0.2), ("Hm", -7.0)])
    scores, missing = class_scores(reading, 3)
    assert missing == [1, 2]
    np.testing.assert_allclose(scores, [-0.2, -7 - math.log(10), -7 - math.log(10)], rtol=1e-6)
    assert reading.mass == pytest.approx(math.exp(-0.2))


def test_nothing_listed_is_no_score():
    scores, missing = class_scores(read(["World", "Sports"], [("Hm", -0.1)]), 2)
    assert np.isnan(scores).all() and missing == [0, 1]


def test_the_longest_token_that_begins_a_name_counts_and_a_shorter_one_does_not():
    reading = read(
        ["Sports", "World"], [("Sports", -1.0), ("Sp", -0.5), ("Wor", -2.0), ("W", -0.3)]
    )
    assert reading.logs == pytest.approx({0: -1.0, 1: -2.0})


@pytest.mark.parametrize("word", [" the", "The", " a", "in"])
def test_a_word_of_its_own_does_not_begin_a_longer_one(word):
    assert read(["theatre", "arts", "insurance"], [(word, -0.1), ("Hm", -3.0)]).logs == {}
    assert read(["the others", "a b"], [(" the", -0.1)]).logs == pytest.approx({0: -0.1})


def test_the_whole_name_of_one_class_is_no_beginning_of_anothers_word():
    reading = read(["bus", "business"], [(" bus", -0.5), ("Hm", -3.0)])
    assert reading.logs == pytest.approx({0: -0.5})
    assert reading.shared == ()


def test_a_token_that_two_names_begin_with_is_theirs_together():
    reading = read(["card arrival", "card payment", "loan"], [("card", -0.5), ("loan", -1.5)])
    assert reading.logs == pytest.approx({2: -1.5})
    (begun,) = reading.shared
    assert begun.forms == {0: (" arrival",), 1: (" payment",)}
    scores, missing = class_scores(reading, 3)
    assert missing == []
    np.testing.assert_allclose(scores[:2], -0.5 - math.log(2), rtol=1e-6)
    # What is to come tells them apart.
    inner = read_names([(" payment", -0.1), (" arrival", -2.0)], begun.forms)
    assert inner.logs == pytest.approx({0: -2.0, 1: -0.1})


def test_a_name_that_is_written_out_gets_what_the_longer_ones_leave():
    reading = read_names(
        [(" lines", math.log(0.3)), (".", math.log(0.5))], {0: ("",), 1: (" lines",)}
    )
    assert np.exp(reading.logs[1]) == pytest.approx(0.3)
    assert np.exp(reading.logs[0]) == pytest.approx(0.7)


def test_names_that_differ_in_case_alone_stay_apart():
    reading = read(["US", "us"], [("US", -0.5), ("us", -1.5), ("Us", -2.0)])
    assert reading.logs == pytest.approx({0: -0.5, 1: -1.5})


def test_impossible_and_positive_values_are_no_probabilities():
    reading = read(["World", "Sports"], [("World", 0.3), ("Sports", -9999.0), ("Hm", -4.0)])
    assert reading.logs == {0: 0.0}
    assert reading.least == -4.0


def test_words_without_spaces_between_them_are_begun_by_their_signs():
    reading = read(["体育", "财经"], [("体", -0.5), ("财", -1.0)])
    assert reading.logs == pytest.approx({0: -0.5, 1: -1.0})


def test_behind_a_begun_answer_a_new_word_counts_and_other_ways_to_write_it_do_not():
    listed = [("sports", -0.5), (" Sports", -1.0), (" sports", -2.0), ("▁World", -3.0)]
    assert behind_a_space(listed) == [(" Sports", -1.0), (" sports", -2.0), ("▁World", -3.0)]
    as_written = {0: ("World",), 1: ("Sports",)}
    scores, _ = class_scores(read_names(behind_a_space(listed), as_written), 2)
    np.testing.assert_allclose(scores, [-3.0, -1.0], rtol=1e-6)
    # A server that strips its words shows no space anywhere: then they are what there is.
    assert behind_a_space([("Sports", -1.0)]) == [("Sports", -1.0)]
