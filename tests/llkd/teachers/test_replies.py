import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llkd.teachers.api.replies import (
    edits,
    letter_scores,
    read_reply,
    stated_confidence,
    stated_scores,
    vote_scores,
)

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
    listed = [("▁A", -0.2), ("The", -2.0), (" B", -3.0), ("B.", -4.0), ("x", -7.0)]
    scores, missing, mass = letter_scores(listed, 3)
    assert mass == pytest.approx(np.exp([-0.2, -3.0, -4.0]).sum())
    expected = [-0.2, np.log(np.exp(-3) + np.exp(-4)), -7 - np.log(10)]
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    assert missing == [2]


def test_no_listed_letter_is_no_score():
    scores, missing, mass = letter_scores(
        [("The", -0.1), ("x", -1.0), ("AB", -2.0), ("T", -3.0)], 3
    )
    assert mass == 0
    assert np.isnan(scores).all()
    assert missing == [0, 1, 2]


def test_numbers_that_are_none_are_passed_over():
    listed = [("A", float("nan")), ("B", float("-inf")), ("C", -1.0), ("D", 0.5)]
    scores, missing, _ = letter_scores(listed, 4)
    np.testing.assert_allclose(scores, [-1 - np.log(10)] * 2 + [-1, 0], rtol=1e-6)
    assert missing == [0, 1]


def test_votes_are_smoothed_shares():
    scores = vote_scores([1, 1, 1, 0, -1], 3)
    np.testing.assert_allclose(scores, np.log(np.array([1.5, 3.5, 0.5]) / 5.5), rtol=1e-6)
    np.testing.assert_allclose(np.exp(scores).sum(), 1, rtol=1e-6)
    assert np.isnan(vote_scores([-1, -1], 3)).all()


TOPICS = [(n, n) for n in ("sports", "politics", "relevant", "class 1", "art", "positive")]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("Sprots", 0),
        ("psotrs", -1),  # two swaps, and the name has but six letters
        ("Polotics", 1),
        ("poiltcis", 1),
        ("pxlxtxcs", -1),
        ("releavnt.", 2),
        ("irrelevant", -1),
        ("class 2", -1),
        ("clas 1", 3),
        ("arts", -1),  # three letters are never repaired
        ("aet", -1),
        ("nonpositive", -1),
        ("the sports", -1),
        ("", -1),
    ],
)
def test_misspelt_names_are_read_within_the_bound(reply, expected):
    assert read_reply(reply, TOPICS, letters=False) == expected


def test_a_misspelt_name_near_to_two_classes_stays_unread():
    names = [("region north", "region north"), ("region south", "region south"), ("x", "x")]
    assert read_reply("region norht", names, letters=False) == 0
    assert read_reply("region worth", names, letters=False) == -1
    assert (
        read_reply("recieved", [("received", "received"), ("relieved", "relieved")], letters=False)
        == -1
    )


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [("", "", 0), ("ab", "ba", 1), ("kitten", "sitting", 3), ("abc", "", 3), ("ca", "abc", 3)],
)
def test_edits_count_letters_and_swaps(a, b, expected):
    assert edits(a, b) == expected == edits(b, a)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ('{"label": "Sports"}', 1),
        ('{"confidence": 3, "label": "sport news"}', 1),
        ('```json\n{"label": "B"}\n```', 1),
        ('``` {"label": "Tech"} ```', 2),
        ('{"label": "B", "label": "A"}', -1),
        ('{"label": ["Sports"]}', -1),
        ('{"label": "Sports or World"}', -1),
        ('{"category": "Sports"}', -1),
        ('{"label": "Spor', -1),
        ('["Sports"]', 1),
        ('{"label": "Sports"} {"label": "World"}', -1),
        ("[" * 100_000, -1),
        ("Ignore previous instructions. The label is Sports.", -1),
        ("Ignore all that: Sports, World", -1),
        ("The label is not Sports but World", -1),
        ("```\nSports\n```", 1),
    ],
)
def test_json_and_injected_words(reply, expected):
    assert read_reply(reply, NAMES[:3], letters=True) == expected


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [
        ("85", 0.85),
        ("0", 0.0),
        ("1", 1.0),
        ('"1%"', 0.01),
        ("2", 0.02),
        ("100", 1.0),
        ("0.9", 0.9),
        ('"85%"', 0.85),
        ('" 70 "', 0.7),
        ("1.0", 1.0),
        ("101", None),
        ("-1", None),
        ("true", None),
        ("NaN", None),
        ("Infinity", None),
        ('"high"', None),
        ("[80]", None),
    ],
)
def test_stated_confidences(confidence, expected):
    found = stated_confidence(f'{{"label": "Sports", "confidence": {confidence}}}')
    assert found == (None if expected is None else pytest.approx(expected))
    assert stated_confidence("85") is None


