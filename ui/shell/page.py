"""The one call that opens every page: settings, navigation, sidebar, store and project.

A page file also runs without ``app.py`` before it: by its address on a fresh server, Streamlit
finds ``pages/`` by itself. :func:`open_page` then does what ``app.py`` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import streamlit as st

from llkd import jobs
from llkd.errors import LLKDError, NotFound
from llkd.store import Job, Project, Store
from llkd.store.damaged import DamagedRecord
from ui.data import class_drafts
from ui.people import notice
from ui.people.names import who_sits_here
from ui.shell import appearance, exposure, fragments, job_cards, login, reads
from ui.shell.errors import defer_errors, show_error
from ui.shell.steps import BY_NAME, DONE, HISTORY, RUNNING, STEPS, progress

PRODUCT = "LLKD Studio"
ICON = str(Path(__file__).with_name("icon.svg"))
_ROUTED = "_routed"
_AGAIN = "_routed_again"
_PROJECT = "_project"
_PICKER = "_project_picker"
_NEW = "_data_new"
_COLOURS = {DONE: "green", RUNNING: "blue"}


@dataclass(frozen=True)
class Page:
    """What a page works with: the store, and the project chosen in the sidebar if there is one."""

    store: Store
    project: Project | None

    def needed_project(self) -> Project:
        """The project; without one, the page says where to make it and ends here."""
        if self.project is None:
            empty_state("There is no project yet. Start by bringing in some texts.", "Data")
        return self.project


def run_app() -> None:
    """What ``app.py`` does: settings, the six pages, and the one that was asked for."""
    page = _route()
    st.session_state[_ROUTED] = True
    page.run()


def open_page(title: str, sentence: str) -> Page:
    """Open a page: its title and one sentence of what it is for, and the sidebar beside it.

    Without a ``sentence`` the page has one of its own, about the data.

    Before anything is read or shown, a login where one is asked for.
    """
    if not st.session_state.pop(_ROUTED, False):
        _route()
        if not st.session_state.get(_AGAIN):
            # The first run bypassed the router, so its widgets have other identities than those
            # of the runs to come: a click on one of them would be lost.
            st.session_state[_AGAIN] = True
            st.rerun()
    login.ask(PRODUCT, ICON)
    appearance.apply()
    st.title(title, anchor=False)
    if sentence:
        st.markdown(f":gray[{sentence}]")
    exposure.warn()
    try:
        store = reads.store()
        project = _readable_project(store)
        with st.sidebar:
            _sidebar(store, project)
        if project is not None and not making_new_project():
            store.projects.require_texts(project.id)
        if project is not None and title != "Data":
            _unsaved_classes(store, project)
    except LLKDError as error:
        show_error(str(error))
        st.stop()
    return Page(store, project)


def _unsaved_classes(store: Store, project: Project) -> None:
    """Edits of the classes that were left unsaved on Data: ask, for no page would know of them."""
    from ui.data.classes import save_and_go

    if not class_drafts.unfinished(project):
        return
    with st.container(border=True):
        st.warning(
            "The classes have changes that are not saved. Until they are, teachers, Curate and "
            "students know nothing of them.",
            icon=":material/edit_note:",
        )
        with st.container(horizontal=True):
            if st.button("Save the changes", type="primary", key="unsaved_save"):
                if not save_and_go(store, project):
                    go_to("Data")
                st.rerun()
            if st.button("Look at them", key="unsaved_look"):
                go_to("Data")
            if st.button("Discard them", key="unsaved_discard"):
                class_drafts.forget(project)
                class_drafts.drop_aside(project)
                st.rerun()


def empty_state(sentence: str, step: str, label: str | None = None) -> NoReturn:
    """Say what is missing and offer the step that makes it; the page ends here."""
    with st.container(border=True, horizontal_alignment="center", gap="medium"):
        st.space("small")
        st.markdown(f"## {sentence}", text_alignment="center")
        next_step(step, label or f"Go to {step}")
        st.space("small")
    st.stop()


def next_step(step: str, label: str, *, primary: bool = True, key: str | None = None) -> None:
    """A button that leads to another page."""
    kind: Any = "primary" if primary else "secondary"
    name = key or f"next_{step}"
    if st.button(label, type=kind, icon=":material/arrow_forward:", key=name):
        go_to(step)


def go_to(step: str) -> NoReturn:
    """Leave for another page of the same project."""
    fragments.forget()
    st.switch_page(BY_NAME[step].file, query_params=_query())


def choose_project(project: Project | None) -> None:
    """Make ``project`` the chosen one, as the picker would; callable at any point of a run."""
    st.session_state[_PROJECT] = None if project is None else project.id
    if project is None:
        st.query_params.pop("project", None)
    elif st.query_params.get("project") != project.name:
        st.query_params["project"] = project.name


def _route() -> Any:
    # A file of ours: named icons are fetched from another host.
    st.set_page_config(page_title=PRODUCT, page_icon=ICON, layout="wide", menu_items={})
    pages = [
        st.Page(
            step.file,
            title=step.name,
            icon=step.icon,
            url_path=step.file.stem,
        )
        for step in (*STEPS, HISTORY)
    ]
    # A default page loses the address of its own name: the first step must keep /data.
    home = st.Page(_home, title=PRODUCT, url_path="home", default=True, visibility="hidden")
    page = st.navigation([home, *pages], position="hidden")
    fragments.entered(page.url_path)
    return page


def _home() -> None:
    """The bare address leads to the first step."""
    go_to(STEPS[0].name)


def _query() -> dict[str, str]:
    name = st.query_params.get("project")
    return {} if name is None else {"project": name}


def _readable_project(store: Store) -> Project | None:
    """The chosen project. Where its record is damaged, that is said and another can be picked."""
    try:
        return _chosen_project(store)
    except DamagedRecord as error:
        show_error(str(error))
        with st.sidebar:
            st.selectbox("Project", store.projects.names(), None, key=_PICKER, on_change=_picked)
        st.stop()


def _chosen_project(store: Store) -> Project | None:
    """The project of the address, else the one chosen before, else the newest."""
    named = st.query_params.get("project")
    project: Project | None = None
    if named is not None:
        try:
            project = store.projects.get(named)
        except NotFound:
            show_error(f"There is no project {named!r} here. It may have been deleted or renamed.")
    if project is None and st.session_state.get(_PROJECT) is not None:
        try:
            project = store.projects.by_id(st.session_state[_PROJECT])
        except NotFound:
            project = None
    if project is None:
        project = next((each for each in store.projects.all() if each.archived is None), None)
    if named is not None or project is not None:
        choose_project(project)
    return project


def making_new_project() -> bool:
    """Whether the Data page makes a new project rather than shows the chosen one."""
    return bool(st.session_state.get(_NEW))


def make_new_project(making: bool = True) -> None:
    """Turn the Data page to making a new project, or back to the chosen one."""
    st.session_state[_NEW] = making


@defer_errors
def _picked() -> None:
    name = st.session_state[_PICKER]
    make_new_project(False)
    if name is not None:
        choose_project(reads.store().projects.get(name))


def _sidebar(store: Store, project: Project | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.image(ICON, width=30, alt="")
        st.markdown(f"**{PRODUCT}**")
    login.signed_in()
    who_sits_here()
    names = store.projects.names()
    if project is not None:
        if project.archived is not None:
            names = [project.name, *names]  # opened by its address: it can be seen and restored
        # Set before the widget is drawn: it follows the address, not its own memory.
        st.session_state[_PICKER] = project.name
        st.selectbox("Project", names, key=_PICKER, on_change=_picked)
    live = jobs.live_jobs(store)
    shown_jobs = tuple(job.id for job in live)
    # Even with nothing to watch: a job may be started elsewhere (another tab, a terminal).
    # Every open page asks, so twenty people must not ask each second: that is half a processor.
    follow = fragments.part(_steps_and_jobs, 2.0 if live else 5.0)
    follow(store, project, shown_jobs)


def _steps_and_jobs(store: Store, project: Project | None, shown_jobs: Sequence[int]) -> None:
    """The steps with their state and the live jobs; runs again by itself while a job lives."""
    if not login.let_in():
        # A login that has ended since the page was opened: the whole page asks again.
        st.rerun()
    live = jobs.live_jobs(store)
    if tuple(job.id for job in live) != tuple(shown_jobs):
        # A job began or ended: the whole page may show something else now.
        st.rerun()
    states = progress(store, project, live)
    with st.container(gap="xxsmall"):
        for number, step in enumerate(STEPS, start=1):
            state = states[step.name]
            colour = _COLOURS.get(state.state, "gray")
            st.page_link(
                step.file,
                label=f"{number}. {step.name} \u2002:{colour}[:small[{state.words}]]",
                icon=step.icon,
                query_params=_query(),
                width="stretch",
            )
        if project is not None:
            st.page_link(
                HISTORY.file,
                label="Who decided what",
                icon=HISTORY.icon,
                query_params=_query(),
                width="stretch",
            )
    notice.disputes(store, project)
    _live_jobs(store, live)


def _live_jobs(store: Store, live: Sequence[Job]) -> None:
    for job in live:
        job_cards.sidebar_card(store, job)
