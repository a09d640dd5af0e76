"""The run and the audit that a manifest names, also where they have other numbers by now.

A project that was unpacked or duplicated gave its runs and audits new numbers; its log says which.
Another may have the recorded number here, so what was recorded of each decides.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from llkd import curation, exporting
from llkd.config import TrainingConfig
from llkd.config.selection_rule import CertifiedRule, StandaloneRule
from llkd.exporting import provenance
from llkd.exporting.manifest_document import Manifest
from llkd.store import Project, Run, Store
from llkd.store.packing.numbers import AUDITS, RUNS
from llkd.workflows.selection import times_selected


def recorded_run(
    store: Store, project: Project, manifest: Manifest, changed: list[str]
) -> tuple[Run | None, pd.Series | None]:
    """The run and how often it trained on each row; what is another goes to ``changed``."""
    if manifest.run is None:
        return None, None
    number = int(manifest.run.id)
    runs = {run.id: run for run in store.runs.all(project.id)}
    candidates = [runs[n] for n in _numbers(store, project, RUNS, number) if n in runs]
    problems = []
    for run in candidates:
        times, problem = _times(store, manifest, run)
        if problem is None:
            return run, times
        problems.append(problem)
    changed.append((problems or [f"Run {number} is not there."])[0])
    return None, None


def recorded_rule(store: Store, project: Project, manifest: Manifest) -> StandaloneRule:
    """The rule, with the number that the audit behind it has here."""
    rule = manifest.rule
    if not isinstance(rule, CertifiedRule):
        return rule
    rules = [
        rule.model_copy(update={"audit": number})
        for number in _numbers(store, project, AUDITS, rule.audit)
    ]
    for candidate in rules:
        if not curation.lost_audit(store, project.id, candidate, manifest.certificate):
            return candidate
    return rule


def _numbers(store: Store, project: Project, table: str, number: int) -> list[int]:
    """What may be called so in a manifest: what was elsewhere, then what is here."""
    return [*store.events.former_numbers(project.id, table).get(number, []), number]


def _times(store: Store, manifest: Manifest, run: Run) -> tuple[pd.Series | None, str | None]:
    """How often the run trained on each row, or why it is not the recorded one."""
    if manifest.run is None or _settings(run.config) != _settings(manifest.run.training):
        return None, f"Run {run.id} has other settings."
    wanted = manifest.inputs.decisions_sha256
    # Manifests of before 0.4 counted what the run selected, whatever its kept student had seen.
    counts = [curation.times_trained(store, run), times_selected(store, run)]
    for times in counts:
        if provenance.times_sha256(times) == wanted:
            return times, None
    return None, f"Run {run.id} did not train on the same texts, or not as often."


def _settings(config: TrainingConfig) -> Any:
    """A run's settings to compare: those that came after it stand at their defaults in both.

    The reference run is left aside: what it decided is in the counts that are compared.
    """
    document = {**config.model_dump(mode="json"), "reference_run": None}
    return exporting.portable(document)
