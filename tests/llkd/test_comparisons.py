"""The sentence of a comparison: what a selection reaches, and what it is credited with."""

import pytest

from llkd import comparisons


def arm(name, budget="epochs", **values):
    usual = {"accuracy": 0.8, "macro_f1": 0.8, "backpropagated": 1000, "selected_accuracy": 0.7,
             "seconds": 100.0, "weights": "1"}  # fmt: skip
    return {"arm": name, "budget": budget, **usual, **values}


def minus(name, budget, rival, value, low, high, seeds=5):
    of = {"value": value, "low": low, "high": high}
    return {"arm": name, "budget": budget, "rival": rival, "accuracy": of, "macro_f1": of,
            "seeds": seeds, "texts": 500}  # fmt: skip


def report(to_all, to_random, to_sure, name="llkd", seeds=5, **mine):
    budget = "epochs" if name == "llkd" else "samples"
    own = {"backpropagated": 200, "seconds": 40.0, **mine}
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


UP, LEVEL, DOWN = (0.03, 0.01, 0.05), (0.002, -0.008, 0.009), (-0.04, -0.06, -0.02)
VAGUE, NOT_WORSE = (-0.005, -0.03, 0.02), (0.004, -0.008, 0.016)


@pytest.mark.parametrize(
    ("to_all", "words", "verdict"),
    [
        (UP, "'llkd' does better than training on all 5,320 texts (+3.0 points, +1.0 to +5.0), "
         "with 20\u00a0% of the samples and 40\u00a0% of the time; ", "better"),
        (LEVEL, "'llkd' does as well, to within a point, as training on all 5,320 texts (+0.2 "
         "points, \u22120.8 to +0.9), with", "as well"),
        (NOT_WORSE, "'llkd' loses at most a point, if any, against training on all", "loses at most a point"),
        (DOWN, "'llkd' does worse than training on all 5,320 texts (\u22124.0", "worse"),
        (VAGUE, "'llkd' may do as well as training on all 5,320 texts (\u22120.5", "not clear"),
        ((0.005, 0.001, 0.009), "'llkd' does as well, to within a point, as", "as well"),
    ],
)  # fmt: skip
def test_against_everything(to_all, words, verdict):
    found = report(to_all, UP, UP)
    assert comparisons.sentence(found).startswith(words)
    assert comparisons.reached(found, "llkd") == verdict


def test_as_well_is_never_said_of_an_interval_that_reaches_beyond_a_point():
    for low, high in ((-0.0101, 0.0), (-0.02, 0.005), (-0.005, 0.011)):
        said = comparisons.sentence(report((0.0, low, high), (0.0, low, high), UP))
        assert "as well, to within a point" not in said


def test_reports_made_before_they_said_how_many_texts_are_still_read():
    old = report(LEVEL, UP, UP)
    del old["texts"], old["judges"]
    said = comparisons.sentence(old)
    assert "as training on all texts (+0.2" in said and "Judged" not in said


def test_a_line_a_selection_and_one_for_what_they_rest_on():
    both = report(UP, UP, UP)
    other = report(VAGUE, DOWN, UP, name="neighbours")
    both["arms"] += other["arms"][:2]
    both["differences"] += other["differences"]
    lines = comparisons.lines(both)
    assert [line.split("'")[1] for line in lines] == ["llkd", "neighbours"]
    said = comparisons.sentence(both)
    assert said.split("\n") == [*lines, " ".join(comparisons.basis(both))]
    assert (
        "Intervals are over 5 seeds and the texts, widened so that all 6 of this comparison hold "
        "together (95 %)" in said
    )


def test_time_is_only_spoken_of_where_the_whole_is_known():
    for mine in ({"seconds": None}, {"seconds": 0.0}):
        said = comparisons.sentence(report(UP, UP, UP, **mine))
        assert "of the samples; " in said and "of the time" not in said


