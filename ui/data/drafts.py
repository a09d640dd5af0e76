"""Where new texts come from: uploads, a path, the hub; what was chosen is kept as a draft.

A chosen file is kept as a copy under a key of its own: an uploader forgets when its page is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import streamlit as st

from llkd.datasets import File, hub
from llkd.datasets.importing import joined
from ui.data import places
from ui.shell import reads, uploads
from ui.shell.wording import plain

UPLOAD, PATH, PASTE = "Upload files", "File or folder on this machine", "Paste texts"
HUB = "Hub data set"
FORMATS = "CSV, TSV, JSON, JSON Lines, Parquet, Excel (.xlsx) or plain text, also as .gz or .zip"


@dataclass(frozen=True)
class Draft:
    """What was chosen for one import: its files or folder, its name, whether these are copies."""

    files: tuple[File, ...]
    name: str
    copied: bool
    warnings: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Tells this draft from others in the keys of widgets."""
        return self.files[0].path


def file_draft(slot: str, label: str, several: bool = False) -> Draft | None:
    """The files chosen in this slot (``texts`` or ``gold``), or the widgets to choose them."""
    draft = kept_draft(slot)
    if draft is not None:
        return draft
    uploads_now: Any = st.file_uploader(
        label, key=_uploader(slot), help=f"{FORMATS}.", accept_multiple_files=several
    )
    uploaded = uploads_now if several else [uploads_now] if uploads_now is not None else []
    if not uploaded:
        return None
    files = tuple(
        File(str(uploads.keep(reads.store(), upload)), upload.name) for upload in uploaded
    )
    keep_draft(slot, Draft(files, joined([upload.name for upload in uploaded]), True))
    # The next uploader is another one. This one's files come back with whatever the browser asks
    # for while they are read, and would be taken again once they were removed.
    st.session_state[f"_uploads_{slot}"] = st.session_state.get(f"_uploads_{slot}", 0) + 1
    for upload in uploaded:
        uploads.release(upload)
    st.rerun()


def _uploader(slot: str) -> str:
    return f"upload_{slot}_{st.session_state.get(f'_uploads_{slot}', 0)}"


def kept_draft(slot: str) -> Draft | None:
    """The files kept in this slot, shown with a button to remove them."""
    draft: Draft | None = st.session_state.get(f"_draft_{slot}")
    if draft is None or not all(Path(file.path).exists() for file in draft.files):
        return None
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.text(draft.name, width="stretch")
        st.button(
            "Remove" if len(draft.files) == 1 else "Remove all",
            icon=":material/close:",
            key=f"remove_{slot}",
            on_click=drop_draft,
            args=(slot,),
        )
    return draft


def keep_draft(slot: str, draft: Draft) -> None:
    """Let the slot hold these files."""
    st.session_state[f"_draft_{slot}"] = draft


def slot_of(what: str, place: str) -> str:
    """The slot of files of a new project (``data``), or of such as are added to one."""
    return what if place == "data" else f"{place}_{what}"


def path_draft(key: str = "data_path") -> Draft | None:
    """A file or folder named by its path: for files too large to upload, or many."""
    where = places.rule()
    if where.refused:
        st.info(where.sentence, icon=":material/lock:")
        return None
    shown = st.text_input(
        "Path of the file or folder",
        placeholder="/data/messages.csv" if where.root is None else "messages.csv",
        key=key,
        persist_state="session",
    )
    if not shown.strip():
        st.caption(
            f"A file ({FORMATS}), or a folder with such files, on the machine that this app runs "
            f"on. It is read where it lies; nothing is uploaded. {plain(where.sentence)}"
        )
        return None
    path = places.allowed(shown.strip())
    return Draft((File(str(path), path.name),), path.name, False)


def hub_draft(slot: str = "hub", key: str = "data_hub") -> Draft | None:
    """A data set of the hub by its name, fetched when the button is pressed."""
    draft = kept_draft(slot)
    if draft is not None:
        return draft
    name = st.text_input(
        "Name of the data set",
        placeholder="fancyzhx/ag_news@test",
        key=key,
        persist_state="session",
    ).strip()
    st.caption(
        "OWNER/NAME as it stands on the hub, with :CONFIG and @SPLIT where needed. Only its data "
        "files are fetched; no script of it is run."
    )
    if st.button("Fetch it", icon=":material/cloud_download:", disabled=not name):
        spec = hub.PREFIX + name.removeprefix(hub.PREFIX)
        with st.spinner("Fetching the data files \u2026"):
            fetched = hub.fetch(spec, folders=False)
        keep_draft(slot, Draft(fetched.files, spec, False, fetched.warnings))
        st.rerun()
    return None


def leave_out(slot: str, paths: tuple[str, ...]) -> None:
    """Go on with the other files of this slot."""
    draft: Draft = st.session_state[f"_draft_{slot}"]
    files = tuple(file for file in draft.files if file.path not in paths)
    for path in paths:
        uploads.forget(path)
    names = [file.name or Path(file.path).name for file in files]
    keep_draft(slot, replace(draft, files=files, name=joined(names)))


def drop_draft(slot: str) -> None:
    """Forget the chosen files and remove their copies."""
    draft: Draft | None = st.session_state.pop(f"_draft_{slot}", None)
    if draft is not None and draft.copied:
        for file in draft.files:
            uploads.forget(file.path)
