"""A file that a job wrote: its download, or its path where it is not passed through the browser."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from llkd.store import Store
from ui.shell.wording import plain

MOST_BYTES = 200 * 2**20
"""Larger files are not passed through the browser: their path is shown."""


def download(store: Store, path: Path, key: str, note: str = "") -> None:
    """A button for a file below the home's exports; ``note`` follows its name.

    The path of any other file, and of one that is large; a sentence where it is gone.
    """
    if not path.is_file():
        st.markdown(f"{plain(path.name)} is no longer there.")
        return
    ours = path.resolve().is_relative_to(store.home.exports.resolve())
    if not ours or path.stat().st_size > MOST_BYTES:
        st.code(str(path), language=None, wrap_lines=True)
        return
    st.download_button(
        # The name tells a screen reader which of several it is.
        f"Download {plain(path.name)}{note}",
        data=path.read_bytes,
        file_name=path.name,
        mime="application/octet-stream",
        icon=":material/download:",
        on_click="ignore",
        key=key,
    )
