"""Student-first labelling over a real store: who is asked when, what is kept, what is measured."""

import numpy as np
import pandas as pd
import pytest

from llkd import curation, jobs
from llkd.config import LabelSet, OrderConfig, TeacherConfig
from llkd.curation.probe import fit_probe
from llkd.errors import BudgetSpent, JobCancelled
from llkd.labeling import active_learning
from llkd.selection import signals
from llkd.store import Scores

POOL, HELD_OUT, CLASSES = 240, 60, 3
N = POOL + HELD_OUT


class Killed(BaseException):
    """As if the process ended: nothing in the code under test may act on it."""


class Teacher:
    """Writes scripted answers as parts, eight rows at a time; may break off after so many."""

    def __init__(self, store, labeling_run, label, breaks_after=None, error=None):
        self.store, self.labeling_run, self.label = store, labeling_run, label
        self.asked, self.breaks_after, self.error = [], breaks_after, error

    def __call__(self, rows):
        for start in range(0, len(rows), 8):
            if self.breaks_after is not None and len(self.asked) >= self.breaks_after:
                raise self.error
            part = np.asarray(rows[start : start + 8])
            self.asked += part.tolist()
            known = self.label[part] >= 0
            scores = np.full((len(part), CLASSES), -3.0, dtype=np.float32)
            scores[np.arange(len(part))[known], self.label[part][known]] = -0.1
            scores[~known] = np.nan
            self.store.labeling_runs.append(
                self.labeling_run,
                Scores(
                    part,
                    scores,
                    np.full(len(part), -1),
                    np.full(len(part), "logprob", object),
                    np.full(len(part), None, object),
                ),
            )


@pytest.fixture
def world():
    """Unit vectors around one direction per class, some of them between two; and their class."""
    rng = np.random.default_rng(4)
    label = rng.integers(0, CLASSES, N)
    points = np.eye(12)[label] + rng.normal(0, 0.28, (N, 12))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), label


def make(store, label, gold=True):
    names = [f"class {k}" for k in range(CLASSES)]
    # Held-out rows stand among the others, not at the end.
    held_out = np.arange(N) % 5 == 0
    frame = pd.DataFrame(
        {
            "id": [f"t{i}" for i in range(N)],
            "text": [f"text {i}" for i in range(N)],
            "gold": [names[k] if gold and held_out[i] else None for i, k in enumerate(label)],
            "split": np.where(held_out, "eval", "pool"),
        }
    )
    labels = LabelSet.of(names)
    project = store.projects.create("toy", frame, source="toy", report={}, label_set=labels)
    labeling_run = store.labeling_runs.find_or_create(
        project.id,
        label_set=labels,
        config=TeacherConfig(),
        fingerprint="f",
        teacher={"model": "scripted"},
        calibration="none",
    )
    return project, labeling_run, ~held_out


def go(store, project, labeling_run, points, teacher, limit=None, **order):
    settings = OrderConfig(order="need", **{"rounds": 4, "explore": 0.25, **order})

    def work(job):
        active_learning.label_in_rounds(
            store,
            project,
            labeling_run,
            job,
            limit=limit,
            order=settings,
            label_rows=teacher,
            embeddings=points,
        )
        return {}

    jobs.run(store, work, kind="t", title="t", device=None)


def curve(store, labeling_run):
    return store.labeling_runs.get(labeling_run.id).rounds


def test_without_a_limit_every_pool_text_is_asked_once_and_no_held_out_one(store, world):
    points, label = world
    project, labeling_run, pool = make(store, label)
    teacher = Teacher(store, labeling_run, label)
    go(store, project, labeling_run, points, teacher)
    assert sorted(teacher.asked) == np.flatnonzero(pool).tolist()
    last = curve(store, labeling_run)[-1]
    assert last["labelled"] == last["random_labelled"] == POOL
    assert last["accuracy"] == last["random_accuracy"]


def test_rounds_grow_up_to_the_limit(store, world):
    assert active_learning.schedule(400, 8, 4) == [32, 46, 66, 94, 136, 194, 279, 400]
    assert active_learning.schedule(10, 8, 4) == [10]
    assert active_learning.schedule(0, 8, 4) == []
    points, label = world
    project, labeling_run, _ = make(store, label)
    teacher = Teacher(store, labeling_run, label)
    go(store, project, labeling_run, points, teacher, limit=100)
    assert [one["labelled"] for one in curve(store, labeling_run)] == active_learning.schedule(
        100, 4, CLASSES
    )
    assert len(teacher.asked) == 100


