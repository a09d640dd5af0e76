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
from llkd.curation import Plane
from llkd.store import Project, Store
from ui import reads, view
from ui.decision_plane import UNCATEGORISED, Category, Look, Packed, Region, pack_plane
from ui.view import View

PLANE, TABLE, REPLAY = "curate-plane", "curate-table", "curate-replay"
"""The fragments of the page, which run again on their own."""
MOST_UNDONE = 100
_LATER = "_curate_set_later"
PICKED = "Picked"
"""What the table calls texts found by a comparison or by meaning."""


@dataclass(frozen=True)
class Kept:
    """What a view keeps, a mask ``[n]`` over the plane's rows, and its counts of all rows."""

    rows: np.ndarray
    counts: dict[str, Any]


class Scene:
    """One project seen through one view. Making it is cheap: what it reads is kept."""

    def __init__(self, store: Store, project: Project) -> None:
        self.store, self.project = store, project
        classes = curation.current_labelling(store, project).classes
        self.view, self.run = view.run_of(store, project, view.in_use(project, classes))
        source: dict[str, Any] = {
            "calibration": self.view.calibration,
            "run": self.run,
            "epoch": self.view.epoch,
        }
        # Asked once, so that what is kept under the key is always of this plane.
        self.plane, self.key, self.people = reads.keyed_plane(store, project, **source)
        found = self._kept()
        self.kept, self.counts = found.rows, found.counts

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
        return _packed(self.key, self.people, self.plane)

    def coloured_by(
        self, name: str, stamp: tuple[int, ...], parts: dict[str, np.ndarray]
    ) -> Packed:
        """The same rows with one more way to colour them: masks ``[n]`` by what they are called.

        ``stamp`` stands for the masks.
        """
        return _coloured(self.key, self.people, name, stamp, tuple(parts), parts, self.plane)

    @property
    def need_known(self) -> bool:
        """Whether any text has an information need."""
        return self.plane.student_probabilities is not None

    def text_of(self, position: int) -> str:
        """The text at a position of the plane."""
        return str(self.texts.iloc[int(self.plane.frame["row"].iloc[position])])

    def _kept(self) -> Kept:
        """Counted once for each view: both fragments, and every mark pointed at, ask for it."""
        stamp = (self.key, self.people, self.view.teacher, self.view.student)
        held = st.session_state.get("_curate_kept")
        if held is None or held[0] != stamp:
            rows = curation.kept_rows(self.plane, self.view.teacher, self.view.student)
            held = (stamp, Kept(rows, curation.summary(self.plane, rows)))
            st.session_state["_curate_kept"] = held
        found: Kept = held[1]
        return found


@st.cache_resource(show_spinner="Drawing the plane …", max_entries=4)
def _packed(key: tuple[Any, ...], people: str, _plane: Plane) -> Packed:
    return pack_plane(_plane)


@st.cache_resource(show_spinner="Drawing the plane …", max_entries=2)
def _coloured(
    key: tuple[Any, ...],
    people: str,
    name: str,
    stamp: tuple[int, ...],
    titles: tuple[str, ...],
    _parts: dict[str, np.ndarray],
    _plane: Plane,
) -> Packed:
    codes = np.full(len(_plane.frame), UNCATEGORISED, dtype=np.uint8)
    for code, rows in enumerate(_parts.values()):
        codes[rows] = code
    return pack_plane(_plane, [Category(name, codes, titles)])


def redraw(*also: str) -> NoReturn:
    """From a callback: draw the table, the plane and what ``also`` names again, and nothing else.

    The table first: the browser's plane shows a moved threshold already.
    """
    draw_again(TABLE, PLANE, *also)


def draw_again(*parts: str) -> NoReturn:
    """From a callback: draw only these parts of the page again, in this order."""
    try:
        st.rerun(list(parts))
    except StreamlitAPIException:
        # The click met the whole page being drawn (a job began or ended): no part stands yet.
        st.rerun()


def look_through(project: Project, changed: View, *also: str) -> NoReturn:
    """From a callback: make ``changed`` the view, one that can be undone, and draw again."""
    before = st.session_state.get(view.key(project), View())
    if changed != before:
        past = [*st.session_state.get(_past(project), []), before]
        st.session_state[_past(project)] = past[-MOST_UNDONE:]
        st.session_state[_future(project)] = []
    view.put(project, changed)
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
        now = st.session_state.get(view.key(project), View())
        st.session_state[target] = [*st.session_state.get(target, []), now]
        view.put(project, held.pop())
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

    ``stamp`` stands for the rows where two of these are compared or written out. ``drawn`` ones can
    be told apart on the plane by colour.
    """

    title: str
    stamp: int
    rows: np.ndarray = field(compare=False, repr=False)
    drawn: bool = False


def picked(project: Project) -> Picked | None:
    """The texts that a comparison, a search by meaning or another page picked last."""
    held: Picked | None = st.session_state.get(_name("picked", project))
    return held


def pick(project: Project, title: str, rows: np.ndarray, *, drawn: bool = False) -> None:
    """Make these rows the list that the table shows, under a title; ``drawn`` also in colour."""
    st.session_state[_name("picked", project)] = Picked(
        title, zlib.crc32(np.ascontiguousarray(rows, np.int64).tobytes()), rows, drawn
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
