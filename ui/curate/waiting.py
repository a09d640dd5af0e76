"""Texts that a change of the classes leaves to be read: what they are, and their lists."""

from __future__ import annotations

import numpy as np
import streamlit as st

from llkd import curation
from llkd.config import Label
from llkd.curation import LikelyTexts, SplitTexts
from llkd.store import Project, Store
from ui.curate import filtering, state, titles
from ui.curate.reading import opening
from ui.shell import class_texts
from ui.shell.page import go_to
from ui.shell.wording import count, counted, plain


def waiting_texts(store: Store, project: Project, key: str) -> None:
    """A line for each class that was split and whose texts wait, and the button to its list."""
    for number, entry in enumerate(class_texts.split_lists(store, project)):
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(plain(_sentence(entry)), width="stretch")
            if st.button("Go through them", icon=":material/checklist:", key=f"{key}_{number}"):
                _open(project, titles.SPLIT, entry.rows)


def later_classes(store: Store, project: Project, key: str) -> None:
    """A line for each class that the teacher was not asked about, and its likely texts."""
    labeling_run = curation.active_labeling_run(store, project)
    for number, label in enumerate(curation.later_classes(project, labeling_run)):
        likely = class_texts.likely_texts(store, project, label)
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(plain(_offer(label, likely)), width="stretch")
            if likely is None:
                class_texts.look_for_them(store, project, f"{key}_look_{number}")
            elif len(likely.rows) and st.button(
                "Go through them", icon=":material/checklist:", key=f"{key}_{number}"
            ):
                _open(project, titles.LIKELY, likely.rows)


def _offer(label: Label, likely: LikelyTexts | None) -> str:
    new = f"The teacher was not asked about {label.name!r}, which came later; people can give it."
    if likely is None:
        return f"{new} Label similarity can look for texts that it could be about."
    if not len(likely.rows):
        return f"{new} No text that nobody has looked at since is near to it."
    return (
        f"{new} {counted(len(likely.rows), 'text')} could be of it, by label similarity, the "
        "likeliest first."
    )


def _sentence(entry: SplitTexts) -> str:
    parts = [
        f"{count(number)} {words}"
        for number, words in (
            (entry.people, "that people had labelled so"),
            (entry.gold, "with it as gold"),
            (entry.teacher, "by the teacher"),
        )
        if number
    ]
    names = " or ".join(map(repr, entry.parts)) or "another class"
    return (
        f"{counted(len(entry.rows), 'text')} of {entry.label.name!r}, which was split, "
        f"{'waits' if len(entry.rows) == 1 else 'wait'} to be labelled as {names}: "
        f"{', '.join(parts)}."
    )


def _open(project: Project, title: str, rows: np.ndarray) -> None:
    """Show a list on Curate, one text after the other."""
    state.pick(project, title, rows)
    state.set_later(opening.SWITCH, True)
    # What narrowed an earlier list down must not hide these.
    filtering.use(project)
    go_to("Curate")
