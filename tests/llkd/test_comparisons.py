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
        "texts": 5320,
        "judges": {"kind": "gold", "texts": 500, "chosen": "held out", "given": 0, "least": 50},
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
        (UP, "On this data 'llkd' is more accurate than training on all 5,320 texts, with 20\u00a0% "
         "of the samples and 40\u00a0% of the time (+3.0 points, +1.0 to +5.0)."),
        (LEVEL, "On this data 'llkd' reaches the accuracy of all 5,320 texts with 20\u00a0% of the "
         "samples and 40\u00a0% of the time (+0.2 points, \u22120.8 to +1.2)."),
        (DOWN, "On this data 'llkd' stays below the accuracy of all 5,320 texts, with 20\u00a0% of "),
        (VAGUE, "Whether 'llkd' reaches the accuracy of all 5,320 texts is not clear here, with"),
    ],
)  # fmt: skip
def test_against_everything(to_all, words):
    assert comparisons.sentence(report(to_all, UP, UP)).startswith(words)


def test_reports_made_before_they_said_how_many_texts_are_still_read():
    old = report(LEVEL, UP, UP)
    del old["texts"], old["judges"]
    said = comparisons.sentence(old)
    assert "reaches the accuracy of all texts with" in said and "Judged" not in said


def test_small_shares_keep_a_digit():
    assert comparisons.percent(0.18) == "18\u00a0%"
    assert comparisons.percent(0.004) == "0.4\u00a0%" and comparisons.percent(0.0) == "0\u00a0%"


def test_credit_is_only_for_what_neither_control_reaches():
    helped = (
        "Its choice of texts helps: students of as many others do worse (drawn at random: +3.0 "
        "points, +1.0 to +5.0; drawn at random where the teacher is sure: +3.0 points"
    )
    assert helped in comparisons.sentence(report(LEVEL, UP, UP))
    for to_random, to_sure in ((UP, LEVEL), (LEVEL, UP), (UP, DOWN)):
        assert "choice of texts helps:" not in comparisons.sentence(report(UP, to_random, to_sure))
    said = comparisons.sentence(report(UP, UP, LEVEL))
    assert (
        "That its choice of texts helps is not shown here: as many texts drawn at random where the "
        "teacher is sure do as well (+0.2 points" in said
    )
    said = comparisons.sentence(report(UP, UP, DOWN))
    assert "Its choice of texts does not help here: as many texts drawn at random where" in said


def test_the_reason_is_given_where_it_was_measured():
    told = (
        "Of the labels it chose 70\u00a0% are right, of those drawn at random where the teacher is "
        "sure 80\u00a0%."
    )
    assert told in comparisons.sentence(report(UP, UP, DOWN))
    assert told not in comparisons.sentence(report(UP, UP, DOWN, selected_accuracy=0.9))
    assert "Of the labels" not in comparisons.sentence(report(UP, UP, DOWN, selected_accuracy=None))


@pytest.mark.parametrize(
    ("judges", "words", "warned"),
    [
        ({"kind": "gold", "texts": 260}, "Judged on 260 held-out texts with gold.", False),
        ({"kind": "people", "texts": 84, "chosen": "by people"},
         "Judged on the 84 texts that people labelled, which trained no student. They are no random"
         " sample unless they came from a random audit", True),
        ({"kind": "people", "texts": 84, "chosen": "at random"},
         "Judged on the 84 texts that people labelled, which trained no student: a random sample",
         False),
    ],
)  # fmt: skip
def test_who_judged_is_said(judges, words, warned):
    said = comparisons.sentence({**report(LEVEL, UP, UP), "judges": judges})
    assert words in said and ("speak for these alone" in said) == warned


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


def test_of_many_selections_the_first_is_told_in_full_and_the_others_in_groups():
    first = report(LEVEL, UP, LEVEL)
    further = {
        "trust": report(UP, UP, UP, name="trust"),
        "neighbours": report(DOWN, UP, DOWN, name="neighbours"),
        "small_loss": report(VAGUE, LEVEL, LEVEL, name="small_loss"),
    }
    many = {
        **first,
        "arms": [*first["arms"], *(row for one in further.values() for row in one["arms"][:2])],
        "differences": [
            *first["differences"],
            *(row for one in further.values() for row in one["differences"]),
        ],
    }
    said = comparisons.sentence(many)
    # +3.0 points, +1.0 to +5.0 stay above 0 when widened for four; +0.2 from -0.8 falls below -1.
    assert said.startswith("Whether 'llkd' reaches the accuracy of all 5,320 texts is not clear")
    assert (
        "Of the other selections, the accuracy of all texts is exceeded by 'trust'; not reached by "
        "'neighbours'; perhaps reached by 'small_loss'." in said
    )
    assert (
        "Their choice of texts helps in 'trust'; is not shown to help in 'small_loss'; does not "
        "help in 'neighbours'." in said
    )
    assert "choice among 4 selections" in said
    verdicts = {name: comparisons.choice(many, name) for name in further}
    assert verdicts == {
        "trust": "helps", "neighbours": "does not help", "small_loss": "not shown",
    }  # fmt: skip
    assert comparisons.reached(many, "all") is None


def test_few_seeds_and_no_gold_are_said():
    assert "This rests on 1 seed;" in comparisons.sentence(report(UP, UP, UP, seeds=1))
    assert "This rests" not in comparisons.sentence(report(UP, UP, UP))
    nobody = {"arms": [arm("llkd", accuracy=None), arm("all", accuracy=None)], "differences": []}
    said = comparisons.sentence(nobody)
    assert "nothing can be said about accuracy" in said and "Import some texts with gold" in said


def test_where_nobody_judges_agreement_is_told_and_nothing_is_claimed():
    shares = {"llkd": (0.841, 0.88), "all": (0.9, None)}
    found = {
        "arms": [arm(name, accuracy=None, macro_f1=None) for name in shares],
        "differences": [],
        "judges": {"kind": "teacher", "texts": 78, "given": 12, "least": 50},
        "agreement": {
            "texts": 78,
            "arms": [
                {"arm": name, "budget": "epochs", "with_teacher": own, "with_all": other}
                for name, (own, other) in shares.items()
            ],
        },
    }
    said = comparisons.sentence(found)
    assert "nothing can be said about accuracy" in said
    assert (
        "On 78 texts that did not train, the teacher's labels are met by 'llkd' 84\u00a0% and 'all' "
        "90\u00a0%. The student of 'all' says the same as 'llkd' on 88\u00a0% of them." in said
    )
    assert "Agreement is not accuracy" in said
    assert (
        "label at least 50 texts on Curate, in random order (12 labels can be used so far)" in said
    )
    for claim in ("reaches", "helps", "better", "more accurate", "Judged"):
        assert claim not in said


def test_how_many_runs_a_seed_takes():
    assert comparisons.runs_a_seed(["llkd", "all", "random", "teacher_then_random"]) == 4
    assert comparisons.runs_a_seed(["llkd", "all", "soft", "neighbours"]) == 6
    assert comparisons.runs_a_seed(["all", "neighbours"]) == 2
    assert comparisons.runs_a_seed(["llkd", "neighbours"], ["epochs"]) == 2
