"""The rule that chooses how to train: its table, the estimate it rests on, and what it says."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from llkd.config import SelectionConfig, TrainingConfig, build
from llkd.curation.random_order import random_order
from llkd.evaluation.advice import (
    TABLE,
    Line,
    PoolFacts,
    TeacherAccuracy,
    TrainingAdvice,
    advised_config,
    teacher_accuracy,
    training_advice,
)
from llkd.evaluation.advice.edges import ANY, LEAST_WITH_CONFIDENCE
from llkd.evaluation.comparison.arms import arms, check_arms
from llkd.evaluation.kept_quality import AuditSample
from llkd.selection.registry import STRATEGIES, check_strategy

RESULTS = Path(__file__).resolve().parents[3] / "docs" / "results.md"
EDGES = ("accuracy", "classes", "texts")


def known(value, low=None, high=None, source="gold", chance=0.25):
    """An estimate, its interval a point where none is named."""
    low, high = (value if low is None else low), (value if high is None else high)
    if source == "confidence":
        low = high = None
    return TeacherAccuracy(
        value=value, low=low, high=high, source=source, checked=0 if low is None else 200,
        texts=900, chance=chance, commonest=0.3,
    )  # fmt: skip


def facts_within(line):
    """Facts that lie within all edges of a line."""
    inside = {
        edge: low if high == float("inf") else (low + high) / 2
        for edge in EDGES
        for low, high in [getattr(line, edge)]
    }
    accuracy = known(inside["accuracy"] or 0.95)
    texts = int(inside["texts"]) or 900
    return PoolFacts(accuracy, int(inside["classes"]) or 4, texts, refined=bool(line.refined))


def changed(facts, edge, value):
    if edge == "accuracy":
        return PoolFacts(**{**vars(facts), "accuracy": known(value)})
    return PoolFacts(**{**vars(facts), edge: int(value)})


class TestTable:
    def test_the_last_line_has_no_edge_so_one_always_fits(self):
        assert TABLE[-1] == Line(
            **{
                **vars(TABLE[-1]),
                **dict.fromkeys(EDGES, ANY),
                "refined": None,
            }
        )
        assert not STRATEGIES[TABLE[-1].strategy].needs & {"confidence"}
        assert len({line.name for line in TABLE}) == len(TABLE)

    @pytest.mark.parametrize("line", TABLE, ids=lambda line: line.name)
    def test_each_line_advises_where_its_edges_hold(self, line):
        assert training_advice(facts_within(line)).line == line.name

    @pytest.mark.parametrize(
        ("line", "edge", "side"),
        [
            (line, edge, side)
            for line in TABLE
            for edge in EDGES
            for side in (0, 1)
            if 0 < getattr(line, edge)[side] < float("inf")
        ],
        ids=str,
    )
    def test_each_edge_from_both_sides(self, line, edge, side):
        step = 1e-9 if edge == "accuracy" else 1
        bound = getattr(line, edge)[side]
        facts = facts_within(line)
        by_side = [
            training_advice(changed(facts, edge, value)).line == line.name
            for value in (bound - step, bound)
        ]
        assert by_side == [side == 1, side == 0]

    @pytest.mark.parametrize("line", TABLE, ids=lambda line: line.name)
    def test_what_a_line_names_is_there_and_can_train_as_it_stands(self, line):
        spec = STRATEGIES[line.strategy]
        assert set(line.selection) <= set(SelectionConfig.model_fields) - {"strategy"}
        assert set(line.training) <= set(TrainingConfig.model_fields) - {"selection"}
        assert "share" not in line.selection or "share" in spec.takes
        # Of what a project may lack nothing is asked that is not made, or looked at by the rule.
        assert not spec.takes & {"saved", "thresholds"}
        config = advised_config(TrainingConfig(), training_advice(facts_within(line)))
        check_strategy(config)
        assert check_arms(line.arms) and 2 <= len(line.arms) <= 3
        assert line.strategy in {arms()[name].strategy for name in line.arms}
        assert not line.accuracy[0] <= 0 < line.accuracy[1] or line.accuracy == ANY

    @pytest.mark.parametrize("accuracy", [None, known(0.99), known(0.6, source="confidence")])
    def test_labels_without_a_confidence_get_no_strategy_that_passes_over_them(self, accuracy):
        """Also if the table's first line says otherwise."""
        first = Line("first", "llkd", ("llkd", "all", "learnability"), "because", "which")
        table = (first, *TABLE)
        sure = training_advice(PoolFacts(accuracy, 4, 900), table)
        assert (sure.strategy, sure.arms) == ("llkd", first.arms)
        unsure = PoolFacts(accuracy, 4, 900, with_confidence=LEAST_WITH_CONFIDENCE - 0.01)
        advice = training_advice(unsure, table)
        assert "confidence" not in STRATEGIES[advice.strategy].needs
        for arm in training_advice(unsure, (Line(**{**vars(TABLE[-1]), "arms": first.arms}),)).arms:
            assert "confidence" not in STRATEGIES[arms()[arm].strategy].needs

    @pytest.mark.parametrize(
        ("values", "epochs"),
        [({}, 1), ({"epochs": 4}, 4), ({"early_stopping": "auto"}, None), ({"head_start": "random"}, None)],
    )  # fmt: skip
    def test_one_pass_is_for_a_head_that_fits_and_a_run_to_its_end(self, values, epochs):
        line = next(line for line in TABLE if line.name == "middling labels")
        advice = training_advice(facts_within(line))
        assert advised_config(TrainingConfig(**values), advice).epochs == epochs

    def test_the_documented_table_is_this_one(self):
        document = RESULTS.read_text(encoding="utf-8")
        part = document.partition("## What trains where nobody chooses")[2].partition("\n## ")[0]
        rows = re.findall(r"^\| (.+) \|$", part, re.MULTILINE)[1:]
        assert [row.split(" | ") for row in rows] == [documented(line) for line in TABLE]


