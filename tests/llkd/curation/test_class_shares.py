"""Batch calibration on unbalanced pools: what it costs an unbiased teacher, and that it is said."""

import numpy as np
import pytest

from llkd import curation
from llkd.cli.teacher_reports import label as report_label
from llkd.selection import signals
from llkd.store import Scores

TEXTS, CLASSES = 4000, 4


def answers(share, leaning=0.0, source="logprob", seed=0):
    """An unbiased teacher, right in about 98 %, on a pool with ``share`` of class 0."""
    rng = np.random.default_rng(seed)
    rest = (1 - share) / (CLASSES - 1)
    gold = rng.choice(CLASSES, TEXTS, p=[share, *[rest] * (CLASSES - 1)])
    scores = rng.normal(0, 1.0, (TEXTS, CLASSES))
    scores[np.arange(TEXTS), gold] += 4.0
    scores[:, 1] += leaning
    nothing, kinds = np.full(TEXTS, None, object), np.full(TEXTS, source, object)
    rows = np.arange(TEXTS)
    return Scores(rows, scores, np.full(TEXTS, -1), kinds, nothing), gold


def accuracy(evidence, gold, bias):
    return float(((evidence.scores - bias).argmax(axis=1) == gold).mean())


@pytest.mark.parametrize(
    ("share", "warned"), [(0.25, False), (0.8, True), (0.9, True), (0.95, True)]
)
def test_an_unbalanced_pool_is_harmed_and_warned_of(share, warned):
    evidence, gold = answers(share)
    bias = signals.calibration_bias(evidence.scores, "batch")
    shift = curation.batch_share_shift(evidence, bias)
    lost = accuracy(evidence, gold, 0.0) - accuracy(evidence, gold, bias)
    if share == 0.25:
        assert abs(lost) < 0.005 and shift < 0.01
    else:
        assert lost > 0.05 and shift == pytest.approx(lost, abs=0.04)
    assert bool(curation.share_warning(shift)) == warned == (shift > 0.2)


def test_a_teacher_that_leans_is_helped_and_the_warning_does_not_take_sides():
    evidence, gold = answers(0.25, leaning=6.0)
    bias = signals.calibration_bias(evidence.scores, "batch")
    assert accuracy(evidence, gold, bias) > accuracy(evidence, gold, 0.0) + 0.3
    said = curation.share_warning(curation.batch_share_shift(evidence, bias))
    assert "right where the teacher leans and wrong where one class is truly common" in said
    assert "without labels nobody can tell which" in said


def test_confidences_that_were_not_measured_have_no_leaning_to_take():
    evidence, _ = answers(0.95, source="verbalized")
    assert curation.batch_share_shift(evidence, np.zeros(CLASSES)) is None
    assert curation.share_warning(None) == ""


@pytest.mark.parametrize(("shift", "warned"), [(0.34, True), (0.2, False), (None, False)])
def test_the_command_line_says_it(capsys, shift, warned):
    report_label(
        {
            "labelled": 10, "seconds": 1.0, "unanswered": 0, "per_class": {"a": 10},
            "accuracy": None, "stopped": False, "batch_share_shift": shift, "cached": 0, "cut": 0,
            "calls": 0, "lost": 0, "refused": 0,
        }
    )  # fmt: skip
    said = capsys.readouterr().out
    assert ("gives 34\u00a0% of the texts to other classes" in said) == warned
    assert ("Label 30 texts on Curate in random order" in said) == warned


def test_with_labels_the_way_out_is_named():
    assert "--calibration fitted" in curation.how_to_tell(0)
    assert curation.how_to_tell(19).startswith("Label 30 texts")
    assert curation.how_to_tell(20).startswith("The classes of 20 texts are known")


@pytest.mark.parametrize("fit", [None, {"bias_weight": 0.1}])
def test_the_command_line_says_what_fitted_waits_for_and_how_it_is_judged(capsys, fit):
    report_label(
        {
            "labelled": 10, "seconds": 1.0, "unanswered": 0, "per_class": {"a": 10},
            "accuracy": 0.9, "macro_f1": 0.8, "evaluated": 30, "judged_by": "human",
            "cross_fitted": fit is not None, "calibration": "fitted", "fit": fit,
            "stopped": False, "batch_share_shift": 0.5 if fit is None else None,
            "development_texts": 19 if fit is None else 30, "cached": 0, "cut": 0,
            "calls": 0, "lost": 0, "refused": 0,
        }
    )  # fmt: skip
    said = capsys.readouterr().out
    assert ("fitted calibration needs 20 texts" in said) == (fit is None)
    assert ("Label 30 texts on Curate in random order" in said) == (fit is None)
    way = ", each by a fit to the others" if fit else ""
    assert f"On 30 hand-labelled texts{way}: accuracy" in said
