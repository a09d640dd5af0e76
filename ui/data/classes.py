"""The classes of a project: names, what they mean, and the words that stand for them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from llkd.config import LabelSet, build
from llkd.store import Project, Store
from ui.errors import told
from ui.wording import TERMS, counted

COLUMNS = ("name", "description", "verbaliser")


def classes_editor(store: Store, project: Project) -> None:
    """A table of the classes to edit, and the button that keeps them."""
    st.header("Classes", anchor=False)
    if project.label_set is None:
        st.markdown(
            "Name the classes that the teacher chooses from: at least two. Write each into a row "
            "of the table, then save; after that the teacher can label."
        )
    st.caption(
        "A description tells the teacher what belongs to a class: one short line helps a lot. "
        + TERMS["verbaliser"]
    )
    edited = st.data_editor(
        _base(project),
        num_rows="dynamic",
        hide_index=True,
        key=_key(project),
        column_config={
            "name": st.column_config.TextColumn("Class", width="small", max_chars=200),
            "description": st.column_config.TextColumn(
                "What belongs to it", width="large", max_chars=2000
            ),
            "verbaliser": st.column_config.TextColumn("Verbaliser", width="small", max_chars=200),
        },
        alt="The classes: name, description, verbaliser",
    )
    st.session_state[_draft(project)] = edited
    changed = _entries(edited) != [one for one in _stored(project) if any(one.values())]
    with st.container(horizontal=True, vertical_alignment="center"):
        kind: Any = "primary" if project.label_set is None else "secondary"
        label = "Save the classes"
        pressed = st.button(label, type=kind, icon=":material/save:", disabled=not changed)
        if changed:
            st.caption("There are changes that are not saved yet.")
        elif project.label_set is not None:
            st.caption(f"{counted(len(project.label_set.labels), 'class', 'classes')}, saved.")
    if pressed:
        with told():
            label_set = build(LabelSet, labels=_entries(edited))
            store.projects.set_label_set(project.id, label_set)
            forget(project)
            st.rerun()
    if project.labelling_id is not None:
        st.caption(
            "Labels that a teacher has given keep the classes it was asked about. After a change, "
            "label again on the Teacher page."
        )


def forget(project: Project) -> None:
    """Let go of unsaved edits."""
    for key in (_draft(project), _draft(project) + "_base"):
        st.session_state.pop(key, None)


def _key(project: Project) -> str:
    stored = hash(str(_stored(project)))
    return f"classes_{project.id}_{stored}"


def _draft(project: Project) -> str:
    return f"_classes_{project.id}"


def _base(project: Project) -> pd.DataFrame:
    """What the editor starts from: the stored classes, or edits from before the page was left.

    It stays the same while the editor lives, whose own state is edits on top of it.
    """
    base_key = _draft(project) + "_base"
    if _key(project) not in st.session_state:
        kept = st.session_state.get(_draft(project))
        frame = kept if kept is not None else pd.DataFrame(_stored(project), columns=list(COLUMNS))
        st.session_state[base_key] = frame.astype("string").fillna("").reset_index(drop=True)
    return st.session_state[base_key]


def _stored(project: Project) -> list[dict[str, str]]:
    if project.label_set is None:
        return [{"name": "", "description": "", "verbaliser": ""} for _ in range(2)]
    return [
        {"name": one.name, "description": one.description, "verbaliser": one.verbaliser}
        for one in project.label_set.labels
    ]


def _entries(frame: pd.DataFrame) -> list[dict[str, str]]:
    """The rows of the table as text; rows that are wholly empty are left out."""
    rows = []
    for entry in frame[list(COLUMNS)].astype("string").fillna("").to_dict("records"):
        cleaned = {str(name): str(value).strip() for name, value in entry.items()}
        if any(cleaned.values()):
            rows.append(cleaned)
    return rows