def documented(line):
    """A line of the table as docs/results.md prints it."""

    def between(edge, percent=False):
        low, high = getattr(line, edge)
        numbers = [f"{100 * n:.0f} %" if percent else f"{n:,.0f}" for n in (low, high)]
        if low and high < float("inf"):
            return f"{numbers[0]} to below {numbers[1]}"
        if low:
            return f"{numbers[0]} and more"
        return f"below {numbers[1]}" if high < float("inf") else "any"

    settings = {**line.selection, **line.training}
    labels = {None: "any", True: "refined", False: "not refined"}[line.refined]
    beside = "".join(f", `{name}` {value}" for name, value in settings.items())
    return [
        line.name, between("accuracy", percent=True), between("classes"), between("texts"), labels,
        f"`{line.strategy}`{beside}", ", ".join(f"`{arm}`" for arm in line.arms),
    ]  # fmt: skip


class TestSentence:
    @pytest.mark.parametrize(
        ("accuracy", "words"),
        [
            (known(0.72, 0.66, 0.77), "right in about 72\u00a0% of the texts (66 to 77\u00a0%, by gold of 200"),
            (known(0.72), "The teacher is right in 72\u00a0% of the texts (by gold of 200 texts): "),
            (known(0.72, 0.6, 0.8, "audit"), "80\u00a0%, by a blind audit of 200 texts"),
            (known(0.72, 0.6, 0.8, "random order"), "200 texts that people labelled at random"),
            (known(0.72, source="confidence"), "own confidence says that 72\u00a0% of its labels are right "
             "(nobody has checked labels of the pool): "),
            (None, "How often the teacher is right is not known: "),
        ],
    )  # fmt: skip
    def test_it_says_what_is_known_and_from_what(self, accuracy, words):
        advice = training_advice(PoolFacts(accuracy, 4, 900))
        assert words in advice.sentence and advice.sentence.count(". ") == 0
        assert advice.guess is (accuracy is None or accuracy.source == "confidence")

    def test_labels_that_evaluate_are_not_said_to_be_missing(self):
        guess = known(0.72, source="confidence")
        advice = training_advice(PoolFacts(guess, 4, 900, people_evaluate=True))
        assert "people's labels, which evaluate here, had no say" in advice.sentence
        assert "nobody has checked" not in advice.sentence

    @pytest.mark.parametrize(("low", "above"), [(0.24, False), (0.25, False), (0.26, True)])
    def test_nothing_is_promised_of_a_teacher_that_may_be_at_chance(self, low, above):
        advice = training_advice(PoolFacts(known(0.32, low, 0.4), 4, 900))
        assert advice.above_chance is above
        assert ("label better first" in advice.sentence) is not above
        assert (
            training_advice(PoolFacts(known(0.2, source="confidence"), 4, 900)).above_chance is None
        )

    def test_it_says_whether_more_checked_texts_could_change_it(self):
        sure = Line("sure", "neighbours", ("all", "neighbours"), "r", "q", accuracy=(0.7, 1.1))
        table = (sure, *TABLE)

        def may_change(accuracy):
            return training_advice(PoolFacts(accuracy, 4, 900), table).may_change

        assert may_change(known(0.65, 0.6, 0.72)) and not may_change(known(0.65, 0.6, 0.69))
        assert may_change(known(0.9, source="confidence")) and may_change(None)
        assert not training_advice(PoolFacts(None, 4, 900), TABLE[-1:]).may_change

    def test_it_is_stored_and_read_again(self):
        for accuracy in (None, known(0.7, 0.6, 0.8)):
            advice = training_advice(PoolFacts(accuracy, 4, 900))
            assert TrainingAdvice.read(advice.document()) == advice


