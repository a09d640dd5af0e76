"""The true sentence about what is kept: from gold, from labels in random order, or not known."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from llkd.curation.random_order import random_order
from llkd.evaluation.kept_quality import AuditSample, kept_quality
from llkd.evaluation.kept_sentence import sentence


def plane_of(teacher, *, gold=None, human=None, excluded=None):
    """A plane with these labels of its ``n`` texts, all of them in the pool."""
    n = len(teacher)
    human = np.full(n, -1) if human is None else human
    frame = pd.DataFrame(
        {
            "row": np.arange(n),
            "gold": np.full(n, -1) if gold is None else gold,
            "teacher_label": teacher,
            "human_label": human,
            "excluded": np.zeros(n, bool) if excluded is None else excluded,
            "label": np.where(human >= 0, human, teacher),
        }
    )
    return SimpleNamespace(
        frame=frame,
        project=SimpleNamespace(rows=n, stages=(n,)),
        labeling_run=SimpleNamespace(teacher={}),
        classes=SimpleNamespace(places={name: k for k, name in enumerate("abcd")}),
    )


def labels(n, right, seed=0):
    """Truth and a teacher that is right with these chances ``[n]``."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, n)
    wrong = (truth + rng.integers(1, 4, n)) % 4
    return truth, np.where(rng.random(n) < right, truth, wrong)


def test_from_gold_of_all_texts_the_shares_are_counts_and_of_some_estimates_with_intervals():
    truth = np.zeros(500, int)
    teacher = np.where(np.arange(500) % 100 < 49, 0, 1)
    keep = np.zeros(500, bool)
    keep[np.flatnonzero(teacher == 0)[:90]] = True
    keep[np.flatnonzero(teacher == 1)[:30]] = True
    quality = kept_quality(plane_of(teacher, gold=truth), keep)
    assert (quality.source, quality.worse) == ("gold", False)
    assert sentence(quality) == (
        "Of the 120 texts you keep 75\u00a0% are right; of the whole pool 49\u00a0%. Judged by gold."
    )
    some = np.where(np.arange(500) % 4 == 3, -1, truth)
    quality = kept_quality(plane_of(teacher, gold=some), keep)
    assert quality.pool_share.checked == 375 and quality.kept_share.checked < 120
    words = sentence(quality)
    assert re.match(
        r"Of the 120 texts you keep about 7\d\s% are right \(\d\d to 8\d\s%\); of the whole pool "
        r"(about )?\d\d\s% \(\d\d to \d\d\s%\)\. Judged by the 375 texts of the pool that have gold",
        words,
    )


def test_worse_labels_than_the_pools_are_said_with_the_line_that_picked_them():
    truth, teacher = labels(1000, 0.49)
    right = truth == teacher
    keep = np.zeros(1000, bool)
    keep[np.flatnonzero(right)[:45]] = True
    keep[np.flatnonzero(~right)[:55]] = True
    sure = keep | (right & (np.arange(1000) % 2 == 0))
    quality = kept_quality(
        plane_of(teacher, gold=truth), keep, None, {"uncertainty": sure, "confidence": keep}
    )
    assert quality.worse and quality.blame == "uncertainty"
    pool = round(100 * right.mean())
    assert (
        "Raising the uncertainty line picked texts whose labels are worse than the pool's: "
        f"45 against {pool}\u00a0%." in sentence(quality)
    )
    assert "These lines picked" in sentence(kept_quality(plane_of(teacher, gold=truth), keep))


def test_a_few_gold_texts_are_told_as_few_and_a_difference_by_chance_is_no_verdict():
    truth, teacher = labels(1000, 0.5, seed=1)
    gold = np.full(1000, -1)
    gold[:40] = truth[:40]
    keep = np.arange(1000) < 20
    quality = kept_quality(plane_of(teacher, gold=gold), keep)
    assert not quality.worse
    assert "Judged by the 40 texts of the pool that have gold, as if" in sentence(quality)
    few = kept_quality(plane_of(teacher, gold=gold), np.arange(1000) >= 35)
    assert "Of the 965 texts you keep too few are checked" in sentence(few)


def in_order(truth, number):
    """What people have labelled after so many steps along the random order."""
    human = np.full(len(truth), -1)
    rows = random_order(len(truth))[:number]
    human[rows] = truth[rows]
    return human


def test_before_thirty_labels_at_random_nothing_is_known():
    truth, teacher = labels(300, 0.5)
    quality = kept_quality(plane_of(teacher, human=in_order(truth, 29)), np.ones(300, bool))
    assert quality.source == "unknown"
    assert sentence(quality) == (
        "Not known yet: how many of the 300 labels you keep are right. Label 30 texts at random "
        "to know. 29 are labelled so far."
    )
    # As many labels that were picked by hand are no random sample.
    human = np.full(300, -1)
    human[:100] = truth[:100]
    assert kept_quality(plane_of(teacher, human=human), human >= 0).source == "unknown"


