"""The sentence of a comparison: what a selection reaches, and what it is credited with."""

import pytest

from llkd.evaluation.comparison import conclusion, verdicts
from llkd.evaluation.comparison.report import ComparisonReport
from llkd.evaluation.wording import percent


def sentence(found):
    return conclusion.sentence(ComparisonReport.read(found))


def lines(found):
    return conclusion.lines(ComparisonReport.read(found))


def basis(found):
    return conclusion.basis(ComparisonReport.read(found))


def against_all(found, name):
    return verdicts.against_all(ComparisonReport.read(found), name)


def verdict(found, name):
    return verdicts.report_verdict(ComparisonReport.read(found), name)


def costs(found):
    return conclusion.cost_lines(ComparisonReport.read(found))


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
        (UP, "'LLKD' does better than training on all 5,320 texts (+3.0 points, +1.0 to +5.0), "
         "with 20\u00a0% of the samples and 40\u00a0% of the time.", "better"),
        (LEVEL, "'LLKD' does as well, to within a point, as training on all 5,320 texts (+0.2 "
         "points, \u22120.8 to +0.9), with", "as well"),
        (NOT_WORSE, "'LLKD' loses at most a point, if any, against training on all", "loses at most a point"),
        (DOWN, "'LLKD' does worse than training on all 5,320 texts (\u22124.0", "worse"),
        (VAGUE, "'LLKD' may do as well as training on all 5,320 texts (\u22120.5", "not clear"),
        ((0.005, 0.001, 0.009), "'LLKD' does as well, to within a point, as", "as well"),
    ],
)  # fmt: skip
def test_against_everything(to_all, words, verdict):
    found = report(to_all, UP, UP)
    assert costs(found)[0].startswith(words)
    assert against_all(found, "llkd") == verdict


def test_as_well_is_never_said_of_an_interval_that_reaches_beyond_a_point():
    for low, high in ((-0.0101, 0.0), (-0.02, 0.005), (-0.005, 0.011)):
        said = sentence(report((0.0, low, high), (0.0, low, high), UP))
        assert "to within a point" not in said


def test_reports_made_before_they_said_how_many_texts_are_still_read():
    old = report(LEVEL, UP, UP)
    del old["texts"], old["judges"]
    said = sentence(old)
    assert "as training on all texts (+0.2" in said and "Evaluated" not in said


def test_a_line_a_selection_and_one_for_what_they_rest_on():
    both = report(UP, UP, UP)
    other = report(VAGUE, DOWN, UP, name="neighbours", accuracy=0.9)
    both["arms"] += other["arms"][:2]
    both["differences"] += other["differences"]
    told = lines(both)
    # The most accurate first: a verdict each, then what each costs.
    assert [line.split("'")[1] for line in told] == ["Neighbour agreement", "LLKD"] * 2
    said = sentence(both)
    assert said.split("\n") == [*told, " ".join(basis(both))]
    assert (
        "Intervals are over 5 seeds and the texts, widened so that all 6 of this comparison hold "
        "together (95 %)" in said
    )


def test_time_is_only_spoken_of_where_the_whole_is_known():
    for mine in ({"seconds": None}, {"seconds": 0.0}):
        said = sentence(report(UP, UP, UP, **mine))
        assert "of the samples.\n" in said and "of the time" not in said


def test_small_shares_keep_a_digit():
    assert percent(0.18) == "18\u00a0%"
    assert percent(0.004) == "0.4\u00a0%" and percent(0.0) == "0\u00a0%"


SURE = "the stronger control, 'Random among confident'"


@pytest.mark.parametrize(
    ("to_random", "to_sure", "verdict_", "line"),
    [
        (UP, (0.02, 0.001, 0.04), "better",
         f"'LLKD' is better than {SURE} (+2.0 points, +0.1 to +4.0; 5 seeds, 500 texts)."),
        (UP, LEVEL, "as good", f"'LLKD' is as good as {SURE}, to within a point (+0.2 points, "
         "\u22120.8 to +0.9; 5 seeds, 500 texts)."),
        (UP, DOWN, "worse",
         f"'LLKD' is worse than {SURE} (\u22124.0 points, \u22126.0 to \u22122.0; 5 seeds, 500 texts)."),
        (UP, VAGUE, "not known", f"Whether 'LLKD' is better than {SURE}, is not known (\u22120.5 "
         "points, \u22123.0 to +2.0; 5 seeds, 500 texts)."),
        # The weaker of the two is not beaten for sure: its interval is the one to show.
        ((0.03, -0.01, 0.07), (0.02, 0.001, 0.04), "not known",
         "Whether 'LLKD' is better than the stronger control, 'Random', is not known (+3.0 points,"),
        # Nobody would notice a difference of half a point.
        (UP, (0.005, 0.001, 0.009), "as good", f"'LLKD' is as good as {SURE}, to within"),
        ((-0.03, -0.05, -0.01), VAGUE, "worse", "'LLKD' is worse than the stronger control, 'Random'"),
    ],
)  # fmt: skip
def test_a_selection_is_worth_what_it_gains_over_the_stronger_control(
    to_random, to_sure, verdict_, line
):
    found = report(LEVEL, to_random, to_sure)
    assert verdict(found, "llkd").verdict == verdict_
    assert lines(found)[0].startswith(line)
    shown = verdict(found, "llkd").difference
    assert verdict_ == "as good" or shown.differs == (verdict_ in ("better", "worse"))


