"""What a program may hand over as texts and classes, brought into one form."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llkd.config import Label, LabelSet, build
from llkd.datasets import Reading, TextSet, read_files, start_reader
from llkd.errors import ConfigError, DataError, NotFound

if TYPE_CHECKING:
    import pandas as pd

Source = str | os.PathLike[str] | Iterable[Any]
"""A file, a folder, a data set of the hub; texts; records; a pandas frame or column."""
ClassNames = LabelSet | Mapping[str, str] | Sequence[str | Mapping[str, str] | Label]
"""Names of classes, with or without what each means."""


@dataclass(frozen=True)
class Columns:
    """Which column of the source plays which part; ``gold`` may be the labels themselves."""

    text: str | None = None
    gold: str | Sequence[Any] | None = None
    id: str | None = None


def read_source(
    source: Any, columns: Columns, *, keep_duplicates: bool, near_duplicates: str, progress: Any
) -> tuple[TextSet, str]:
    """The checked texts, and what they are called in one line.

    Raises NotFound, DataError, ConfigError.
    """
    treatment: dict[str, Any] = {"keep_duplicates": keep_duplicates, "near": near_duplicates}
    paths = _paths(source)
    if paths is not None:
        return _read_paths(paths, columns, treatment, progress)
    from llkd.datasets.in_memory import texts_from_columns

    frame = _frame_of(source)
    name = "the list" if frame is None else "the frame"
    cells, named = _from_list(source, columns) if frame is None else _from_frame(frame, columns)
    reading = Reading(
        text_column=named.text,
        label_column=named.gold,  # type: ignore[arg-type]
        id_column=named.id,
        **treatment,
    )
    return texts_from_columns(cells, name, reading), name


def class_set(labels: ClassNames | None) -> LabelSet | None:
    """The classes that a call names, in that order, or None. Raises ConfigError."""
    if labels is None or isinstance(labels, LabelSet):
        return labels
    if isinstance(labels, str):
        raise ConfigError(
            "labels= is a list of class names, such as labels=['good', 'bad'], but it was the text "
            f"{labels[:60]!r}."
        )
    if isinstance(labels, Mapping):
        entries: list[Any] = [
            {"name": name, "description": meaning or ""} for name, meaning in labels.items()
        ]
    else:
        entries = [_class_entry(entry) for entry in labels]
    return build(LabelSet, labels=entries)


def _class_entry(entry: Any) -> Any:
    if isinstance(entry, Label):
        return entry
    if isinstance(entry, Mapping):
        inner = {"key", "also", "former"} & set(entry)
        if inner:
            raise ConfigError(f"Unknown setting {min(inner)!r} of a class.")
        return dict(entry)
    if isinstance(entry, str):
        return {"name": entry}
    return {"name": str(entry)}  # classes are often numbers in gold labels


def _paths(source: Any) -> list[str] | None:
    """Files and folders by name; None where the source is no such thing."""
    if isinstance(source, str | os.PathLike):
        return [os.fspath(source)]
    if isinstance(source, list | tuple) and source:
        if all(isinstance(entry, os.PathLike) for entry in source):
            return [os.fspath(entry) for entry in source]
    return None


def _read_paths(
    paths: list[str], columns: Columns, treatment: dict[str, Any], progress: Any
) -> tuple[TextSet, str]:
    start_reader()  # while the rest is imported
    from llkd.datasets.importing import sources_of

    if not isinstance(columns.gold, str | None):
        raise ConfigError(
            "gold= is the name of a column of the file. Labels of your own, in a list, go with "
            "texts in a list."
        )
    reading = Reading(
        text_column=columns.text, label_column=columns.gold, id_column=columns.id, **treatment
    )
    try:
        sources = sources_of(paths)
        return sources.with_notes(
            read_files(sources.files, reading, progress=progress)
        ), sources.name
    except NotFound as error:
        if len(paths) == 1 and any(ch.isspace() for ch in Path(paths[0]).name):
            raise NotFound(
                f"{error} Texts themselves go in a list: read_texts(['…', '…'])."
            ) from None
        raise


def _from_list(source: Any, columns: Columns) -> tuple[dict[str, Sequence[Any]], Columns]:
    """Columns of cells, and which of them is what."""
    texts = _texts_of(source)
    if columns.text is not None or columns.id is not None or isinstance(columns.gold, str):
        raise ConfigError(
            "text=, gold= and id= name columns, and a list of texts has none. Leave them out; gold "
            "labels of a list go in a list: gold=['…', '…']."
        )
    cells: dict[str, Sequence[Any]] = {"text": texts, "id": [str(k) for k in range(len(texts))]}
    return _with_gold(cells, Columns("text", columns.gold, "id"), len(texts))


def _frame_of(source: Any) -> pd.DataFrame | None:
    """A pandas frame of what is one, can become one, or is a list of records; else None."""
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        return source
    if isinstance(source, pd.Series):
        return source.to_frame("text")
    if hasattr(source, "to_pandas"):  # a polars frame, an Arrow table, a data set of the hub
        frame = source.to_pandas()
        return frame.to_frame("text") if isinstance(frame, pd.Series) else frame
    if isinstance(source, list | tuple) and source and all(isinstance(r, Mapping) for r in source):
        return pd.DataFrame.from_records(list(source))
    return None


def _texts_of(source: Any) -> list[Any]:
    if isinstance(source, Mapping | bytes) or not isinstance(source, Iterable):
        raise DataError(
            "read_texts() takes a file, a list of texts or a pandas frame, but it was "
            f"{_a(type(source).__name__)}."
        )
    texts = list(source)
    for place, text in enumerate(texts):
        missing = text is None or text != text
        if not isinstance(text, str) and not missing:
            raise DataError(
                f"A text is a string, but at position {place} there is {_a(type(text).__name__)}: "
                f"{str(text)[:60]!r}."
            )
    return texts


def _a(noun: str) -> str:
    return f"an {noun}" if noun[:1].lower() in "aeiou" else f"a {noun}"


def _from_frame(frame: pd.DataFrame, columns: Columns) -> tuple[dict[str, Sequence[Any]], Columns]:
    frame = frame.rename(columns=str)
    for keyword, column in (("text", columns.text), ("gold", columns.gold), ("id", columns.id)):
        if isinstance(column, str) and column not in frame.columns:
            raise DataError(
                f"{keyword}={column!r} is no column of the frame. Its columns are "
                f"{', '.join(map(str, frame.columns[:30]))}."
            )
    if frame.columns.has_duplicates:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise DataError(f"The frame has two columns {twice!r}. Give each its own name.")
    names = [name for name in (columns.text, columns.id) if name]
    names += [columns.gold] if isinstance(columns.gold, str) else []
    if columns.text is None:
        names += [name for name in frame.columns if not _is_numeric(frame[name])]
    elif columns.id is None and "id" in frame.columns:
        names.append("id")
    names = list(dict.fromkeys(names))
    cells: dict[str, Sequence[Any]] = {name: frame[name].tolist() for name in names}
    ident = columns.id or ("id" if "id" in cells else None)
    if ident is None and frame.index.is_unique:
        ident = next(name for name in ("index", "_index", "__index") if name not in cells)
        cells[ident] = [str(label) for label in frame.index]
    text = columns.text or ("text" if "text" in cells else None)
    return _with_gold(cells, Columns(text, columns.gold, ident), len(frame))


def _is_numeric(column: pd.Series) -> bool:
    return column.dtype.kind in "iufbcmM"


def _with_gold(
    cells: dict[str, Sequence[Any]], columns: Columns, rows: int
) -> tuple[dict[str, Sequence[Any]], Columns]:
    """With gold labels that were handed over as a sequence as a column."""
    if columns.gold is None or isinstance(columns.gold, str):
        return cells, columns
    gold = list(columns.gold)
    if len(gold) != rows:
        raise DataError(
            f"gold= needs one label for each text, None where there is none: there are {rows:,} "
            f"texts and {len(gold):,} labels."
        )
    name = next(name for name in ("gold", "_gold", "__gold") if name not in cells)
    return {**cells, name: gold}, Columns(columns.text, name, columns.id)
