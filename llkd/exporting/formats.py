"""A curated set in each format: the same rows, and the same bytes whenever it is written.

With a validation split there is a file for each part, as those who train expect, and the column
``split`` as well, so that parts put together again lose nothing. Spreadsheets hold one value a
cell, so CSV has a column ``prob_<class>`` for each class; elsewhere the probabilities are one list,
which is what a training loop takes, and which no class name can break.
"""

from __future__ import annotations

import hashlib
import json
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from llkd.datasets.csv_injection import guarded
from llkd.errors import ConfigError
from llkd.exporting.annotation_tools import write_argilla, write_label_studio
from llkd.exporting.columns import PROBABILITIES
from llkd.exporting.dataset_card import dataset_card, is_class
from llkd.exporting.json_rows import json_lines, line_bytes

FORMATS = {
    "csv": "CSV, for spreadsheets",
    "jsonl": "JSON lines",
    "parquet": "Parquet",
    "hf": "a data set folder",
    "hf-zip": "a data set folder as one zip file",
    "label-studio": "tasks with predictions for Label Studio, and its labelling interface",
    "argilla": "records with suggestions for Argilla",
}
Progress = Callable[[int, int, str], None]
"""Told how many rows of how many were written, and what is written; may raise to stop."""
_NAMES = {".csv": "CSV", ".parquet": "Parquet"}
_BLOCK = 50_000


def checked_formats(text: str) -> list[str]:
    """Format names from ``csv,jsonl``. Raises ConfigError naming those there are."""
    wanted = [part.strip().lower() for part in text.split(",") if part.strip()]
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown or not wanted:
        raise ConfigError(
            f"An export format is one of {', '.join(FORMATS)} (several with commas), "
            f"but it was {text!r}."
        )
    return list(dict.fromkeys(wanted))


def parts(table: pa.Table) -> dict[str, pa.Table]:
    """The rows by split: all of them as ``train`` where there is no validation split."""
    if "split" not in table.column_names:
        return {"train": table}
    split = table["split"]
    by_split = {name: table.filter(pc.equal(split, name)) for name in ("train", "validation")}
    return {name: part for name, part in by_split.items() if part.num_rows}


