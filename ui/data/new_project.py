"""A new project: from a file, pasted texts or the sample, with what was kept and dropped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

import pandas as pd
import streamlit as st

from llkd import datasets
from llkd.datasets import Reading, Source, TextSet, hub
from llkd.datasets.labels import classes
from llkd.errors import LLKDError, UserError
from llkd.importing import import_sample, import_texts, prepare
from llkd.store import Project, Store
from ui.data import sources
from ui.data.measures import show_measures
from ui.data.sources import HUB, PASTE, PATH, UPLOAD, Draft
from ui.errors import show_error, told
from ui.page import choose_project, make_new_project
from ui.wording import TERMS, count, counted, plain

SAMPLE_NAME = "City messages"
SPLIT_AT_ONCE = 20_000
"""Up to so many texts with gold are split to say how many are held out; that takes 0.1 s."""
_REASONS = {
    "blank": "blank: there is nothing to read",
    "duplicate": "duplicate: the same text stands in an earlier row",
    "near_duplicate": "near-duplicate: almost the same text stands in an earlier row",
    "malformed": "malformed: cannot be read as one text",
}


def new_project(store: Store, current: Project | None) -> None:
    """All the widgets of a new project; ends by making it and showing it."""
    datasets.start_reader()  # it is ready when a file has been chosen
    if current is not None:
        st.button(
            "Back to the project",
            icon=":material/arrow_back:",
            on_click=make_new_project,
            args=(False,),
        )
    if _chosen():
        _choose_and_read(store)
        return
    left, right = st.columns([2, 1], gap="medium")
    with left:
        _choose_and_read(store)
    with right:
        _sample(store)


def _chosen() -> bool:
    """Whether there is a file or a text to work with, as the widgets stand."""
    state = st.session_state
    kind = state.get("data_kind", UPLOAD)
    keys = {UPLOAD: "_draft_texts", PASTE: "data_pasted", PATH: "data_path", HUB: "_draft_hub"}
    return bool(state.get(keys[kind]))


def _choose_and_read(store: Store) -> None:
    """Where the texts are, then what is in them."""
    kind = st.segmented_control(
        "Where are the texts?",
        [UPLOAD, PASTE, PATH, HUB],
        default=UPLOAD,
        required=True,
        wrap=True,
        key="data_kind",
        persist_state="session",
    )
    with told():
        if kind == PASTE:
            pasted = st.text_area(
                "Texts",
                height=180,
                key="data_pasted",
                persist_state="session",
            )
            blocks = _blocks("pasted")
            near = _near("pasted")
            if not (pasted and pasted.strip()):
                st.caption(
                    "Paste the texts, then click outside the box (or press Ctrl+Enter): what will "
                    "be kept is shown before anything is stored."
                )
            else:
                texts = datasets.texts_from_lines(pasted, blocks=blocks, near=near)
                _finish(store, texts, "Pasted texts", "pasted texts")
            return
        draft = _draft(str(kind))
        if draft is not None:
            _from_file(store, draft)


def _draft(kind: str) -> Draft | None:
    if kind == PATH:
        return sources.path_draft()
    if kind == HUB:
        return sources.hub_draft()
    draft = sources.file_draft("texts", "Files with texts", several=True)
    if draft is None:
        st.caption(
            f"{sources.FORMATS}. One text a row; other columns are fine. Several files become one "
            "project."
        )
    return draft


def _blocks(key: str) -> bool:
    """Whether a text is a block of lines, in plain text."""
    chosen = st.segmented_control(
        "A text is",
        ["one line", "a block of lines"],
        default="one line",
        required=True,
        key=f"{key}_blocks",
        help="A block goes on to the next blank line.",
        persist_state="session",
    )
    return chosen == "a block of lines"


def _near(key: str) -> str:
    """What becomes of near-duplicates."""
    drop = st.checkbox(
        "Leave out near-duplicates",
        help=TERMS["near-duplicate"],
        key=f"{key}_near",
        persist_state="session",
    )
    return "drop" if drop else "keep"


def _sample(store: Store) -> None:
    with st.container(border=True):
        st.markdown("## Just looking?")
        st.markdown(
            "About a thousand short messages to a city council, to be sorted into five classes. "
            "They carry no labels; those that people gave come from a second file and are used "
            "only to evaluate."
        )
        if st.button("Open the sample", type="primary", icon=":material/auto_stories:"):
            with told():
                made = import_sample(store, free_name(store, SAMPLE_NAME))
                _open(made)


def _from_file(store: Store, draft: Draft) -> None:
    found = _inspected(draft)
    if found is None:
        return
    source = sources.in_common(found)
    key = f"columns_{draft.key}"
    st.header("What was found", anchor=False)
    blocks = any(one.format == "text" for one in found) and _blocks(key)
    sources.show_sources(found, blocks)
    sources.show_warnings(draft.warnings)
    if not source.columns:
        raise UserError(
            "These files have no column in common. Give the columns the same names in all, or "
            "import them one by one."
        )
    columns = _columns(source, key)
    if columns is None:
        st.info(
            f"{plain(sources.without_texts(found))}Choose the column that holds the texts.",
            icon=":material/touch_app:",
        )
        return
    text_column, label_column, id_column = columns
    if label_column is None and source.label_column not in (None, text_column):
        st.caption(
            f"The column {plain(source.label_column)} has few values that come often: if a person "
            "gave them as labels, choose it as gold."
        )
    with st.container(horizontal=True):
        duplicates = st.checkbox(
            "Keep texts that stand more than once",
            key=f"{key}_duplicates",
            persist_state="session",
        )
        near = _near(key)
    reading = Reading(
        text_column=text_column,
        label_column=label_column,
        id_column=id_column,
        keep_duplicates=duplicates,
        near="drop" if near == "drop" else "keep",
        blocks=blocks,
    )
    chosen = sources.text_set(draft, reading)
    gold = _gold_file(draft, reading) if label_column is None else None
    told_source = draft.name
    if gold is not None:
        chosen, gold_name = gold
        told_source = f"{draft.name}, gold from {gold_name}"
    name = hub.parse(draft.name).name if hub.is_hub(draft.name) else draft.files[0].name
    shown = (*draft.warnings, *found[0].warnings)
    _finish(store, chosen, project_name(name or draft.name), told_source, shown)


def _inspected(draft: Draft) -> tuple[Source, ...] | None:
    """What each file is. Where some uploads cannot be read, says which and offers the others."""
    try:
        return sources.inspected(draft)
    except LLKDError:
        bad = sources.refused(draft) if draft.copied else {}
        if not bad:
            raise
    for sentence in bad.values():
        show_error(sentence)
    if len(bad) < len(draft.files):
        those = "the file" if len(bad) == 1 else f"the {count(len(bad))} files"
        st.button(
            f"Leave out {those} with errors",
            type="primary",
            icon=":material/filter_alt:",
            on_click=sources.leave_out,
            args=("texts", tuple(bad)),
        )
    return None


def _columns(source: Source, key: str) -> tuple[str, str | None, str | None] | None:
    """The text, gold and id columns as chosen; None while there is no text column."""
    text, label, identity = st.columns(3)
    with text:
        text_column = sources.column_choice(
            "Text",
            source,
            source.text_column,
            f"{key}_text",
            "The column with the texts to label.",
        )
    with label:
        label_column = sources.column_choice(
            "Gold label, if there is one",
            source,
            sources.likely_label(source),
            f"{key}_label",
            TERMS["gold"],
            none="none",
        )
    with identity:
        id_column = sources.column_choice(
            "Id, if there is one",
            source,
            source.id_column,
            f"{key}_id",
            "A name for each text that is found again in exports; without it, rows are numbered.",
            none="chosen automatically",
        )
    return None if text_column is None else (text_column, label_column, id_column)


def _gold_file(texts: Draft, reading: Reading) -> tuple[TextSet, str] | None:
    """The texts with gold labels from a second file, and its name, if a person gives one."""
    with st.expander("Gold labels in a second file", icon=":material/verified:"):
        st.caption(f"{TERMS['gold']} Its rows are matched by the id or, without one, by the text.")
        draft = sources.file_draft("gold", "File with gold labels")
        if draft is None:
            return None
        with told():
            source = sources.inspected(draft)[0]
            sources.show_source(source)
            left, right = st.columns(2)
            with left:
                identity = sources.column_choice(
                    "Id",
                    source,
                    source.id_column,
                    f"gold_id_{draft.key}",
                    "The ids of the texts; without them, rows are matched by the text itself.",
                    none="chosen automatically",
                )
            with right:
                label = sources.column_choice(
                    "Gold label",
                    source,
                    source.label_column,
                    f"gold_label_{draft.key}",
                    TERMS["gold"],
                )
            if label is not None:
                return sources.with_gold(texts, reading, draft, identity, label), draft.name
            st.info("Choose the column with the labels.", icon=":material/touch_app:")
    return None


def _finish(
    store: Store, chosen: TextSet, name: str, source: str, shown: Sequence[str] = ()
) -> None:
    """What will be in the project, its name, and the button that makes it.

    ``shown`` are warnings that stand on the page already.
    """
    st.header("What will be kept", anchor=False)
    gold = int(chosen.texts["gold"].notna().sum())
    show_kept(chosen.rows, chosen.kept, chosen.dropped, gold)
    labels = classes(chosen.labels)
    if labels:
        listed = ", ".join(labels[:12]) + (" \u2026" if len(labels) > 12 else "")
        number = counted(len(labels), "class", "classes")
        st.caption(f"{number} found in the gold labels: {plain(listed)}.")
    sources.show_warnings([told for told in chosen.warnings if told not in shown])
    if chosen.unused_label is not None:
        st.info(plain(chosen.unused_label), icon=":material/info:")
    show_measures(chosen)
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
        split = _held_out(chosen, gold, held_out)
        st.caption(f"{TERMS['hold-out']} {split}")
    if st.button("Create the project", type="primary", icon=":material/add:"):
        with st.spinner("Storing the texts \u2026"):
            made = import_texts(store, wished, chosen, source=source, holdout=held_out)
        _open(made)


def _held_out(chosen: TextSet, gold: int, share: float) -> str:
    """How many texts would be held out, in a sentence: a split of them, or about the share."""
    of = f"of {counted(gold, 'text')} with gold will be held out"
    if gold > SPLIT_AT_ONCE:
        return f"About {count(gold * share)} {of}."
    held = prepare(chosen, holdout=share).report["held_out"]
    if share and not held:
        return f"0 {of}: that takes a class with at least two texts that are not alike."
    return f"{count(held)} {of}."


def show_kept(rows: int, kept: int, dropped: dict[str, int], gold: int) -> None:
    """How many rows were read, kept, dropped and why."""
    lost = sum(dropped.values())
    with st.grid(4 if gold else 3, min_column_width=140, border=True):
        st.metric("Rows read", count(rows))
        st.metric("Texts kept", count(kept))
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
    taken = {project.name for project in store.projects.all()}
    number = 2
    free = name
    while free in taken:
        free = f"{name} {number}"
        number += 1
    return free


def _open(project: Project) -> None:
    """Show the project that was just made."""
    sources.drop_draft("texts")
    sources.drop_draft("gold")
    sources.drop_draft("hub")
    for key in [k for k in st.session_state if str(k).startswith(("data_pasted", "data_name_"))]:
        del st.session_state[key]
    make_new_project(False)
    choose_project(project)
    st.rerun()