def test_labels_in_random_order_estimate_pool_and_kept_with_honest_intervals():
    covered = {"pool": 0, "kept": 0}
    times = 100
    for seed in range(times):
        confidence = np.random.default_rng(seed).random(600)
        truth, teacher = labels(600, 0.3 + 0.6 * confidence, seed)
        passing = confidence >= 0.6
        # Before the walk somebody corrected texts that the line leaves out: kept, and no sample.
        human = in_order(truth, 120 + seed % 60)
        human[np.flatnonzero(~passing)[:50]] = truth[np.flatnonzero(~passing)[:50]]
        keep = passing | (human >= 0)
        quality = kept_quality(plane_of(teacher, human=human), keep, passing)
        assert quality.source == "random order"
        right = np.where(human >= 0, human, teacher) == truth
        for name, share, mask in (
            ("pool", quality.pool_share, np.ones(600, bool)),
            ("kept", quality.kept_share, keep),
        ):
            covered[name] += share.low <= right[mask].mean() <= share.high
    assert min(covered.values()) >= 0.93 * times, covered


def test_a_blind_audit_estimates_pool_and_kept_with_honest_intervals():
    covered = {"pool": 0, "kept": 0}
    times = 80
    for seed in range(times):
        rng = np.random.default_rng(seed)
        confidence = rng.random(600)
        truth, teacher = labels(600, 0.3 + 0.6 * confidence, seed)
        passing = confidence >= 0.6
        # Some were decided by people before: the audit draws from the others.
        human = np.where(rng.random(600) < 0.1, truth, -1)
        order = rng.permutation(np.flatnonzero(human < 0))
        answered = order[: 60 + seed % 60]
        human[answered] = truth[answered]
        sample = AuditSample(order, ["abcd"[k] for k in truth[answered]], confidence[order])
        plane = plane_of(teacher, human=human)
        keep = passing | (human >= 0)
        quality = kept_quality(plane, keep, passing, audit=sample)
        assert quality.source == "audit"
        right = np.where(human >= 0, human, teacher) == truth
        for name, share, mask in (
            ("pool", quality.pool_share, np.ones(600, bool)),
            ("kept", quality.kept_share, keep),
        ):
            covered[name] += share.low <= right[mask].mean() <= share.high
    assert min(covered.values()) >= 0.92 * times, covered
    assert f"Judged by a blind audit of {len(answered)} texts." in sentence(quality)
    # An audit of fewer texts than are kept says nothing of the others.
    part = AuditSample(order[:300], sample.answers, confidence[order[:300]])
    assert kept_quality(plane, keep, passing, audit=part).pool_share is None
    few = AuditSample(order, sample.answers[:29], confidence[order])
    assert "29 are labelled so far." in sentence(kept_quality(plane, keep, passing, audit=few))


@pytest.mark.parametrize("blind", [True, False])
@pytest.mark.parametrize("bulk", [True, False])
def test_texts_excluded_for_what_an_audit_showed_leave_no_better_estimate(blind, bulk):
    times, covered = 60, 0
    for seed in range(times):
        rng = np.random.default_rng(seed)
        truth, teacher = labels(500, 0.75, seed)
        junk = rng.random(500) < 0.15  # no class is right
        order = rng.permutation(500) if blind else random_order(500)
        answered = order[:90]
        human, excluded = np.full(500, -1), junk & bulk
        human[answered] = np.where(junk[answered], -1, truth[answered])
        excluded[answered] |= junk[answered]
        given_keys = [None if junk[k] else "abcd"[truth[k]] for k in answered]
        sample = AuditSample(order, given_keys, rng.random(500)) if blind else None
        plane = plane_of(teacher, human=human, excluded=excluded)
        everything = np.ones(500, bool)
        share = kept_quality(plane, everything, everything, audit=sample).pool_share
        right = ((np.where(human >= 0, human, teacher) == truth) & ~junk)[~excluded].mean()
        covered += share.low <= right <= share.high
    assert covered >= 0.9 * times


@pytest.mark.parametrize("texts", [0, 1, 5])
def test_no_text_one_text_and_few_texts_are_sentences(texts):
    truth, teacher = labels(40, 1.0)
    keep = np.arange(40) < texts
    words = sentence(kept_quality(plane_of(teacher, gold=truth), keep))
    start = {
        0: "You keep none of the 40 texts; of the whole pool 100\u00a0% are right.",
        1: "Of the 1 text you keep 100\u00a0% are right;",
        5: "Of the 5 texts you keep 100\u00a0% are right;",
    }[texts]
    assert words.startswith(start)
    unknown = sentence(kept_quality(plane_of(teacher), keep))
    assert unknown.startswith("You keep no text." if not texts else "Not known yet: how many of")


def test_what_is_excluded_counts_nowhere():
    truth, teacher = labels(100, 0.5)
    right = teacher == truth
    everything = np.ones(100, bool)
    quality = kept_quality(plane_of(teacher, gold=truth, excluded=~right), everything)
    assert quality.pool_share.value == 1.0 and quality.kept_texts == right.sum()
