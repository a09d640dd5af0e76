"""Which student of a project is the best: by its mean over seeds, so that luck counts less."""

from __future__ import annotations

import json
from collections.abc import Sequence

from llkd.evaluation.comparison.rivals import label_provenance
from llkd.store import Run


def best_run(runs: Sequence[Run]) -> Run:
    """The most accurate run of the most accurate way to train; of equals the earlier one.

    A way to train is what runs share but for the seed; it counts by its mean accuracy. Runs that
    held-out gold evaluates go before those that people's labels do, for these are not the same
    texts. Without any measured run the newest. ``runs``: finished ones, at least one.
    """
    measured = [run for run in runs if run.accuracy is not None]
    measured = [run for run in measured if run.config.judged_by == "gold"] or measured
    if not measured:
        return max(runs, key=lambda run: run.id)
    ways: dict[str, list[Run]] = {}
    for run in sorted(measured, key=lambda run: run.id):
        ways.setdefault(_way_to_train(run), []).append(run)
    # max() takes the first of equals, and both lists begin with the earliest.
    best = max(ways.values(), key=lambda group: sum(map(_accuracy, group)) / len(group))
    return max(best, key=_accuracy)


def _accuracy(run: Run) -> float:
    return run.accuracy or 0.0


def _way_to_train(run: Run) -> str:
    """The settings and labels of a run without its seed, as text."""
    settings = run.config.model_dump(mode="json", exclude={"seed", "checkpoint_seconds"})
    matched = settings.pop("reference_run") is not None
    facts = [settings, matched, dict(label_provenance(run))]
    return json.dumps(facts, sort_keys=True, default=str)
