"""Forms of a student side by side: counted by hand, timed by a clock that the test winds."""

import numpy as np
import pytest

from llkd.evaluation import intervals, metrics
from llkd.exporting import student_forms


def probabilities(labels, sure=0.8):
    found = np.full((len(labels), 2), 1 - sure)
    found[np.arange(len(labels)), labels] = sure
    return found


def test_agreement_and_accuracy_are_counted_against_the_first_form():
    gold = np.array([0] * 10 + [1] * 10)
    first = gold.copy()
    first[:4] = 1  # 16 of 20 right
    other = first.copy()
    other[[0, 19]] = 0  # one mended, one broken
    found = student_forms.likeness(
        {"torch": probabilities(first), "int8": probabilities(other, 0.7)}, gold
    )
    assert found["torch"]["agreement"] == 1.0 and found["torch"]["largest_difference"] == 0.0
    assert found["int8"]["agreement"] == 18 / 20
    assert found["int8"]["agreement_interval"] == list(intervals.wilson(18, 20))
    assert found["int8"]["largest_difference"] == pytest.approx(0.5)
    assert [found[name]["accuracy"] for name in found] == [16 / 20, 16 / 20]
    assert found["int8"]["macro_f1"] == metrics.macro_f1(other, gold, 2)
    apart = found["int8"]["accuracy_difference"]
    assert apart["value"] == 0.0 and apart["low"] < 0 < apart["high"]


def test_without_gold_only_agreement_is_known():
    found = student_forms.likeness({"a": probabilities([0, 1]), "b": probabilities([0, 0])}, None)
    assert set(found["b"]) == {"agreement", "agreement_interval", "largest_difference"}
    assert found["b"]["agreement"] == 0.5


@pytest.mark.parametrize(
    ("agreement", "difference", "said"),
    [
        (1.0, 0.0, None),
        (0.95, -0.01, None),
        (0.95, None, None),
        (0.96, 0.05, None),  # better is no reason to warn
        (0.949, -0.01, "gives another label than the 32-bit one to 5.1 % of the texts"),
        (0.949, None, "gives another label than the 32-bit one to 5.1 % of the texts"),
        (0.99, -0.011, "is 1.1 points less accurate than the 32-bit one"),
        (0.5, -0.2, "is 20.0 points less accurate than the 32-bit one and gives another label"),
    ],
)
def test_the_rule_that_advises_against_eight_bits(agreement, difference, said):
    small = {"agreement": agreement}
    if difference is not None:
        small["accuracy_difference"] = {"value": difference}
    found = student_forms.advice(small)
    if said is None:
        assert found is None
    else:
        assert f"The 8-bit model {said}" in found and found.endswith("prefer model.onnx.")
        assert found.count(".") - found.count(". ") >= 1 and "\n" not in found


def test_texts_are_answered_in_order_in_batches():
    seen, heard = [], []

    def predict(texts):
        seen.append(list(texts))
        return np.array([[float(text), 1 - float(text)] for text in texts])

    texts = [str(k / 100) for k in range(70)]
    found = student_forms.answers({"a": predict, "b": predict}, texts, heard.append)
    assert found["b"][:, 0].tolist() == [k / 100 for k in range(70)]
    assert [len(part) for part in seen] == [32, 32, 6] * 2
    assert heard == [32, 64, 70, 102, 134, 140]


def test_paces_are_medians_of_forms_that_take_turns():
    now, order = [0.0], []

    def form(name, each, stumbles):
        def predict(texts):
            order.append(name)
            count = order.count(name)
            now[0] += each * len(texts) + (5.0 if count in stumbles else 0.0)
            return probabilities([0] * len(texts))

        return predict

    # A slow first call (warming up) and one busy moment are in no median.
    forms = {"slow": form("slow", 0.010, {1, 20}), "fast": form("fast", 0.002, {1})}
    found = student_forms.paces(forms, ["a", "b", "c"], clock=lambda: now[0])
    assert found["slow"]["ms_per_text"] == pytest.approx(10.0)
    assert found["fast"]["ms_per_text"] == pytest.approx(2.0)
    assert found["slow"]["texts_per_second"] == pytest.approx(100.0)
    assert found["fast"]["texts_per_second"] == pytest.approx(500.0)
    assert order[:4] == ["slow", "fast", "slow", "fast"]
