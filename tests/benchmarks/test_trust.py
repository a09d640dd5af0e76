"""The experimental strategy: its fit, what its targets come from, what it prefers."""

import json

import numpy as np
import pytest

from benchmarks.failed_strategies.regression import fit_logistic, probability
from benchmarks.failed_strategies.trust import AuditedInputs, Trust
from llkd.selection.inputs import StrategyInputs, prepared

NAMES = ["a", "b", "c"]


def pool(n=4000, seed=0):
    """Labels of a teacher that is right in 70 %, surer where right; a probe and a student that
    lean to the truth. Returns teacher, student, probe, all [n, 3], and whether the label is right.
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    right = rng.random(n) < 0.7
    label = np.where(right, truth, (truth + 1) % 3)

    def leaning(to, strength):
        logits = rng.normal(0, 1, (n, 3))
        logits[np.arange(n), to] += strength
        return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)

    sure = np.where(right, rng.uniform(0.5, 0.99, n), rng.uniform(0.4, 0.9, n))
    teacher = np.empty((n, 3))
    teacher[:] = ((1 - sure) / 2)[:, None]
    teacher[np.arange(n), label] = sure
    return teacher, leaning(truth, 1.5), leaning(truth, 2.0), right


def chosen(values, inputs, teacher, student, batch=32):
    strategy = prepared(Trust(len(NAMES), 0.2, **values), inputs)
    selected = np.zeros(len(teacher), dtype=bool)
    for start in range(0, len(teacher), batch):
        at = np.arange(start, min(start + batch, len(teacher)))
        strategy, result = strategy.step(teacher[at], student[at], positions=at)
        selected[at] = result.selected
    return strategy, selected


def test_the_fit_is_that_of_the_usual_library():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (500, 4))
    y = (x @ [1.0, -2.0, 0.5, 0.0] + rng.logistic(0, 1, 500) > 0.3).astype(float)
    theirs = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000).fit(x, y)
    ours = fit_logistic(x, y, np.ones(4))
    assert ours == pytest.approx(np.r_[theirs.intercept_, theirs.coef_[0]], abs=2e-3)
    assert probability(x, ours) == pytest.approx(theirs.predict_proba(x)[:, 1], abs=1e-3)


def test_a_separable_fit_stays_finite():
    x = np.linspace(-1, 1, 40)[:, None] * 1e3
    found = fit_logistic(x, (x[:, 0] > 0).astype(float), np.array([1.0]))
    assert np.isfinite(found).all()
    assert (probability(x, found) > 0.5).tolist() == (x[:, 0] > 0).tolist()


def test_cross_fitted_signals_make_for_righter_labels_than_the_loss_alone():
    teacher, student, probe, right = pool()
    _, trusted = chosen({}, StrategyInputs(teacher, probe), teacher, student)
    _, blind = chosen({}, StrategyInputs(teacher), teacher, student)
    loss = -np.log(student[np.arange(len(teacher)), teacher.argmax(axis=1)])
    late = np.arange(len(teacher)) > 640
    assert trusted[late].mean() == pytest.approx(0.2, abs=0.03)
    assert right[trusted & late].mean() > right[blind & late].mean() + 0.1
    hardest = loss >= np.quantile(loss, 0.8)
    assert right[trusted & late].mean() > right[hardest].mean() + 0.25


def test_it_can_be_varied():
    teacher, student, probe, right = pool()
    found = {}
    for score in ("learning", "right", "need"):
        for source in ("student", "probe", "both"):
            _, selected = chosen(
                {"score": score, "source": source},
                StrategyInputs(teacher, probe), teacher, student,
            )  # fmt: skip
            found[score, source] = selected
    assert len({selected.tobytes() for selected in found.values()}) == 9
    assert right[found["right", "student"]].mean() > right[found["learning", "student"]].mean()
    assert right[found["right", "probe"]].mean() > 0.9


def test_a_higher_power_takes_righter_labels():
    teacher, student, probe, right = pool()
    shares = []
    for power in (0.0, 1.0, 3.0):
        _, selected = chosen({"power": power}, StrategyInputs(teacher, probe), teacher, student)
        shares.append(right[selected].mean())
    assert shares[0] + 0.1 < shares[1] < shares[2] - 0.1


def test_checked_labels_are_what_it_is_fitted_to_where_there_are_enough():
    teacher, student, probe, right = pool()
    rng = np.random.default_rng(5)
    audited = np.full(len(teacher), -1)
    audited[rng.choice(len(teacher), 200, replace=False)] = 1
    audited = np.where(audited == 1, right.astype(int), -1)
    strategy, selected = chosen(
        {"score": "right"}, AuditedInputs(teacher, probe, audited=audited), teacher, student
    )
    assert right[selected].mean() > 0.93
    # Calibrated: of the labels it gives 80 % about 80 % are right.
    for low, high in ((0.3, 0.6), (0.6, 0.9), (0.9, 1.0)):
        band = (strategy.audited >= low) & (strategy.audited < high)
        assert right[band].mean() == pytest.approx(strategy.audited[band].mean(), abs=0.08)
    few = np.where(np.cumsum(audited >= 0) <= 10, audited, -1)
    told = prepared(
        Trust(len(NAMES), 0.2),
        AuditedInputs(teacher, probe, audited=few),
    )
    assert told.audited is None


def test_without_any_other_view_the_teachers_confidence_counts():
    teacher, student, _, _ = pool(64)
    bare = Trust(len(NAMES), 0.2, score="right")
    _, result = bare.step(teacher, student)
    assert (
        result.selected.tolist()
        == (result.confidence >= np.quantile(result.confidence, 0.8)).tolist()
    )


def test_rows_without_a_probe_get_by():
    teacher, student, probe, _ = pool(640)
    probe[::3] = np.nan
    strategy, selected = chosen({}, StrategyInputs(teacher, probe), teacher, student)
    assert strategy.coefficients is not None and selected.any()


def test_weights_may_follow_how_likely_the_label_is_right():
    teacher, student, probe, _ = pool(640)
    strategy, _ = chosen({"weighting": "right"}, StrategyInputs(teacher, probe), teacher, student)
    _, result = strategy.step(teacher[:32], student[:32], positions=np.arange(32))
    assert result.weight[result.selected].mean() == pytest.approx(1.0)
    assert len(set(result.weight[result.selected])) > 1


def test_its_state_survives_a_checkpoint_with_a_fit_in_it():
    teacher, student, probe, _ = pool(640)
    inputs = StrategyInputs(teacher, probe)
    strategy, _ = chosen({}, inputs, teacher, student)
    fresh = prepared(Trust(len(NAMES), 0.2), inputs)
    again = fresh.restored(json.loads(json.dumps(strategy.state())))
    at = np.arange(64)
    for _ in range(7):
        strategy, one = strategy.step(teacher[at], student[at], positions=at)
        again, two = again.step(teacher[at], student[at], positions=at)
        assert one.selected.tolist() == two.selected.tolist()
    assert strategy.state() == again.state()
