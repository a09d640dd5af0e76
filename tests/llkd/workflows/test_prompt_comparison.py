"""Several ways to ask, side by side on the same judged texts."""

import json
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llkd import jobs, workflows
from llkd.config import LabelSet, Spending, TeacherConfig
from llkd.errors import ConfigError, JobCancelled, ModelError, UserError
from llkd.evaluation import confidence_metrics, intervals, metrics
from llkd.evaluation.prompt_choice import Arm, areas, recommend
from llkd.selection import signals
from llkd.store.prices import Price
from llkd.teachers.base import ScoredBatch
from llkd.workflows.prompt_comparison import MOST, candidates, draw
from tests.support.stand_in_server import completion, serving

NAMES = ["sports", "money", "weather"]
N = 150
RULES = {"sum": 0.5, "mean": 1.6, "first_token": 2.4}  # how far the right class stands out


@pytest.fixture
def gold():
    return np.random.default_rng(0).integers(0, 3, N)


@pytest.fixture
def project(store, gold):
    return make_project(store, gold)


def make_project(store, gold, known=True):
    frame = pd.DataFrame(
        {
            "id": [str(i) for i in range(len(gold))],
            "text": [f"about {NAMES[k]} {i}" for i, k in enumerate(gold)],
            "gold": [NAMES[k] if known else None for k in gold],
            "split": "pool",
        }
    )
    return store.projects.create("toy", frame, source="t", report={}, label_set=LabelSet.of(NAMES))


class Table:
    """Scores by the text's number; the better, the more the rule lets the right class stand out."""

    cut = 0

    def __init__(self, config, examples, gold, source="logprob"):
        self.config, self.examples, self.gold, self.source = config, examples, gold, source
        self.asked = []

    def describe(self):
        return {
            "kind": "table",
            "rule": self.config.verbaliser_score,
            "examples": self.examples.identity,
            "question": self.config.question,
        }

    def score(self, texts):
        for start in range(0, len(texts), 16):
            part = texts[start : start + 16]
            self.asked += part
            rows = np.array([int(text.split()[-1]) for text in part])
            noise = np.random.default_rng(5).normal(0, 1, (len(self.gold), 3))[rows]
            apart = RULES[self.config.verbaliser_score] * np.eye(3)[self.gold[rows]]
            scores = (3 * (noise + apart) + [0, 6, 0]).astype(np.float32)
            index = np.arange(start, start + len(part))
            nothing = np.full(len(part), -1)
            yield ScoredBatch(index, scores, nothing, self.source, None, 7 * len(part), len(part))

    def content_free(self):
        return np.array([[0, 6, 0]], dtype=np.float32)

    def close(self):
        self.closed = True


def run(store, project, tries, gold, made=None, source="logprob", broken=(), **options):
    """A bake-off among tables; ``made`` collects the teachers."""

    def make(config, labels, home, *, examples, meter):
        if config.verbaliser_score in broken:
            raise ModelError("The model is not there.")
        teacher = Table(config, examples, gold, source)
        if made is not None:
            made.append(teacher)
        return teacher

    def work(job):
        base = options.pop("base", TeacherConfig())
        return workflows.compare_prompts(store, project, base, tries, job, make=make, **options)

    return jobs.run(store, work, kind="t", title="t", device=None)


THREE = {"verbaliser_score": ["sum", "mean", "first_token"]}


