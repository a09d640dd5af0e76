"""Which texts a selection rule keeps: on a plane, and read anew from a store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from llkd.config import Calibration
from llkd.config.selection_rule import (
    CertifiedRule,
    RowsRule,
    SavedRule,
    StandaloneRule,
    ThresholdRule,
    TrainedOnRule,
)
from llkd.curation.certified import audit_of, certified_rows
from llkd.curation.labels import not_refined, quoted
from llkd.curation.plane import Plane, load_plane, signal_source, with_decisions
from llkd.curation.run_selection import times_trained
from llkd.curation.thresholds import kept_rows
from llkd.errors import UserError
from llkd.selection import signals
from llkd.store import Project, Run, Store


@dataclass(frozen=True)
class KeptTexts:
    """A plane and the mask ``[n]`` of its rows that ``rule`` keeps.

    ``rule`` has the keys of today's classes, and the run that really gives the signals;
    ``saved_as`` is the name of the saved selection that it came from, ``run`` the run it names.
    """

    plane: Plane
    mask: np.ndarray
    rule: StandaloneRule
    saved_as: str | None
    run: Run | None

    @property
    def rows(self) -> np.ndarray:
        """The kept rows' numbers in the project."""
        return np.asarray(self.plane.frame["row"].to_numpy()[self.mask])

    def document(self) -> dict[str, Any]:
        """The rule as a manifest and the command line's JSON say it."""
        return {
            **self.rule.model_dump(mode="json"),
            "information_need": self.plane.need_source,
            "selection": self.saved_as,
        }


def rows_kept_by(
    plane: Plane,
    rule: StandaloneRule,
    times_trained_on: pd.Series | None = None,
    certified: np.ndarray | None = None,
) -> np.ndarray:
    """Which rows of the plane a rule keeps, a mask ``[n]``.

    ``times_trained_on`` is how often its run trained on each row, indexed by row; only a
    :class:`TrainedOnRule` needs it. ``certified`` are the rows of the set that a
    :class:`CertifiedRule` names (``certified_rows``). What a person excluded is never kept.
    """
    if isinstance(rule, ThresholdRule):
        return kept_rows(plane, rule.teacher_threshold, rule.student_threshold)
    if isinstance(rule, RowsRule):
        wanted = np.asarray(rule.rows, dtype=np.int64)
    elif isinstance(rule, CertifiedRule):
        wanted = np.zeros(0, dtype=np.int64) if certified is None else certified
    elif times_trained_on is None:
        wanted = np.zeros(0, dtype=np.int64)
    else:
        often = times_trained_on.to_numpy() >= rule.least_times
        wanted = times_trained_on.index.to_numpy()[often]
    excluded = plane.frame["excluded"].to_numpy()
    return np.asarray(plane.frame["row"].isin(wanted).to_numpy() & ~excluded)


def apply_rule(
    store: Store,
    project: Project,
    rule: StandaloneRule | SavedRule,
    moment: float | None = None,
) -> KeptTexts:
    """What a rule keeps by today's labels and signals, with people's decisions of ``moment``.

    Thresholds may be under names of classes. A saved selection whose run is gone takes the need of
    the quick estimate. Raises NotFound for a run or saved selection that is not there, UserError
    for a run without results, for a student threshold while no text has an information need, and
    where labels are to be refined and their nearest texts are not looked for yet.
    """
    saved_as = None
    if isinstance(rule, SavedRule):
        saved_as, moment = rule.name, moment if rule.moment is None else rule.moment
        rule = store.selections.get(project.id, rule.name).rule
        run, epoch = _saved_source(store, project, rule)
    else:
        run, epoch = _named_source(store, project, rule)
    calibration = calibration_of(store, project, rule)
    plane = load_plane(store, project, calibration=calibration, run=run, epoch=epoch)
    if signals.is_refined(plane.calibration) and plane.refinement is None:
        raise UserError(not_refined(project))
    if moment is not None:
        plane = with_decisions(plane, store.decisions.current(project.id, moment))
    times, certified = None, None
    if isinstance(rule, TrainedOnRule):
        times = None if run is None else times_trained(store, run)
    elif isinstance(rule, CertifiedRule):
        certified = certified_rows(store, plane, rule)
    else:
        rule = rule.model_copy(update={"run": None if run is None else run.id, "epoch": epoch})
    if isinstance(rule, ThresholdRule):
        rule = rule.under_keys(plane.classes)
        if saved_as is not None:
            rule = rule.without_lost_classes(plane.classes)
        if rule.student_threshold and plane.student_probabilities is None:
            raise UserError(
                "A student threshold needs the information need of each text, which is not there "
                f"yet. Make it with: llkd probe {quoted(project.name)}"
            )
    return KeptTexts(plane, rows_kept_by(plane, rule, times, certified), rule, saved_as, run)


def calibration_of(store: Store, project: Project, rule: StandaloneRule) -> Calibration | None:
    """The calibration that a rule names, or that its audit froze; None: that of the labels."""
    if isinstance(rule, CertifiedRule):
        return audit_of(store, project.id, rule).calibration
    return rule.calibration


def source_of_audit(
    store: Store, project: Project, rule: CertifiedRule
) -> tuple[Run | None, int | None]:
    """The run and epoch that gave the signals when the audit began; None where they are gone."""
    base = audit_of(store, project.id, rule).rule
    epoch = base.epoch if isinstance(base, ThresholdRule | RowsRule) else None
    run, epoch = signal_source(store, project, base.run, epoch)
    if run is not None:
        _check_results(store, run)
    return run, epoch


def _saved_source(
    store: Store, project: Project, rule: StandaloneRule
) -> tuple[Run | None, int | None]:
    """The run and epoch behind a saved selection; None where they were deleted since."""
    if isinstance(rule, CertifiedRule):
        return source_of_audit(store, project, rule)
    if isinstance(rule, TrainedOnRule):
        return _named_source(store, project, rule)
    run, epoch = signal_source(store, project, rule.run, rule.epoch)
    if run is not None:
        _check_results(store, run)
    return run, epoch


def _named_source(
    store: Store, project: Project, rule: StandaloneRule
) -> tuple[Run | None, int | None]:
    """The run and epoch that a rule names. Raises NotFound, or UserError without results."""
    if isinstance(rule, CertifiedRule):
        return source_of_audit(store, project, rule)
    if rule.run is None:
        return None, None
    run = store.runs.get(rule.run, project.id)
    _check_results(store, run)
    epoch = None if isinstance(rule, TrainedOnRule) else rule.epoch
    epochs = store.runs.epochs(run)
    if epoch is not None and epoch not in epochs:
        raise UserError(
            f"Run {run.id} kept no signals of epoch {epoch}; there are those of "
            f"{', '.join(map(str, epochs)) or 'none'}."
        )
    return run, epoch


def _check_results(store: Store, run: Run) -> None:
    if run.summary is None and not store.runs.epochs(run):
        raise UserError(f"Run {run.id} has no results yet. Wait for its first epoch, or resume it.")
