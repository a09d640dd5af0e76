"""The certificate: promises by simulation with a known truth, exactness, and what it refuses."""

from fractions import Fraction
from math import comb, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llkd.errors import ConfigError, DataError
from llkd.evaluation.certificate import certify, evidence


def evidence_by_hand(size, m, n, x):
    """E(m) from its definition, in fractions; None where m wrong texts are impossible."""

    def likelihood(wrong):
        return comb(size - n, wrong - x) if wrong >= x and size - n >= wrong - x else 0

    def p(wrong):
        return Fraction(likelihood(wrong), comb(size, wrong))

    weighted = sum(2 * (m - wrong) * p(wrong) for wrong in range(m)) / (m * (m + 1))
    return None if not p(m) else weighted / p(m)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_evidence_is_its_definition(data):
    size = data.draw(st.integers(1, 25))
    n = data.draw(st.integers(0, size))
    x = data.draw(st.integers(0, n))
    points = evidence.support(size)
    values = evidence.log_evidence(size, points, n, x)[0]
    for m in range(1, size + 1):
        exact = evidence_by_hand(size, m, n, x)
        if exact is None:
            assert values[m] == (np.inf if m > size - (n - x) else -np.inf)
        else:
            assert values[m] == pytest.approx(log(exact) if exact else -np.inf)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_rejected_number_takes_all_larger_ones_with_it(data):
    size = data.draw(st.integers(1, 400))
    n = data.draw(st.integers(0, size))
    x = data.draw(st.integers(0, n))
    values = evidence.log_evidence(size, evidence.support(size), n, x)[0]
    strong = values[np.argmax(values >= 1) :] if (values >= 1).any() else np.zeros(1)
    assert not np.isnan(strong).any()
    assert (strong[1:] >= strong[:-1] - 1e-9).all()


@pytest.mark.parametrize(
    ("size", "target", "boundary"),
    [(10, 0.9, 2), (100, 0.95, 6), (19, 0.95, 1), (20, 0.95, 2), (7, 1.0, 1), (1000, 0.7, 301)],
)
def test_the_boundary_is_the_first_count_that_breaks_the_promise(size, target, boundary):
    assert evidence.fewest_too_many(size, target) == boundary


@pytest.mark.parametrize("size", [20, 60, 2500])
@pytest.mark.parametrize("target", [0.95, 1.0])
def test_with_every_text_audited_it_is_exact(size, target):
    boundary = evidence.fewest_too_many(size, target)
    for wrong in (boundary - 1, boundary):
        right = np.arange(size) >= wrong
        result = certify([size], np.zeros(size, dtype=int), right, target=target)
        assert (result.certified == 0) == (wrong < boundary)
        assert result.sets[0].lower == min(target, 1 - wrong / size) or wrong == boundary
        assert result.sets[0].lower <= 1 - wrong / size


def test_nothing_is_promised_of_nothing():
    result = certify([0, 5, 5, 40], [], [])
    assert result.certified is result.best_target is result.reachable is None
    assert [s.lower for s in result.sets] == [0, 0, 0, 0] and result.audited == 0


def audits(sizes, wrong, labels, simulations, seed):
    """Levels and answers of audits in random order; ``wrong [L]`` texts in each level."""
    rng = np.random.default_rng(seed)
    counts = np.diff(sizes, prepend=0)
    level = np.repeat(np.arange(len(sizes)), counts)
    right = np.concatenate([np.arange(c) >= w for c, w in zip(counts, wrong, strict=True)])
    for _ in range(simulations):
        order = rng.permutation(len(level))[:labels]
        yield level[order], right[order]


def test_promises_hold_at_the_boundary_whenever_one_looks():
    """Each set has one wrong text too many, the worst case; looked at after all labels, which
    counts every moment before (the p-value is the least so far)."""
    sizes = [100, 160, 250]
    wrong = np.diff([evidence.fewest_too_many(size, 0.9) for size in sizes], prepend=0)
    broken = [
        certify(sizes, level, right, target=0.9).certified is not None
        for level, right in audits(sizes, wrong, 170, 300, seed=1)
    ]
    assert np.mean(broken) <= 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5


def test_every_bound_of_a_certificate_holds_together():
    sizes, wrong = [60, 120, 200], [4, 9, 22]
    truth = 1 - np.cumsum(wrong) / sizes
    broken = [
        any(s.lower > t + 1e-12 for s, t in zip(certify(sizes, a, b).sets, truth, strict=True))
        for a, b in audits(sizes, wrong, 120, 300, seed=2)
    ]
    assert np.mean(broken) <= 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5


def test_a_target_out_of_reach_is_called_so_and_a_lower_one_named():
    sizes = [500, 1000, 2000]
    (level, right), *_ = audits(sizes, [100, 120, 400], 200, 1, seed=3)
    result = certify(sizes, level, right)
    assert result.certified is None and result.reachable is False and result.labels_to_go is None
    assert 0.5 < result.best_target < 0.85


def test_labels_to_go_are_about_what_it_takes():
    sizes, wrong = [500, 1000, 2000], [5, 5, 10]
    (level, right), *_ = audits(sizes, wrong, 600, 1, seed=4)
    early = certify(sizes, level[:40], right[:40])
    assert early.certified is None
    needed = next(n for n in range(40, 600) if certify(sizes, level[:n], right[:n]).certified == 2)
    assert 0.6 < (40 + early.labels_to_go) / needed < 1.7
    assert certify(sizes, level[:needed], right[:needed]).labels_to_go == 0


@pytest.mark.parametrize(
    ("sizes", "level", "settings", "words"),
    [
        ([5, 3], [], {}, "nested"),
        ([], [], {}, "at least one set"),
        ([3], [1], {}, "Levels lie between 0 and 0"),
        ([1, 3], [0, 0], {}, "More texts of level 0"),
        ([3], [0], {"target": 1.2}, "but it was 1.2"),
        ([3], [0], {"confidence_level": 0.2}, "but it was 0.2"),
    ],
)
def test_bad_input_gets_a_sentence(sizes, level, settings, words):
    with pytest.raises((ConfigError, DataError), match=words):
        certify(sizes, level, [True] * len(level), **settings)