class TestSettings:
    def test_what_somebody_set_stays(self):
        line = Line("l", "neighbours", ("all", "neighbours"), "r", "q",
                    selection={"share": 0.2}, training={"epochs": 5})  # fmt: skip
        advice = training_advice(PoolFacts(None, 4, 900), (line,))
        config = advised_config(TrainingConfig(seed=3), advice)
        assert (config.selection.strategy, config.selection.share) == ("neighbours", 0.2)
        assert (config.epochs, config.seed) == (5, 3)
        own = build(TrainingConfig, epochs=7, selection={"share": 0.4, "vote_damping": 1.0})
        config = advised_config(own, advice)
        assert (config.epochs, config.selection.share, config.selection.vote_damping) == (
            7,
            0.4,
            1.0,
        )


# --- the estimate -------------------------------------------------------------------------------


def plane_of(truth, teacher, *, gold=None, human=None, excluded=None, confidence=None, prompts=()):
    """A plane with these labels of its ``n`` texts, all of them in the pool."""
    n = len(truth)
    human = np.full(n, -1) if human is None else human
    frame = pd.DataFrame(
        {
            "row": np.arange(n),
            "gold": np.full(n, -1) if gold is None else gold,
            "teacher_label": teacher,
            "confidence": np.full(n, 0.8) if confidence is None else confidence,
            "human_label": human,
            "excluded": np.zeros(n, bool) if excluded is None else excluded,
            "label": np.where(human >= 0, human, teacher),
        }
    )
    examples = {"rows": [[row, "a"] for row in prompts]} if prompts else None
    return SimpleNamespace(
        frame=frame, names=list("abcd"), open_classes=[0, 1, 2, 3],
        project=SimpleNamespace(rows=n, stages=(n,)),
        labeling_run=SimpleNamespace(teacher={"examples": examples} if examples else {}),
        classes=SimpleNamespace(places={name: k for k, name in enumerate("abcd")}),
    )  # fmt: skip


def labelled(n, right, rng, shares=None):
    """Truth, a teacher that is right with chance ``right``, and its confidence."""
    truth = rng.choice(4, n, p=shares)
    wrong = (truth + rng.integers(1, 4, n)) % 4
    hits = rng.random(n) < right
    confidence = np.clip(rng.normal(0.6 + 0.15 * hits, 0.15), 0.25, 1.0)
    return truth, np.where(hits, truth, wrong), confidence


def by_gold(truth, teacher, confidence, m, rng):
    some = rng.permutation(len(truth))[:m]
    gold = np.full(len(truth), -1)
    gold[some] = truth[some]
    return teacher_accuracy(plane_of(truth, teacher, gold=gold, confidence=confidence))


def by_audit(truth, teacher, confidence, m, rng):
    order = rng.permutation(len(truth))
    answers = ["abcd"[k] for k in truth[order[:m]]]
    audit = AuditSample(order, answers, confidence[order])
    return teacher_accuracy(plane_of(truth, teacher, confidence=confidence), audit=audit)


def by_random_order(truth, teacher, confidence, m, rng):
    shuffled = rng.permutation(len(truth))  # the order itself is always the same
    truth, teacher, confidence = truth[shuffled], teacher[shuffled], confidence[shuffled]
    human = np.full(len(truth), -1)
    some = random_order((len(truth),))[:m]
    human[some] = truth[some]
    return teacher_accuracy(plane_of(truth, teacher, human=human, confidence=confidence))


