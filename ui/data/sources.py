"""Where new texts come from: uploads, a path, the hub, or pasted lines; and what was found in them.

A chosen file is kept as a copy under a key of its own: an uploader forgets when its page is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import streamlit as st

from llkd import datasets
from llkd.datasets import File, Reading, Source, TextSet, hub
from llkd.datasets.charsets import TITLES
from llkd.datasets.vocabulary import LABEL, normal
from llkd.datasets.wording import Note
from llkd.errors import LLKDError
from llkd.importing import joined
from ui import reads, uploads
from ui.data import places
from ui.wording import counted, plain

UPLOAD, PATH, PASTE = "Upload files", "File or folder on this machine", "Paste texts"
HUB = "Hub data set"
FORMATS = "CSV, TSV, JSON, JSON Lines, Parquet, Excel (.xlsx) or plain text, also as .gz or .zip"
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_FORMATS = {"csv": "CSV", "json": "JSON", "jsonl": "JSON Lines", "xlsx": "Excel", "text": "text"}


@dataclass(frozen=True)
class Draft:
    """What was chosen for one import: its files or folder, its name, whether these are copies."""

    files: tuple[File, ...]
    name: str
    copied: bool
    warnings: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Tells this draft from others in the keys of widgets."""
        return self.files[0].path


def file_draft(slot: str, label: str, several: bool = False) -> Draft | None:
    """The files chosen in this slot (``texts`` or ``gold``), or the widgets to choose them."""
    kept = kept_draft(slot)
    if kept is not None:
        return kept
    chosen: Any = st.file_uploader(
        label, key=_uploader(slot), help=f"{FORMATS}.", accept_multiple_files=several
    )
    uploaded = chosen if several else [chosen] if chosen is not None else []
    if not uploaded:
        return None
    files = tuple(File(str(uploads.keep(reads.store(), one)), one.name) for one in uploaded)
    keep_draft(slot, Draft(files, joined([one.name for one in uploaded]), True))
    # The next uploader is another one. This one's files come back with whatever the browser asks
    # for while they are read, and would be taken again once they were removed.
    st.session_state[f"_uploads_{slot}"] = st.session_state.get(f"_uploads_{slot}", 0) + 1
    for one in uploaded:
        uploads.release(one)
    st.rerun()


def _uploader(slot: str) -> str:
    return f"upload_{slot}_{st.session_state.get(f'_uploads_{slot}', 0)}"


def kept_draft(slot: str) -> Draft | None:
    """The files kept in this slot, shown with a button to remove them."""
    kept: Draft | None = st.session_state.get(f"_draft_{slot}")
    if kept is None or not all(Path(file.path).exists() for file in kept.files):
        return None
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.text(kept.name, width="stretch")
        st.button(
            "Remove" if len(kept.files) == 1 else "Remove all",
            icon=":material/close:",
            key=f"remove_{slot}",
            on_click=drop_draft,
            args=(slot,),
        )
    return kept


def keep_draft(slot: str, draft: Draft) -> None:
    """Let the slot hold these files."""
    st.session_state[f"_draft_{slot}"] = draft


def path_draft() -> Draft | None:
    """A file or folder named by its path: for files too large to upload, or many."""
    where = places.rule()
    if where.refused:
        st.info(where.told, icon=":material/lock:")
        return None
    shown = st.text_input(
        "Path of the file or folder",
        placeholder="/data/messages.csv" if where.root is None else "messages.csv",
        key="data_path",
        persist_state="session",
    )
    if not shown.strip():
        st.caption(
            f"A file ({FORMATS}), or a folder with such files, on the machine that this app runs "
            f"on. It is read where it lies; nothing is uploaded. {plain(where.told)}"
        )
        return None
    path = places.allowed(shown.strip())
    return Draft((File(str(path), path.name),), path.name, False)


def hub_draft() -> Draft | None:
    """A data set of the hub by its name, fetched when the button is pressed."""
    kept = kept_draft("hub")
    if kept is not None:
        return kept
    name = st.text_input(
        "Name of the data set",
        placeholder="fancyzhx/ag_news@test",
        key="data_hub",
        persist_state="session",
    ).strip()
    st.caption(
        "OWNER/NAME as it stands on the hub, with :CONFIG and @SPLIT where needed. Only its data "
        "files are fetched; no script of it is run."
    )
    if st.button("Fetch it", icon=":material/cloud_download:", disabled=not name):
        asked = hub.PREFIX + name.removeprefix(hub.PREFIX)
        with st.spinner("Fetching the data files \u2026"):
            found = hub.fetch(asked, folders=False)
        keep_draft("hub", Draft(found.files, asked, False, found.warnings))
        st.rerun()
    return None


