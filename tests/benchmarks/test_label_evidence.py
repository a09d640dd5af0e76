"""What benchmarks/labels.py measures with: the product's figures, and pools that share no text."""

import gzip

import numpy as np
import pytest

from benchmarks.label_evidence.draws import draws_of
from benchmarks.label_evidence.measures import Judges, difference, estimate, label_figures
from benchmarks.label_evidence.texts import text_set
from llkd.evaluation import confidence_metrics, metrics


@pytest.fixture
def answers():
    rng = np.random.default_rng(3)
    gold = rng.integers(0, 4, 300)
    label = np.where(rng.random(300) < 0.6, gold, rng.integers(0, 3, 300))
    return gold, label, np.round(rng.random(300) * 0.99 + 0.01, 1)


def test_of_the_texts_themselves_each_figure_is_the_products(answers):
    gold, label, confidence = answers
    figures = label_figures(Judges(gold, np.ones(300), 4), label, confidence)
    assert figures["accuracy"][0] == pytest.approx(metrics.accuracy(label, gold))
    assert figures["macro_f1"][0] == pytest.approx(metrics.macro_f1(label, gold, 4))
    right = label == gold
    assert figures["auroc"][0] == pytest.approx(confidence_metrics.auroc(confidence, right))
    assert figures["ece"][0] == pytest.approx(confidence_metrics.ece(confidence, right))


def test_an_interval_of_a_share_is_that_of_a_normal_approximation(answers):
    gold, label, confidence = answers
    accuracy = estimate(label_figures(Judges(gold, np.ones(300), 4), label, None)["accuracy"])
    share = accuracy.value / 100
    half = 196 * (share * (1 - share) / 300) ** 0.5
    assert accuracy.high - accuracy.low == pytest.approx(2 * half, rel=0.1)


def test_differences_are_paired(answers):
    gold, label, _ = answers
    judges = Judges(gold, np.ones(300), 4)
    first = label_figures(judges, label, None)["accuracy"]
    better = label.copy()
    better[np.flatnonzero(label != gold)[:9]] = gold[np.flatnonzero(label != gold)[:9]]
    same = difference(first, label_figures(judges, label, None)["accuracy"])
    gain = difference(label_figures(judges, better, None)["accuracy"], first)
    assert (same.low, same.high) == (0, 0)
    assert gain.value == pytest.approx(3) and gain.better and gain.high < 6


@pytest.fixture
def folder(tmp_path):
    names = ["much"] * 2400 + ["some"] * 1600 + ["few"] * 400
    lines = "".join(f"text number {place},{name}\n" for place, name in enumerate(names))
    with gzip.open(tmp_path / "toy_train.csv.gz", "wt") as file:
        file.write("text,label\n" + lines)
    return tmp_path


def test_halves_and_held_out_texts_share_no_text_and_unbalanced_pools_are(folder):
    halves = [text_set(folder, "toy", half) for half in ("tune", "confirm")]
    assert not set(halves[0].texts) & set(halves[1].texts)
    draws = draws_of(halves[1])
    assert [draw.name for draw in draws] == [
        "natural", "natural, small", "80% much", "95% much", "80% some", "95% some",
    ]  # fmt: skip
    for draw in draws:
        assert not halves[1].held_out[draw.rows].any()
        assert len(set(draw.rows.tolist())) == len(draw.rows)
    much = halves[1].labels.names.index("much")
    assert (draws[3].gold == much).mean() == pytest.approx(0.95, abs=0.01)
    judged = draws[3].data.gold[draws[3].held_out] == much
    weight = draws[3].held_out_weight()
    assert weight[judged].sum() / weight.sum() == pytest.approx(0.95, abs=0.01)
