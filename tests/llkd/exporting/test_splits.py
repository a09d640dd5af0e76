"""A validation split by the texts alone: stable, together where texts read the same, per class."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llkd.errors import ConfigError
from llkd.exporting import checked_share, places, validation_rows


def split(texts, labels, share=0.2, seed=0):
    rows = validation_rows(places(texts, seed), np.array(labels), share)
    return dict(zip(texts, rows.tolist(), strict=True))


TEXTS = [f"message number {k} about streets" for k in range(4000)]
LABELS = [k % 4 for k in range(4000)]


def test_each_class_gives_about_its_share():
    rows = np.array(list(split(TEXTS, LABELS).values()))
    for k in range(4):
        own = rows[np.array(LABELS) == k]
        assert abs(own.mean() - 0.2) < 0.045  # 3.5 standard deviations of a thousand draws


def test_rows_that_come_later_and_another_order_move_no_text():
    before = split(TEXTS[:2000], LABELS[:2000])
    after = split(TEXTS[::-1], LABELS[::-1])
    assert {text: after[text] for text in before} == before


def test_another_seed_draws_other_texts():
    one, other = split(TEXTS, LABELS), split(TEXTS, LABELS, seed=1)
    assert 0.25 < np.mean([one[text] != other[text] for text in TEXTS]) < 0.39


def test_no_share_means_no_validation():
    assert not any(split(TEXTS[:50], LABELS[:50], share=0.0).values())


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.text("ab Ａ", min_size=1, max_size=4), st.integers(0, 2)), min_size=1
    ),
    share=st.floats(0.01, 0.5),
    seed=st.integers(0, 5),
)
def test_texts_that_read_the_same_stay_together_and_no_class_is_forgotten(rows, share, seed):
    texts, labels = zip(*rows, strict=True)
    where = places(texts, seed)
    chosen = validation_rows(where, np.array(labels), share)
    for place in np.unique(where):
        assert len(set(chosen[where == place])) == 1
    for k in set(labels):
        own = np.unique(where[np.array(labels) == k])
        if len(own) > 1 and len(set(labels)) == 1:
            assert 0 < chosen.sum() < len(chosen)


def test_spacing_case_and_width_do_not_part_texts():
    assert len(set(places(["A  b\n", " a B", "\uff21 \uff22"], 3))) == 1
    assert len(set(places(["a b", "a c"], 3))) == 2


@pytest.mark.parametrize("share", [-0.1, 0.6, float("nan")])
def test_wrong_shares_are_refused(share):
    with pytest.raises(ConfigError, match="from 0 to 0.5, but it was"):
        checked_share(share)