def test_a_selection_that_is_worse_than_all_texts_says_so_beside_its_verdict():
    line = lines(report(DOWN, UP, UP))[0]
    assert line.startswith("'LLKD' is better than the stronger control")
    assert line.endswith("; 5 seeds, 500 texts); training on all texts is better.")
    assert "all texts is better" not in lines(report(VAGUE, UP, UP))[0]


def test_without_a_control_nothing_is_known_but_what_is_worse_stays_worse():
    found = report(UP, UP, UP)
    found["differences"] = found["differences"][:2]
    assert lines(found)[0] == (
        "What 'LLKD' is worth is not known: 'Random among confident' is missing. Against 'Random' "
        "it has +3.0 points, +1.0 to +5.0 (5 seeds, 500 texts)."
    )
    found["differences"][1] = minus("llkd", "epochs", "random", *DOWN)
    assert lines(found)[0].startswith("'LLKD' is worse than 'Random' (")
    found["differences"] = []
    assert lines(found) == [
        "What 'LLKD' is worth is not known: there is no run to hold it against ('All texts', "
        "'Random' and 'Random among confident')."
    ]


@pytest.mark.parametrize(("mine", "sure"), [("c·u", "c"), ("1", "c"), (None, None), ("1", None)])
def test_where_an_arm_weighs_otherwise_than_a_control_the_weights_are_named(mine, sure):
    found = report(UP, UP, UP)
    for row in found["arms"]:
        row["weights"] = {"llkd": mine, "teacher_then_random": sure}.get(row["arm"], "1")
    said = sentence(found)
    assert said.startswith("'LLKD' with its weights is better than the stronger control")


class TestOneSeed:
    """One student each: nothing is said of the ways to train, in any word."""

    @pytest.mark.parametrize("to_all", [UP, LEVEL, DOWN, VAGUE])
    @pytest.mark.parametrize("to_control", [UP, LEVEL, DOWN])
    def test_only_that_two_students_differ(self, to_all, to_control):
        found = report(to_all, to_control, to_control, seeds=1)
        said = sentence(found)
        words = {True: "differ here", False: "do not clearly differ here"}
        assert said.startswith(
            "What 'LLKD' is worth is not known from one seed: its student and that of the stronger "
            f"control, 'Random', {words[to_control in (UP, DOWN)]} ("
        )
        assert costs(found)[0].startswith(
            "'LLKD': these two students, its own and that of all 5,320 texts, "
            f"{words[to_all in (UP, DOWN)]} ("
        )
        for claim in ("help", "better", "worse", "as good", "as well", "reach"):
            assert claim not in said
        assert "says nothing yet of the ways they were trained" in said
        assert "Compare with 3 seeds or more." in said and "Intervals are over texts" in said
        assert against_all(found, "llkd") is None
        assert verdict(found, "llkd").verdict == "not known"


@pytest.mark.parametrize(
    ("judges", "words", "warned"),
    [
        ({"kind": "gold", "texts": 260}, "Evaluated on 260 held-out texts with gold.", False),
        ({"kind": "people", "texts": 84, "chosen": "by people"},
         "Evaluated on the 84 texts that people labelled, which trained no student. They are no random"
         " sample unless they came from a random audit", True),
        ({"kind": "people", "texts": 84, "chosen": "at random"},
         "Evaluated on the 84 texts that people labelled, which trained no student: a random sample",
         False),
    ],
)  # fmt: skip
def test_who_judged_is_said(judges, words, warned):
    said = sentence({**report(LEVEL, UP, UP), "judges": judges})
    assert words in said and ("speak for these alone" in said) == warned


def test_only_a_selection_is_held_against_all_texts():
    assert against_all(report(UP, UP, UP), "all") is None


def test_without_judges_the_way_to_them_is_said():
    nobody = {"arms": [arm("llkd", accuracy=None), arm("all", accuracy=None)], "differences": []}
    said = sentence(nobody)
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
    said = sentence(found)
    assert "nothing can be said about accuracy" in said
    assert (
        "Of 78 texts that did not train, the teacher agrees with 'LLKD' on 84\u00a0% and 'All texts' on "
        "90\u00a0%. The student of 'All texts' agrees with 'LLKD' on 88\u00a0% of them." in said
    )
    assert "Agreement is not accuracy" in said
    assert (
        "label at least 50 texts on Curate, in random order (12 labels can be used so far)" in said
    )
    for claim in ("as well", "helps", "better", "worse", "Evaluated"):
        assert claim not in said


def test_how_many_runs_a_seed_takes():
    assert conclusion.runs_a_seed(["llkd", "all", "random", "teacher_then_random"]) == 4
    assert conclusion.runs_a_seed(["llkd", "all", "soft", "neighbours"]) == 6
    assert conclusion.runs_a_seed(["all", "neighbours"]) == 2
    assert conclusion.runs_a_seed(["llkd", "neighbours"], ["epochs"]) == 2
    assert conclusion.runs_a_seed(["neighbours", "all", "random"]) == 3
    assert conclusion.runs_a_seed(["neighbours", "learnability", "random"]) == 4