class TestTheTable:
    def test_every_way_is_asked_about_the_same_texts_and_measured(self, store, project, gold):
        made = []
        found = run(store, project, THREE, gold, made, rows=90)
        assert len(made) == 3 and all(teacher.closed for teacher in made)
        assert len({tuple(sorted(teacher.asked)) for teacher in made}) == 1
        assert found["rows"] == len(set(made[0].asked)) == 90
        assert (found["source"], found["held_out"], found["classes"]) == ("gold", False, NAMES)
        assert [entry["name"] for entry in found["candidates"]] == [
            "as it is",
            "verbaliser score mean",
            "verbaliser score first_token",
        ]
        assert found["candidates"][1]["changes"] == {"verbaliser_score": "mean"}
        for entry in found["candidates"]:
            assert [line["calibration"] for line in entry["measures"]] == [
                "none",
                "none+temperature",
                "batch",
                "batch+temperature",
                "contextual",
                "contextual+temperature",
            ]
            assert (entry["tokens_in"], entry["tokens_out"]) == (7 * 90, 90)
            assert (entry["calls"], entry["money"], entry["cached"]) == (0, None, 0)
        json.dumps(found, allow_nan=False)

    def test_the_figures_are_those_of_the_answers(self, store, project, gold):
        found = run(store, project, {}, gold)
        teacher = Table(TeacherConfig(), type("F", (), {"identity": {}}), gold)
        texts = list(store.projects.texts(project.id)["text"])
        scores = np.concatenate([batch.scores for batch in teacher.score(texts)])
        bias = scores.mean(axis=0, dtype=np.float64)
        probabilities = signals.teacher_probabilities(scores, bias)
        label, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
        line = found["candidates"][0]["measures"][2]
        right = label == gold
        assert line["accuracy"] == pytest.approx(right.mean())
        assert [line["accuracy_low"], line["accuracy_high"]] == pytest.approx(
            intervals.wilson(int(right.sum()), N)
        )
        assert line["macro_f1"] == pytest.approx(metrics.macro_f1(label, gold, 3))
        assert line["auroc"] == pytest.approx(confidence_metrics.auroc(sure, right))
        assert line["ece"] == pytest.approx(confidence_metrics.ece(sure, right))
        assert line["aurc"] == pytest.approx(confidence_metrics.aurc(sure, right))
        assert line["nll"] == pytest.approx(signals.gold_nll(scores, bias, gold, 1.0))

    def test_a_temperature_is_fitted_on_other_texts_and_changes_no_label(
        self, store, project, gold
    ):
        lines = run(store, project, {}, gold)["candidates"][0]["measures"]
        by_name = {line["calibration"]: line for line in lines}
        for base in signals.BASES:
            plain, tempered = by_name[base], by_name[base + "+temperature"]
            assert tempered["accuracy"] == plain["accuracy"]
            assert tempered["temperature"] > 1 == plain["temperature"]
            assert tempered["nll"] < plain["nll"]  # the scores are three times too far apart
        assert by_name["batch+temperature"]["ece"] < by_name["batch"]["ece"]
        # Cross-fitted: a little worse than the one temperature fitted on all of these texts.
        whole = Table(TeacherConfig(), type("F", (), {"identity": {}}), gold)
        scores = np.concatenate([b.scores for b in whole.score([f"x {i}" for i in range(N)])])
        temperature = by_name["none+temperature"]["temperature"]
        assert by_name["none+temperature"]["nll"] > signals.gold_nll(scores, 0, gold, temperature)

    def test_confidence_without_log_probabilities_has_no_bias_to_take_off(
        self, store, project, gold
    ):
        found = run(store, project, {}, gold, source="self_consistency")
        names = [line["calibration"] for line in found["candidates"][0]["measures"]]
        assert names == ["none", "none+temperature"]

    def test_examples_never_judge_their_own_prompt(self, store, project, gold):
        made = []
        tries = {"examples": ["balanced"], "example_count": ["4", "8"], "example_source": ["gold"]}
        found = run(store, project, tries, gold, made, rows=N)
        shown = {e.row for teacher in made for e in teacher.examples.fixed}
        assert 8 <= len(shown) <= 12
        assert found["rows"] == N - len(shown)
        for teacher in made:
            assert not shown & {int(text.split()[-1]) for text in teacher.asked}

    def test_answers_are_not_paid_twice(self, store, project, gold):
        made = []
        spending = Spending(price_in=10, price_out=100)
        first = run(store, project, THREE, gold, spending=spending)
        again = run(store, project, THREE, gold, made, spending=spending)
        assert not any(teacher.asked for teacher in made)
        for one, other in zip(first["candidates"], again["candidates"], strict=True):
            assert (one["cached"], other["cached"]) == (0, N)
            assert other["texts_per_second"] is None and one["texts_per_second"] > 0
            assert one["money"] == other["money"] == pytest.approx((7 * N * 10 + N * 100) / 1e6)
            assert one["measures"] == other["measures"]
        assert first["best"] == again["best"]

    def test_one_that_asks_alike_or_cannot_be_used_is_said(self, store, project, gold):
        tries = {**THREE, "timeout": [120, 60]}  # a time-out changes no answer
        found = run(store, project, tries, gold, broken=["first_token"])
        by_name = {entry["name"]: entry for entry in found["candidates"]}
        assert by_name["timeout 60.0"]["same_as"] == 0
        assert by_name["timeout 60.0"]["measures"] == []
        lost = by_name["verbaliser score first_token"]
        assert lost["error"] == "The model is not there." and lost["measures"] == []
        assert found["best"]["tried"] == 6

    def test_with_none_left_the_error_comes_through(self, store, project, gold):
        with pytest.raises(UserError, match="No candidate could be asked. The model is not there"):
            run(store, project, THREE, gold, broken=list(RULES))

    def test_fitted_takes_part_where_it_is_in_use(self, store, project, gold):
        found = run(store, project, {}, gold, calibration="fitted")
        by_name = {m["calibration"]: m for m in found["candidates"][0]["measures"]}
        assert list(by_name)[-1] == "fitted" and found["best"]["in_use"]["calibration"] == "fitted"
        assert "with fitted calibration" in found["best"]["in_use"]["name"]
        others = [m["nll"] for name, m in by_name.items() if name in {"none", "batch"}]
        assert by_name["fitted"]["nll"] < min(others)
        few = run(store, project, {}, gold, calibration="fitted", rows=19)
        assert "fitted" not in [m["calibration"] for m in few["candidates"][0]["measures"]]

    def test_fitted_has_nothing_to_weigh_where_nothing_was_measured(self, store, project, gold):
        votes = run(store, project, {}, gold, calibration="fitted", source="self_consistency")
        names = [m["calibration"] for m in votes["candidates"][0]["measures"]]
        assert names == ["none", "none+temperature"]

    def test_what_is_in_use_is_told_or_that_of_the_labels(self, store, project, gold):
        assert run(store, project, {}, gold)["best"]["in_use"]["calibration"].startswith("batch")
        found = run(store, project, {}, gold, calibration="contextual+temperature")
        assert found["best"]["in_use"]["calibration"].startswith("contextual")
        labeling_run = store.labeling_runs.find_or_create(
            project.id,
            label_set=project.label_set,
            config=TeacherConfig(),
            fingerprint="f",
            teacher={},
            calibration="none",
        )
        store.projects.use_labelling(project.id, labeling_run.id)
        found = run(store, store.projects.get("toy"), {}, gold)
        assert found["best"]["in_use"]["calibration"].startswith("none")

    def test_it_stops_when_asked_to(self, store, project, gold):
        def work(job):
            def make(config, labels, home, *, examples, meter):
                job.stop()
                return Table(config, examples, gold)

            return workflows.compare_prompts(store, project, TeacherConfig(), THREE, job, make=make)

        with pytest.raises(JobCancelled):
            jobs.run(store, work, kind="t", title="t", device=None)

    def test_judged_texts_must_be_there(self, store, gold):
        project = make_project(store, gold, known=False)
        for row in range(9):
            store.decisions.decide(project.id, [row], "label", NAMES[gold[row]])
        with pytest.raises(
            UserError, match="at least 10 texts of the pool whose class is known.*has 9"
        ):
            run(store, project, THREE, gold)
        store.decisions.decide(project.id, [9], "label", NAMES[gold[9]])
        found = run(store, project, {}, gold)
        assert (found["rows"], found["source"]) == (10, "human")


