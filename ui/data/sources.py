"""Where new texts come from: an upload, a path, or pasted lines; and what was found in them.

A chosen file is kept as a copy under a key of its own: an uploader forgets when its page is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from llkd import datasets
from llkd.datasets import Source, TextSet
from llkd.datasets.vocabulary import LABEL, normal
from ui import reads, uploads
from ui.wording import counted, plain

UPLOAD, PATH, PASTE = "Upload a file", "File on this machine", "Paste texts"
FORMATS = "CSV, TSV, JSON, JSON Lines, Parquet, Excel (.xlsx) or plain text, also as .gz or .zip"
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_FORMATS = {"csv": "CSV", "json": "JSON", "jsonl": "JSON Lines", "xlsx": "Excel", "text": "text"}


@dataclass(frozen=True)
class Draft:
    """A file chosen for import: where the copy lies, what it is called, whether it is a copy."""

    path: str
    name: str
    copied: bool


def file_draft(slot: str, label: str) -> Draft | None:
    """The file chosen in this slot (``texts`` or ``gold``), or the widgets to choose one."""
    kept: Draft | None = st.session_state.get(f"_draft_{slot}")
    if kept is not None and Path(kept.path).exists():
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.text(kept.name, width="stretch")
            st.button(
                "Remove",
                icon=":material/close:",
                key=f"remove_{slot}",
                on_click=drop_draft,
                args=(slot,),
            )
        return kept
    uploaded = st.file_uploader(label, key=f"upload_{slot}", help=f"{FORMATS}.")
    if uploaded is None:
        return None
    path = uploads.keep(reads.store(), uploaded)
    st.session_state[f"_draft_{slot}"] = Draft(str(path), uploaded.name, True)
    st.rerun()


def path_draft() -> Draft | None:
    """A file named by its path: for files too large to upload."""
    shown = st.text_input(
        "Path of the file",
        placeholder="/data/messages.csv",
        help=f"{FORMATS}. It is read where it lies; nothing is uploaded.",
        key="data_path",
        persist_state="session",
    )
    if not shown.strip():
        return None
    path = Path(shown.strip()).expanduser()
    return Draft(str(path), path.name, False)


def drop_draft(slot: str) -> None:
    """Forget the chosen file and remove its copy."""
    kept: Draft | None = st.session_state.pop(f"_draft_{slot}", None)
    if kept is not None and kept.copied:
        uploads.forget(kept.path)


def inspected(draft: Draft) -> Source:
    """What the file is. Raises DataError in one sentence."""
    return _inspected(draft.path, _stamp(draft), draft.name)


@st.cache_resource(show_spinner="Looking into the file \u2026", max_entries=8)
def _inspected(path: str, stamp: tuple[float, int], name: str) -> Source:
    return datasets.inspect(path, name)


@dataclass(frozen=True)
class Reading:
    """How a file is read: which columns, whether texts that stand twice are kept twice."""

    text_column: str
    label_column: str | None = None
    id_column: str | None = None
    keep_duplicates: bool = False


def text_set(draft: Draft, reading: Reading) -> TextSet:
    """The checked texts of the file. Raises DataError in one sentence."""
    return _text_set(draft, _stamp(draft), reading)


@st.cache_resource(show_spinner="Reading and checking the texts \u2026", max_entries=2)
def _text_set(draft: Draft, stamp: tuple[float, int], reading: Reading) -> TextSet:
    return datasets.read_texts(draft.path, name=draft.name, **vars(reading))


def with_gold(
    draft: Draft, reading: Reading, gold: Draft, id_column: str | None, label_column: str
) -> TextSet:
    """The texts with the labels of a second file. Raises DataError in one sentence."""
    stamps = (_stamp(draft), _stamp(gold))
    return _with_gold(draft, reading, gold, id_column, label_column, stamps)


@st.cache_resource(show_spinner="Matching the gold labels \u2026", max_entries=2)
def _with_gold(
    draft: Draft,
    reading: Reading,
    gold: Draft,
    id_column: str | None,
    label_column: str,
    stamps: tuple[tuple[float, int], ...],
) -> TextSet:
    return datasets.with_gold(
        text_set(draft, reading),
        gold.path,
        name=gold.name,
        id_column=id_column,
        label_column=label_column,
    )


def _stamp(draft: Draft) -> tuple[float, int]:
    """Changes when the file does; a missing file is the reader's to complain about."""
    try:
        facts = Path(draft.path).stat()
    except OSError:
        return 0.0, 0
    return facts.st_mtime, facts.st_size


def show_source(source: Source) -> None:
    """What was found in a file: format, encoding, separator, first rows, warnings."""
    parts = [_FORMATS.get(source.format, source.format.capitalize())]
    if source.encoding:
        parts.append(source.encoding.upper())
    if source.delimiter:
        named = _DELIMITERS.get(source.delimiter, repr(source.delimiter))
        parts.append(f"separated by {named}")
    if source.member:
        parts.append(f"in the archive as {source.member}")
    parts.append(counted(source.rows, "row"))
    st.caption(f"Found: {plain(', '.join(parts))}. The first rows:")
    st.dataframe(source.head, hide_index=True, height=216, alt="First rows of the file")
    show_warnings(source.warnings)


def show_warnings(warnings: Any) -> None:
    """What is odd about a file; many are folded away. They quote the file, so nothing is markup."""
    told = list(dict.fromkeys(warnings))
    for warning in told[:3]:
        st.warning(plain(warning), icon=":material/warning:")
    if len(told) > 3:
        with st.expander(f"{counted(len(told) - 3, 'more remark')} on this file"):
            for warning in told[3:]:
                st.text(warning)


def likely_label(source: Source) -> str | None:
    """The guessed label column where its name says so: gold must not be taken from elsewhere."""
    guess = source.label_column
    return guess if guess is not None and normal(guess) in LABEL else None


def column_choice(
    label: str,
    source: Source,
    guess: str | None,
    key: str,
    help_text: str,
    *,
    none: str | None = None,
) -> str | None:
    """A column of the file by name, the guess chosen first; ``none`` names leaving it out."""
    options: list[str | None] = [*([] if none is None else [None]), *source.columns]
    index = options.index(guess) if guess in options else (None if none is None else 0)
    return st.selectbox(
        label,
        options,
        index=index,
        format_func=lambda column: str(none if column is None else column),
        placeholder="Choose a column",
        help=help_text,
        key=key,
        persist_state="session",
    )
