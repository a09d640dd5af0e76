"""Figures by hand, then the same from the functions."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from llkd.errors import ConfigError, DataError
from llkd.evaluation import confidence_metrics, intervals, metrics, quality_report

# Gold 0 0 0 1 1 2, labels 0 0 1 1 2 2: right are rows 0, 1, 3, 5.
GOLD = [0, 0, 0, 1, 1, 2]
LABEL = [0, 0, 1, 1, 2, 2]


def test_accuracy_leaves_out_what_it_cannot_judge():
    assert metrics.accuracy(LABEL, GOLD) == pytest.approx(4 / 6)
    assert metrics.accuracy([0, -1, 1], [0, 0, -1]) == 1.0
    assert metrics.accuracy([0, 1], [-1, -1]) is None


def test_confusion_has_gold_in_rows():
    assert metrics.confusion_matrix(LABEL, GOLD, 3).tolist() == [[2, 1, 0], [0, 1, 1], [0, 0, 1]]


def test_class_table_and_macro_f1_by_hand():
    table = metrics.class_table(LABEL, GOLD, ["a", "b", "c"])
    # a: precision 2/2, recall 2/3, F1 4/5; b: 1/2, 1/2, 1/2; c: 1/2, 1/1, 2/3.
    expected = [("a", 1, 2 / 3, 0.8, 3), ("b", 0.5, 0.5, 0.5, 2), ("c", 0.5, 1, 2 / 3, 1)]
    for line, (name, precision, recall, f1, support) in zip(table, expected, strict=True):
        assert line["class"] == name and line["support"] == support
        assert [line["precision"], line["recall"], line["f1"]] == pytest.approx(
            [precision, recall, f1]
        )
    assert metrics.macro_f1(LABEL, GOLD, 3) == pytest.approx((0.8 + 0.5 + 2 / 3) / 3)


def test_macro_f1_averages_over_classes_that_occur():
    assert metrics.macro_f1([0, 0], [0, 0], 5) == 1.0
    # Class 1 occurs among the labels only: F1 0. Class 0: precision 1, recall 1/2, F1 2/3.
    assert metrics.macro_f1([0, 1], [0, 0], 5) == pytest.approx((2 / 3 + 0) / 2)
    assert metrics.macro_f1([0], [-1], 5) is None


def test_a_class_beyond_the_label_set_is_named():
    with pytest.raises(DataError, match="A gold label is class 7, but there are 3 classes"):
        metrics.confusion_matrix([0], [7], 3)
    with pytest.raises(DataError, match="two lists of the same length"):
        metrics.accuracy([0, 1], [0])


def test_reliability_and_ece_by_hand():
    sure = [0.1, 0.2, 0.6, 0.9, 1.0]
    right = [0, 1, 1, 1, 0]
    table = confidence_metrics.reliability_table(sure, right, bins=5)
    assert [b["count"] for b in table] == [2, 0, 1, 0, 2]
    assert table[0] == {
        "lower": 0.0,
        "upper": 0.2,
        "count": 2,
        "confidence": pytest.approx(0.15),
        "accuracy": 0.5,
    }
    assert table[1]["accuracy"] is None and table[1]["confidence"] is None
    # (2 x |0.5 - 0.15| + 1 x |1 - 0.6| + 2 x |0.5 - 0.95|) / 5
    assert confidence_metrics.ece(sure, right, bins=5) == pytest.approx((0.7 + 0.4 + 0.9) / 5)
    assert confidence_metrics.ece([], []) is None
    assert confidence_metrics.ece([[0.9, 0.1], [0.3, 0.7]], [1, 1]) == pytest.approx(
        (0.1 + 0.3) / 2
    )


def test_auroc_by_hand_counts_ties_half():
    # Right: 0.9, 0.5; wrong: 0.5, 0.1. Pairs won: 0.9 twice, 0.5 over 0.1; tied: 0.5 with 0.5.
    assert confidence_metrics.auroc([0.9, 0.5, 0.5, 0.1], [1, 1, 0, 0]) == pytest.approx(3.5 / 4)
    assert confidence_metrics.auroc([0.9, 0.5], [1, 1]) is None
    assert confidence_metrics.auroc([0.9, 0.5], [0, 0]) is None


@settings(deadline=None)
@given(
    arrays(np.float64, 40, elements=st.sampled_from([0.1, 0.3, 0.5, 0.9])),
    arrays(np.bool_, 40),
)
def test_auroc_agrees_with_sklearn(sure, right):
    from sklearn.metrics import roc_auc_score

    expected = None if right.all() or not right.any() else roc_auc_score(right, sure)
    assert confidence_metrics.auroc(sure, right) == (
        None if expected is None else pytest.approx(expected)
    )


def test_risk_coverage_by_hand():
    curve = confidence_metrics.risk_coverage([0.9, 0.8, 0.8, 0.1], [1, 0, 1, 0])
    assert [p["threshold"] for p in curve] == [0.9, 0.8, 0.1]
    assert [p["coverage"] for p in curve] == [0.25, 0.75, 1.0]
    assert [p["risk"] for p in curve] == pytest.approx([0, 1 / 3, 0.5])
    assert confidence_metrics.risk_coverage([], []) == []
    many = confidence_metrics.risk_coverage(np.linspace(0, 1, 5000), np.ones(5000), points=50)
    assert len(many) == 50 and many[-1]["coverage"] == 1.0


def test_aurc_by_hand_and_ties_go_together():
    # Risk 0 for a quarter, then 1/3 for two (tied), then 1/2.
    found = confidence_metrics.aurc([0.9, 0.8, 0.8, 0.1], [1, 0, 1, 0])
    assert found == pytest.approx((0 + 2 * (1 / 3) + 0.5) / 4)
    assert confidence_metrics.aurc([0.5] * 4, [1, 0, 0, 0]) == pytest.approx(0.75)
    assert confidence_metrics.aurc([0.9, np.nan], [1, 0]) == 0.0
    assert confidence_metrics.aurc([], []) is None


@settings(deadline=None)
@given(
    arrays(np.float64, 30, elements=st.sampled_from([0.1, 0.3, 0.5, 0.9])),
    arrays(np.bool_, 30),
)
def test_aurc_is_the_area_under_the_risk_coverage_curve(sure, right):
    curve = confidence_metrics.risk_coverage(sure, right)
    edges = [0.0, *(p["coverage"] for p in curve)]
    area = sum(p["risk"] * (b - a) for p, a, b in zip(curve, edges[:-1], edges[1:], strict=True))
    assert confidence_metrics.aurc(sure, right) == pytest.approx(area)
    # The best order has the right ones first and no ties: among the wrong a tie costs as well.
    best = confidence_metrics.aurc(right - np.arange(30) / 100, right)
    assert best <= confidence_metrics.aurc(sure, right) + 1e-12


def test_wilson_by_hand():
    # z = 1.96: ((0.8 + 3.8415/20) -+ 1.96 sqrt(0.16/10 + 3.8415/400)) / (1 + 3.8415/10)
    low, high = intervals.wilson(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert intervals.wilson(0, 0) is None
    assert intervals.wilson(0, 5)[0] == pytest.approx(0.0)
    assert intervals.wilson(5, 5)[1] == pytest.approx(1.0)
    with pytest.raises(ConfigError, match="between 0 and 3"):
        intervals.wilson(4, 3)


def test_paired_bootstrap_of_accuracy():
    gold = np.zeros(200, dtype=int)
    better, worse = gold.copy(), gold.copy()
    better[:10] = 1  # 95 % right
    worse[:40] = 1  # 80 % right
    found = intervals.paired_bootstrap(better, worse, gold, seed=1)
    assert found.value == pytest.approx(0.15)
    # The difference of a row is 1 with probability 0.15: sd of the mean is sqrt(.15 x .85 / 200).
    sd = math.sqrt(0.15 * 0.85 / 200)
    assert found.low == pytest.approx(0.15 - 1.96 * sd, abs=0.015)
    assert found.high == pytest.approx(0.15 + 1.96 * sd, abs=0.015)
    same = intervals.paired_bootstrap(better, better, gold, seed=1)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert intervals.paired_bootstrap(better, worse, gold, seed=1) == found


def test_paired_bootstrap_over_seeds_and_macro_f1():
    gold = np.array([0, 0, 1, 1] * 25)
    right = np.tile(gold, (3, 1))
    flat = np.zeros_like(right)  # accuracy 1/2, F1 of class 0 is 2/3, of class 1 is 0
    found = intervals.paired_bootstrap(right, flat, gold, seed=0, metric="macro_f1", draws=200)
    assert found.value == pytest.approx(1 - 1 / 3)
    assert 0.5 < found.low < found.value < found.high < 0.8
    uneven = np.stack([gold, gold, 1 - gold])  # one of three runs is all wrong
    spread = intervals.paired_bootstrap(uneven, right, gold, seed=0, draws=400)
    assert spread.value == pytest.approx(-1 / 3)
    assert spread.low == pytest.approx(-1) and spread.high == pytest.approx(0)


def test_paired_bootstrap_refuses():
    with pytest.raises(DataError, match="rows with a gold label"):
        intervals.paired_bootstrap([0], [0], [-1], seed=0)
    with pytest.raises(DataError, match="the same rows and runs"):
        intervals.paired_bootstrap([0, 1], [0], [0], seed=0)
    with pytest.raises(ConfigError, match="'accuracy' or 'macro_f1', but it was 'f2'"):
        intervals.paired_bootstrap([0], [0], [0], seed=0, metric="f2")


def test_teacher_report_separates_missing_from_wrong():
    probs = np.array([[0.9, 0.1], [0.2, 0.8], [np.nan, np.nan], [0.6, 0.4], [0.7, 0.3]])
    label = [0, 1, -1, 0, 0]
    sure = np.nanmax(np.where(np.isnan(probs), -1, probs), axis=1)
    sure[2] = np.nan
    report = quality_report.teacher_report(probs, label, sure, [0, 1, 0, 1, -1])
    assert (report["rows"], report["answered"], report["with_gold"], report["judged"]) == (
        5,
        4,
        4,
        3,
    )
    assert report["histogram"] == [3, 1]
    assert report["accuracy"] == pytest.approx(2 / 3)
    assert report["auroc"] == 1.0
    assert report["mean_confidence"] == pytest.approx((0.9 + 0.8 + 0.6 + 0.7) / 4)
    # Three bins of one row: |1 - 0.9|, |1 - 0.8|, |0 - 0.6|.
    assert report["ece"] == pytest.approx((0.1 + 0.2 + 0.6) / 3)
    assert report["accuracy_interval"] == list(intervals.wilson(2, 3))
    json.dumps(report, allow_nan=False)


def test_trust_per_class_is_of_the_texts_given_that_label():
    probs = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8], [0.3, 0.7]])
    sure, label, gold = probs.max(axis=1), [0, 0, 0, 1, 1], [0, 1, 0, 1, 1]
    a, b, c = quality_report.teacher_report(
        np.hstack([probs, np.zeros((5, 1))]), label, sure, gold, ["a", "b", "c"]
    )["per_class"]
    # Given a: right with 0.9 and 0.7, wrong with 0.6. Given b: all right.
    assert a["auroc"] == 1.0
    assert a["ece"] == pytest.approx((0.1 + 0.6 + 0.3) / 3)
    assert b["auroc"] is None and b["ece"] == pytest.approx((0.2 + 0.3) / 2)
    assert c["auroc"] is None and c["ece"] is None
    assert (a["class"], a["support"]) == ("a", 2)


def test_teacher_report_without_gold_or_confidence():
    nothing = np.full((3, 2), np.nan)
    report = quality_report.teacher_report(nothing, [0, 1, 1], [np.nan] * 3, None)
    assert report["accuracy"] is None and report["mean_confidence"] is None
    assert report["histogram"] == [1, 2]
    judged = quality_report.teacher_report(nothing, [0, 1, 1], [np.nan] * 3, [0, 1, 0])
    assert judged["accuracy"] == pytest.approx(2 / 3)
    assert judged["auroc"] is None and judged["ece"] is None
    json.dumps(judged, allow_nan=False)


def test_classifier_report_by_hand():
    probs = [[0.8, 0.2], [0.4, 0.6], [0.7, 0.3], [0.1, 0.9]]
    report = quality_report.classifier_report(probs, [0, 1, 1, -1], ["a", "b"])
    assert report["accuracy"] == pytest.approx(2 / 3)
    assert report["confusion"] == [[1, 0], [1, 1]]
    assert [line["f1"] for line in report["per_class"]] == pytest.approx([2 / 3, 2 / 3])
    assert report["macro_f1"] == pytest.approx(2 / 3)
    assert report["rows"] == 4 and report["judged"] == 3
    json.dumps(report, allow_nan=False)


def test_evaluation_imports_no_torch_and_no_sklearn():
    code = (
        "import sys, llkd.evaluation.quality_report; "
        "print([name for name in ('torch', 'transformers', 'sklearn', 'streamlit') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
