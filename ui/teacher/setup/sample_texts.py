"""The five texts that a question is looked at and tried on: at random, or chosen."""

from __future__ import annotations

import numpy as np
import streamlit as st

from llkd.store import Project, Store
from ui.shell import reads
from ui.shell.wording import plain

FIVE = 5
AT_RANDOM, BY_HAND = "At random", "Chosen"


def sample_rows(store: Store, project: Project) -> list[int]:
    """The widgets that pick the texts; returns their rows, none where nothing was found."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        how = st.segmented_control(
            "Texts to look at and to try",
            [AT_RANDOM, BY_HAND],
            default=AT_RANDOM,
            required=True,
            key=f"five_how_{project.id}",
            persist_state="session",
        )
        if how != BY_HAND:
            st.button("Five others", icon=":material/casino:", on_click=_others, args=(project.id,))
            return at_random(project.rows, st.session_state.get(_draw(project.id), 0))
        query = st.text_input(
            "Text ids with commas between them, or words that the texts hold",
            type="search",
            icon="",
            placeholder="ids or words",
            live="400ms",
            key=f"five_words_{project.id}",
            persist_state="session",
        )
    if not query.strip():
        return at_random(project.rows, st.session_state.get(_draw(project.id), 0))
    rows = find(store, project, query)
    if not rows:
        st.warning(
            f"No text has this id or holds these words: {plain(query.strip())}",
            icon=":material/search_off:",
        )
    return rows


def at_random(rows: int, draw: int) -> list[int]:
    """Five different rows of so many, in order; another ``draw``, five others."""
    rng = np.random.default_rng(draw)
    return sorted(rng.choice(rows, min(FIVE, rows), replace=False).tolist())


def find(store: Store, project: Project, query: str) -> list[int]:
    """The first five rows whose id is listed in ``wanted``, else whose text holds its words."""
    ids = reads.texts(store, project, ["id"])["id"].astype(str)
    listed = [part.strip() for part in query.split(",")]
    rows = np.flatnonzero(ids.isin(listed).to_numpy())
    if not len(rows):
        texts = reads.texts(store, project, ["text"])["text"]
        held = np.ones(project.rows, dtype=bool)
        for word in query.replace(",", " ").split():
            held &= texts.str.contains(word, case=False, regex=False, na=False).to_numpy()
        rows = np.flatnonzero(held)
    return [int(row) for row in rows[:FIVE]]


def _draw(project_id: int) -> str:
    return f"_five_draw_{project_id}"


def _others(project_id: int) -> None:
    name = _draw(project_id)
    st.session_state[name] = st.session_state.get(name, 0) + 1
