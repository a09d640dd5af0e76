"""Tables written part by part, and cells that no spreadsheet runs."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from llkd.datasets.csv_injection import STARTS, guarded
from llkd.errors import UserError
from llkd.store.home import atomic_file

FORMULA_STARTS = STARTS
ENDINGS = (".csv", ".jsonl", ".parquet")

Write = Callable[[pd.DataFrame], None]


def safe_cell(value: Any) -> Any:
    """A cell that no spreadsheet runs as a formula; other values unchanged."""
    return guarded(pa.array([value]))[0].as_py() if isinstance(value, str) else value


def safe_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with safe cells and column names; numbers stay numbers."""
    safe = frame.copy()
    for column in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[column]):
            texts = pa.array(safe[column], pa.string(), from_pandas=True)
            safe[column] = guarded(texts).to_pandas().to_numpy(dtype=object)
    safe.columns = [safe_cell(name) for name in safe.columns]
    return safe


@contextmanager
def table_writer(path: Path) -> Iterator[Write]:
    """Give a function that appends frames to the table at ``path``, by its ending.

    ``.csv`` (safe for spreadsheets), ``.jsonl`` or ``.parquet``. Each frame has the columns of the
    first: text or None, or numbers. The file appears when all is written. Raises UserError for
    another ending.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise UserError(
            f"The ending of the output says its format: {', '.join(ENDINGS)}; it was {path.name!r}."
        )
    with atomic_file(path) as temporary:
        if ending == ".parquet":
            with _parquet(temporary) as write:
                yield write
        else:
            yield _csv(temporary) if ending == ".csv" else _jsonl(temporary)


def _csv(path: Path) -> Write:
    def write(frame: pd.DataFrame) -> None:
        first = not path.stat().st_size
        safe_frame(frame).to_csv(
            path,
            index=False,
            mode="a",
            header=first,
            # A byte order mark is what makes spreadsheets read UTF-8; pandas and this app skip it.
            encoding="utf-8-sig" if first else "utf-8",
            lineterminator="\n",
            # Every text in quotes: a lone carriage return in one must not start a new row.
            quoting=csv.QUOTE_NONNUMERIC,
        )

    return write


def _jsonl(path: Path) -> Write:
    def write(frame: pd.DataFrame) -> None:
        frame.to_json(path, orient="records", lines=True, force_ascii=False, mode="a")

    return write


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    writer: pq.ParquetWriter | None = None

    def write(frame: pd.DataFrame) -> None:
        nonlocal writer
        # A column that holds nothing in one part is still a column of texts.
        schema = pa.schema(
            [
                (name, pa.float64() if pd.api.types.is_float_dtype(frame[name]) else pa.string())
                for name in frame.columns
            ]
        )
        if writer is None:
            writer = pq.ParquetWriter(path, schema, compression="zstd")
        writer.write_table(pa.Table.from_pandas(frame, schema=schema, preserve_index=False))

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()
