"""The list text by text, decided with single keys: a digit a class, next, back, undo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from llkd import curation
from ui.curate import acts, meaning, replay
from ui.curate.rows import AT_RANDOM, Filter
from ui.curate.scene import TABLE, Scene, draw_again, redraw
from ui.errors import told_later
from ui.view import View
from ui.wording import count, plain, share

DIGITS = 9
_STATE = "_curate_review"


@dataclass
class Walk:
    """A list as it was when the walk began, so that a decision moves nothing under one's hands."""

    project: int
    wanted: Filter
    view: View
    rows: np.ndarray
    at: int = 0
    said: str = ""


def switch() -> bool:
    """Whether the texts are to be gone through one by one."""
    return st.toggle(
        "One by one",
        key="curate_one_by_one",
        persist_state="session",
        help="Shows one text of this list at a time. A digit gives it the class of that number, "
        "X excludes it, N is the next, B the one before, U undoes the last decision.",
    )


def one_by_one(scene: Scene, wanted: Filter, found: np.ndarray) -> None:
    """One text, whole, with what is known of it and a button and a key for each decision."""
    walk = _walk(scene, wanted, found)
    if not len(walk.rows):
        st.info("No text is like that.", icon=":material/search_off:")
        return
    row = int(walk.rows[walk.at])
    position = int(np.searchsorted(scene.plane.frame["row"].to_numpy(), row))
    names = scene.plane.names
    with st.container(border=True):
        st.caption(_facts(scene, walk, position))
        with st.container(height=170, border=False):
            st.text(scene.text_of(position))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            if len(names) <= DIGITS:
                for k, name in enumerate(names):
                    st.button(
                        plain(name),
                        key=f"curate_give_{k}",
                        shortcut=str(k + 1),
                        on_click=_give,
                        args=(scene, walk, row, name),
                    )
            else:
                chosen = st.selectbox(
                    "Label to give", names, key="curate_give", persist_state="session", width=200
                )
                st.button(
                    "Set label",
                    key="curate_give_chosen",
                    shortcut="L",
                    on_click=_give,
                    args=(scene, walk, row, chosen),
                )
            st.button(
                "Exclude",
                key="curate_give_exclude",
                shortcut="X",
                icon=":material/block:",
                on_click=_give,
                args=(scene, walk, row, None),
            )
        with st.container(horizontal=True, vertical_alignment="center"):
            for label, by, key in (("Back", -1, "B"), ("Next", 1, "N")):
                st.button(
                    label,
                    key=f"curate_walk_{key}",
                    shortcut=key,
                    disabled=not 0 <= walk.at + by < len(walk.rows),
                    on_click=_go,
                    args=(walk, by),
                )
            st.button(
                "Undo last",
                key="curate_walk_undo",
                shortcut="U",
                icon=":material/history:",
                on_click=_undo,
                args=(scene, walk),
            )
            if walk.said:
                st.caption(f":green[:material/check:] {plain(walk.said)}")
        meaning.like_this(scene, row)
        replay.of_text(scene, row)


def _walk(scene: Scene, wanted: Filter, found: np.ndarray) -> Walk:
    held: Walk | None = st.session_state.get(_STATE)
    same = held is not None and (held.project, held.wanted, held.view) == (
        scene.project.id,
        wanted,
        scene.view,
    )
    if held is None or not same:
        rows = scene.plane.frame["row"].to_numpy()[found]
        held = Walk(scene.project.id, wanted, scene.view, rows, _first(scene, wanted, found))
        st.session_state[_STATE] = held
    return held


def _first(scene: Scene, wanted: Filter, found: np.ndarray) -> int:
    """Where to begin: a random sample goes on at its first text that nobody has decided."""
    if wanted.order != AT_RANDOM or wanted.descending or not len(found):
        return 0
    frame = scene.plane.frame
    decided = (frame["human_label"].to_numpy() >= 0) | frame["excluded"].to_numpy()
    return int(np.argmin(decided[found]))


def _facts(scene: Scene, walk: Walk, position: int) -> str:
    entry = scene.plane.frame.iloc[position]
    label = int(entry["label"])
    why = curation.reasons(
        scene.plane, np.array([position]), scene.view.teacher, scene.view.student
    )
    parts = [
        f"Text {count(walk.at + 1)} of {count(len(walk.rows))}",
        plain(scene.plane.names[label]) if label >= 0 else "no label",
        f"confidence {share(entry['confidence'])}",
    ]
    if scene.need_known:
        parts.append(f"need {share(entry['information_need'])}")
    return " · ".join([*parts, why[0]])


@told_later
def _give(scene: Scene, walk: Walk, row: int, name: str | None) -> None:
    action = "exclude" if name is None else "label"
    acts.decide(scene, [row], action, name)
    walk.said = "Excluded." if name is None else f"Labelled as {name!r}."
    walk.at = min(walk.at + 1, len(walk.rows) - 1)
    redraw()


def _go(walk: Walk, by: int) -> None:
    walk.at = min(max(0, walk.at + by), len(walk.rows) - 1)
    walk.said = ""
    draw_again(TABLE)


@told_later
def _undo(scene: Scene, walk: Walk) -> None:
    batch = acts.undo(scene)
    walk.said = acts.undone_words(scene, batch)
    places = np.flatnonzero(np.isin(walk.rows, batch.rows if batch else ()))
    if len(places):
        walk.at = int(places[0])
    redraw()
