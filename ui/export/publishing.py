"""A finished export to a model hub: which files would go is read first, then one button sends them.

The token that is typed here stays in this browser tab, or in the key file; see
:mod:`ui.teacher.setup.server_key`.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from llkd import jobs, publishing
from llkd.config import build
from llkd.errors import ConfigError
from llkd.jobs.requests import PushRequest
from llkd.publishing import DATASET, MODEL, Place, Shipment
from llkd.publishing.shipment import RepoKind, parts_of
from llkd.store import Job, Project, Store
from ui.export.preview import file_size
from ui.shell import job_cards
from ui.shell.session_keys import session_keys
from ui.shell.unbroken import press_once
from ui.shell.wording import counted, plain
from ui.teacher.setup.server_key import key_box

_LABELS: dict[RepoKind, str] = {
    DATASET: "Repository of the data set",
    MODEL: "Repository of the student",
}


def panel(store: Store, project: Project, job: Job) -> None:
    """Push the export of this finished job."""
    folder = Path(str((job.result or {}).get("folder", "")))
    with st.expander("Push to a model hub", icon=":material/cloud_upload:", key=f"push_{job.id}"):
        parts = parts_of(folder)
        if not parts:
            st.caption(
                "This export has neither a data set folder nor a student. Export again with the "
                "format 'Data set folder, zipped', or with the student of a run."
            )
            return
        try:
            place = publishing.hub_token(session=session_keys())
        except ConfigError as error:
            st.warning(plain(str(error)), icon=":material/key_off:")
            return
        names = {kind: _name(kind, job) if kind in parts else None for kind in _LABELS}
        public = st.toggle(
            "Everybody may read it",
            key=f"push_public_{job.id}",
            help="Otherwise a new repository is its owner's alone. One that is there and public is "
            "refused.",
        )
        _token(store, place, job)
        if any(names.values()):
            shipments = publishing.shipments_of(folder, names[DATASET], names[MODEL], verify=False)
            _files(shipments, place, public)
            _button(store, project, folder, shipments, public, place)
    _under_way(store, project)


def _name(kind: RepoKind, job: Job) -> str | None:
    words = st.text_input(
        _LABELS[kind],
        key=f"push_{kind}_{job.id}",
        placeholder="owner/name",
        max_chars=200,
        width=400,
        help="On the hub, as owner/name. Left empty, this part is not sent.",
    )
    return str(words).strip() or None


def _token(store: Store, place: Place, job: Job) -> None:
    """Where the token comes from, and a box to type one."""
    host = place.host.removesuffix(":443")
    if place.token is None:
        st.caption(
            f":material/key_off: No token for {plain(host)} is set. Type one that may write, or "
            "set `HF_TOKEN` where the app is started."
        )
    else:
        st.caption(f":material/key: The token {plain(place.origin)} goes to {plain(host)}.")
    with st.popover("Type a token", icon=":material/key:", key=f"push_token_{job.id}"):
        key_box(store, place.host, lambda name: f"push_{name}_{job.id}")


def _files(shipments: list[Shipment], place: Place, public: bool) -> None:
    """Everything that would go, before anything does."""
    files = [(shipment, file) for shipment in shipments for file in shipment.files]
    st.markdown(
        f"{counted(len(files), 'file')}, {file_size(sum(s.size for s in shipments))}, to "
        f"{plain(place.host.removesuffix(':443'))}, for "
        f"{'**everybody to read**' if public else 'the owner alone'}. Nothing else goes: the "
        "manifest, which may quote texts that were not kept, stays here."
    )
    st.dataframe(
        {
            "Repository": [shipment.name for shipment, _ in files],
            "File": [file.path for _, file in files],
            "Size": [file_size(file.size) for _, file in files],
        },
        hide_index=True,
        height="content" if len(files) <= 10 else 380,
        alt="The files that a push would send",
    )
    for remark in dict.fromkeys(remark for shipment in shipments for remark in shipment.remarks):
        st.info(plain(remark), icon=":material/person:")


def _button(
    store: Store,
    project: Project,
    folder: Path,
    shipments: list[Shipment],
    public: bool,
    place: Place,
) -> None:
    names = {shipment.kind: shipment.name for shipment in shipments}
    if press_once(
        f"Push {counted(sum(len(s.files) for s in shipments), 'file')}",
        icon=":material/cloud_upload:",
        key="push_start",
        disabled=place.token is None,
    ):
        request = build(
            PushRequest,
            project=project.name,
            dataset=names.get(DATASET),
            model=names.get(MODEL),
            public=public,
            folder=str(folder),
        )
        jobs.start(store, request, keys=session_keys())
        st.rerun()


def _under_way(store: Store, project: Project) -> None:
    """The push under way, or what became of the latest."""
    live = job_cards.live_job(store, project.id, ("push",))
    if live is not None:
        job_cards.watch(store, live, key="push")
        return
    latest = job_cards.latest_job(store, project.id, ("push",))
    if latest is None:
        return
    if latest.state != "finished":
        job_cards.job_card(store, latest, key="push")
        return
    for result in (latest.result or {}).get("pushed", []):
        visibility = "private" if result["private"] else "public"
        words = "Pushed" if result["sent"] else "All of it was there already"
        st.success(plain(f"{words}: {result['url']} ({visibility})"), icon=":material/cloud_done:")