def test_a_round_takes_the_smallest_margins_and_its_exact_share_at_random(store, world):
    points, label = world
    project, labeling_run, pool = make(store, label)
    teacher = Teacher(store, labeling_run, label)
    go(store, project, labeling_run, points, teacher, limit=100)
    plans = active_learning.planned(store, labeling_run)
    assert plans[0].at_random.all()
    asked = np.empty(0, np.int64)
    for plan in plans:
        if plan.number > 1:
            assert plan.at_random.sum() == round(0.25 * len(plan.rows))
            model = fit_probe(points[asked], label[asked], CLASSES)
            margin = signals.margin(model.probabilities(points))
            taken = np.isin(np.arange(N), np.concatenate([asked, plan.rows]))
            assert margin[plan.rows[~plan.at_random]].max() <= margin[pool & ~taken].min()
        asked = np.concatenate([asked, plan.rows])
    assert [one["drawn_at_random"] for one in curve(store, labeling_run)] == [
        plan.at_random.sum() for plan in plans
    ]


def test_killed_in_the_middle_of_a_round_it_keeps_to_the_plan(store, world):
    points, label = world
    project, labeling_run, _ = make(store, label)
    first = Teacher(store, labeling_run, label, breaks_after=48, error=Killed())
    with pytest.raises(Killed):
        go(store, project, labeling_run, points, first, limit=100)
    before = active_learning.planned(store, labeling_run)
    assert len(curve(store, labeling_run)) == len(before) - 1
    second = Teacher(store, labeling_run, label)
    go(store, project, labeling_run, points, second, limit=100)
    after = active_learning.planned(store, labeling_run)
    for old, new in zip(before, after, strict=False):
        assert np.array_equal(old.rows, new.rows) and np.array_equal(old.at_random, new.at_random)
    assert not set(first.asked) & set(second.asked)
    assert len(first.asked) + len(second.asked) == 100
    # The same as in one go: plans, and what they were worth.
    broken = curve(store, labeling_run)
    store.projects.delete(project.id)
    project, labeling_run, _ = make(store, label)
    whole = Teacher(store, labeling_run, label)
    go(store, project, labeling_run, points, whole, limit=100)
    assert sorted(whole.asked) == sorted(first.asked + second.asked)
    assert curve(store, labeling_run) == broken


@pytest.mark.parametrize("error", [BudgetSpent("spent"), JobCancelled("stopped")])
def test_a_stop_keeps_the_curve_so_far_and_goes_on_to_the_caller(store, world, error):
    points, label = world
    project, labeling_run, _ = make(store, label)
    broken = Teacher(store, labeling_run, label, breaks_after=48, error=error)
    with pytest.raises(type(error)):
        go(store, project, labeling_run, points, broken, limit=100)
    found = curve(store, labeling_run)
    assert found[-2]["labelled"] < found[-1]["labelled"] == len(broken.asked) < 62
    # A broken round adds nothing to the random sample.
    assert found[-1]["random_labelled"] == found[-2]["random_labelled"]
    go(store, project, labeling_run, points, Teacher(store, labeling_run, label), limit=100)
    assert [one["round"] for one in curve(store, labeling_run)] == [1, 2, 3, 4]
    assert curve(store, labeling_run)[-1]["labelled"] == 100


def test_the_curve_says_what_the_probes_reach(store, world):
    points, label = world
    noisy = np.where(np.arange(N) % 7 == 1, (label + 1) % CLASSES, label)
    project, labeling_run, pool = make(store, label)
    go(store, project, labeling_run, points, Teacher(store, labeling_run, noisy), limit=90)
    plans = active_learning.planned(store, labeling_run)
    asked = np.concatenate([plan.rows for plan in plans])
    last = curve(store, labeling_run)[-1]
    on = np.flatnonzero(~pool)
    sample = np.random.default_rng(0).permutation(N)
    sample = sample[pool[sample]][: plans[-1].shuffled]

    def accuracy(rows):
        model = fit_probe(points[np.sort(rows)], noisy[np.sort(rows)], CLASSES)
        return (model.probabilities(points[on]).argmax(axis=1) == label[on]).mean()

    assert last["accuracy"] == pytest.approx(accuracy(asked))
    assert last["random_accuracy"] == pytest.approx(accuracy(sample))
    assert last["measured_on"] == HELD_OUT
    # The sample is the fixed shuffle's beginning: all of it labelled, and more than were drawn.
    assert np.isin(sample, asked).all()
    drawn = sum(int(plan.at_random.sum()) for plan in plans)
    assert drawn <= last["random_labelled"] == len(sample) < 90
    assert 0 < last["agreement"] < 1 and 0 < last["random_agreement"] < 1