class Steps:
    """Progress over all formats: of each the rows that are about to be written."""

    def __init__(self, formats: Sequence[str], rows: int, progress: Progress) -> None:
        self._passes = len({"jsonl", *(form.removesuffix("-zip") for form in formats)})
        self._rows, self._progress, self._done = rows, progress, 0

    def __call__(self, rows: int, what: str) -> None:
        """Say what is written next; raises to stop where the caller wants to."""
        self._progress(self._done // self._passes, self._rows, what)
        self._done += rows


def write_rows(
    table: pa.Table,
    folder: Path,
    formats: Sequence[str],
    names: Sequence[str],
    manifest: Mapping[str, Any],
    progress: Progress,
) -> tuple[list[Path], str]:
    """Write the rows in these formats below ``folder``; returns the files and ``rows_sha256``."""
    by_split = parts(table)
    split = "split" in table.column_names
    steps = Steps(formats, table.num_rows, progress)

    def path(name: str, ending: str) -> Path:
        return folder / (f"curated-{name}.{ending}" if split else f"curated.{ending}")

    tables = {
        path(name, form): part
        for form in ("csv", "parquet")
        if form in formats
        for name, part in by_split.items()
    }
    lines = {name: path(name, "jsonl") for name in by_split} if "jsonl" in formats else {}
    total = _write_beside(table, tables, lines, names, steps)
    files = sorted([*tables, *lines.values()], key=lambda file: file.suffix)  # in order of format
    if {"hf", "hf-zip"} & set(formats):
        steps(table.num_rows, "Writing the data set folder")
        paths = write_folder(by_split, folder / "hf", names, manifest)
        if "hf-zip" in formats:
            files.append(folder / "dataset.zip")
            _zip(paths, folder / "hf", files[-1])
        if "hf" in formats:
            files += paths
        else:
            for file in paths:
                file.unlink()
            (folder / "hf" / "data").rmdir()
            (folder / "hf").rmdir()
    for form, write in (("label-studio", write_label_studio), ("argilla", write_argilla)):
        if form in formats:
            steps(table.num_rows, f"Writing {form}")
            files += write(by_split, folder / form, names, manifest)
    return files, total


def _write_beside(
    table: pa.Table,
    tables: Mapping[Path, pa.Table],
    lines: Mapping[str, Path],
    names: Sequence[str],
    steps: Steps,
) -> str:
    """Write CSV and Parquet files by a second thread while the rows are summed up; the sum."""
    stopped = threading.Event()

    def write() -> None:
        for path, part in tables.items():
            if path.suffix == ".csv":
                write_csv(part, path, names, stopped)
            elif not stopped.is_set():
                pq.write_table(part, path, compression="zstd")

    with ThreadPoolExecutor(1) as second:
        writing = second.submit(write)
        try:
            total = _write_lines(table, lines, steps)
            for path, part in tables.items():
                steps(part.num_rows, f"Writing {_NAMES[path.suffix]}")
            while not writing.done():
                steps(0, "Writing")
                wait([writing], timeout=0.2)
            writing.result()
        except BaseException:
            stopped.set()
            raise
    return total


def write_csv(
    table: pa.Table, path: Path, names: Sequence[str], stopped: threading.Event | None = None
) -> None:
    """Write rows as CSV: UTF-8 with a mark, every text in quotes and safe for a spreadsheet.

    Once ``stopped`` is set it ends with the part that it writes.
    """
    with path.open("wb") as file:
        # The byte order mark is what makes spreadsheets read UTF-8; this app and pandas skip it.
        file.write(b"\xef\xbb\xbf")
        for start in range(0, max(1, table.num_rows), _BLOCK):
            if stopped is not None and stopped.is_set():
                return
            part = table.slice(start, _BLOCK)
            # Every text in quotes: a lone carriage return in one must not start a new row.
            how = pa_csv.WriteOptions(include_header=not start, quoting_style="needed")
            pa_csv.write_csv(_flat(part, names), file, how)


def _flat(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """The rows with a column for each class in place of lists, and quotes that make them safe."""
    columns: list[Any] = []
    heads: list[str] = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if name == PROBABILITIES:
            heads += [f"prob_{class_name}" for class_name in names]
            columns += [pc.list_element(column, k) for k in range(len(names))]
        else:
            heads.append(name)
            columns.append(guarded(column) if pa.types.is_string(column.type) else column)
    return pa.table(columns, names=guarded(pa.array(heads)).to_pylist())


def _write_lines(table: pa.Table, paths: Mapping[str, Path], steps: Steps) -> str:
    """Write JSON lines to the file of each row's split (none: only sum them up)."""
    total = hashlib.sha256()
    what = "Writing JSON lines" if paths else "Summing up the rows"
    with ExitStack() as stack:
        files = {name: stack.enter_context(path.open("wb")) for name, path in paths.items()}
        done = 0
        for lines in json_lines(table):
            steps(len(lines), what)
            total.update(line_bytes(lines))
            if len(files) == 1:
                next(iter(files.values())).write(line_bytes(lines))
            elif files:
                splits = table["split"].slice(done, len(lines))
                for name, file in files.items():
                    file.write(line_bytes(lines.filter(pc.equal(splits, name).combine_chunks())))
            done += len(lines)
    return total.hexdigest()


def write_folder(
    by_split: Mapping[str, pa.Table],
    folder: Path,
    names: Sequence[str],
    manifest: Mapping[str, Any],
) -> list[Path]:
    """A folder that ``datasets.load_dataset(folder)`` reads, classes as their numbers."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    coded = {name: _coded(table, names) for name, table in by_split.items()}
    files = []
    for name, table in coded.items():
        files.append(folder / "data" / f"{name}-00000-of-00001.parquet")
        pq.write_table(table, files[-1], compression="zstd")
    sizes = {name: table.nbytes for name, table in coded.items()}
    card = folder / "README.md"
    card.write_text(dataset_card(coded, sizes, names, manifest), encoding="utf-8")
    return [*files, card]


def _coded(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """Classes as their numbers, which are named in the schema as ``datasets`` does it."""
    classes = pa.array(list(names), pa.string())
    # Splits are files here.
    columns = [name for name in table.column_names if name != "split"]
    coded = pa.table(
        {
            name: pc.index_in(table[name], classes).cast(pa.int64())
            if is_class(name)
            else table[name]
            for name in columns
        }
    )
    feature = {"names": list(names), "_type": "ClassLabel"}
    features = {name: feature for name in columns if is_class(name)}
    note = json.dumps({"info": {"features": features}})
    return coded.replace_schema_metadata({"huggingface": note})


def _zip(files: Sequence[Path], base: Path, path: Path) -> None:
    """One zip file, the same bytes each time: no times, no compression (Parquet has its own)."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.relative_to(base).as_posix())
            with file.open("rb") as source, archive.open(entry, "w") as target:
                for block in _blocks(source):
                    target.write(block)


def _blocks(source: Any) -> Iterator[bytes]:
    while block := source.read(1 << 20):
        yield block