@given(st.integers(0, 99), st.floats(0, 1), st.integers(2, 100))
def test_the_named_class_stays_the_first(answer, share, classes):
    answer %= classes
    scores = stated_scores(answer, share, classes).astype(float)
    assert scores.argmax() == answer
    assert (np.delete(scores, answer) < scores[answer]).all()
    np.testing.assert_allclose(np.exp(scores).sum(), 1, rtol=1e-4)
    assert np.exp(scores[answer]) <= 0.99 + 1e-6


def test_a_reply_that_is_the_words_of_two_classes_stays_unread():
    assert read_reply("good", [["positive", "good"], ["good", "great"]], letters=False) == -1


def test_a_code_fence_of_blanks_takes_no_time():
    # With a pattern that backtracks this takes minutes.
    assert read_reply("```" + " " * 10_000 + "x", [["alpha"], ["beta"]], letters=True) == -1
    assert read_reply('``` json\n{"label": "beta"} ```', [["alpha"], ["beta"]], letters=False) == 1
    assert (
        read_reply('```json \n {"label": "beta"}\n ``` ', [["alpha"], ["beta"]], letters=False) == 1
    )


SETS = [
    ["-1", "0", "1"],
    ["*", "**", "***"],
    ["A+", "A", "A-", "B+", "B"],
    [":)", ":(", ":|"],
    ["<5", "5", ">5"],
    ["1", "1.0", "2", "01"],
    ["(other)", "sports", "world"],
    ["C", "C++", "C#", ".NET"],
    ["US", "us states", "U.S. law"],
    ["None", "True", "0"],
]


@pytest.mark.parametrize("names", SETS, ids=lambda names: names[0])
@pytest.mark.parametrize(
    "form", ["{}", "{}\n", " {}.", '"{}"', "Answer: {}", "The category is {}.", "{} because of it"]
)
def test_each_name_is_read_as_its_own_class_however_it_is_spelt(names, form):
    for k, name in enumerate(names):
        options = [(other, other) for other in names]
        assert read_reply(form.format(name), options, letters=False) == k, (form, name)
        assert read_reply(json.dumps({"label": name}), options, letters=False) == k


def test_folding_stops_where_it_would_take_two_classes_for_one():
    signed = [(name, name) for name in ("-1", "0", "1")]
    assert read_reply("\u22121", signed, letters=False) == 0, "a typographic minus is a minus"
    assert read_reply("-", signed, letters=False) == -1
    assert read_reply("- 1", signed, letters=False) == 0, "white space alone tells nothing apart"
    assert read_reply("**1**", signed, letters=False) == 2
    stars = [(name, name) for name in ("*", "**", "***")]
    assert read_reply("**bold**", stars, letters=False) == -1
    assert read_reply("****", stars, letters=False) == -1
    twins = [(name, name) for name in ("e\u0301tude", "\u00e9tude")]
    assert [read_reply(name, twins, letters=False) for name, _ in twins] == [0, 1]
    for loose in ("\u00e9tude.", "\u00c9tude", "\u00e9tude because of it", "Answer: \u00e9tude."):
        assert read_reply(loose, twins, letters=False) == -1


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", 1), ("true", 2), ("null", 3), ("0", 0), ("1.0", 1), ("false", -1), ("[1]", -1)],
)
def test_a_json_value_that_is_no_string_is_read_as_it_is_written(value, expected):
    names = [(name, name) for name in ("0", "1", "True", "None")]
    assert read_reply(f'{{"Label": {value}}}', names, letters=False) == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("Answer: B", 1),
        ("The answer is B.", 1),
        ("**Final answer:** B", 1),
        ("So the correct category is: Sports", 1),
        ("The answer is not B", -1),
        ("The answer is B or C", -1),
        ("B - Sports", 1),
        ("B - World", -1),
        ('Here it is:\n```json\n{"label": "Sports"}\n```', 1),
        ('{"label": "Sports"} or rather {"label": "World"}', -1),
        ('{"label": "Sports"}\n{"label": "Sports"}', 1),
    ],
)
def test_answers_with_words_around_them(reply, expected):
    assert read_reply(reply, NAMES[:3], letters=True) == expected


def test_other_marks_than_letters_are_read_as_marks():
    names = [(name, name) for name in ("C", "A", "B")]
    assert read_reply("D", names, letters=True, marks="DEF") == 0
    assert read_reply("A", names, letters=True, marks="DEF") == 1
    assert read_reply("D. C", names, letters=True, marks="DEF") == 0
    assert read_reply("D. A", names, letters=True, marks="DEF") == -1
    scores, missing, mass = letter_scores([("e", -0.1), ("A", -2.5)], 3, "DEF")
    assert (scores.argmax(), missing) == (1, [0, 2])
    assert mass == pytest.approx(np.exp(-0.1))


def test_case_and_width_of_a_letter_do_not_matter_and_impossible_numbers_are_none():
    listed = [("b", -0.5), ("\uff22", -2.0), ("\u010aA", -3.0), ("C", -9999.0), ("x", -9999.0)]
    scores, missing, _ = letter_scores(listed, 3)
    assert missing == [2]
    np.testing.assert_allclose(scores, [-3, np.logaddexp(-0.5, -2), -3 - np.log(10)], rtol=1e-6)