def test_small_shares_keep_a_digit():
    assert comparisons.percent(0.18) == "18\u00a0%"
    assert comparisons.percent(0.004) == "0.4\u00a0%" and comparisons.percent(0.0) == "0\u00a0%"


def test_credit_is_only_for_what_neither_control_reaches():
    helped = (
        "its choice of texts helped: it does better than as many drawn at random (+3.0 points, "
        "+1.0 to +5.0), and than as many drawn at random where the teacher is sure (+3.0 points"
    )
    assert helped in comparisons.sentence(report(LEVEL, UP, UP))
    for to_random, to_sure in ((UP, LEVEL), (LEVEL, UP), (UP, DOWN), (UP, VAGUE)):
        assert "texts helped" not in comparisons.sentence(report(UP, to_random, to_sure))
    said = comparisons.sentence(report(UP, UP, VAGUE))
    assert (
        "that its choice of texts helps is not shown: as many drawn at random where the teacher is "
        "sure may do as well (\u22120.5 points" in said
    )
    said = comparisons.sentence(report(UP, UP, LEVEL))
    assert (
        "its choice of texts is worth less than one: as many drawn at random where the teacher is "
        "sure do as well, to within a point (+0.2 points" in said
    )
    said = comparisons.sentence(report(UP, UP, DOWN))
    assert "its choice of texts did not help: as many drawn at random where the teacher" in said
    assert "do better (\u22124.0" in said


@pytest.mark.parametrize(("mine", "sure"), [("c·u", "c"), ("1", "c"), (None, None), ("1", None)])
def test_where_an_arm_weighs_otherwise_than_a_control_the_weights_are_named(mine, sure):
    found = report(UP, UP, UP)
    for row in found["arms"]:
        row["weights"] = {"llkd": mine, "teacher_then_random": sure}.get(row["arm"], "1")
    said = comparisons.sentence(found)
    assert "its choice of texts and their weights helped" in said
    assert "choice of texts helped" not in said


class TestOneSeed:
    """One student each: nothing is said of the ways to train, in any word."""

    @pytest.mark.parametrize("to_all", [UP, LEVEL, DOWN, VAGUE])
    @pytest.mark.parametrize("to_control", [UP, LEVEL, DOWN])
    def test_only_that_two_students_differ(self, to_all, to_control):
        found = report(to_all, to_control, to_control, seeds=1)
        said = comparisons.sentence(found)
        differ = "differ here" if to_all in (UP, DOWN) else "do not clearly differ here"
        assert said.startswith(
            f"'llkd': these two students, its own and that of all 5,320 texts, {differ} ("
        )
        for claim in ("help", "better", "worse", "as well", "reach"):
            assert claim not in said
        assert "says nothing yet of the ways they were trained" in said
        assert "Compare with 3 seeds or more." in said and "Intervals are over texts" in said
        assert comparisons.reached(found, "llkd") is None
        assert comparisons.choice(found, "llkd") is None


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


def test_verdicts_of_the_table():
    verdicts = {
        "helps": (UP, UP), "does not help": (UP, DOWN), "not shown": (UP, VAGUE),
        "within a point": (LEVEL, UP),
    }  # fmt: skip
    for verdict, (to_random, to_sure) in verdicts.items():
        found = report(UP, to_random, to_sure, name="trust")
        assert comparisons.choice(found, "trust") == verdict
    assert comparisons.reached(report(UP, UP, UP), "all") is None


def test_without_judges_the_way_to_them_is_said():
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
    for claim in ("as well", "helps", "better", "worse", "Judged"):
        assert claim not in said


def test_how_many_runs_a_seed_takes():
    assert comparisons.runs_a_seed(["llkd", "all", "random", "teacher_then_random"]) == 4
    assert comparisons.runs_a_seed(["llkd", "all", "soft", "neighbours"]) == 6
    assert comparisons.runs_a_seed(["all", "neighbours"]) == 2
    assert comparisons.runs_a_seed(["llkd", "neighbours"], ["epochs"]) == 2
