"""Classes merged and split on the page, each with what it would do before it is done."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import streamlit as st

from llkd import curation
from llkd.config import ClassEdit, LabelSet, entries
from llkd.config.class_changes import merged, split_up
from llkd.errors import LLKDError
from llkd.store import Project, Store
from ui.data import class_drafts
from ui.data.class_changes import show_lines, teacher
from ui.shell.authorship import author
from ui.shell.errors import show_errors

MERGE, SPLIT = "Merge", "Split"
SPLIT_IT = "Split it"
SAVED = "_classes_saved"
"""What the last change did, said once when the page is drawn again."""


def regrouping(store: Store, project: Project) -> None:
    """The form by which classes become one, or one becomes several; nothing before the first."""
    if project.label_set is None:
        return
    with st.expander(
        "Merge or split classes", icon=":material/call_merge:", key="classes_regroup_box"
    ):
        if class_drafts.unfinished(project):
            st.caption("Save the changes above first, or take them back.")
            return
        kind = st.segmented_control(
            "What to do",
            [MERGE, SPLIT],
            default=MERGE,
            required=True,
            key=f"classes_regroup_{project.id}",
            label_visibility="collapsed",
        )
        if kind == SPLIT:
            _split(store, project, project.label_set)
        else:
            _merge(store, project, project.label_set)


def _merge(store: Store, project: Project, label_set: LabelSet) -> None:
    names = st.multiselect(
        "Classes that become one",
        label_set.names,
        key=_key(project, "merge"),
        placeholder="Choose two or more",
    )
    if len(names) < 2:
        st.caption("Labels, gold and probabilities of all of them will be those of the one.")
        return
    into = st.text_input(
        "Name of the one class", names[0], max_chars=200, key=_key(project, "into", names)
    )
    _offer(
        store,
        project,
        lambda before: merged(before, names, into),
        "Merge them",
        lambda: store.classes.merge(project.id, names, into, who=author().who, shown=label_set),
    )


def _split(store: Store, project: Project, label_set: LabelSet) -> None:
    name = st.selectbox("Class to split", label_set.names, key=_key(project, "split"))
    typed = st.text_area(
        "What it becomes: a class a line",
        key=_key(project, "parts", [name]),
        height=100,
        help="Its texts go to a list on Curate. What people had said of them stays to be read, and "
        "counts for none of these classes until somebody says which.",
    )
    parts = entries([{"name": line} for line in typed.splitlines()])
    if len(parts) < 2:
        return
    _offer(
        store,
        project,
        lambda before: split_up(before, name, parts),
        SPLIT_IT,
        lambda: store.classes.split(project.id, name, parts, who=author().who, shown=label_set),
    )


def _offer(
    store: Store,
    project: Project,
    change: Callable[[LabelSet], ClassEdit],
    button: str,
    make: Callable[[], ClassEdit],
) -> None:
    """What a change would do, and the button that makes it."""
    try:
        labels = teacher(store, project, split=button == SPLIT_IT)
        preview = curation.preview_classes(store, project, change, labels)
    except LLKDError:
        preview = None  # said when it is pressed: half a name is no mistake yet
    if preview is not None:
        show_lines(preview.lines())
    if st.button(button, key=_key(project, "do"), type="primary", icon=":material/check:"):
        with show_errors():
            st.session_state[SAVED] = make()
            st.rerun()


def _key(project: Project, part: str, names: Sequence[str] = ()) -> str:
    """A widget's key: another one once the classes, or those that were chosen, are others."""
    classes = [] if project.label_set is None else project.label_set.names
    stamp = zlib.crc32(repr((classes, list(names))).encode())
    return f"classes_{part}_{project.id}_{stamp:08x}"
