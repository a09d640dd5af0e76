"""Intervals of paired differences, checked by simulation with a known truth and fixed seeds."""

import itertools

import numpy as np
import pytest

from benchmarks.false_claims import claims, students
from llkd.errors import ConfigError, DataError
from llkd.evaluation.differences import paired_difference, variance

PAIRS = 45


class TestTenIdenticalConfigurations:
    """Ten ways to train that are one and the same: whatever is called clear is false."""

    def test_three_seeds_claim_next_to_nothing_of_45_pairs(self):
        found = [claims(students(10, 3, 260, seed=seed), among=PAIRS) for seed in range(40)]
        assert all(len(one) == PAIRS for one in found)
        assert np.mean([any(one) for one in found]) <= 0.125  # 5 % is promised; 40 draws of it
        assert max(sum(one) for one in found) <= 2

    @pytest.mark.parametrize("seeds", [2, 3, 5])
    @pytest.mark.parametrize("texts", [60, 260, 1000])
    def test_one_pair_alone_is_called_clear_in_about_5_percent_at_most(self, seeds, texts):
        found = [claims(students(10, seeds, texts, seed=seed)) for seed in range(20)]
        assert np.mean(found) <= 0.065

    def test_texts_alone_as_one_seed_has_them_would_claim_much(self):
        """So this world is no easy one: the fault that was shown (13 of 45) shows in it."""
        found = [claims(students(10, 1, 260, seed=seed)) for seed in range(20)]
        assert np.mean(found) > 0.15


class TestPower:
    def test_what_is_really_better_by_far_is_found_with_three_seeds(self):
        better = 0
        for seed in range(40):
            one, other, gold = students(2, 3, 600, seed=seed, gain=0.7)
            better += paired_difference(other, one, gold).low > 0
        assert better >= 32

    @pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
    def test_the_interval_holds_the_truth_in_about_95_percent(self, metric):
        truth = np.mean([self.value(seed, 20_000, metric) for seed in range(1000, 1060)])
        held = 0
        for seed in range(150):
            one, other, gold = students(2, 3, 300, seed=seed, gain=0.2)
            found = paired_difference(other, one, gold, metric=metric)
            held += found.low <= truth <= found.high
        assert held >= 0.91 * 150

    @staticmethod
    def value(seed, texts, metric):
        one, other, gold = students(2, 3, texts, seed=seed, gain=0.2)
        return paired_difference(other, one, gold, metric=metric).value


class TestArithmetic:
    def test_of_accuracy_it_is_the_two_way_layout(self):
        """Mean squares of seeds, texts and their interaction give the same variance."""
        rng = np.random.default_rng(0)
        d = rng.normal(size=(4, 50)) + rng.normal(size=(4, 1)) + rng.normal(size=(1, 50))
        count, rows = d.shape
        mean, by_seed, by_text = d.mean(), d.mean(axis=1), d.mean(axis=0)
        ms_seed = rows * ((by_seed - mean) ** 2).sum() / (count - 1)
        ms_text = count * ((by_text - mean) ** 2).sum() / (rows - 1)
        rest = d - by_seed[:, None] - by_text + mean
        ms_rest = (rest**2).sum() / ((count - 1) * (rows - 1))
        found = variance(by_seed, d)
        assert found.seeds == pytest.approx(ms_seed / (count * rows))
        assert found.texts == pytest.approx((ms_text - ms_rest) / (count * rows))
        assert 3 < found.degrees < 49

    def test_the_influence_of_a_text_is_the_derivative_of_macro_f1(self):
        rng = np.random.default_rng(1)
        gold, label = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
        from llkd.evaluation.differences import macro_f1_influence

        value, moved = macro_f1_influence(label, gold, 4)
        assert moved.mean() == pytest.approx(0, abs=1e-12)

        def weighted(weight):
            table = np.bincount(gold * 4 + label, weights=weight, minlength=16).reshape(4, 4)
            return np.mean(2 * np.diag(table) / (table.sum(0) + table.sum(1)))

        assert value == pytest.approx(weighted(np.ones(200)))
        for text in range(0, 200, 17):
            weight = np.ones(200)
            weight[text] += 1e-6
            assert 200 * (weighted(weight) - value) / 1e-6 == pytest.approx(moved[text], abs=1e-4)

    def test_seeds_that_lie_close_by_luck_are_not_believed(self):
        gold = np.zeros(100, dtype=int)
        one, other = np.ones((3, 100), dtype=int), np.ones((3, 100), dtype=int)
        for seed in range(3):  # each pair differs in 20 texts to either side, others each time
            one[seed, 40 * seed % 100 :][:20] = 0
            other[seed, (40 * seed + 20) % 100 :][:20] = 0
        found = paired_difference(one, other, gold)
        assert found.value == 0 and found.high > 0.05

    def test_two_students_that_never_differ_on_few_texts_may_still_differ(self):
        same = np.zeros((3, 50), dtype=int)
        found = paired_difference(same, same, same[0])
        # No difference among 50 texts is what one sees in 2.5 % where 7.1 % of texts differ.
        assert (found.value, found.high) == (0, pytest.approx(1 - 0.025 ** (1 / 50)))
        many = np.zeros((3, 5000), dtype=int)
        assert paired_difference(many, many, many[0]).high < 0.001

    def test_one_of_many_is_wider(self):
        one, other, gold = students(2, 3, 300, seed=0)
        alone = paired_difference(one, other, gold)
        among = paired_difference(one, other, gold, among=10)
        assert among.value == alone.value
        assert among.low < alone.low and among.high > alone.high

    def test_unknown_gold_is_left_out_and_order_does_not_matter(self):
        one, other, gold = students(2, 3, 100, seed=3)
        known = np.append(gold, [-1, -1])
        longer = [np.concatenate([x, np.zeros((3, 2), dtype=int)], axis=1) for x in (one, other)]
        found = paired_difference(*longer, known)
        assert found == paired_difference(one, other, gold)
        turned = paired_difference(other, one, gold)
        assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))

    def test_it_refuses(self):
        with pytest.raises(DataError, match="needs rows with a gold label"):
            paired_difference([0], [0], [-1])
        with pytest.raises(DataError, match="same rows and runs"):
            paired_difference([0, 1], [0], [0])
        with pytest.raises(ConfigError, match="'accuracy' or 'macro_f1'"):
            paired_difference([0], [0], [0], metric="f2")


def test_claims_are_of_all_pairs():
    made = students(4, 3, 50, seed=0)
    assert len(claims(made)) == len(list(itertools.combinations(range(4), 2)))
