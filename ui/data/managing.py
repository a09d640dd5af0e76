"""A project as a whole: another name, once more, put away, into one file and out of one."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from llkd import jobs
from llkd.errors import UserError
from llkd.jobs.requests import DuplicateRequest, JobRequest, PackRequest, UnpackRequest
from llkd.store import Job, Project, Store
from ui.data import places
from ui.data.creation import free_name
from ui.shell import downloads, job_cards, uploads
from ui.shell.errors import show_errors
from ui.shell.page import choose_project, make_new_project
from ui.shell.unbroken import press_once, unbroken
from ui.shell.wording import count, plain, when

ENDING = "llkd"
_KINDS = ("pack", "duplicate")
_STARTED = "_project_job"
"""The job that this browser's session started here last."""


def menu(store: Store, project: Project) -> None:
    """What can be done with the project that is shown, behind one button."""
    # Another key once work has begun: the menu is closed and does not hide how far it is.
    key = f"project_manage_{project.id}_{st.session_state.get(_STARTED, 0)}"
    with st.popover("Manage", icon=":material/folder_managed:", key=key):
        _rename(store, project)
        _duplicate(store, project)
        _pack(store, project)
        if project.archived is None:
            _archive(store, project)


def outcome(store: Store, project: Project) -> None:
    """The packing or duplicating under way, or what came of the last one."""
    job = job_cards.latest_job(store, project.id, _KINDS)
    if job is None:
        return
    mine = st.session_state.get(_STARTED) == job.id
    if job.live:
        job_cards.watch(store, job, key="managing")
    elif job.state != "finished" and mine:
        job_cards.job_card(store, job, key="managing")
    elif job.kind == "pack" and job.result:
        _packed(store, job)
    elif job.result and mine:
        _duplicated(store, job)


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


def unpacking(store: Store) -> None:
    """Take in a project that was packed here or elsewhere."""
    number = st.session_state.get(_STARTED)
    job = None if number is None else jobs.refreshed(store, number)
    if job is not None and job.kind == "unpack":
        _unpacked(store, job)
    with st.container(border=True):
        st.markdown("## A packed project?")
        st.caption(
            "One file holds all of a project: texts, classes, labels, audits, runs and students. "
            "It is checked first and comes whole or not at all."
        )
        with show_errors():
            file = _packed_file(store)
            if file is not None:
                _unpack(store, *file)


def _rename(store: Store, project: Project) -> None:
    key = f"project_name_{project.id}_{project.name}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", project.name, max_chars=100, key=key)
        pressed = st.button("Rename", key="project_rename")
    if pressed:
        with show_errors():
            choose_project(store.projects.rename(project.id, name))
            st.rerun()


def _duplicate(store: Store, project: Project) -> None:
    key = f"project_copy_{project.id}_{project.name}"
    # A name has 100 characters at most, and the number behind it takes some.
    usual = free_name(store, project.name[:90])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name of a copy", usual, max_chars=100, key=key)
        pressed = press_once("Duplicate", key="project_duplicate", icon=":material/content_copy:")
    if pressed:
        with show_errors():
            jobs.refuse_busy(store, project)
            _start(store, DuplicateRequest(project=project.name, name=name))


def _pack(store: Store, project: Project) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = press_once(
            "Pack into one file",
            key="project_pack",
            icon=":material/package_2:",
            help="Texts, classes, labels and who gave them, audits, runs with their students, to "
            "be handed over or kept. No key of a server is in it.",
        )
        embeddings = st.checkbox(
            "with embeddings",
            value=True,
            key="project_embeddings",
            help="They can be made again from the texts, in minutes where there are very many.",
        )
    if pressed:
        with show_errors():
            jobs.refuse_busy(store, project)
            name = uploads.harmless(f"{project.name}.{ENDING}")
            folder = job_cards.free_folder(store, f"{project.id}-packed")
            out = str(folder / name)
            _start(store, PackRequest(project=project.name, out=out, embeddings=embeddings))


def _archive(store: Store, project: Project) -> None:
    if st.button(
        "Archive",
        key="project_archive",
        icon=":material/inventory_2:",
        help="An archived project leaves the lists and keeps everything.",
    ):
        with show_errors():
            jobs.archive_project(store, project)
            choose_project(None)
            st.rerun()


def _packed(store: Store, job: Job) -> None:
    result = job.result or {}
    path = Path(str(result.get("file", "")))
    if not path.is_file():
        return
    with st.container(border=True):
        size = max(0.1, path.stat().st_size / 2**20)
        st.markdown(
            f":material/package_2: Packed on {when(job.finished or job.created)}: "
            f"{count(int(result.get('texts', 0)))} texts, {size:,.1f} MiB. *A packed project?* on "
            "the page of a new project takes it in, here or elsewhere."
        )
        downloads.download(store, path, f"packed_{job.id}")


def _duplicated(store: Store, job: Job) -> None:
    name = str((job.result or {}).get("project", ""))
    if name not in store.projects.names():
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/content_copy: The copy {plain(name)} is there.", width="stretch")
        if st.button("Open the copy", key=f"copy_open_{job.id}"):
            st.session_state.pop(_STARTED)
            choose_project(store.projects.get(name))
            st.rerun()


def _start(store: Store, request: JobRequest, title: str | None = None) -> None:
    def start() -> None:
        st.session_state[_STARTED] = jobs.start(store, request, title=title).id

    unbroken(start)
    st.rerun()


def _packed_file(store: Store) -> tuple[Path, str] | None:
    """The file and what it is called: uploaded, or named by its path where it is large."""
    uploaded = st.file_uploader(
        f"File (.{ENDING})", type=[ENDING], key="unpack_upload", label_visibility="collapsed"
    )
    if uploaded is not None:
        state = st.session_state.setdefault("_unpack_copies", {})
        if uploaded.file_id not in state or not Path(state[uploaded.file_id]).exists():
            state[uploaded.file_id] = str(uploads.keep(store, uploaded))
        return Path(state[uploaded.file_id]), uploaded.name
    where = places.rule()
    if where.refused:
        return None
    shown = st.text_input("Or its path on this machine", key="unpack_path").strip()
    if not shown:
        return None
    path = places.allowed(shown)
    return path, path.name


def _unpack(store: Store, path: Path, file_name: str) -> None:
    name = st.text_input(
        "Name here",
        placeholder="the one that it was packed under",
        max_chars=100,
        key="unpack_name",
    ).strip()
    if press_once("Unpack it", key="unpack_start", icon=":material/unarchive:"):
        if not path.is_file():
            raise UserError(f"There is no file {path}.")
        request = UnpackRequest(file=str(path), name=name or None)
        _start(store, request, title=f"Unpack {file_name}")


def _unpacked(store: Store, job: Job) -> None:
    if job.live:
        job_cards.watch(store, job, key="unpacking")
        return
    if job.state != "finished":
        job_cards.job_card(store, job, key="unpacking")
        return
    name = str((job.result or {}).get("project", ""))
    if name not in store.projects.names():
        return
    with st.container(border=True):
        st.markdown(f":material/unarchive: {plain(name)} is there.")
        if st.button("Open it", type="primary", key=f"unpacked_open_{job.id}"):
            st.session_state.pop(_STARTED)
            make_new_project(False)
            choose_project(store.projects.get(name))
            st.rerun()
