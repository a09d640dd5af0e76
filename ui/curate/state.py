"""What the parts of Curate work on: the view, its plane and what it keeps, read anew each time."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.errors import StreamlitAPIException

from llkd import curation
from llkd.config.selection_rule import RowsRule, StandaloneRule, ThresholdRule
from llkd.store import Project, Store
from ui.curate import drawn_rows, filtering, meaning, view
from ui.curate.reading import gates
from ui.decision_plane import Look, Packed, Region
from ui.shell import reads

HEAD, AUDIT, PRESETS = "curate-head", "curate-audit", "curate-presets"
FILTERS = "curate-filters"
PLANE, CARD, TABLE = "curate-plane", "curate-card", "curate-table"
PEOPLE = "curate-people"
REPLAY, SAVED = "curate-replay", "curate-saved-selections"
"""The fragments of the page, which run again on their own."""
MOST_UNDONE = 100
_LATER = "_curate_set_later"
PICKED = "Picked"
"""What the table calls texts found by a comparison or by meaning."""


@dataclass(frozen=True)
class KeptRows:
    """What a view keeps, a mask ``[n]`` over the plane's rows, and its counts of all rows."""

    rows: np.ndarray
    counts: dict[str, Any]


class CurateState:
    """One project seen through one view. Making it is cheap: what it reads is kept."""

    def __init__(self, store: Store, project: Project) -> None:
        self.store, self.project = store, project
        classes = curation.active_labeling_run(store, project).classes
        self.view, self.run = view.run_of(store, project, view.in_use(project, classes))
        source: dict[str, Any] = {
            "calibration": self.view.calibration,
            "run": self.run,
            "epoch": self.view.epoch,
        }
        # Asked once, so that what is kept under the key is always of this plane.
        self.plane, self.key, self.people = reads.keyed_plane(store, project, **source)
        name = st.session_state.get(_name("gate", project))
        self.gate: gates.Gate | None = None
        if name is not None:
            self.gate = gates.gate_of(store, project, self.plane, self.key, self.people, name)
        kept_rows = self._kept_rows()
        self.kept_mask, self.counts = kept_rows.rows, kept_rows.counts
        self.text_view = filtering.in_use(project)

    @property
    def rule(self) -> StandaloneRule:
        """What is kept, as a rule of its own: a preset's rows one by one, or by its own rule.

        With the calibration that is really in use, which may change later.
        """
        lines = view.as_saved(self.view, self.plane)
        if self.gate is None:
            return lines
        if self.gate.rule is not None and not (lines.teacher_threshold or lines.student_threshold):
            return self.gate.rule
        numbers = self.plane.frame["row"].to_numpy()[self.kept_mask]
        return RowsRule(
            rows=tuple(numbers.tolist()),
            calibration=lines.calibration,
            run=lines.run,
            epoch=lines.epoch,
        )

    @property
    def texts(self) -> pd.Series:
        """Every text, by row."""
        return reads.texts(self.store, self.project, ["text"])["text"]

    @property
    def open_names(self) -> list[str]:
        """The classes that a person may give, by name; also those that no teacher knows yet."""
        return [self.plane.names[k] for k in self.plane.open_classes]

    @property
    def packed(self) -> Packed:
        """The plane's rows as the browser gets them: made once for all sessions."""
        gate = self.gate
        stamp, rows = (None, None) if gate is None else (gate.stamp, gate.rows)
        shown = self.narrowing
        return drawn_rows.packed(
            self.key, self.people, stamp, shown, self.plane, rows, self._shown(shown)
        )

    @property
    def passing(self) -> np.ndarray:
        """The rows that filters and words let through, a mask ``[n]``, whatever is kept."""
        here, scores = self.text_view, self.scores
        stamp = self.narrowing + ("" if scores is None else " by meaning")
        return drawn_rows.passing(
            self.key, self.people, stamp, self.store, self.plane, here, self.texts, scores
        )

    @property
    def scores(self) -> np.ndarray | None:
        """How near each row is to the typed meaning ``[n]``; None without one, or where unknown."""
        if not self.text_view.meaning.strip():
            return None
        return meaning.scores(self.store, self.project, self.plane, self.text_view.meaning)

    @property
    def narrowing(self) -> str:
        """Stands for the filters and words in use; empty where every text passes."""
        here = self.text_view
        parts = here.filters.to_address(), here.words.strip(), here.meaning.strip()
        return repr(parts) if here.narrows else ""

    def _shown(self, narrowing: str) -> np.ndarray | None:
        return self.passing if narrowing else None

    def coloured_by(
        self, name: str, stamp: tuple[int, ...], parts: dict[str, np.ndarray]
    ) -> Packed:
        """The same rows with one more way to colour them: masks ``[n]`` by what they are called.

        ``stamp`` stands for the masks.
        """
        gate = self.gate
        now, let = (None, None) if gate is None else (gate.stamp, gate.rows)
        titles, shown = tuple(parts), self.narrowing
        mask = self._shown(shown)
        depends = (now, shown, name, stamp, titles)
        return drawn_rows.coloured(self.key, self.people, depends, parts, self.plane, let, mask)

    @property
    def need_known(self) -> bool:
        """Whether any text has an information need."""
        return self.plane.student_probabilities is not None

    def text_of(self, position: int) -> str:
        """The text at a position of the plane."""
        return str(self.texts.iloc[int(self.plane.frame["row"].iloc[position])])

    def through_gate(self, rows: np.ndarray) -> np.ndarray:
        """The rows, a mask ``[n]``, that the preset in use lets through; people's labels always."""
        if self.gate is None:
            return rows
        human = self.plane.frame["human_label"].to_numpy() >= 0
        return np.asarray(rows & (self.gate.rows | human))

    def _kept_rows(self) -> KeptRows:
        """Counted once for each view: both fragments, and every mark pointed at, ask for it."""
        lines = self.view.teacher_threshold, self.view.student_threshold
        stamp = (self.key, self.people, *lines, self.gate)
        held = st.session_state.get("_curate_kept")
        if held is None or held[0] != stamp:
            rows = self.through_gate(curation.rows_kept_by(self.plane, self.view))
            held = (stamp, KeptRows(rows, curation.summary(self.plane, rows)))
            st.session_state["_curate_kept"] = held
        cached: KeptRows = held[1]
        return cached


