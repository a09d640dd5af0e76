"""Two saved selections side by side, and the texts that only one of them holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from llkd import curation
from llkd.config.selection_rule import StandaloneRule
from llkd.curation import Plane, Share
from llkd.store import SavedSelection
from ui.curate import view
from ui.curate.state import TABLE, CurateState, pick, picked, rerun
from ui.curate.titles import PARTS
from ui.decision_plane import Packed
from ui.shell.wording import counted


def packed(scene: CurateState) -> Packed:
    """The plane's rows, to be coloured by what was picked on another page.

    While two selections are compared, by which of them holds a row.
    """
    saved = {
        selection.name: selection for selection in scene.store.selections.all(scene.project.id)
    }
    if not st.session_state.get("curate_compare") or len(saved) < 2:
        chosen_rows = picked(scene.project)
        if chosen_rows is None or not chosen_rows.in_colour:
            return scene.packed
        here = np.isin(scene.plane.frame["row"].to_numpy(), chosen_rows.rows)
        title = chosen_rows.title
        return scene.coloured_by(title, (chosen_rows.stamp,), {title: here})
    pair = [
        st.session_state.get(key, usual)
        for key, usual in zip(("curate_first", "curate_second"), _usual(saved), strict=True)
    ]
    if pair[0] == pair[1] or not all(name in saved for name in pair):
        return scene.packed
    first, other = (str(name) for name in pair)
    (_, in_first), (_, in_other) = (_applied(scene, saved[name].rule) for name in (first, other))
    return scene.coloured_by(
        f"{first} / {other}",
        (saved[first].id, saved[other].id),
        {
            f"only {first}": in_first & ~in_other,
            "both": in_first & in_other,
            f"only {other}": in_other & ~in_first,
        },
    )


def compare(scene: CurateState, saved: dict[str, SavedSelection]) -> None:
    """Choose two; how many texts each part holds, of which classes, how sure and how right."""
    names = list(saved)
    with st.container(border=True):
        with st.container(horizontal=True):
            first = st.selectbox("First", names, 1, key="curate_first", persist_state="session")
            other = st.selectbox("Second", names, 0, key="curate_second", persist_state="session")
        parts = curation.compare_kept(
            *_applied(scene, saved[first].rule), *_applied(scene, saved[other].rule)
        )
        st.dataframe(
            _table(parts),
            hide_index=True,
            column_config={
                name: st.column_config.NumberColumn(format="%.1f %%")
                for name in ("Mean confidence", "Mean uncertainty", "Right, of those with gold")
            },
            placeholder="–",
            alt="What only the first selection holds, what both hold, what only the second holds",
        )
        with st.container(horizontal=True):
            for part, title in PARTS.items():
                rows = parts[part].rows
                st.button(
                    f"List {counted(len(rows), 'text')}: {title.lower()}",
                    key=f"curate_list_{part}",
                    disabled=not len(rows),
                    on_click=_list,
                    args=(scene, title, rows),
                )


def _usual(saved: dict[str, Any]) -> tuple[str, str]:
    """The two that were saved last, the older one first."""
    newest, before = list(saved)[:2]
    return before, newest


def _applied(scene: CurateState, rule: StandaloneRule) -> tuple[Plane, Any]:
    plane, mask, _, _ = view.applied(scene.store, scene.project, rule)
    return plane, mask


def _table(parts: dict[str, Share]) -> pd.DataFrame:
    lines = []
    for name, title in PARTS.items():
        part = parts[name]
        lines.append(
            {
                "Texts": title,
                "How many": len(part.rows),
                "Mean confidence": _per_cent(part.confidence),
                "Mean uncertainty": _per_cent(part.need),
                "Right, of those with gold": _per_cent(part.accuracy),
                **{f"of {name}": number for name, number in part.per_class.items()},
            }
        )
    return pd.DataFrame(lines)


def _per_cent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _list(scene: CurateState, title: str, rows: Any) -> None:
    pick(scene.project, title.lower(), scene.plane.frame["row"].to_numpy()[rows])
    rerun(TABLE)
