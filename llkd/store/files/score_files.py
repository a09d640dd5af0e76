"""The raw scores of a labeling run: append-only Parquet parts, the evidence never altered."""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llkd.errors import StoreError
from llkd.store.cost_ledger import FILE_NAME
from llkd.store.home import atomic_file

SCORE_SCHEMA = pa.schema(
    [
        ("row", pa.int32()),
        ("scores", pa.list_(pa.float32())),
        ("answer", pa.int16()),
        ("source", pa.string()),
        ("raw", pa.string()),
        ("disagreement", pa.float32()),
    ]
)
DAMAGED = ".damaged"
_FEW = 1_000  # rows that are looked at for how often words come again
LATER = {"disagreement"}
"""Columns that parts of earlier versions do not have."""
REQUIRED_COLUMNS = tuple(name for name in SCORE_SCHEMA.names if name not in LATER)
"""Columns without which a part is damaged."""


@dataclass(frozen=True)
class Scores:
    """What the teacher said. Arrays of length m, ``scores`` of shape [m, C]; one entry a row.

    ``disagreement``: of a committee, how far its members differ, in nats; NaN where unknown.
    """

    row: np.ndarray
    scores: np.ndarray
    answer: np.ndarray
    source: np.ndarray
    raw: np.ndarray
    disagreement: np.ndarray = None  # type: ignore[assignment]  # NaN for every row

    def __post_init__(self) -> None:
        """Without a committee nobody disagrees."""
        if self.disagreement is None:
            unknown = np.full(len(self.row), np.nan, dtype=np.float32)
            object.__setattr__(self, "disagreement", unknown)


class ScoreFiles:
    """The files in the folder of one labeling run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def calls(self) -> Path:
        """In which the calls are counted (see ``store.cost_ledger``)."""
        return self.folder / FILE_NAME

    @property
    def lock(self) -> Path:
        """Held by whoever labels."""
        return self.folder / "lock"

    def round(self, number: int) -> Path:
        """The plan of a round of active learning; they count from 1."""
        return self.folder / f"round-{number:04d}.parquet"

    def rounds(self) -> list[Path]:
        """The plans of the rounds that were begun, in order."""
        return sorted(self.folder.glob("round-*.parquet"))

    def parts(self) -> list[Path]:
        """The parts with scores, in the order they were written."""
        return sorted(self.folder.glob("part-*.parquet"))

    def set_aside(self) -> list[Path]:
        """Parts that were found damaged and are read no more."""
        return sorted(self.folder.glob(f"part-*.parquet{DAMAGED}"))

    def append(self, scores: Scores) -> None:
        """Write one part; a reader sees the whole part or nothing of it."""
        # In the order they were written, also where the clock was set back in between.
        last = max((int(path.name.split("-")[1]) for path in self.parts()), default=0)
        name = f"part-{max(time.time_ns(), last + 1):020d}-{uuid.uuid4().hex[:8]}.parquet"
        with atomic_file(self.folder / name) as temporary:
            pq.write_table(_as_table(scores), temporary, compression="zstd")

    def tables(self, columns: list[str] | None = None) -> list[pa.Table]:
        """Every part; again from the start where a merge took one away in between."""
        while True:
            try:
                read = [_read(path, columns) for path in self.parts()]
                return [table for table in read if table is not None]
            except FileNotFoundError:
                continue

    def scores(self, classes: int) -> Scores:
        """Everything the teacher has said so far, one entry per row, in row order."""
        tables = self.tables()
        if not tables:
            return Scores(
                np.empty(0, np.int64),
                np.empty((0, classes), np.float32),
                np.empty(0, np.int64),
                np.empty(0, object),
                np.empty(0, object),
            )
        table = pa.concat_tables(tables, promote_options="default")
        rows = table["row"].to_numpy().astype(np.int64)
        flat = table["scores"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        scores = np.array(flat).reshape(-1, classes)
        answer = table["answer"].to_numpy().astype(np.int64)
        columns = [
            rows, scores, answer, _words(table["source"]), _words(table["raw"]),
            _disagreement(table),
        ]  # fmt: skip
        if (np.diff(rows) > 0).all():  # each once and in order, as a merge leaves them
            return Scores(*columns)
        entries = _entry_in_use(rows, usable(scores, answer))
        return Scores(*(column[entries] for column in columns))


def _words(column: pa.ChunkedArray) -> np.ndarray:
    """Strings, None where there is none; of what comes often one object."""
    if column.null_count == len(column):
        return np.full(len(column), None, dtype=object)
    if column.null_count or pc.count_distinct(column.slice(0, _FEW)).as_py() > _FEW // 10:
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=object)
    coded = pc.dictionary_encode(column).combine_chunks()
    words = np.array(coded.dictionary.to_pylist(), dtype=object)
    return np.asarray(words[coded.indices.to_numpy(zero_copy_only=False)])


def _disagreement(table: pa.Table) -> np.ndarray:
    if "disagreement" not in table.column_names:
        return np.full(len(table), np.nan, dtype=np.float32)
    values = table["disagreement"].to_numpy(zero_copy_only=False)
    return np.array(values, dtype=np.float32)


def usable(scores: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """Which of m answers hold something: scores ``[m, C]`` of numbers, or a class outright."""
    return np.isfinite(scores).all(axis=1) | (answer >= 0)


def _entry_in_use(rows: np.ndarray, good: np.ndarray) -> np.ndarray:
    """For each row, sorted, the place of its first usable entry, else of its last entry.

    A text that was asked again stands twice; so do all, for a moment, when a merge is killed. A
    usable answer is never replaced, an unusable one is by whatever came later.
    """
    place = np.arange(len(rows))
    order = np.lexsort((np.where(good, -place, place), good, rows))
    last = np.append(rows[order][1:] != rows[order][:-1], True)
    return order[last]


def _read(path: Path, columns: list[str] | None = None) -> pa.Table | None:
    """One part, or None where it is damaged. Raises FileNotFoundError where it was merged away.

    A damaged part is set aside under another name: its rows count as not labelled. A part that
    cannot be opened now (permissions, too many files) is not damaged: that raises StoreError.
    """
    try:
        table = pq.read_table(path, columns=columns)
        if set(columns or SCORE_SCHEMA.names) - LATER <= set(table.column_names):
            return table
        error: Exception = ValueError("it has other columns")
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as failed:
        if isinstance(failed, OSError) and failed.errno is not None:
            raise StoreError(f"The labels in {path} cannot be read: {failed.strerror}.") from failed
        error = failed
    path.rename(path.with_name(path.name + DAMAGED))
    reason = " ".join(str(error).split())[:200]
    logging.getLogger("llkd").warning(
        "A part of the labels is damaged and was set aside: %s (%s). Its texts count as not "
        "labelled; labelling again asks about them only, and answers kept cost nothing.",
        path.with_name(path.name + DAMAGED),
        reason,
    )
    return None


def _as_table(scores: Scores) -> pa.Table:
    values = np.asarray(scores.scores, dtype=np.float32)
    ends = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
    columns = [
        pa.array(np.asarray(scores.row, dtype=np.int32)),
        pa.ListArray.from_arrays(pa.array(ends), pa.array(values.ravel())),
        pa.array(np.asarray(scores.answer, dtype=np.int16)),
        pa.array(scores.source, pa.string(), from_pandas=True),
        pa.array(scores.raw, pa.string(), from_pandas=True),
        pa.array(np.asarray(scores.disagreement, dtype=np.float32), from_pandas=True),
    ]
    return pa.table(columns, schema=SCORE_SCHEMA)
