"""How much of a text the student reads: what was chosen, what it cuts, and what others cost."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from llkd import curation
from llkd.store import Project, Store
from ui.shell.wording import count

KEY = "train_tokens"


def window_notice(store: Store, project: Project, values: dict[str, Any]) -> None:
    """A sentence where texts are cut or a longer window was chosen, and what others would cost."""
    lengths = _lengths(
        str(store.home.root), project.id, project.digest, str(values["student"]), store, project
    )
    own, reference = values["max_tokens"], values.get("reference_run")
    if own is None and reference is not None:
        own = store.runs.get(int(reference), project.id).config.window
    tokens = curation.proposed_window(lengths) if own is None else int(own)
    now, wider = curation.windows(lengths, tokens)
    choice_words = curation.window_sentence(lengths, tokens) if own is None else None
    if choice_words is None and now.share < curation.TOLD_FROM:
        return
    if choice_words is None:
        st.warning(curation.cut_sentence(lengths, now), icon=":material/content_cut:")
    else:
        st.info(choice_words, icon=":material/straighten:")
    with st.container(horizontal=True, vertical_alignment="center"):
        if wider is not None:
            st.button(
                f"Use {count(wider.tokens)} tokens: {curation.window_offer(wider)}",
                key="train_wider",
                on_click=_use,
                args=(wider.tokens,),
                help="Time grows with the tokens that are read.",
            )
        with st.popover(
            "What other windows cost", icon=":material/table_rows:", key="train_windows_box"
        ):
            _choices(lengths, now.tokens)


def _choices(lengths: curation.Lengths, tokens: int) -> None:
    windows = curation.window_choices(lengths, tokens)
    st.dataframe(
        pd.DataFrame(
            {
                "Tokens": [window.tokens for window in windows],
                "Texts cut": [100 * window.share for window in windows],
                "Time": [window.time for window in windows],
                "Memory": [window.memory for window in windows],
            }
        ),
        hide_index=True,
        column_config={
            "Texts cut": st.column_config.NumberColumn(format="%.0f %%"),
            "Time": st.column_config.NumberColumn(format="× %.2f"),
            "Memory": st.column_config.NumberColumn(format="× %.2f"),
        },
        alt="What windows of other sizes cut and cost",
    )
    st.caption(
        f"Time and memory are those of training, against {count(tokens)} tokens, estimated from "
        "the lengths. Where the beginning of a text decides, a short window may also be the better "
        "one. Set *Tokens per text* under *Advanced settings*."
    )


def _use(tokens: int) -> None:
    st.session_state[KEY] = tokens


@st.cache_resource(show_spinner="Counting tokens \u2026", max_entries=32)
def _lengths(
    home: str, project_id: int, digest: str, student: str, _store: Store, _project: Project
) -> curation.Lengths:
    return curation.text_lengths(_store, _project, student)
