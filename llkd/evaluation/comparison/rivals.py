"""Which runs may be held against one another: same labels and settings, other selection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llkd.config import SelectionConfig, TrainingConfig, build
from llkd.evaluation.comparison.arms import CONTROLS
from llkd.selection.registry import EVERYTHING, takes
from llkd.store import Run


def same_settings_except(first: Run, second: Run, *names: str) -> bool:
    """Whether two runs had the same labels and settings, but for the selection and ``names``."""
    ignored = (*names, "selection", "reference_run", "checkpoint_seconds")
    settings = [
        {k: v for k, v in run.config.model_dump(mode="json").items() if k not in ignored}
        for run in (first, second)
    ]
    return settings[0] == settings[1] and label_provenance(first) == label_provenance(second)


def label_provenance(run: Run) -> Mapping[str, Any]:
    """What the pseudo-labels of a run were derived from."""
    names = ("calibration", "bias", "human_labels", "targets_sha256")
    facts = {name: run.labels.get(name) for name in names}
    facts["classes"] = run.classes.keys  # not the names: they may have changed in between
    # Runs made before there were temperatures had none, which is 1.
    temperature = run.labels.get("temperature", 1.0)
    return {"labelling": run.labelling_id, **facts, "temperature": temperature}


def rival_run(run: Run, runs: Sequence[Run], rival: str) -> Run | None:
    """The newest finished run of that strategy that this one may be held against.

    Same labels, settings and seed; a control must draw as many texts in each step as this run, by
    the same gate and weights. ``all`` is the plain one: its texts all weigh the same.
    """
    settings = _decisive(rival_config(run, rival).selection)
    for other in reversed(runs):
        if other.config.selection.strategy != rival or other.summary is None:
            continue
        if rival in CONTROLS and other.config.reference_run != run.id:
            continue
        if same_settings_except(run, other) and _decisive(other.config.selection) == settings:
            return other
    return None


_GATE = (
    "momentum",
    "half_life",
    "teacher_scale",
    "class_specific",
    "class_shrinkage",
    "weighting",
    "target_rate",
)


def _decisive(selection: SelectionConfig) -> dict[str, Any]:
    """The settings of a rival that change what it trains on or how much that weighs."""
    values = selection.model_dump()
    weighted = "softmatch" if selection.weighting == "softmatch" else "none"
    if selection.strategy == EVERYTHING:
        return {"weights": weighted}
    facts = {"warmup_steps": selection.warmup_steps}
    if takes(selection, "moving_thresholds"):
        facts |= {name: values[name] for name in _GATE}
    return facts


def missing_controls(run: Run, runs: Sequence[Run]) -> list[str]:
    """The controls that no run of the project, finished or not, provides for this run."""
    provided = {
        other.config.selection.strategy
        for other in runs
        if other.config.reference_run == run.id
        and other.config.selection.strategy in CONTROLS
        and same_settings_except(run, other)
        and _decisive(other.config.selection)
        == _decisive(rival_config(run, other.config.selection.strategy).selection)
    }
    return [name for name in CONTROLS if name not in provided]


def rival_config(run: Run, rival: str) -> TrainingConfig:
    """The settings of a rival to ``run``: the same but for the selection."""
    settings = run.config.model_dump()
    settings["selection"] = {**settings["selection"], "strategy": rival, "share": None}
    if rival == EVERYTHING and settings["selection"]["weighting"] == "softmatch":
        settings["selection"]["weighting"] = "none"  # weights would be a choice of their own
    settings["reference_run"] = run.id if rival in CONTROLS else None
    return build(TrainingConfig, settings)


def runs_by_seed(run: Run, runs: Sequence[Run]) -> list[Run]:
    """Finished runs that differ from ``run`` in nothing but the seed, one a seed (the newest)."""
    by_seed: dict[int, Run] = {}
    matched = run.config.reference_run is not None
    for other in runs:
        same = same_settings_except(run, other, "seed")
        same = same and matched == (other.config.reference_run is not None)
        if other.summary is not None and same and other.config.selection == run.config.selection:
            by_seed[other.config.seed] = other
    by_seed[run.config.seed] = run
    return [by_seed[seed] for seed in sorted(by_seed)]