class TestEstimate:
    @pytest.mark.parametrize("estimate", [by_gold, by_audit, by_random_order])
    @pytest.mark.parametrize("right", [0.35, 0.7, 0.93])
    def test_its_interval_holds_the_truth_as_often_as_it_says(self, estimate, right):
        rng = np.random.default_rng(7)
        inside, above = 0, 0
        for _ in range(400):
            truth, teacher, confidence = labelled(600, right, rng)
            accuracy = estimate(truth, teacher, confidence, 60, rng)
            true_share = (truth == teacher).mean()
            assert accuracy.checked == 60 and accuracy.low <= accuracy.value <= accuracy.high
            assert accuracy.low < accuracy.high
            inside += accuracy.low <= true_share <= accuracy.high
            above += accuracy.value > true_share
        # 95 % of 400 is 380, standard deviation 4.4; the intervals are a little too wide.
        assert inside >= 368
        assert 150 < above < 250

    def test_chance_is_what_shuffled_labels_get_right(self):
        rng = np.random.default_rng(3)
        truth, _, confidence = labelled(4000, 0.5, rng, [0.7, 0.1, 0.1, 0.1])
        teacher = rng.choice(4, 4000, p=[0.4, 0.2, 0.2, 0.2])
        accuracy = teacher_accuracy(plane_of(truth, teacher, gold=truth, confidence=confidence))
        shuffled = np.mean([(rng.permutation(teacher) == truth).mean() for _ in range(50)])
        assert accuracy.chance == pytest.approx(shuffled, abs=0.005)
        assert accuracy.commonest == pytest.approx(0.7, abs=0.02)
        # All texts are checked, so the share is no estimate; and it is that of chance.
        assert accuracy.low == accuracy.value == accuracy.high
        assert accuracy.value == pytest.approx(accuracy.chance, abs=0.03)

    @pytest.mark.parametrize("right", [0.25, 0.3, 0.6])
    def test_a_teacher_at_chance_is_rarely_called_better(self, right):
        rng = np.random.default_rng(5)
        called = 0
        for _ in range(300):
            truth, teacher, confidence = labelled(600, right, rng)
            called += by_gold(truth, teacher, confidence, 100, rng).above_chance
        assert called <= 15 if right == 0.25 else called > (290 if right == 0.6 else 15)

    def test_a_confidence_is_a_guess_and_says_so(self):
        truth, teacher, confidence = labelled(500, 0.5, np.random.default_rng(1))
        confidence[:100] = np.nan
        accuracy = teacher_accuracy(plane_of(truth, teacher, confidence=confidence))
        assert accuracy.guess and accuracy.source == "confidence"
        assert (accuracy.low, accuracy.high, accuracy.above_chance) == (None, None, None)
        assert accuracy.value == pytest.approx(confidence[100:].mean())
        assert accuracy.chance == 0.25 and accuracy.checked == 0
        nothing = np.full(500, np.nan)
        assert teacher_accuracy(plane_of(truth, teacher, confidence=nothing)) is None

    def test_too_few_checked_texts_leave_the_guess(self):
        rng = np.random.default_rng(2)
        data = labelled(500, 0.5, rng)
        for estimate in (by_gold, by_audit, by_random_order):
            assert estimate(*data, 29, rng).guess and not estimate(*data, 30, rng).guess

    def test_people_have_no_say_where_their_labels_evaluate(self):
        truth, teacher, confidence = labelled(300, 0.5, np.random.default_rng(2))
        order = np.random.default_rng(4).permutation(300)
        audit = AuditSample(order, ["abcd"[k] for k in truth[order[:80]]], confidence[order])
        plane = plane_of(truth, teacher, human=truth, confidence=confidence)
        assert teacher_accuracy(plane, audit=audit).source == "audit"
        assert teacher_accuracy(plane).source == "random order"
        assert teacher_accuracy(plane, people=False, audit=audit).guess

    def test_texts_picked_by_people_are_no_sample(self):
        truth, teacher, confidence = labelled(300, 0.5, np.random.default_rng(2))
        last = random_order((300,))[-200:]
        human = np.full(300, -1)
        human[last] = truth[last]
        assert teacher_accuracy(plane_of(truth, teacher, human=human, confidence=confidence)).guess

    def test_an_audit_of_a_part_says_nothing_of_the_pool(self):
        truth, teacher, confidence = labelled(300, 0.5, np.random.default_rng(2))
        part = np.flatnonzero(confidence > np.median(confidence))
        audit = AuditSample(part, ["abcd"[k] for k in truth[part[:60]]], confidence[part])
        plane = plane_of(truth, teacher, confidence=confidence)
        assert teacher_accuracy(plane, audit=audit).guess

    def test_texts_in_prompts_and_excluded_ones_do_not_count(self):
        truth, _, confidence = labelled(100, 0.5, np.random.default_rng(2))
        teacher = np.where(np.arange(100) < 40, truth, (truth + 1) % 4)
        out = np.arange(100) < 20
        plane = plane_of(truth, teacher, gold=truth, excluded=out, prompts=tuple(range(20, 40)))
        accuracy = teacher_accuracy(plane)
        assert (accuracy.value, accuracy.checked) == (0.0, 60)
        assert teacher_accuracy(plane_of(truth, teacher, gold=truth)).value == 0.4

    def test_of_gold_and_audit_speaks_what_has_more_texts(self):
        truth, teacher, confidence = labelled(300, 0.5, np.random.default_rng(2))
        order = np.arange(300)
        gold = np.where(np.arange(300) < 50, truth, -1)
        plane = plane_of(truth, teacher, gold=gold, confidence=confidence)
        for answers, source in ((40, "gold"), (60, "audit")):
            audit = AuditSample(order, ["abcd"[k] for k in truth[:answers]], confidence)
            assert teacher_accuracy(plane, audit=audit).source == source