def leave_out(slot: str, paths: tuple[str, ...]) -> None:
    """Go on with the other files of this slot."""
    kept: Draft = st.session_state[f"_draft_{slot}"]
    files = tuple(file for file in kept.files if file.path not in paths)
    for path in paths:
        uploads.forget(path)
    names = [file.name or Path(file.path).name for file in files]
    keep_draft(slot, replace(kept, files=files, name=joined(names)))


def drop_draft(slot: str) -> None:
    """Forget the chosen files and remove their copies."""
    kept: Draft | None = st.session_state.pop(f"_draft_{slot}", None)
    if kept is not None and kept.copied:
        for file in kept.files:
            uploads.forget(file.path)


def inspected(draft: Draft) -> tuple[Source, ...]:
    """What each file is. Raises DataError in one sentence."""
    return _inspected(draft, _stamp(draft))


@st.cache_resource(show_spinner="Looking into the file \u2026", max_entries=8)
def _inspected(draft: Draft, stamp: tuple[tuple[float, int], ...]) -> tuple[Source, ...]:
    return datasets.inspect_files(draft.files)


def refused(draft: Draft) -> dict[str, str]:
    """Of several files, the paths of those that cannot be read, each with what is wrong."""
    return _refused(draft, _stamp(draft)) if len(draft.files) > 1 else {}


@st.cache_resource(show_spinner="Looking into each file \u2026", max_entries=2)
def _refused(draft: Draft, stamp: tuple[tuple[float, int], ...]) -> dict[str, str]:
    told = {}
    for file in draft.files:
        try:
            datasets.inspect_files((file,))
        except LLKDError as error:
            told[file.path] = str(error)
    return told


def text_set(draft: Draft, reading: Reading) -> TextSet:
    """The checked texts of the files. Raises DataError in one sentence."""
    return _text_set(draft, _stamp(draft), reading)


@st.cache_resource(show_spinner="Reading and checking the texts \u2026", max_entries=2)
def _text_set(draft: Draft, stamp: tuple[tuple[float, int], ...], reading: Reading) -> TextSet:
    return datasets.read_files(draft.files, reading)


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
    stamps: Any,
) -> TextSet:
    return datasets.with_gold(
        text_set(draft, reading),
        gold.files[0].path,
        name=gold.files[0].name,
        id_column=id_column,
        label_column=label_column,
    )


def _stamp(draft: Draft) -> tuple[tuple[float, int], ...]:
    """Changes when a file does; a missing file is the reader's to complain about."""
    paths = [Path(file.path) for file in draft.files]
    paths += [
        inner for path in paths if path.is_dir() for inner in sorted(path.rglob("*"))[:10_000]
    ]
    stamps = []
    for path in paths:
        try:
            facts = path.stat()
            stamps.append((facts.st_mtime, facts.st_size))
        except OSError:
            stamps.append((0.0, 0))
    return tuple(stamps)


def in_common(sources: tuple[Source, ...]) -> Source:
    """The first file with the columns that all have: only those can be chosen."""
    first = sources[0]
    columns = [c for c in first.columns if all(c in other.columns for other in sources)]

    def kept(guess: str | None) -> str | None:
        return guess if guess in columns else None

    return replace(
        first,
        columns=tuple(columns),
        text_column=kept(first.text_column),
        label_column=kept(first.label_column),
        id_column=kept(first.id_column),
    )


def show_sources(sources: tuple[Source, ...], blocks: bool) -> None:
    """What was found: of several files a table, of the first one its rows."""
    if len(sources) > 1:
        rows = [
            {
                "file": one.name,
                "format": _FORMATS.get(one.format, one.format.capitalize()),
                "encoding": _encoding(one),
                "rows": one.rows,
                "columns": ", ".join(one.columns[:12]),
            }
            for one in sources
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
    told = sorted(dict.fromkeys(warnings), key=lambda one: isinstance(one, Note))
    for warning in told[:3]:
        if isinstance(warning, Note):
            st.info(plain(warning), icon=":material/info:")
        else:
            st.warning(plain(warning), icon=":material/warning:")
    if len(told) > 3:
        with st.expander(f"{counted(len(told) - 3, 'more remark')} on this file"):
            for warning in told[3:]:
                st.text(warning)


def without_texts(sources: tuple[Source, ...]) -> str:
    """Which of several files lack the column with the texts of another, in a sentence; or ""."""
    text = next((one.text_column for one in sources if one.text_column is not None), None)
    lacking = [one.name for one in sources if text is not None and text not in one.columns]
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
