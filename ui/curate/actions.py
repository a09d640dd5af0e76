"""What is done to the texts of the list: to those that are ticked, or to all of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from ui.curate import acts, filtering, rows, titles
from ui.curate.state import FILTERS, TABLE, CurateState, pick, redraw, rerun, set_later, set_now
from ui.shell.errors import defer_errors
from ui.shell.wording import count, counted, plain

ASKS_ABOVE = 100
"""More rows than a page shows are asked about first."""
_ALL = "curate_many"
MESSAGE, _QUESTION, _RETURN = "_curate_did", "_curate_question", "_curate_return"
_AGAINST = "_curate_against"
# What each does, its icon, and what it means; the count follows the words.
_ACTIONS = (
    ("label", "Set label of", ":material/label:", None),
    (
        "unlabel",
        "Unlabel",
        ":material/label_off:",
        "Takes the labels away that people gave: the teacher's count again.",
    ),
    ("exclude", "Exclude", ":material/block:", None),
    ("include", "Include again", ":material/undo:", None),
    ("flag", "Flag", ":material/flag:", None),
    ("unflag", "Unflag", ":material/outlined_flag:", None),
)


@dataclass(frozen=True)
class Question:
    """An action on many texts that waits for a yes; ``stamp`` stands for the list it was about."""

    action: str
    label: str | None
    stamp: int
    numbers: np.ndarray = field(compare=False, repr=False)


def actions(scene: CurateState, listed: np.ndarray, ticked: np.ndarray, stamp: int) -> None:
    """Buttons for the ticked rows, or with the switch on for all that are listed.

    ``listed`` and ``ticked`` are positions in the plane; ``stamp`` stands for what is listed, and a
    button of another list than the one that is drawn does nothing. A tick overrides the switch.
    """
    question: Question | None = st.session_state.get(_QUESTION)
    if question is not None and question.stamp == stamp:
        _ask(scene, question)
    else:
        st.session_state.pop(_QUESTION, None)
        _buttons(scene, listed, ticked, stamp)
    message = st.session_state.pop(MESSAGE, None)
    if message:
        st.caption(f":green[:material/check:] {plain(message)}")
    against = st.session_state.pop(_AGAINST, None)
    if against:
        st.warning(plain(against), icon=":material/group:")


def _buttons(scene: CurateState, listed: np.ndarray, ticked: np.ndarray, stamp: int) -> None:
    set_now(_ALL)
    if len(ticked):
        st.session_state[_ALL] = False
    with st.container(horizontal=True, vertical_alignment="bottom"):
        everything = st.toggle(
            f"All {counted(len(listed), 'row')} of this list",
            key=_ALL,
            disabled=bool(len(ticked)),
            help="Off: what you do concerns the ticked rows. On: every row that the list holds. "
            "It goes off after each action, and while a row is ticked.",
        )
        targets = listed if everything else ticked
        too_many = len(targets) > rows.MOST_AT_ONCE
        off = not len(targets) or too_many
        new = st.selectbox(
            "Label to give",
            scene.open_names,
            key="curate_new_label",
            persist_state="session",
            width=150,
        )
        numbers = scene.plane.frame["row"].to_numpy()[targets] if not off else np.empty(0, int)
        for action, words, icon, meaning in _ACTIONS:
            st.button(
                words.removesuffix(" of") if off else f"{words} {count(len(numbers))}",
                icon=icon,
                # A click that was meant for another count finds no button of its name any more.
                key=f"curate_do_{action}_{stamp}_{rows.digest(numbers)}",
                help=meaning,
                disabled=off,
                on_click=_do,
                args=(scene, numbers, action, new if action == "label" else None, stamp),
            )
        st.button(
            "Undo last",
            icon=":material/history:",
            key="curate_undo",
            help=plain(acts.last_words(scene)),
            on_click=_undo,
            args=(scene,),
        )
    if len(ticked):
        st.caption(f"{counted(len(ticked), 'row')} ticked: what you do concerns only these.")
    if too_many:
        st.caption(
            f"At most {count(rows.MOST_AT_ONCE)} rows can be changed at once: narrow the list down."
        )


def _ask(scene: CurateState, question: Question) -> None:
    """One sentence that says what would happen, and a yes and a no."""
    number = counted(len(question.numbers), "text")
    what = {
        "label": f"Label {number} as {question.label!r}",
        "unlabel": f"Take people's labels away from {number}",
        "exclude": f"Exclude {number}",
        "include": f"Include {number} again",
        "flag": f"Flag {number}",
        "unflag": f"Unflag {number}",
    }[question.action]
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(what)}?** One undo takes all of it back.", width="stretch")
        st.button(
            "Yes, all of them",
            type="primary",
            key=f"curate_yes_{question.stamp}",
            on_click=_record,
            args=(scene, question.numbers, question.action, question.label),
        )
        st.button("Cancel", key="curate_no", on_click=_cancel)


@defer_errors
def _do(
    scene: CurateState, numbers: np.ndarray, action: str, label: str | None, stamp: int
) -> None:
    if len(numbers) > ASKS_ABOVE:
        st.session_state[_QUESTION] = Question(action, label, stamp, numbers)
        rerun(TABLE)
    _record(scene, numbers, action, label)


@defer_errors
def _record(scene: CurateState, numbers: np.ndarray, action: str, label: str | None) -> None:
    st.session_state[_AGAINST] = acts.decide(scene, numbers.tolist(), action, label)
    st.session_state[MESSAGE] = acts.done_words(len(numbers), action, label)
    st.session_state.pop(_QUESTION, None)
    set_later(_ALL, False)
    redraw()


def _cancel() -> None:
    st.session_state.pop(_QUESTION, None)
    set_later(_ALL, False)
    rerun(TABLE)


@defer_errors
def _undo(scene: CurateState) -> None:
    batch = acts.undo(scene)
    st.session_state[MESSAGE] = acts.undone_words(scene, batch)
    set_later(_ALL, False)
    if batch is None:
        rerun(TABLE)
    st.session_state[_RETURN] = np.array(batch.rows)
    redraw()


def returned_to(scene: CurateState, listed: np.ndarray) -> np.ndarray:
    """Places in the list of what an undo has just concerned; told once.

    Where the list holds none of it, the page is drawn again with a list that does.
    """
    numbers: np.ndarray | None = st.session_state.pop(_RETURN, None)
    if numbers is None:
        return np.empty(0, int)
    places = np.flatnonzero(np.isin(scene.plane.frame["row"].to_numpy()[listed], numbers))
    here = np.isin(numbers, scene.plane.frame["row"])
    if not len(places) and here.any():
        pick(scene.project, titles.UNDONE, numbers[here])
        filtering.use(scene.project)
        st.session_state[_RETURN] = numbers[:0]
        rerun(FILTERS, TABLE)
    return places
