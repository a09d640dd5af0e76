"""What an edit of the classes means for labels, said before it is saved."""

from __future__ import annotations

import streamlit as st

from llkd.config import ClassEdit
from llkd.store import Carried, Project, Store
from ui.shell.errors import show_errors
from ui.shell.wording import counted, plain

MOST_SHOWN = 8


def show_changes(store: Store, project: Project, edit: ClassEdit) -> None:
    """Renamed, removed and added classes, with the labels that each concerns."""
    carried = store.classes.carried(project.id)
    now = {new_label.name: new_label for new_label in edit.label_set.labels}
    lines = []
    for old, new in edit.renamed:
        counts = carried.get(now[new].identity, Carried())
        goes = f"; {counts} will follow" if counts else ""
        lines.append(f"{old!r} becomes {new!r}{goes}.")
    for label in edit.removed:
        counts = carried.get(label.identity, Carried())
        lines.append(f"{label.name!r} goes; it carries {counts}.")
    for name in edit.added:
        counts = carried.get(now[name].identity, Carried())
        lines.append(
            f"{name!r} is new" + (f"; {counts} of that name come back." if counts else ".")
        )
    more = len(lines) - MOST_SHOWN
    if more > 0:
        lines = [*lines[:MOST_SHOWN], f"And {counted(more, 'more change')}."]
    for line in lines:
        st.caption(plain(line))


def show_orphans(store: Store, project: Project) -> None:
    """Labels that are of no class any more, and a way to say which class they are of."""
    lost = store.classes.orphans(project.id)
    if not lost or project.label_set is None:
        return
    with st.container(border=True):
        listed = ", ".join(f"{key!r} ({counts})" for key, counts in list(lost.items())[:MOST_SHOWN])
        st.warning(
            plain(
                f"Some labels count for nothing, because their class is not here: {listed}. The "
                "class was removed, or renamed by a version before 0.4.0."
            ),
            icon=":material/label_off:",
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            key = st.selectbox("Labels of", list(lost), key="classes_orphan", width=220)
            name = st.selectbox(
                "are of the class", project.label_set.names, key="classes_adopt", width=220
            )
            if st.button("Use them", key="classes_use", icon=":material/label:"):
                with show_errors():
                    store.classes.adopt(project.id, key, name)
                    st.rerun()
