"""Who changed the classes, when and how; and the way back."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from llkd import curation
from llkd.errors import UserError
from llkd.store import ClassInUse, Project, Store
from llkd.store.class_history import undoable
from ui.data import class_drafts
from ui.data.class_changes import show_lines, teacher
from ui.data.regrouping import SAVED
from ui.shell.authorship import author
from ui.shell.errors import show_errors
from ui.shell.wording import plain, when

_QUESTION = "_classes_undo"


def history(store: Store, project: Project) -> None:
    """Every change of the classes, newest first; nothing before the first."""
    changes = store.classes.history(project.id)
    if not changes:
        return
    with st.expander(
        f"Changes of the classes ({len(changes)})",
        icon=":material/history:",
        key=f"classes_history_{project.id}",
    ):
        st.dataframe(
            pd.DataFrame(
                {
                    "When": [when(change.created) for change in changes],
                    "Who": [change.who for change in changes],
                    "What": [
                        change.sentence + (" (undone)" if change.undone else "")
                        for change in changes
                    ],
                }
            )[::-1],
            hide_index=True,
            column_config={"What": st.column_config.TextColumn(width="large")},
            alt="Changes of the classes: when, who, what",
        )
        try:
            last = undoable(changes)
        except UserError as error:
            st.caption(plain(str(error)))
            return
        if class_drafts.unfinished(project):
            st.caption("Save the changes above first, or take them back, before you undo one.")
        elif st.session_state.get(_QUESTION) == (project.id, last.id):
            _confirm(store, project, last.token)
        else:
            st.button(
                "Undo the last change …",
                icon=":material/undo:",
                key="classes_undo",
                on_click=_ask,
                args=(project.id, last.id),
            )


def _ask(project_id: int | None = None, change: int | None = None) -> None:
    """From a callback: open the question whether to undo this change, or close it."""
    st.session_state[_QUESTION] = (project_id, change)


def _confirm(store: Store, project: Project, token: str) -> None:
    preview = curation.preview_undo(store, project, teacher(store, project, split=True))
    if preview.undoes is not None:
        st.markdown(plain(f"This takes back: {preview.undoes.sentence}."))
    show_lines([*preview.lines(), "Labels that people gave since are kept."])
    with st.container(horizontal=True):
        sure = st.button("Undo it", key="classes_undo_sure", type="primary")
        st.button("Leave it", key="classes_undo_not", on_click=_ask)
    refused = st.session_state.get(f"{_QUESTION}_refused") == project.id
    drop = refused and st.button("Undo it, these labels count no more", key="classes_undo_drop")
    if not (sure or drop):
        return
    with show_errors():
        try:
            st.session_state[SAVED] = store.classes.undo(
                project.id, dropping=bool(drop), who=author().who, token=token
            )
        except ClassInUse:
            st.session_state[f"{_QUESTION}_refused"] = project.id
            raise
        st.session_state.pop(f"{_QUESTION}_refused", None)
        _ask()
        st.rerun()