class TestTheBudget:
    def serve(self, request, number):
        text = request["messages"][-1]["content"]
        letter = next((k for k, name in zip("ABC", NAMES, strict=True) if name in text), "A")
        return completion(letter, [(letter, -0.2), *((k, -2.0) for k in "ABC" if k != letter)])

    def run(self, store, project, served, calls, job_id=None):
        base = TeacherConfig(
            teacher="api:tiny", base_url=served.url, confidence="logprob", question="{text}"
        )
        tries = {"question": ["{text}", "Text: {text}"]}

        def work(job):
            return workflows.compare_prompts(
                store, project, base, tries, job, rows=30,
                spending=Spending(price_in=1, price_out=2, calls=calls),
            )  # fmt: skip

        return jobs.run(store, work, kind="t", title="t", device=None)

    def test_it_ends_with_what_is_known_and_sends_no_call_more(self, store, project, monkeypatch):
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-key")
        with serving(self.serve) as served:
            found = self.run(store, project, served, calls=45)
            assert len(served.requests) == 45
            first, second = found["candidates"]
            assert found["bill"]["calls"] == 45
            assert "45 calls" in found["stopped"] and second["error"] == found["stopped"]
            assert first["measures"] and not second["measures"]
            assert first["calls"] == 30
            assert first["money"] == pytest.approx(30 * (11 * 1 + 1 * 2) / 1e6)
            assert found["best"]["candidate"] == 0
            # What was paid for is not asked again: 3 without content and 9 texts, then the rest.
            again = self.run(store, project, served, calls=200)
            assert again["stopped"] is None
            assert again["candidates"][0]["cached"] == 30
            assert again["candidates"][1]["cached"] == 9
            assert again["candidates"][1]["calls"] == 21

    def test_another_model_is_paid_at_its_own_price(self, store, project, monkeypatch):
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-key")
        store.prices.set([Price("dear", 100, 200)])

        def run(spending):
            def work(job):
                base = TeacherConfig(
                    teacher="api:tiny", base_url=served.url, confidence="logprob", concurrency=1
                )
                tries = {"teacher": ["api:dear", "api:unheard"]}
                return workflows.compare_prompts(
                    store, project, base, tries, job, rows=30, spending=spending
                )

            return jobs.run(store, work, kind="t", title="t", device=None)

        with serving(self.serve) as served:
            each = 13e-6  # of the cheap one; the dear one is a hundred times that
            budget = 33 * each + 0.045
            found = run(Spending(price_in=1, price_out=2, budget=budget))
        first, dear, unheard = found["candidates"]
        assert first["money"] == pytest.approx(30 * each)
        asked = [request["body"]["model"] for request in served.requests]
        assert found["bill"]["money"] == pytest.approx((33 + 100 * asked.count("dear")) * each)
        assert found["bill"]["money"] <= budget
        assert "budget" in dear["error"] and unheard["error"].startswith("Not asked")
        with serving(self.serve) as served:
            found = run(Spending(price_in=1, price_out=2, budget=1))
        assert found["candidates"][1]["money"] == pytest.approx(30 * 100 * each)
        assert "price of 'unheard' is not known" in found["candidates"][2]["error"]
        assert {request["body"]["model"] for request in served.requests} == {"tiny", "dear"}

    def test_stopped_in_flight_it_keeps_what_was_answered(self, store, project, monkeypatch):
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-key")
        jobs_seen, base = [], {"confidence": "none", "concurrency": 4}

        def slowly(request, number):
            if number == 1:
                jobs_seen[0].stop()
            time.sleep(2.0)
            return completion(NAMES[0])

        with serving(slowly) as served:
            settings = TeacherConfig(teacher="api:tiny", base_url=served.url, **base)

            def work(job):
                jobs_seen.append(job)
                return workflows.compare_prompts(store, project, settings, {}, job, rows=30)

            with pytest.raises(JobCancelled):
                jobs.run(store, work, kind="t", title="t", device=None)
        kept = store.answers.size()[0] - 1  # one says that there are none without content
        assert kept == len(served.requests) < 30

    def test_spent_before_the_first_was_asked_in_full(self, store, project, monkeypatch):
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-key")
        with serving(self.serve) as served:
            found = self.run(store, project, served, calls=5)
        assert found["best"] is None
        assert "5 calls" in found["candidates"][0]["error"]
        assert found["candidates"][1]["error"].startswith("Not asked")


