"""Texts that wait since their class was split: how many, what was said of them, and their list."""

from __future__ import annotations

import streamlit as st

from llkd import curation
from llkd.curation import SplitTexts
from llkd.store import Project, Store
from ui.curate import state, titles
from ui.curate.reading import listing, opening
from ui.shell import reads
from ui.shell.page import go_to
from ui.shell.wording import count, counted, plain


def waiting_texts(store: Store, project: Project, key: str) -> None:
    """A line for each class that was split and whose texts wait, and the button to its list."""
    if project.label_set is None or not project.label_set.split_classes:
        return
    labeling_run = store.labeling_runs.in_use(project.id, project.labelling_id)
    labels = None if labeling_run is None else reads.teacher_labels(store, labeling_run)
    for number, entry in enumerate(curation.split_texts(store, project, labels)):
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(_sentence(entry), width="stretch")
            if st.button("Go through them", icon=":material/checklist:", key=f"{key}_{number}"):
                _open(project, entry)


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
    return plain(
        f"{counted(len(entry.rows), 'text')} of {entry.label.name!r}, which was split, "
        f"{'waits' if len(entry.rows) == 1 else 'wait'} to be labelled as {names}: "
        f"{', '.join(parts)}."
    )


def _open(project: Project, entry: SplitTexts) -> None:
    """Show the list on Curate, one text after the other, those that people had labelled first."""
    state.pick(project, titles.SPLIT, entry.rows)
    state.set_later(opening.SWITCH, True)
    # What narrowed an earlier list down must not hide these.
    unfiltered = (-1, "", listing.rows.IN_ORDER, False)
    for field, value in zip(listing.FIELDS[1:], unfiltered, strict=True):
        st.session_state[field] = value
    go_to("Curate")
