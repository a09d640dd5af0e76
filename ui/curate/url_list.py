"""A list of picked texts in the address, so that a reloaded page, or a link, shows it again.

The rows are written as steps from one to the next, packed; with them what the project's texts were,
so that a list of other texts is never shown. A list too long for an address leaves its title there.
Anybody may have made the address: of its words only titles of lists that there are here are shown.
"""

from __future__ import annotations

import base64
import binascii
import zlib

import numpy as np
import streamlit as st

from llkd.store import Project
from ui.curate import state, titles
from ui.curate.state import CurateState, Picked
from ui.shell.wording import plain

ROWS, TITLE = "list", "listed"
LONGEST = 6000
"""Letters of a list in an address; browsers and servers take more, people do not like it."""
LONGEST_TITLE = 300
MOST_ROWS = 1_000_000
_READ = "_curate_list_read_"


def write(project: Project, shown: Picked | None) -> None:
    """Let the address say which list the table shows; None: none."""
    wanted = {}
    if shown is not None:
        wanted[TITLE] = shown.title[:LONGEST_TITLE]
        packed = packed_rows(project, shown)
        if len(packed) <= LONGEST:
            wanted[ROWS] = packed
    for name in (TITLE, ROWS):
        if name in wanted and st.query_params.get(name) != wanted[name]:
            st.query_params[name] = wanted[name]
        elif name not in wanted and name in st.query_params:
            del st.query_params[name]


def read(here: CurateState) -> None:
    """Take the list of the address that the page was opened by, or remember that it is gone.

    The address speaks of the project it was opened with, and of none that is chosen afterwards.
    """
    if any(str(name).startswith(_READ) for name in st.session_state):
        return
    done = f"{_READ}{here.project.id}"
    st.session_state[done] = True
    title = st.query_params.get(TITLE, "")[:LONGEST_TITLE]
    known = titles.is_title(title, here.plane.names)
    if not title or state.picked(here.project) is not None:
        return
    rows = rows_of(here.project, st.query_params.get(ROWS, ""))
    if rows is None or not np.isin(rows[0], here.plane.frame["row"]).all():
        st.session_state[done] = title if known else titles.LINKED
    else:
        state.pick(here.project, title if known else titles.LINKED, rows[0], in_colour=rows[1])


def lost(project: Project) -> None:
    """Say, until another list is shown, that the one of the address is gone."""
    title = st.session_state.get(f"{_READ}{project.id}")
    if not isinstance(title, str):
        return
    if state.picked(project) is not None:
        st.session_state[f"{_READ}{project.id}"] = True
        return
    which = "that the address names" if title == titles.LINKED else f"\u201c{plain(title)}\u201d"
    st.info(
        f"The list {which} was not kept when the page was loaded again: it is "
        "too long for an address, or the texts are others now. Open it again from where it came.",
        icon=":material/info:",
    )


def packed_rows(project: Project, shown: Picked) -> str:
    """The rows of a list as letters of an address, in their order."""
    steps = np.diff(np.asarray(shown.rows, dtype=np.int64), prepend=0)
    body = zlib.compress(steps.astype("<i4").tobytes(), 9)
    head = bytes([shown.in_colour]) + _stamp(project)
    return base64.urlsafe_b64encode(head + body).decode().rstrip("=")


def rows_of(project: Project, packed: str) -> tuple[np.ndarray, bool] | None:
    """The rows of such letters and whether they are drawn; None where they are none of these texts.

    Anybody may have typed them.
    """
    try:
        data = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        if len(data) < 6 or data[1:5] != _stamp(project):
            return None
        unpacker = zlib.decompressobj()
        body = unpacker.decompress(data[5:], 4 * MOST_ROWS)
    except (ValueError, binascii.Error, zlib.error):
        return None
    if unpacker.unconsumed_tail or not unpacker.eof or not body or len(body) % 4:
        return None
    rows = np.cumsum(np.frombuffer(body, "<i4").astype(np.int64))
    if rows.min() < 0 or rows.max() >= project.rows or len(np.unique(rows)) != len(rows):
        return None
    return rows, bool(data[0])


def _stamp(project: Project) -> bytes:
    return zlib.crc32(project.origin.encode()).to_bytes(4, "little")
