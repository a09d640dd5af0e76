"""What a change of the classes means for labels and the rest, said before it is made."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from llkd import curation
from llkd.config import Label, edited
from llkd.curation import TeacherLabels
from llkd.store import Project, Store
from ui.shell import reads
from ui.shell.authorship import author
from ui.shell.errors import show_errors
from ui.shell.wording import counted, plain

MOST_SHOWN = 8


def show_changes(store: Store, project: Project, wanted: Sequence[Label]) -> None:
    """What saving these classes would do."""
    preview = curation.preview_classes(
        store, project, lambda before: edited(before, wanted), teacher(store, project)
    )
    show_lines(preview.lines())


def show_lines(lines: Sequence[str]) -> None:
    """Sentences of a preview; the names in them may hold anything."""
    more = len(lines) - MOST_SHOWN
    if more > 0:
        lines = [*lines[:MOST_SHOWN], f"And {counted(more, 'more change')}."]
    for line in lines:
        st.caption(plain(line))


def teacher(store: Store, project: Project, *, split: bool = False) -> TeacherLabels | None:
    """The labels in use, where a class was split or is to be (``split``): no other change asks."""
    if not split and not (project.label_set and project.label_set.split_classes):
        return None
    labeling_run = store.labeling_runs.in_use(project.id, project.labelling_id)
    return None if labeling_run is None else reads.teacher_labels(store, labeling_run)


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
                    store.classes.adopt(project.id, key, name, who=author().who)
                    st.rerun()
