"""The sentence of a comparison: what a selection reaches, and what it is credited with."""

import pytest

from llkd import comparisons


def arm(name, budget="epochs", **values):
    usual = {"accuracy": 0.8, "macro_f1": 0.8, "backpropagated": 1000, "selected_accuracy": 0.7,
             "training_seconds": 100.0}  # fmt: skip
    return {"arm": name, "budget": budget, **usual, **values}


def minus(name, budget, rival, value, low, high, seeds=5):
    of = {"value": value, "low": low, "high": high}
    return {"arm": name, "budget": budget, "rival": rival, "accuracy": of, "macro_f1": of,
            "seeds": seeds, "texts": 500}  # fmt: skip


def report(to_all, to_random, to_sure, name="llkd", seeds=5, **mine):
    budget = "epochs" if name == "llkd" else "samples"
    own = {"backpropagated": 200, "training_seconds": 40.0, **mine}
    return {
        "arms": [arm(name, **own), *([arm(name, budget, **own)] if budget == "samples" else []),
                 arm("all"), arm("random"), arm("teacher_then_random", selected_accuracy=0.8)],
        "differences": [
            minus(name, "epochs", "all", *to_all, seeds),
            minus(name, budget, "random", *to_random, seeds),
            minus(name, budget, "teacher_then_random", *to_sure, seeds),
        ],
    }  # fmt: skip


UP, LEVEL, DOWN = (0.03, 0.01, 0.05), (0.002, -0.008, 0.012), (-0.04, -0.06, -0.02)
VAGUE = (-0.005, -0.03, 0.02)


@pytest.mark.parametrize(
    ("to_all", "words"),
    [
        (UP, "On this data 'llkd' is better than training on everything (+3.0 points, +1.0 to"),
        (LEVEL, "On this data 'llkd' reaches training on everything (+0.2 points, -0.8 to +1.2)"),
        (DOWN, "On this data 'llkd' stays below training on everything"),
        (VAGUE, "Whether 'llkd' reaches training on everything is not clear here"),
    ],
)
def test_against_everything(to_all, words):
    said = comparisons.sentence(report(to_all, UP, UP))
    assert said.startswith(words) and "with 20% of the samples and 40% of the time." in said


def test_credit_is_only_for_what_neither_control_reaches():
    helped = "Its choice of texts helps: as many at random do worse"
    assert helped in comparisons.sentence(report(LEVEL, UP, UP))
    for to_random, to_sure in ((UP, LEVEL), (LEVEL, UP), (UP, DOWN)):
        assert helped not in comparisons.sentence(report(UP, to_random, to_sure))
    said = comparisons.sentence(report(UP, UP, LEVEL))
    assert "is not shown here: as many by 'teacher_then_random' do as well (+0.2 points" in said
    said = comparisons.sentence(report(UP, UP, DOWN))
    assert "Its choice of texts does not help here: as many by 'teacher_then_random' do" in said


def test_the_reason_is_given_where_it_was_measured():
    told = "Of the labels it chose 70% are right, of those by 'teacher_then_random' 80%."
    assert told in comparisons.sentence(report(UP, UP, DOWN))
    assert told not in comparisons.sentence(report(UP, UP, DOWN, selected_accuracy=0.9))
    assert "Of the labels" not in comparisons.sentence(report(UP, UP, DOWN, selected_accuracy=None))


def test_intervals_are_widened_for_a_choice_among_several():
    assert comparisons.widened(0.02, 0.0, 0.03, 1) == pytest.approx((0.02, 0.0, 0.03))
    # Two: the 1.25 % quantile of the normal distribution is at -2.2414, the 2.5 % one at -1.96.
    _, low, high = comparisons.widened(0.02, 0.0, 0.03, 2)
    assert (low, high) == pytest.approx((0.02 - 0.022873, 0.02 + 0.011436), abs=1e-5)
    one, other = report(UP, (0.03, 0.001, 0.05), UP), report(UP, UP, UP, name="neighbours")
    assert "Its choice of texts helps" in comparisons.sentence(one)
    both = {
        "arms": [*one["arms"], *other["arms"][:2]],
        "differences": [*one["differences"], *other["differences"]],
    }
    said = comparisons.sentence(both)
    assert said.count("Its choice of texts helps") == 1 and "widened for a choice among 2" in said


def test_few_seeds_and_no_gold_are_said():
    assert "This rests on 1 seed;" in comparisons.sentence(report(UP, UP, UP, seeds=1))
    assert "This rests" not in comparisons.sentence(report(UP, UP, UP))
    nobody = {"arms": [arm("llkd", accuracy=None), arm("all", accuracy=None)], "differences": []}
    said = comparisons.sentence(nobody)
    assert said.startswith("No text with gold is held out, so nothing can be said about accuracy")


def test_how_many_runs_a_seed_takes():
    assert comparisons.runs_a_seed(["llkd", "all", "random", "teacher_then_random"]) == 4
    assert comparisons.runs_a_seed(["llkd", "all", "soft", "neighbours"]) == 6
    assert comparisons.runs_a_seed(["all", "neighbours"]) == 2
    assert comparisons.runs_a_seed(["llkd", "neighbours"], ["epochs"]) == 2
