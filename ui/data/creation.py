"""What will be in a new project, its name, and the button that makes it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import PurePath

import pandas as pd
import streamlit as st

from llkd import jobs
from llkd.datasets import TextSet
from llkd.datasets.checks.class_names import classes
from llkd.datasets.importing import import_texts, prepare
from llkd.datasets.near_search import NEAR_LATER
from llkd.errors import LLKDError
from llkd.jobs.requests import NearDuplicatesRequest
from llkd.store import Project, Store
from ui.data import drafts, preview
from ui.data.measures import show_measures
from ui.shell.page import choose_project, make_new_project
from ui.shell.unbroken import press_once, unbroken
from ui.shell.wording import TERMS, count, counted, plain

SPLIT_AT_ONCE = 20_000
"""Up to so many texts with gold are split to say how many are held out; that takes 0.1 s."""
_REASONS = {
    "blank": "blank: there is nothing to read",
    "duplicate": "duplicate: the same text stands in an earlier row",
    "near_duplicate": "near-duplicate: almost the same text stands in an earlier row",
    "malformed": "malformed: cannot be read as one text",
    "known": "known: the text is in the project already",
    "near_known": "near-known: almost the same text is in the project already",
}


def make_project_form(
    store: Store, text_set: TextSet, name: str, source: str, shown: Sequence[str] = ()
) -> None:
    """What will be in the project, its name, and the button that makes it.

    ``shown`` are warnings that stand on the page already.
    """
    st.header("What will be kept", anchor=False)
    gold = int(text_set.texts["gold"].notna().sum())
    show_kept(text_set.rows, text_set.kept_count, text_set.dropped, gold)
    labels = classes(text_set.labels)
    if labels:
        listed = ", ".join(labels[:12]) + (" \u2026" if len(labels) > 12 else "")
        number = counted(len(labels), "class", "classes")
        st.caption(f"{number} found in the gold labels: {plain(listed)}.")
    preview.show_warnings([warning for warning in text_set.warnings if warning not in shown])
    if text_set.unused_label is not None:
        st.info(plain(text_set.unused_label), icon=":material/info:")
    show_measures(text_set)
    left = right = st.container()
    if gold:
        left, right = st.columns(2, gap="large", vertical_alignment="bottom")
    with left:
        wished = st.text_input(
            "Name of the project",
            free_name(store, name),
            key=f"data_name_{source}",
            persist_state="session",
        )
    held_out = 0.0
    if gold:
        with right:
            percent = st.slider(
                "Hold out, per cent of the texts with gold",
                0,
                50,
                25,
                5,
                help=TERMS["hold-out"],
                key="data_holdout",
                persist_state="session",
            )
            held_out = percent / 100
        split = _held_out(text_set, gold, held_out)
        st.caption(f"{TERMS['hold-out']} {split}")
    if press_once(
        "Create the project", type="primary", icon=":material/add:", key="project_create"
    ):

        def create() -> None:
            project = import_texts(store, wished, text_set, source=source, holdout=held_out)
            open_project(project)
            if project.report.get(NEAR_LATER):
                with suppress(LLKDError):  # the project is there; its page says that they are not
                    jobs.start(store, NearDuplicatesRequest(project=project.name))

        with st.spinner("Storing the texts \u2026"):
            unbroken(create)
        st.rerun()


def _held_out(text_set: TextSet, gold: int, share: float) -> str:
    """How many texts would be held out, in a sentence: a split of them, or about the share."""
    of = f"of {counted(gold, 'text')} with gold will be held out"
    if gold > SPLIT_AT_ONCE:
        return f"About {count(gold * share)} {of}."
    held = prepare(text_set, holdout=share).report["held_out"]
    if share and not held:
        return f"0 {of}: that takes a class with at least two texts that are not alike."
    return f"{count(held)} {of}."


def show_kept(rows: int, kept_count: int, dropped: dict[str, int], gold: int) -> None:
    """How many rows were read, kept, dropped and why."""
    lost = sum(dropped.values())
    with st.grid(4 if gold else 3, min_column_width=140, border=True):
        st.metric("Rows read", count(rows))
        st.metric("Texts kept", count(kept_count))
        st.metric("Dropped", count(lost), help="Rows that hold no text of their own.")
        if gold:
            st.metric("With gold", count(gold), help=TERMS["gold"])
    reasons = {why: n for why, n in dropped.items() if n}
    if reasons:
        st.dataframe(
            pd.DataFrame(
                {
                    "rows": list(reasons.values()),
                    "share": [100 * n / max(1, rows) for n in reasons.values()],
                    "why dropped": [_REASONS.get(why, why) for why in reasons],
                }
            ),
            hide_index=True,
            width="content",
            column_config={
                "rows": st.column_config.NumberColumn(format="localized"),
                "share": st.column_config.NumberColumn(format="%.1f %%"),
            },
            alt="Why rows were dropped, and how many",
        )


def project_name(file_name: str) -> str:
    """A project's name from a file's: the part before its endings, with spaces."""
    stem = PurePath(file_name.replace("\\", "/")).name.split(".")[0]
    words = " ".join(stem.replace("_", " ").replace("-", " ").split())
    shown = "".join(ch for ch in words if ch.isprintable())[:80].strip()
    return shown[:1].upper() + shown[1:] if any(ch.isalnum() for ch in shown) else "New project"


def free_name(store: Store, name: str) -> str:
    """``name``, with a number after it where it is taken."""
    used_names = {project.name for project in store.projects.all()}
    number = 2
    free = name
    while free in used_names:
        free = f"{name} {number}"
        number += 1
    return free


def open_project(project: Project) -> None:
    """Show the project that was just made."""
    drafts.drop_draft("texts")
    drafts.drop_draft("gold")
    drafts.drop_draft("hub")
    for key in [k for k in st.session_state if str(k).startswith(("data_pasted", "data_name_"))]:
        del st.session_state[key]
    make_new_project(False)
    choose_project(project)
