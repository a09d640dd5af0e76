"""Ranges hold the truth as often as they say."""

import numpy as np
import pytest

from llkd.labeling.cost_ranges import many, scaled, spread_total


def test_a_line_is_found_exactly_and_its_range_is_a_point():
    low, middle, high = spread_total([1, 2, 3, 10], [7, 9, 11, 25], [4, 100])
    assert middle == pytest.approx(5 * 2 + 2 * 104)
    assert (low, high) == (pytest.approx(middle), pytest.approx(middle))


@pytest.mark.parametrize("sample", [4, 5, 20])
def test_the_range_of_a_line_holds_the_total_in_95_of_100_draws(sample):
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(1000):
        x = rng.gamma(2, 100, size=500 + sample)
        y = 30 + 0.25 * x + rng.normal(0, 8, size=len(x))
        low, _, high = spread_total(x[:sample], y[:sample], x[sample:])
        held += low <= y[sample:].sum() <= high
    assert 925 <= held <= 980


@pytest.mark.parametrize("sample", [3, 5])
def test_the_range_of_a_mean_holds_the_total_in_95_of_100_draws(sample):
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(1000):
        y = rng.normal(10, 1, size=200 + sample)
        low, _, high = many(y[:sample], 200)
        held += low <= y[sample:].sum() <= high
    assert held >= 925


def test_too_little_is_half_to_double_and_nothing_is_nothing():
    assert many([4.0], 10) == (20, 40, 80)
    assert many([4.0, 6.0], 10) == (25, 50, 100)
    assert many([], 10) == many([1.0, 2.0, 3.0], 0) == (0, 0, 0)
    assert spread_total([], [], [1]) == spread_total([1, 2, 3, 4], [1, 2, 3, 4], []) == (0, 0, 0)


def test_without_a_sensible_slope_it_is_the_mean():
    same = many([5, 6, 7, 8], 3)
    assert spread_total([2, 2, 2, 2], [5, 6, 7, 8], [1, 9, 20]) == same
    assert spread_total([4, 3, 2, 1], [5, 6, 7, 8], [1, 9, 20]) == same


def test_no_total_is_below_the_least_that_is_possible():
    low, middle, _ = many([1, 1, 1, 40], 100, 1)
    assert low == 100 > many([1, 1, 1, 40], 100)[0] == 0
    assert middle == 1075
    assert scaled((1, 2, 3), 2) == (2, 4, 6)
