"""What a person looks at on Curate: two thresholds and where the signals come from.

Kept by session and project, written to the address and saved with a selection; Train and Export
read it from here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

import streamlit as st

from llkd import curation
from llkd.config import Calibration, LabelSet
from llkd.store import Project, Run, Store
from ui.decision_plane import SCALE

Threshold = float | dict[str, float]
STEP = 0.0001
LONGEST_NUMBER = 10
QUERY = ("tt", "ts", "need", "cal")
_VIEWS = "_curate_view_"


@dataclass(frozen=True)
class View:
    """Thresholds (one number, or numbers by the key of a class), the source of information need.

    Thresholds lie on the grid of the plane, so that the browser and the core keep the same rows.
    ``run`` None means the probe, ``epoch`` None the run's last, ``calibration`` None the one the
    teacher pass uses.
    """

    teacher: Threshold = 0.0
    student: Threshold = 0.0
    run: int | None = None
    epoch: int | None = None
    calibration: Calibration | None = None

    def to_json(self, calibration: Calibration) -> dict[str, Any]:
        """As a saved selection keeps it, with the calibration that was really in use."""
        return {
            "teacher_threshold": self.teacher,
            "student_threshold": self.student,
            "calibration": calibration,
            "run": self.run,
            "epoch": self.epoch,
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any], classes: LabelSet) -> View:
        """From a saved selection; thresholds of classes that are no more are left out."""
        return cls(
            _threshold(saved.get("teacher_threshold"), classes),
            _threshold(saved.get("student_threshold"), classes),
            saved.get("run"),
            saved.get("epoch"),
            _calibration(saved.get("calibration")),
        )

    def to_query(self) -> dict[str, str]:
        """As parts of an address; what is at its default is left out."""
        parts = {"tt": _written(self.teacher), "ts": _written(self.student)}
        if self.run is not None:
            parts["need"] = f"{self.run}" + ("" if self.epoch is None else f".{self.epoch}")
        if self.calibration is not None:
            parts["cal"] = self.calibration
        return {name: value for name, value in parts.items() if value}

    @classmethod
    def from_query(cls, query: Mapping[str, str], classes: LabelSet) -> View:
        """From an address that anybody may have typed: what makes no sense is left out."""
        run, _, epoch = query.get("need", "").partition(".")
        return cls(
            _threshold(_loaded(query.get("tt")), classes),
            _threshold(_loaded(query.get("ts")), classes),
            _whole(run),
            None if _whole(run) is None else _whole(epoch),
            _calibration(query.get("cal")),
        )


def in_use(project: Project, classes: LabelSet) -> View:
    """The view of this session: what was set last, else what the address says.

    The address speaks of the project it was opened with, and of none that is chosen afterwards.
    """
    kept = st.session_state.get(key(project))
    if kept is None:
        opened = not any(str(name).startswith(_VIEWS) for name in st.session_state)
        said = {name: st.query_params.get(name, "") if opened else "" for name in QUERY}
        kept = View.from_query(said, classes)
        st.session_state[key(project)] = kept
    return kept


def put(project: Project, view: View) -> None:
    """Make ``view`` the one in use."""
    st.session_state[key(project)] = view


def show_in_address(view: View) -> None:
    """Let the address say what is looked at, so that a link reproduces it."""
    wanted = view.to_query()
    for name in QUERY:
        if name in wanted and st.query_params.get(name) != wanted[name]:
            st.query_params[name] = wanted[name]
        elif name not in wanted and name in st.query_params:
            del st.query_params[name]


def run_of(store: Store, project: Project, view: View) -> tuple[View, Run | None]:
    """The run that the view names; a run or epoch that is not there falls back to the probe."""
    run, epoch = curation.run_of_view(store, project, view.run, view.epoch)
    return replace(view, run=None if run is None else run.id, epoch=epoch), run


def value_of(threshold: Threshold, key: str | None) -> float:
    """The threshold of a class; without a class the one all share, or the largest."""
    if isinstance(threshold, dict):
        if key is not None:
            return threshold.get(key, 0.0)
        return max(threshold.values(), default=0.0)
    return threshold


def simplest(threshold: Threshold) -> Threshold:
    """One number where all classes share it."""
    if isinstance(threshold, dict) and len(set(threshold.values())) == 1:
        return next(iter(threshold.values()))
    return threshold


def rounded(value: float) -> float:
    """To four decimals, downwards, so that a rounded threshold drops no row; on the grid.

    A threshold above 0 stays above 0: 0 means that everything passes.
    """
    clipped = min(1.0, max(0.0, float(value)))
    steps = int(clipped / STEP + 1e-6)
    return round(max(steps, 1 if clipped > 0 else 0) * STEP, 4)


def rounded_all(threshold: float | Mapping[str, float]) -> Threshold:
    """:func:`rounded` for one number or for numbers by class."""
    if isinstance(threshold, Mapping):
        return simplest({name: rounded(value) for name, value in threshold.items()})
    return rounded(threshold)


def key(project: Project) -> str:
    """Where the session keeps the view of this project."""
    return f"{_VIEWS}{project.id}"


def _threshold(value: Any, classes: LabelSet) -> Threshold:
    if isinstance(value, Mapping):
        # By key; an address that somebody typed may say a name.
        said = {**classes.by_key(value), **value}
        known: dict[str, float] = {key: _number(said.get(key, 0.0)) for key in classes.keys}
        return simplest(known) if known else 0.0
    return _number(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return 0.0
    clipped = float(min(1.0, max(0.0, value)))
    return max(1, round(clipped * SCALE)) / SCALE if clipped > 0 else 0.0


def _whole(text: str) -> int | None:
    """A number of a run or epoch, else None. Python reads no number of 5,000 digits."""
    return int(text) if text.isdecimal() and len(text) <= LONGEST_NUMBER else None


def _calibration(value: Any) -> Calibration | None:
    return value if value in get_args(Calibration) else None


def _written(threshold: Threshold) -> str:
    if isinstance(threshold, dict):
        return json.dumps({name: round(v, 6) for name, v in threshold.items() if v})
    return f"{threshold:g}" if threshold else ""


def _loaded(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
