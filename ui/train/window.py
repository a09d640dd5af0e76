"""How much of the texts the student's window cuts, and a button for a longer one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llkd import curation
from llkd.store import Project, Store
from ui.shell.wording import count

KEY = "train_tokens"


def window_notice(store: Store, project: Project, values: dict[str, Any]) -> None:
    """A sentence where many texts are cut; the button sets the tokens to what it offers."""
    lengths = _lengths(
        str(store.home.root), project.id, project.digest, str(values["student"]), store, project
    )
    now, wider = curation.windows(lengths, int(values["max_tokens"]))
    if now.share < curation.TOLD_FROM:
        return
    st.warning(curation.cut_sentence(lengths, now), icon=":material/content_cut:")
    if wider is not None:
        st.button(
            f"Use {count(wider.tokens)} tokens: {curation.window_offer(wider)}",
            key="train_wider",
            on_click=_use,
            args=(wider.tokens,),
            help="Time grows with the tokens that are read. Tokens per text stands under Advanced "
            "settings.",
        )


def _use(tokens: int) -> None:
    st.session_state[KEY] = tokens


@st.cache_resource(show_spinner="Counting tokens \u2026", max_entries=32)
def _lengths(
    home: str, project_id: int, digest: str, student: str, _store: Store, _project: Project
) -> curation.Lengths:
    return curation.text_lengths(_store, _project, student)
