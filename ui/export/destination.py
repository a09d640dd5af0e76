"""Where an export goes: a folder below the home, or an address in object storage."""

from __future__ import annotations

import streamlit as st

from llkd.errors import UserError
from llkd.store import Job
from llkd.store.objects.address import is_object_address, read_address
from ui.shell.errors import show_error
from ui.shell.wording import counted

HERE, BUCKET = "This machine", "Object storage"


def address() -> tuple[str | None, bool]:
    """The address that was typed, None for this machine; and whether an export can go there."""
    place = st.segmented_control(
        "Where it goes",
        [HERE, BUCKET],
        default=HERE,
        required=True,
        key="export_place",
        persist_state="session",
        help="A folder of the machine that the app runs on, from where its files are downloaded; "
        "or a prefix in object storage, with the credentials that the app was started with "
        "(AWS_ACCESS_KEY_ID and the like).",
    )
    if place != BUCKET:
        return None, True
    words = st.text_input(
        "Address",
        key="export_address",
        persist_state="session",
        placeholder="s3://bucket/prefix",
        max_chars=600,
        width=400,
        help="A new or empty prefix, or that of an earlier export, which is then replaced.",
    )
    typed = str(words).strip()
    if not typed:
        st.info("Name an address in object storage.", icon=":material/info:")
        return None, False
    try:
        if not is_object_address(typed):
            raise UserError(f"{typed[:80]!r} is no address in object storage: s3://bucket/prefix.")
        return str(read_address(typed)), True
    except UserError as error:
        show_error(str(error))
        return None, False


def in_object_storage(job: Job) -> bool:
    """Whether a finished export lies there, so that this machine has none of its files."""
    return is_object_address((job.result or {}).get("folder", ""))


def files_there(job: Job) -> None:
    """What a finished export wrote there, and how to make the same rows again."""
    result = job.result or {}
    folder = str(result.get("folder", ""))
    st.markdown(f"**{counted(int(result.get('rows', 0)), 'row')}**, written to:")
    st.code(folder, language=None, wrap_lines=True)
    names = [str(name).removeprefix(folder).lstrip("/") for name in result.get("files", [])]
    st.code("\n".join(names), language=None)
    st.markdown("This makes the same rows again, or says which input has changed:")
    st.code(f"llkd rebuild {result.get('manifest', '')}", language=None, wrap_lines=True)
