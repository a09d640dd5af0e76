"""The classes of a project: names, what they mean, and the words that stand for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from llkd.config import ClassEdit, Label, entries, exchanged, in_place
from llkd.config.class_edits import by_name
from llkd.errors import LLKDError
from llkd.store import ClassInUse, Project, Store
from llkd.store.people.moments import ago
from ui.curate.waiting import waiting_texts
from ui.data import class_drafts
from ui.data.class_changes import show_changes, show_orphans
from ui.data.class_history import history
from ui.data.regrouping import SAVED, regrouping
from ui.data.suggestions import suggestions
from ui.shell.authorship import author
from ui.shell.errors import show_errors
from ui.shell.login import LOCAL_USER
from ui.shell.wording import TERMS, counted, plain

_LABELS_GO, _LABELS_STAY = "labels go with their row", "labels stay with the name"
_REFUSED = "_classes_refused"


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
    _saved_words()
    _aside(store, project)
    if project.label_set is None:
        suggestions(store, project)
    table = st.data_editor(
        class_drafts.base(project),
        num_rows="dynamic",
        hide_index=True,
        key=class_drafts.editor_key(project),
        column_config={
            "key": None,  # which class the row is, whatever its name
            "name": st.column_config.TextColumn("Class", width="small", max_chars=200),
            "description": st.column_config.TextColumn(
                "What belongs to it", width="large", max_chars=2000
            ),
            "verbaliser": st.column_config.TextColumn(
                "Name used in the prompt", width="small", max_chars=200
            ),
        },
        alt="The classes: name, description, name used in the prompt",
    )
    class_drafts.keep(project, table)
    changed = class_drafts.changed(project)
    wanted = _wanted(store, project) if changed else None
    with st.container(horizontal=True, vertical_alignment="center"):
        kind: Any = "primary" if project.label_set is None else "secondary"
        pressed = st.button(
            "Save the classes",
            type=kind,
            icon=":material/save:",
            disabled=not changed,
            key="classes_save",
        )
        if changed:
            st.caption("There are changes that are not saved yet.")
        elif project.label_set is not None:
            st.caption(f"{counted(len(project.label_set.labels), 'class', 'classes')}, saved.")
    if pressed and changed:
        save(store, project, wanted)
    _refused(store, project, wanted)
    waiting_texts(store, project, "classes_waiting")
    show_orphans(store, project)
    if project.label_set is not None:
        suggestions(store, project)
    regrouping(store, project)
    history(store, project)
    if project.labelling_id is not None:
        st.caption(
            "A class keeps its labels when it is renamed. What a teacher was not asked about it "
            "cannot have said: after a class was added, label again on the Teacher page; on Curate "
            "people can give it at once."
        )


def save_and_go(store: Store, project: Project) -> bool:
    """Save unsaved edits before the next step; False where they cannot be saved as they are."""
    if class_drafts.set_aside(project) is not None:
        return False  # said above: somebody has changed the classes meanwhile
    if not class_drafts.changed(project):
        return True
    with show_errors():
        wanted = _entries(project)
        before = project.label_set
        if before is not None and exchanged(before, wanted):
            st.warning(
                "Names of classes were exchanged. Say below what that means for their labels, and "
                "save the classes.",
                icon=":material/swap_vert:",
            )
            return False
        return save(store, project, wanted, leaving=True)
    return False


def save(
    store: Store,
    project: Project,
    wanted: Sequence[Label] | None,
    *,
    dropping: bool = False,
    leaving: bool = False,
) -> bool:
    """Make these the classes and draw the page again; says or asks what stands in the way."""
    with show_errors():
        entries_ = _entries(project) if wanted is None else wanted
        try:
            edit = store.classes.edit(
                project.id,
                entries_,
                dropping=dropping,
                who=author().who,
                shown=project.label_set,
            )
        except ClassInUse as refused:
            st.session_state[_REFUSED] = (project.id, str(refused))
            return False
        class_drafts.forget(project)
        st.session_state.pop(_REFUSED, None)
        st.session_state[SAVED] = edit
        if not leaving:
            st.rerun()
        return True
    return False


def _wanted(store: Store, project: Project) -> list[Label] | None:
    """The classes as they are typed, with what the change means; None where they cannot be read."""
    try:
        wanted = _entries(project)
        before = project.label_set
        if before is not None and exchanged(before, wanted):
            meaning = st.radio(
                "Names of classes stand in other rows now. Which is meant?",
                [_LABELS_GO, _LABELS_STAY],
                format_func=lambda choice: (
                    "The classes are renamed: their labels go along"
                    if choice == _LABELS_GO
                    else "Only the order changes: labels stay with the names"
                ),
                key=f"classes_exchanged_{project.id}",
            )
            if meaning == _LABELS_STAY:
                wanted = by_name(before, wanted)
        if before is not None:
            show_changes(store, project, wanted)
        return wanted
    except LLKDError:
        return None  # said when it is saved: half a name is no mistake yet


def _entries(project: Project) -> list[Label]:
    wanted = entries(class_drafts.rows(project))
    if project.label_set is not None and class_drafts.without_keys(project):
        return in_place(project.label_set, wanted)
    return wanted


def _refused(store: Store, project: Project, wanted: Sequence[Label] | None) -> None:
    """Ask whether labels may go that a removed class carries."""
    number, reason = st.session_state.get(_REFUSED, (None, ""))
    if number != project.id:
        return
    if not class_drafts.changed(project):
        st.session_state.pop(_REFUSED, None)
        return
    with st.container(border=True):
        st.warning(plain(reason), icon=":material/label_off:")
        with st.container(horizontal=True):
            sure = st.button("Remove it, its labels count no more", key="classes_drop")
            if st.button("Put it back", key="classes_undrop", type="primary"):
                class_drafts.forget(project)
                st.session_state.pop(_REFUSED, None)
                st.rerun()
        st.caption("They stay stored: a class of that name that is added later has them again.")
    if sure:
        save(store, project, wanted, dropping=True)


def _aside(store: Store, project: Project) -> None:
    """Edits that were begun on classes which somebody has changed since: neither lost nor made."""
    edits = class_drafts.set_aside(project)
    if edits is None:
        return
    with st.container(border=True):
        last = next(iter(store.classes.history(project.id)[::-1]), None)
        by = ""
        if last is not None:
            somebody = "somebody" if last.who == LOCAL_USER else last.who
            by = f" ({somebody}, {ago(last.created)}: {last.sentence})"
        st.warning(
            plain(
                f"The classes were changed elsewhere meanwhile{by}. Your edits were not saved: "
                "they are these."
            ),
            icon=":material/group:",
        )
        st.dataframe(
            edits.reindex(columns=["name", "description", "verbaliser"]),
            hide_index=True,
            column_config={
                "name": "Class",
                "description": "What belongs to it",
                "verbaliser": "Name used in the prompt",
            },
            alt="Your edits that were not saved",
        )
        with st.container(horizontal=True):
            if st.button("Put them into the table", key="classes_lay_over", type="primary"):
                class_drafts.lay_over(project)
                st.rerun()
            if st.button("Discard them", key="classes_drop_aside"):
                class_drafts.drop_aside(project)
                st.rerun()


def _saved_words() -> None:
    """What the last change did, said once."""
    change = st.session_state.pop(SAVED, None)
    if change is None:
        return
    if isinstance(change, ClassEdit):
        sentence = _sentence(change)
    else:
        sentence = f"Undone: {change.sentence}."
    if sentence:
        st.success(plain(sentence), icon=":material/check:")


def _sentence(edit: ClassEdit) -> str:
    if edit.kind == "merge":
        return f"{', '.join(map(repr, edit.subject))} are one class now, {edit.result[0]!r}."
    if edit.kind == "split":
        return f"{edit.subject[0]!r} is split into {', '.join(map(repr, edit.result))}."
    parts = [f"{old!r} is called {new!r} now." for old, new in edit.renamed]
    if edit.renamed:
        parts.append("All labels, gold, selections and runs follow.")
    if edit.words_kept:
        single = len(edit.words_kept) == 1
        parts.append(
            f"The teacher goes on being asked about {'it' if single else 'them'} in the words of "
            "before (column Name used in the prompt), so that no text is asked about twice; empty "
            "the cell to ask with the new name."
        )
    return " ".join(parts)
