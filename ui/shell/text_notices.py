"""Sentences about a project's texts that stand before work is spent: languages, what is cut."""

from __future__ import annotations

import streamlit as st

from llkd import curation
from llkd.config import TeacherConfig
from llkd.store import Project, Store
from ui.shell.wording import plain


def data_notice(store: Store, project: Project) -> None:
    """Where many texts are in other languages than the built-in models know."""
    _language(curation.data_language_sentence(languages(store, project)))


def student_notice(store: Store, project: Project, student: str) -> None:
    """Where many texts are in languages that the student does not know."""
    _language(curation.student_language_sentence(languages(store, project), student))


def teacher_notice(store: Store, project: Project, config: TeacherConfig) -> None:
    """Where many texts are in languages that the teacher does not know, or are read in part."""
    _language(curation.teacher_language_sentence(languages(store, project), config))
    for sentence in _cut(_key(store), project.id, project.digest, config, store, project):
        st.warning(plain(sentence), icon=":material/content_cut:")


def languages(store: Store, project: Project) -> dict[str, float]:
    """The share of each language in the pool, looked at once."""
    return _languages(_key(store), project.id, project.digest, store, project)


def _language(sentence: str | None) -> None:
    if sentence is not None:
        st.warning(plain(sentence), icon=":material/translate:")


def _key(store: Store) -> str:
    return str(store.home.root)


@st.cache_resource(show_spinner="Looking at the languages \u2026", max_entries=32)
def _languages(
    home: str, project_id: int, digest: str, _store: Store, _project: Project
) -> dict[str, float]:
    return curation.pool_languages(_store, _project)


@st.cache_resource(show_spinner="Counting tokens \u2026", max_entries=64)
def _cut(
    home: str,
    project_id: int,
    digest: str,
    config: TeacherConfig,
    _store: Store,
    _project: Project,
) -> list[str]:
    return curation.teacher_cut_sentences(_store, _project, config)
