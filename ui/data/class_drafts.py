"""Edits of classes that are not saved yet: kept in the session until they are saved or dropped."""

from __future__ import annotations

import zlib

import pandas as pd
import streamlit as st

from llkd.store import Project

COLUMNS = ("name", "description", "verbaliser", "key")
_TYPED = COLUMNS[:3]


def base(project: Project) -> pd.DataFrame:
    """What the editor starts from: the stored classes, or edits from before the page was left.

    It stays the same while the editor lives, whose own state is edits on top of it. The column
    ``key`` says which class a row is; a row that was added has none.
    """
    base_key = _draft(project) + "_base"
    if editor_key(project) not in st.session_state:
        _set_aside(project)
        draft = st.session_state.get(_draft(project))
        frame = pd.DataFrame(_stored(project), columns=list(COLUMNS)) if draft is None else draft
        frame = frame.reindex(columns=list(COLUMNS)).astype("string").fillna("")
        st.session_state[base_key] = frame.reset_index(drop=True)
    return st.session_state[base_key]


def editor_key(project: Project) -> str:
    """The editor's key: another one once the stored classes are others."""
    return f"classes_{project.id}_{_stamp(project)}"


def keep(project: Project, edited: pd.DataFrame) -> None:
    """Remember what the editor shows."""
    st.session_state[_draft(project)] = edited
    st.session_state[_draft(project) + "_of"] = _stamp(project)
    st.session_state[_draft(project) + "_from"] = _stored(project)


def set_aside(project: Project) -> pd.DataFrame | None:
    """Edits that were begun on classes that somebody has changed since; None where there are none.

    They are in no table and not forgotten: :func:`lay_over` or :func:`drop_aside` ends that.
    """
    _set_aside(project)
    held = st.session_state.get(_draft(project) + "_aside")
    return None if held is None else held[0]


def lay_over(project: Project) -> None:
    """Make the edits that were set aside once more, on the classes as they are now."""
    held = st.session_state.pop(_draft(project) + "_aside", None)
    if held is None:
        return
    frame, before = held
    then = {row["key"]: row for row in before}
    typed = {row["key"]: row for row in _rows_of(frame) if row["key"]}
    rows_now = []
    for row in _stored(project):
        edit, old = typed.get(row["key"]), then.get(row["key"])
        if old is not None and edit is None:
            continue  # its row was deleted
        changed_cells = (
            {}
            if edit is None or old is None
            else {name: edit[name] for name in _TYPED if edit[name] != old[name]}
        )
        rows_now.append({**row, **changed_cells})
    rows_now += [row for row in _rows_of(frame) if not row["key"] and any(row.values())]
    forget(project)
    keep(project, pd.DataFrame(rows_now, columns=list(COLUMNS)))


def drop_aside(project: Project) -> None:
    """Forget the edits that were set aside."""
    st.session_state.pop(_draft(project) + "_aside", None)


def unfinished(project: Project) -> bool:
    """Whether there are edits that are not saved, also such as were set aside."""
    return changed(project) or set_aside(project) is not None


def _set_aside(project: Project) -> None:
    draft = st.session_state.get(_draft(project))
    if draft is None or _meant_for(project):
        return
    before = st.session_state.get(_draft(project) + "_from", [])
    forget(project)
    if _words(_rows_of(draft)) != _words(before):
        st.session_state[_draft(project) + "_aside"] = (draft, before)


def forget(project: Project) -> None:
    """Let go of unsaved edits."""
    for end in ("", "_base", "_of", "_from"):
        st.session_state.pop(_draft(project) + end, None)
    st.session_state.pop(editor_key(project), None)


def rows(project: Project) -> list[dict[str, str]]:
    """The rows as they are typed, also empty ones."""
    frame = st.session_state.get(_draft(project))
    if frame is None:
        return _stored(project)
    return _rows_of(frame)


def without_keys(project: Project) -> bool:
    """Whether the rows do not say which class each is."""
    frame = st.session_state.get(_draft(project))
    return frame is not None and "key" not in frame.columns


def changed(project: Project) -> bool:
    """Whether there are edits of this project's classes that are not saved."""
    if _draft(project) not in st.session_state or not _meant_for(project):
        return False
    return _words(rows(project)) != _words(_stored(project))


def _rows_of(frame: pd.DataFrame) -> list[dict[str, str]]:
    frame = frame.reindex(columns=list(COLUMNS)).astype("string").fillna("")
    return [
        {str(name): str(value).strip() for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def _words(typed: list[dict[str, str]]) -> list[tuple[str, ...]]:
    return [
        tuple(row[name] for name in _TYPED) for row in typed if any(row[name] for name in _TYPED)
    ]


def _meant_for(project: Project) -> bool:
    """Whether the edits were begun on the classes as they are stored now."""
    return st.session_state.get(_draft(project) + "_of", _stamp(project)) == _stamp(project)


def _draft(project: Project) -> str:
    return f"_classes_{project.id}"


def _stamp(project: Project) -> str:
    return f"{zlib.crc32(repr(_stored(project)).encode()):08x}"


def _stored(project: Project) -> list[dict[str, str]]:
    if project.label_set is None:
        return [dict.fromkeys(COLUMNS, "") for _ in range(2)]
    return [
        {
            "name": label.name,
            "description": label.description,
            "verbaliser": label.verbaliser,
            "key": label.identity,
        }
        for label in project.label_set.labels
    ]
