"""The rule that a person looks at on Curate: two thresholds and where the signals come from.

Kept by session and project and written to the address; Train and Export read it from here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from llkd import curation
from llkd.config import LabelSet
from llkd.config.selection_rule import (
    ADDRESS,
    CertifiedRule,
    StandaloneRule,
    Threshold,
    ThresholdRule,
    TrainedOnRule,
    from_address,
    rule_on_grid,
    simplest,
    to_address,
)
from llkd.store import Project, Run, Store
from ui.shell import reads

STEP = 0.0001
_VIEWS = "_curate_view_"


def in_use(project: Project, classes: LabelSet) -> ThresholdRule:
    """The view of this session: what was set last, else what the address says.

    The address speaks of the project it was opened with, and of none that is chosen afterwards.
    """
    rule: ThresholdRule | None = st.session_state.get(key(project))
    if rule is None:
        is_first = not any(str(name).startswith(_VIEWS) for name in st.session_state)
        parts = {name: st.query_params.get(name, "") if is_first else "" for name in ADDRESS}
        rule = from_address(parts, classes)
        st.session_state[key(project)] = rule
    return rule.of_classes(classes)


def use(project: Project, view: ThresholdRule) -> None:
    """Make ``view`` the one in use."""
    st.session_state[key(project)] = view


def show_in_address(view: ThresholdRule) -> None:
    """Let the address say what is looked at, so that a link reproduces it."""
    wanted = to_address(view)
    for name in ADDRESS:
        if name in wanted and st.query_params.get(name) != wanted[name]:
            st.query_params[name] = wanted[name]
        elif name not in wanted and name in st.query_params:
            del st.query_params[name]


def run_of(store: Store, project: Project, rule: ThresholdRule) -> tuple[ThresholdRule, Run | None]:
    """The run that the rule names; a run or epoch that is not there falls back to the probe."""
    run, epoch = curation.signal_source(store, project, rule.run, rule.epoch)
    shown = {"run": None if run is None else run.id, "epoch": epoch}
    return rule.model_copy(update=shown), run


def changed(rule: ThresholdRule, **values: object) -> ThresholdRule:
    """The rule with these fields set, which are known to be good."""
    return rule.model_copy(update=values)


def as_saved(rule: ThresholdRule, plane: curation.Plane) -> ThresholdRule:
    """The rule to save: with the calibration that is really in use, which may change later."""
    return changed(rule, calibration=plane.calibration)


def applied(
    store: Store, project: Project, rule: StandaloneRule
) -> tuple[curation.Plane, np.ndarray, StandaloneRule, Run | None]:
    """What a rule keeps, on the plane that all sessions share: plane, mask ``[n]``, rule and run.

    The rule comes back on the plane's grid, and with the run that is really there.
    """
    times: pd.Series | None = None
    certified: np.ndarray | None = None
    run: Run | None
    if isinstance(rule, TrainedOnRule):
        run = store.runs.get(rule.run, project.id)
        plane = reads.plane(store, project, calibration=rule.calibration, run=run)
        times = _times_trained(str(store.home.root), run.id, run.finished, store, run)
    elif isinstance(rule, CertifiedRule):
        run, epoch = curation.source_of_audit(store, project, rule)
        calibration = curation.calibration_of(store, project, rule)
        plane = reads.plane(store, project, calibration=calibration, run=run, epoch=epoch)
        certified = curation.certified_rows(store, plane, rule)
    else:
        run, epoch = curation.signal_source(store, project, rule.run, rule.epoch)
        rule = rule.model_copy(update={"run": None if run is None else run.id, "epoch": epoch})
        plane = reads.plane(store, project, calibration=rule.calibration, run=run, epoch=rule.epoch)
    if isinstance(rule, ThresholdRule):
        rule = rule_on_grid(rule, plane.classes)
    return plane, curation.rows_kept_by(plane, rule, times, certified), rule, run


@st.cache_resource(show_spinner="Reading what the run trained on …", max_entries=16)
def _times_trained(
    home: str, run_id: int, finished: float | None, _store: Store, _run: Run
) -> pd.Series:
    return curation.times_trained(_store, _run)


def value_of(threshold: Threshold, key: str | None) -> float:
    """The threshold of a class; without a class the one all share, or the largest."""
    if isinstance(threshold, Mapping):
        if key is not None:
            return threshold.get(key, 0.0)
        return max(threshold.values(), default=0.0)
    return threshold


def rounded(value: float) -> float:
    """To four decimals, downwards, so that a rounded threshold drops no row; on the grid.

    A threshold above 0 stays above 0: 0 means that everything passes.
    """
    clipped = min(1.0, max(0.0, float(value)))
    steps = int(clipped / STEP + 1e-6)
    return round(max(steps, 1 if clipped > 0 else 0) * STEP, 4)


def rounded_all(threshold: Threshold) -> float | dict[str, float]:
    """:func:`rounded` for one number or for numbers by class."""
    if isinstance(threshold, Mapping):
        return simplest({name: rounded(value) for name, value in threshold.items()})
    return rounded(threshold)


def key(project: Project) -> str:
    """Where the session keeps the view of this project."""
    return f"{_VIEWS}{project.id}"
