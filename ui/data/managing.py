"""A project as a whole: another name, put away, and those that were put away."""

from __future__ import annotations

import streamlit as st

from llkd import jobs
from llkd.store import Project, Store
from ui.shell.errors import show_errors
from ui.shell.page import choose_project, make_new_project
from ui.shell.wording import when


def menu(store: Store, project: Project) -> None:
    """What can be done with the project that is shown, behind one button."""
    with st.popover("Manage", icon=":material/folder_managed:"):
        _rename(store, project)
        if project.archived is None:
            st.divider()
            _archive(store, project)


def archived_notice(store: Store, project: Project) -> None:
    """Says that a project was put away, with the button that takes it up again."""
    if project.archived is None:
        return
    with st.container(border=True):
        st.info(
            f"This project was archived on {when(project.archived)}: lists leave it out, and it "
            "keeps everything.",
            icon=":material/inventory_2:",
        )
        if st.button("Restore it", type="primary", key="project_restore"):
            store.projects.archive(project.id, False)
            st.rerun()


def archived_projects(store: Store) -> None:
    """The projects that were put away, to be looked at again; nothing where there are none."""
    away = [project for project in store.projects.all() if project.archived is not None]
    if not away:
        return
    with st.container(border=True):
        st.markdown(f"## Archived ({len(away)})")
        numbers = {project.id: project.name for project in away}
        number = st.selectbox("Project", list(numbers), format_func=numbers.__getitem__)
        if st.button("Open it", key="archived_open", icon=":material/inventory_2:"):
            make_new_project(False)
            choose_project(store.projects.by_id(number))
            st.rerun()


def _rename(store: Store, project: Project) -> None:
    key = f"project_name_{project.id}_{project.name}"
    name = st.text_input("Name", project.name, max_chars=100, key=key)
    if st.button("Rename", key="project_rename"):
        with show_errors():
            choose_project(store.projects.rename(project.id, name))
            st.rerun()


def _archive(store: Store, project: Project) -> None:
    st.caption("An archived project leaves the lists and keeps everything.")
    if st.button("Archive", key="project_archive", icon=":material/inventory_2:"):
        with show_errors():
            jobs.archive_project(store, project)
            choose_project(None)
            st.rerun()
