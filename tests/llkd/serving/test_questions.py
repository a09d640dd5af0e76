"""Confidence as System One defines it, lengths that share a run, and what a state's text is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llkd.serving.onnx_classifier import BATCH_TOKENS, SLACK, SMALL, buckets
from llkd.serving.questions import (
    RequestRefused,
    choice_confidence,
    expected_level,
    score_confidence,
)
from llkd.serving.system_one import SystemOneRequest, questions_of
from llkd.serving.wire import parse, text_of


def test_confidence_is_what_lies_above_chance():
    assert choice_confidence([0.25] * 4) == 0
    assert choice_confidence([1.0, 0.0]) == 1
    assert choice_confidence([0.7, 0.2, 0.1]) == pytest.approx((0.7 - 1 / 3) / (2 / 3))
    assert choice_confidence([1.0]) == score_confidence([1.0]) == 1
    # Σ p|i - mode| = 0.4 and of equal shares around the middle 2/3.
    assert score_confidence([0.2, 0.6, 0.2]) == pytest.approx(1 - 0.4 / (2 / 3))
    assert score_confidence([0.5, 0.0, 0.5]) == 0
    assert expected_level(np.array([0.2, 0.5, 0.3])) == pytest.approx(1.1)


@given(st.lists(st.integers(1, 512), max_size=200))
def test_every_text_is_in_one_run_of_similar_lengths(lengths):
    groups = buckets(lengths)
    assert sorted(place for group in groups for place in group) == list(range(len(lengths)))
    for group in groups:
        inside = [lengths[place] for place in group]
        assert len(group) == 1 or max(inside) * len(inside) <= BATCH_TOKENS
        assert max(inside) <= SMALL or max(inside) <= SLACK * min(inside)


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("a text", "a text"),
        ({"message": "a text"}, "a text"),
        ({"n": 1}, '{"n":1}'),
        ({"a": "x", "b": "ü"}, '{"a":"x","b":"ü"}'),
        (["x"], '["x"]'),
    ],
)
def test_the_text_of_a_state(state, text):
    assert text_of(state) == text


def test_a_noul_question_needs_words():
    body = b'{"state": "x", "questions": {"q": {"type": "noul", "criteria": {"true": null}}}}'
    with pytest.raises(RequestRefused, match="needs instructions"):
        questions_of(parse(body, SystemOneRequest))
    body = b'{"state": "x", "questions": {"q": {"type": "noul", "criteria": {"true": "it is"}}}}'
    _, (question,) = questions_of(parse(body, SystemOneRequest))
    assert [(o.value, o.description) for o in question.options] == [(False, ""), (True, "it is")]