def test_without_gold_agreement_is_measured_on_the_random_sample_alone(store, world):
    points, label = world
    project, labeling_run, _ = make(store, label, gold=False)
    go(store, project, labeling_run, points, Teacher(store, labeling_run, label), limit=90)
    for one in curve(store, labeling_run):
        assert one["accuracy"] is None and one["random_accuracy"] is None
        assert one["measured_on"] == one["random_labelled"]
        assert one["agreement"] > 0.5


def test_what_an_earlier_random_pass_labelled_counts_and_is_not_asked_again(store, world):
    points, label = world
    project, labeling_run, pool = make(store, label)
    early = np.random.default_rng(0).permutation(N)[:70]
    Teacher(store, labeling_run, label)(early)
    teacher = Teacher(store, labeling_run, label)
    go(store, project, labeling_run, points, teacher, limit=100)
    assert not set(teacher.asked) & set(early.tolist())
    assert len(teacher.asked) == 100 - pool[early].sum()
    plan = active_learning.planned(store, labeling_run)[0]
    assert not plan.at_random.all()
    assert curve(store, labeling_run)[0]["random_labelled"] >= pool[early].sum()


def test_a_higher_limit_goes_on_with_further_rounds(store, world):
    points, label = world
    project, labeling_run, _ = make(store, label)
    teacher = Teacher(store, labeling_run, label)
    go(store, project, labeling_run, points, teacher, limit=60)
    before = len(curve(store, labeling_run))
    go(store, project, labeling_run, points, teacher, limit=120)
    assert len(set(teacher.asked)) == len(teacher.asked) == 120
    numbers = [one["round"] for one in curve(store, labeling_run)]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) > before


def test_a_lower_limit_ends_a_broken_round_early(store, world):
    points, label = world
    project, labeling_run, _ = make(store, label)
    broken = Teacher(store, labeling_run, label, breaks_after=64, error=Killed())
    with pytest.raises(Killed):
        go(store, project, labeling_run, points, broken, limit=200)
    teacher = Teacher(store, labeling_run, label)
    go(store, project, labeling_run, points, teacher, limit=70)
    assert len(broken.asked) + len(teacher.asked) == 70


def test_one_class_so_far_or_unusable_answers_are_met_by_drawing_at_random(store, world):
    points, label = world
    project, labeling_run, _ = make(store, label)
    same = np.where(np.arange(N) % 2, -1, 0)
    teacher = Teacher(store, labeling_run, same)
    go(store, project, labeling_run, points, teacher, limit=80)
    assert all(plan.at_random.all() for plan in active_learning.planned(store, labeling_run))
    assert len(teacher.asked) == 80
    for one in curve(store, labeling_run):
        assert one["accuracy"] is None and one["agreement"] is None and one["measured_on"] == 0


def test_without_exploring_only_the_first_round_is_random(store, world):
    points, label = world
    project, labeling_run, _ = make(store, label)
    go(
        store,
        project,
        labeling_run,
        points,
        Teacher(store, labeling_run, label),
        limit=90,
        explore=0.0,
    )
    assert [
        bool(plan.at_random.any()) for plan in active_learning.planned(store, labeling_run)
    ] == [
        True,
        False,
        False,
        False,
    ]


def test_the_mean_of_batch_calibration_is_that_of_the_random_sample(store, world):
    points, label = world
    project, labeling_run, _ = make(store, label)
    store.labeling_runs.set_calibration(labeling_run.id, "batch")
    go(store, project, labeling_run, points, Teacher(store, labeling_run, label), limit=100)
    labeling_run = store.labeling_runs.get(labeling_run.id)
    evidence = store.labeling_runs.scores(labeling_run)
    sample = curation.random_sample(store, labeling_run)
    drawn = np.isin(evidence.row, sample)
    assert 0 < drawn.sum() < 100
    found = curation.teacher_labels(store, labeling_run).bias
    np.testing.assert_allclose(found, evidence.scores[drawn].mean(axis=0), rtol=1e-6)
    assert not np.allclose(found, evidence.scores.mean(axis=0))
