"""The benchmark of the certificate simulates what the product does."""

import numpy as np
import pytest

from benchmarks.certificate import Paths, paths, simulate, spent
from llkd.evaluation.certificate import certify, chain, evidence


@pytest.mark.parametrize("target", [0.9, 0.7])
def test_the_simulated_audits_pass_what_certify_passes(target):
    rng = np.random.default_rng(0)
    level = rng.permutation(np.repeat([0, 1, 2, 3], [90, 60, 60, 90]))
    right = rng.random(300) < np.array([0.99, 0.95, 0.9, 0.75])[level]
    sizes = np.cumsum(np.bincount(level))
    walks = paths(level, right, 4, audits=6, seed=3)
    boundary = np.array([evidence.fewest_too_many(size, target) for size in sizes.tolist()])
    weights = chain.start_weights(sizes.tolist())
    passed, _ = spent(sizes, boundary, Paths(*walks), weights)
    rng = np.random.default_rng(3)
    some = False
    for audit in range(6):
        order = rng.permutation(300)
        for n in (40, 80, 150, 300):
            rows = order[:n]
            result = certify(sizes, level[rows], right[rows], target=target)
            assert passed[audit, :, n].tolist() == [entry.passed for entry in result.sets]
            some |= result.certified is not None
    assert some


def test_promises_of_a_bad_teacher_are_kept():
    rng = np.random.default_rng(1)
    confidence = rng.random(400)
    right = rng.random(400) < 0.5 + 0.3 * confidence
    outcome = simulate(confidence, right, 0.9, audits=100, starts=chain.STARTS)
    assert outcome.broken <= 12 and not outcome.reached
    assert np.isfinite(outcome.unreachable).mean() > 0.9
