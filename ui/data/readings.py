"""What is in the files of a draft: read in a process of its own, kept until a file changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from llkd import datasets
from llkd.datasets import Reading, Source, TextSet
from llkd.datasets.near_search import with_near
from llkd.errors import LLKDError
from ui.data.drafts import Draft


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
    sentences = {}
    for file in draft.files:
        try:
            datasets.inspect_files((file,))
        except LLKDError as error:
            sentences[file.path] = str(error)
    return sentences


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
    with_labels = datasets.with_gold(
        text_set(draft, reading),
        gold.files[0].path,
        name=gold.files[0].name,
        id_column=id_column,
        label_column=label_column,
    )
    # A hold-out is drawn by them: they are looked for once, and not at each look at the form.
    return with_near(with_labels) if with_labels.near_later else with_labels


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
