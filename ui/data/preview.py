"""What was found in files, shown before anything is stored, and the choice of their columns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from llkd.datasets import Source
from llkd.datasets.importing import joined
from llkd.datasets.readers.charsets import TITLES
from llkd.datasets.vocabulary import LABEL, normal
from llkd.datasets.wording import Note
from ui.shell.wording import counted, plain

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_FORMATS = {"csv": "CSV", "json": "JSON", "jsonl": "JSON Lines", "xlsx": "Excel", "text": "text"}


def in_common(sources: tuple[Source, ...]) -> Source:
    """The first file with the columns that all have: only those can be chosen."""
    first = sources[0]
    columns = [c for c in first.columns if all(c in other.columns for other in sources)]

    def if_common(guess: str | None) -> str | None:
        return guess if guess in columns else None

    return replace(
        first,
        columns=tuple(columns),
        text_column=if_common(first.text_column),
        label_column=if_common(first.label_column),
        id_column=if_common(first.id_column),
    )


def show_sources(sources: tuple[Source, ...], blocks: bool) -> None:
    """What was found: of several files a table, of the first one its rows."""
    if len(sources) > 1:
        rows = [
            {
                "file": source.name,
                "format": _FORMATS.get(source.format, source.format.capitalize()),
                "encoding": _encoding(source),
                "rows": source.rows,
                "columns": ", ".join(source.columns[:12]),
            }
            for source in sources
        ]
        st.caption(f"{counted(len(sources), 'file')}, read as one. The first is shown below.")
        st.dataframe(
            rows,
            hide_index=True,
            height=_height(len(rows)),
            alt="The files of this import: format, encoding, rows, columns",
        )
    show_source(sources[0], blocks)


def show_source(source: Source, blocks: bool = False) -> None:
    """What was found in a file: format, encoding, separator, first rows, warnings."""
    parts = [_FORMATS.get(source.format, source.format.capitalize())]
    if source.encoding:
        parts.append(_encoding(source))
    if source.delimiter:
        named = _DELIMITERS.get(source.delimiter, repr(source.delimiter))
        parts.append(f"separated by {named}")
    if source.member:
        parts.append(f"in the archive as {source.member}")
    if source.format == "text":
        parts.append("a text is a block of lines" if blocks else "one text a line")
    parts.append(counted(source.rows, "row" if source.format != "text" else "line"))
    st.caption(f"Found: {plain(', '.join(parts))}. The first rows:")
    height = _height(len(source.head))
    st.dataframe(source.head, hide_index=True, height=height, alt="First rows of the file")
    show_warnings(source.warnings)


def _encoding(source: Source) -> str:
    """What people call the encoding of a file; empty where it has none."""
    return TITLES.get(source.encoding or "", (source.encoding or "").upper())


def _height(rows: int) -> Any:
    """Of a table: of its rows while they are few, and no empty ones below them."""
    return 216 if rows > 5 else "content"


def show_warnings(warnings: Any) -> None:
    """What is odd about a file; many are folded away. They quote the file, so nothing is markup."""
    lines = sorted(dict.fromkeys(warnings), key=lambda line: isinstance(line, Note))
    for warning in lines[:3]:
        if isinstance(warning, Note):
            st.info(plain(warning), icon=":material/info:")
        else:
            st.warning(plain(warning), icon=":material/warning:")
    if len(lines) > 3:
        with st.expander(f"{counted(len(lines) - 3, 'more remark')} on this file"):
            for warning in lines[3:]:
                st.text(warning)


def without_texts(sources: tuple[Source, ...]) -> str:
    """Which of several files lack the column with the texts of another, in a sentence; or ""."""
    text = next((source.text_column for source in sources if source.text_column is not None), None)
    lacking = [source.name for source in sources if text is not None and text not in source.columns]
    if not lacking:
        return ""
    have = "has" if len(lacking) == 1 else "have"
    return f"{joined(lacking)} {have} no column {text!r}, as another file has. "


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