def redraw(*also: str) -> NoReturn:
    """From a callback: draw table, card, sentence, plane and what ``also`` names again, no more.

    The plane last: the browser's shows a moved threshold already.
    """
    rerun(FILTERS, TABLE, CARD, HEAD, AUDIT, PEOPLE, PRESETS, PLANE, *also)


def rerun(*parts: str) -> NoReturn:
    """From a callback: draw only these parts of the page again, in this order."""
    try:
        st.rerun(list(parts))
    except StreamlitAPIException:
        # The click met the whole page being drawn (a job began or ended): no part stands yet.
        st.rerun()


def rerun_page() -> NoReturn:
    """From a callback: draw the whole page again, whatever part the click was in."""
    st.rerun()


def gate_in_use(project: Project) -> str | None:
    """The name of the preset that lets only some rows through; None without one."""
    name: str | None = st.session_state.get(_name("gate", project))
    return name


def set_gate(project: Project, name: str | None) -> None:
    """Let only the rows of this preset through; None: all."""
    st.session_state[_name("gate", project)] = name


def set_view(
    project: Project, changed: ThresholdRule, *also: str, gate: str | None = None
) -> NoReturn:
    """From a callback: make ``changed`` the view, one that can be undone, and draw again.

    With the ``gate`` of a preset, or of none.
    """
    before = st.session_state.get(view.key(project), ThresholdRule())
    gate_before = gate_in_use(project)
    set_gate(project, gate)
    if changed != before or gate != gate_before:
        past = [*st.session_state.get(_past(project), []), before]
        st.session_state[_past(project)] = past[-MOST_UNDONE:]
        st.session_state[_future(project)] = []
    view.use(project, changed)
    redraw(*also)


def set_later(key: str, value: object) -> None:
    """Give a widget this value when its part of the page is drawn next.

    What a callback writes into a widget's own state and then draws again by :func:`redraw` reaches
    the server's half alone: the browser goes on showing, and sending, what it had before.
    """
    st.session_state.setdefault(_LATER, {})[key] = value


def set_now(key: str) -> None:
    """To be called before the widget of that key is drawn: what :func:`set_later` has for it."""
    later = st.session_state.get(_LATER, {})
    if key in later:
        st.session_state[key] = later.pop(key)


def soon(key: str) -> Any:
    """What a widget holds, or will when it is drawn next; None before it was ever drawn."""
    return st.session_state.get(_LATER, {}).get(key, st.session_state.get(key))


def steps_back(project: Project) -> tuple[int, int]:
    """How many views can be undone, and how many done again."""
    return tuple(len(st.session_state.get(name, [])) for name in (_past(project), _future(project)))  # type: ignore[return-value]


def step_back(project: Project, again: bool) -> NoReturn:
    """From a callback: the view before the last change, or ``again`` the one after it."""
    source, target = _past(project), _future(project)
    if again:
        source, target = target, source
    held = list(st.session_state.get(source, []))
    if held:
        now = st.session_state.get(view.key(project), ThresholdRule())
        set_gate(project, None)
        st.session_state[target] = [*st.session_state.get(target, []), now]
        view.use(project, held.pop())
        st.session_state[source] = held
    redraw()


def region(project: Project) -> Region | None:
    """What is marked on the plane."""
    held: Region | None = st.session_state.get(_name("region", project))
    return held


def mark(project: Project, marked: Region | None) -> None:
    """Remember what is marked on the plane, also over a change of page."""
    st.session_state[_name("region", project)] = marked


def look(project: Project) -> Look:
    """How the plane is looked at."""
    held: Look = st.session_state.get(_name("look", project), Look())
    return held


def look_at(project: Project, changed: Look) -> None:
    """Remember how the plane is looked at, also over a change of page."""
    st.session_state[_name("look", project)] = changed


@dataclass(frozen=True)
class Picked:
    """Texts picked by other means than the plane: what they are, and their row numbers in order.

    ``stamp`` stands for the rows where two of these are compared or written out. ``in_colour``:
    they can be told apart on the plane by colour.
    """

    title: str
    stamp: int
    rows: np.ndarray = field(compare=False, repr=False)
    in_colour: bool = False


def picked(project: Project) -> Picked | None:
    """The texts that a comparison, a search by meaning or another page picked last."""
    held: Picked | None = st.session_state.get(_name("picked", project))
    return held


def pick(project: Project, title: str, rows: np.ndarray, *, in_colour: bool = False) -> None:
    """Make these rows the list that the table shows, and (``in_colour``) colour the plane by it."""
    st.session_state[_name("picked", project)] = Picked(
        title, zlib.crc32(np.ascontiguousarray(rows, np.int64).tobytes()), rows, in_colour
    )
    set_later("curate_shown", PICKED)


def drop_picked(project: Project) -> None:
    """Forget what was picked."""
    st.session_state.pop(_name("picked", project), None)


def _name(part: str, project: Project) -> str:
    return f"_curate_{part}_{project.id}"


def _past(project: Project) -> str:
    return _name("past", project)


def _future(project: Project) -> str:
    return _name("future", project)
