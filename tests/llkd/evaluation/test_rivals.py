"""Which run another may be held against: the same labels, and a difference in nothing else."""

from pathlib import Path

import pytest

from llkd.config import TrainingConfig, build
from llkd.evaluation.comparison import rivals
from llkd.store import Run
from llkd.workflows.comparison_plan import PlannedRun, arm_config

LABELS = {"classes": ["a", "b"], "calibration": "none", "targets_sha256": "x"}


def run_of(number, strategy, reference=None, summary=True, **selection):
    config = build(
        TrainingConfig,
        selection={"strategy": strategy, "share": None, **selection},
        reference_run=reference,
    )
    made = {"accuracy": 0.5} if summary else None
    return Run(number, 1, 1, None, 0.0, 1.0, config, LABELS, made, "", "", False, Path("."))


def test_a_weighted_all_is_not_the_plain_one():
    mine = run_of(1, "llkd")
    weighted = run_of(3, "all", weighting="softmatch")
    assert rivals.rival_run(mine, [mine, weighted], "all") is None
    plain = run_of(2, "all", weighting="mean")  # weighs nothing: all texts have weight 1
    assert rivals.rival_run(mine, [mine, plain, weighted], "all") == plain
    soft = run_of(4, "llkd", weighting="softmatch")
    assert rivals.rival_run(soft, [soft, plain, weighted], "all") == plain
    assert rivals.rival_config(soft, "all").selection.weighting == "none"


@pytest.mark.parametrize(
    "other",
    [
        {"weighting": "none"},
        {"momentum": 0.5},
        {"half_life": 2.0},
        {"teacher_scale": 0.5},
        {"class_specific": False},
        {"class_shrinkage": 5.0},
        {"warmup_steps": 3},
    ],
)
def test_a_control_has_the_same_gate_and_weights(other):
    mine = run_of(1, "llkd")
    control = run_of(2, "teacher_then_random", reference=1)
    odd = run_of(3, "teacher_then_random", reference=1, **other)
    assert rivals.rival_run(mine, [mine, control, odd], "teacher_then_random") == control
    assert rivals.rival_run(mine, [mine, odd], "teacher_then_random") is None
    assert "teacher_then_random" in rivals.missing_controls(mine, [mine, odd])
    assert rivals.missing_controls(mine, [mine, control]) == ["random"]


def test_all_of_a_comparison_is_plain_whatever_weights_are_set():
    wanted = build(TrainingConfig, selection={"strategy": "llkd", "weighting": "softmatch"})
    weights = {
        arm: arm_config(
            wanted, PlannedRun(0, "epochs", arm, "llkd"), run_of(1, "llkd")
        ).selection.weighting
        for arm in ("llkd", "all", "teacher_then_random")
    }
    assert weights == {"llkd": "softmatch", "all": "none", "teacher_then_random": "softmatch"}