class TestCandidates:
    def test_the_base_comes_first_and_each_stands_once(self):
        base = TeacherConfig(example_count=4)
        found = candidates(base, {"examples": ["none", "nearest"], "example_count": ["8", "4"]})
        assert found[0] == base and len(found) == 4
        assert [(c.examples, c.example_count) for c in found] == [
            ("none", 4), ("none", 8), ("nearest", 8), ("nearest", 4),
        ]  # fmt: skip
        assert candidates(base, {}) == [base]

    def test_what_cannot_be_is_refused(self):
        with pytest.raises(ConfigError, match="'prompt' is none of them"):
            candidates(TeacherConfig(), {"prompt": ["x"]})
        with pytest.raises(ConfigError, match="Setting 'examples'.*'many'"):
            candidates(TeacherConfig(), {"examples": ["many"]})
        too_many = {"example_count": [str(k) for k in range(1, MOST + 2)]}
        with pytest.raises(ConfigError, match="at most 24 ways to ask.*make 25"):
            candidates(TeacherConfig(), too_many)


class TestDraw:
    def test_classes_keep_their_shares_and_rare_ones_a_row(self):
        gold = np.repeat([0, 1, 2], [700, 299, 1])
        usable = np.ones(1000, dtype=bool)
        chosen = draw(gold, usable, 100, seed=1)
        counts = np.bincount(gold[chosen])
        assert len(set(chosen)) == 100 and counts[2] == 1
        assert abs(counts[0] - 70) <= 1 and abs(counts[1] - 30) <= 1
        assert chosen.tolist() == draw(gold, usable, 100, seed=1).tolist()
        assert chosen.tolist() != draw(gold, usable, 100, seed=2).tolist()

    def test_only_usable_rows(self):
        usable = np.arange(50) % 2 == 0
        assert draw(np.zeros(50, int), usable, 10, seed=0).max() < 50
        assert not draw(np.zeros(50, int), usable, 10, seed=0).astype(int).tolist()[0] % 2
        assert draw(np.zeros(50, int), usable, 99, seed=0).tolist() == list(range(0, 50, 2))


