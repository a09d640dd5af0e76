"""A new project: from a file, pasted texts or the sample, with what was kept and dropped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import streamlit as st

from llkd import datasets, jobs
from llkd.datasets import Reading, Source, TextSet, hub
from llkd.datasets.importing import import_sample
from llkd.errors import LLKDError, UserError
from llkd.jobs.requests import usual_labelling
from llkd.store import Project, Store
from ui.data import drafts, managing, preview, readings
from ui.data.creation import free_name, make_project_form, open_project, project_name
from ui.data.drafts import HUB, PASTE, PATH, UPLOAD, Draft
from ui.shell.errors import show_error, show_errors
from ui.shell.page import make_new_project
from ui.shell.unbroken import press_once, unbroken
from ui.shell.wording import TERMS, count, plain

SAMPLE_NAME = "City messages"


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
    finish = partial(_project_form, store)
    if _source_is_chosen():
        choose_texts(finish)
        return
    left, right = st.columns([2, 1], gap="medium")
    with left:
        choose_texts(finish)
    with right:
        _sample(store)
        managing.unpacking(store)
        managing.archived_projects(store)


def _source_is_chosen() -> bool:
    """Whether there is a file or a text to work with, as the widgets stand."""
    state = st.session_state
    kind = state.get("data_kind", UPLOAD)
    keys = {UPLOAD: "_draft_texts", PASTE: "data_pasted", PATH: "data_path", HUB: "_draft_hub"}
    return bool(state.get(keys[kind]))


def _project_form(store: Store, read: ReadTexts) -> None:
    make_project_form(store, read.text_set, read.name, read.source, read.shown)


@dataclass(frozen=True)
class ReadTexts:
    """Texts as they were read: what a project of them may be called, and where they came from.

    ``shown`` are warnings that stand on the page already.
    """

    text_set: TextSet
    reading: Reading
    name: str
    source: str
    shown: tuple[str, ...] = ()


Finish = Callable[[ReadTexts], None]


def choose_texts(finish: Finish, place: str = "data") -> None:
    """Where the texts are, then what is in them; ``finish`` shows what becomes of them.

    ``place`` tells the widgets of a new project (``data``) from those of an addition.
    """
    kind = st.segmented_control(
        "Where are the texts?",
        [UPLOAD, PASTE, PATH, HUB],
        default=UPLOAD,
        required=True,
        wrap=True,
        key=f"{place}_kind",
        persist_state="session",
    )
    with show_errors():
        if kind == PASTE:
            pasted = st.text_area(
                "Texts",
                height=180,
                key=f"{place}_pasted",
                persist_state="session",
            )
            blocks = _blocks(drafts.slot_of("pasted", place))
            near = _near(drafts.slot_of("pasted", place))
            if not (pasted and pasted.strip()):
                st.caption(
                    "Paste the texts, then click outside the box (or press Ctrl+Enter): what will "
                    "be kept is shown before anything is stored."
                )
            else:
                texts = datasets.texts_from_lines(pasted, blocks=blocks, near=near)
                reading = Reading(near="drop" if near == "drop" else "keep")
                finish(ReadTexts(texts, reading, "Pasted texts", "pasted texts"))
            return
        draft = _draft(str(kind), place)
        if draft is not None:
            _from_file(draft, finish, place)


def _draft(kind: str, place: str) -> Draft | None:
    if kind == PATH:
        return drafts.path_draft(f"{place}_path")
    if kind == HUB:
        return drafts.hub_draft(drafts.slot_of("hub", place), f"{place}_hub")
    draft = drafts.file_draft(drafts.slot_of("texts", place), "Files with texts", several=True)
    if draft is None:
        together = "become one project" if place == "data" else "are added together"
        st.caption(
            f"{drafts.FORMATS}. One text a row; other columns are fine. Several files {together}."
        )
    return draft


def _blocks(key: str) -> bool:
    """Whether a text is a block of lines, in plain text."""
    choice = st.segmented_control(
        "A text is",
        ["one line", "a block of lines"],
        default="one line",
        required=True,
        key=f"{key}_blocks",
        help="A block goes on to the next blank line.",
        persist_state="session",
    )
    return choice == "a block of lines"


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
        if press_once(
            "Open the sample", type="primary", icon=":material/auto_stories:", key="sample_open"
        ):
            with show_errors():
                unbroken(lambda: _open_sample(store))
                st.rerun()


def _open_sample(store: Store) -> None:
    project = import_sample(store, free_name(store, SAMPLE_NAME))
    # Its labels are what one looks at the sample for; the first come in seconds.
    jobs.start(store, usual_labelling(project.name, project.rows))
    open_project(project)


def _from_file(draft: Draft, finish: Finish, place: str) -> None:
    inspected = _inspected(draft, place)
    if inspected is None:
        return
    source = preview.in_common(inspected)
    key = f"columns_{draft.key}"
    st.header("What was found", anchor=False)
    blocks = any(block.format == "text" for block in inspected) and _blocks(key)
    preview.show_sources(inspected, blocks)
    preview.show_warnings(draft.warnings)
    if not source.columns:
        raise UserError(
            "These files have no column in common. Give the columns the same names in all, or "
            "import them one by one."
        )
    columns = _columns(source, key)
    if columns is None:
        st.info(
            f"{plain(preview.without_texts(inspected))}Choose the column that holds the texts.",
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
        near_later=place == "data",
    )
    text_set = readings.text_set(draft, reading)
    gold = _gold_file(draft, reading, place) if label_column is None else None
    source_name = draft.name
    if gold is not None:
        text_set, gold_name = gold
        source_name = f"{draft.name}, gold from {gold_name}"
    name = hub.parse(draft.name).name if hub.is_hub(draft.name) else draft.files[0].name
    shown = (*draft.warnings, *inspected[0].warnings)
    finish(ReadTexts(text_set, reading, project_name(name or draft.name), source_name, shown))


def _inspected(draft: Draft, place: str) -> tuple[Source, ...] | None:
    """What each file is. Where some uploads cannot be read, says which and offers the others."""
    try:
        return readings.inspected(draft)
    except LLKDError:
        bad = readings.refused(draft) if draft.copied else {}
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
            on_click=drafts.leave_out,
            args=(drafts.slot_of("texts", place), tuple(bad)),
        )
    return None


def _columns(source: Source, key: str) -> tuple[str, str | None, str | None] | None:
    """The text, gold and id columns as chosen; None while there is no text column."""
    text, label, identity = st.columns(3)
    with text:
        text_column = preview.column_choice(
            "Text",
            source,
            source.text_column,
            f"{key}_text",
            "The column with the texts to label.",
        )
    with label:
        label_column = preview.column_choice(
            "Gold label, if there is one",
            source,
            preview.likely_label(source),
            f"{key}_label",
            TERMS["gold"],
            none="none",
        )
    with identity:
        id_column = preview.column_choice(
            "Id, if there is one",
            source,
            source.id_column,
            f"{key}_id",
            "A name for each text that is found again in exports; without it, rows are numbered.",
            none="chosen automatically",
        )
    return None if text_column is None else (text_column, label_column, id_column)


def _gold_file(texts: Draft, reading: Reading, place: str) -> tuple[TextSet, str] | None:
    """The texts with gold labels from a second file, and its name, if a person gives one."""
    with st.expander(
        "Gold labels in a second file", icon=":material/verified:", key=f"gold_box_{place}"
    ):
        st.caption(f"{TERMS['gold']} Its rows are matched by the id or, without one, by the text.")
        draft = drafts.file_draft(drafts.slot_of("gold", place), "File with gold labels")
        if draft is None:
            return None
        with show_errors():
            source = readings.inspected(draft)[0]
            preview.show_source(source)
            left, right = st.columns(2)
            with left:
                identity = preview.column_choice(
                    "Id",
                    source,
                    source.id_column,
                    f"gold_id_{draft.key}",
                    "The ids of the texts; without them, rows are matched by the text itself.",
                    none="chosen automatically",
                )
            with right:
                label = preview.column_choice(
                    "Gold label",
                    source,
                    source.label_column,
                    f"gold_label_{draft.key}",
                    TERMS["gold"],
                )
            if label is not None:
                return readings.with_gold(texts, reading, draft, identity, label), draft.name
            st.info("Choose the column with the labels.", icon=":material/touch_app:")
    return None