def arm(candidate, calibration, correct, confidence=None):
    correct = np.asarray(correct, dtype=bool)
    sure = np.linspace(1, 0.5, len(correct)) if confidence is None else confidence
    return Arm(candidate, calibration, np.asarray(sure), correct)


def told(arms, names=("base", "other"), default="batch", nll=None):
    lines = {
        one.candidate: [{"calibration": c, "nll": v} for c, v in (nll or {}).items()]
        for one in arms
    }
    return recommend(arms, names, lines, default, seed=0)


class TestRecommending:
    def test_a_clear_winner_is_named_with_how_sure(self):
        worse = np.arange(200) % 2 == 0
        better = np.arange(200) % 10 != 0
        best = told([arm(0, "batch", worse), arm(1, "batch", better)])
        assert (best["candidate"], best["calibration"], best["clear"]) == (1, "batch", True)
        assert best["sure"] > 0.99
        areas = [
            confidence_metrics.aurc(np.linspace(1, 0.5, 200), right) for right in (worse, better)
        ]
        assert best["aurc"] == pytest.approx(areas[1])
        assert best["difference"] == pytest.approx(areas[0] - areas[1])
        assert 0 < best["low"] < best["difference"] < best["high"]
        assert best["sentence"] == (
            "other, with batch calibration: 90.0 % of 200 texts right against 50.0 % with the "
            "settings as they are. It is the best of the 2 tried with probability 100 %."
        )
        assert best["recommended"] == {"candidate": 1, "calibration": "batch"}

    def test_without_a_clear_one_what_is_in_use_is_kept(self):
        rng = np.random.default_rng(0)
        one, other = rng.random(60) < 0.6, rng.random(60) < 0.65
        best = told([arm(0, "batch", one), arm(1, "none", other)])
        if best["candidate"] == 0:
            best = told([arm(0, "batch", other), arm(1, "none", one)])
        assert best["candidate"] == 1 and best["clear"] is False
        assert best["low"] < 0 < best["difference"] and 0.5 < best["sure"] < 0.98
        assert best["recommended"] == {"candidate": 0, "calibration": "batch"}
        assert best["sentence"].startswith(
            "No clear winner: keep the settings as they are (base, with batch calibration, "
        )
        assert "may be chance" in best["sentence"]

    def test_of_arms_that_answer_alike_one_competes_and_what_is_in_use_stays(self):
        right = np.arange(80) % 3 != 0
        alike = [arm(0, "none", right), arm(0, "batch", right), arm(1, "batch", right)]
        best = told(alike)
        assert (best["tried"], best["alike"], best["runner_up"]) == (3, 2, None)
        assert best["recommended"] == {"candidate": 0, "calibration": "batch"}
        assert best["sentence"].endswith("right. All others answer alike.")
        worse = told([*alike, arm(1, "none", ~right)])
        assert worse["sure"] > 0.9 and worse["runner_up"]["candidate"] == 1

    def test_equals_share_the_draws(self):
        blind = np.full(10, 0.5)  # without confidence only the number of right ones counts
        one, other = np.arange(10) < 5, np.arange(10) >= 5
        best = told([arm(0, "batch", one, blind), arm(1, "batch", other, blind)])
        assert best["sure"] == pytest.approx(0.5, abs=0.05)
        assert best["difference"] == 0 and best["low"] < 0 < best["high"]
        assert best["recommended"] == {"candidate": 0, "calibration": "batch"}

    def test_the_luckiest_of_many_is_no_clear_winner(self):
        """Twenty arms of the same worth: the leader must hardly ever be called better."""
        called = naive = 0
        for seed in range(20):
            right = np.random.default_rng(1000 + seed).random((20, 200)) < 0.6
            arms = [arm(k, "batch", one) for k, one in enumerate(right)]
            best = told(arms, names=[str(k) for k in range(20)])
            called += best["clear"] and best["candidate"] != 0
            naive += best["in_use"]["low"] > 0
        assert called <= 2 < naive

    def test_order_of_confidence_counts_not_only_accuracy(self):
        right = np.arange(100) < 60
        blind = arm(0, "batch", right, np.full(100, 0.5))
        best = told([blind, arm(1, "batch", right)])
        assert best["candidate"] == 1 and best["clear"] is True

    def test_a_temperature_is_recommended_where_gold_is_likelier(self):
        right = np.arange(50) % 2 == 0
        best = told([arm(0, "batch", right)], nll={"batch": 1.2, "batch+temperature": 0.9})
        assert best["calibration"] == "batch+temperature"
        assert best["sentence"].startswith("base, with batch calibration and a temperature: 50.0 %")
        assert best["sentence"].endswith("There is nothing to compare.")
        best = told([arm(0, "batch", right)], nll={"batch": 0.8, "batch+temperature": 0.9})
        assert best["calibration"] == "batch"

    @settings(max_examples=30, deadline=None)
    @given(seed=st.integers(0, 1000), rows=st.integers(1, 40))
    def test_a_row_drawn_twice_counts_as_two_rows(self, seed, rows):
        rng = np.random.default_rng(seed)
        sure, right = rng.integers(1, 5, rows) / 5, rng.random(rows) < 0.5
        weights = rng.multinomial(rows, np.full(rows, 1 / rows), 4)
        found = areas([arm(0, "none", right, sure)], weights)[0]
        for area, weight in zip(found, weights, strict=True):
            drawn = np.repeat(np.arange(rows), weight)
            assert area == pytest.approx(confidence_metrics.aurc(sure[drawn], right[drawn]))

    def test_without_arms_there_is_nothing(self):
        assert told([]) is None
