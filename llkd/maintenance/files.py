"""Whether one file is whole: Parquet, safetensors, JSON. A sentence says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

EMPTY = "it is empty, as a power cut or a full disk leaves a file"


def parquet_fault(
    path: Path, columns: Iterable[str] = (), rows: int | None = None, deep: bool = False
) -> str | None:
    """What is wrong with a Parquet file, or None; every value is read only with ``deep``."""
    try:
        if not path.stat().st_size:
            return EMPTY
        file = pq.ParquetFile(path)
        try:
            missing = set(columns) - set(file.schema_arrow.names)
            if missing:
                return f"it has no column {', '.join(sorted(missing))}"
            if rows is not None and file.metadata.num_rows != rows:
                return f"it has {file.metadata.num_rows:,} rows, not {rows:,}"
            if deep:
                for batch in file.iter_batches():
                    batch.validate(full=True)
        finally:
            file.close()
    except (pa.ArrowException, OSError) as error:
        return short(error)
    return None


def safetensors_fault(path: Path, deep: bool = False) -> str | None:
    """What is wrong with a safetensors file, or None; every number is read only with ``deep``."""
    try:
        size = path.stat().st_size
        if not size:
            return EMPTY
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > size - 8:
                return "it is cut off in its header"
            header = json.loads(file.read(length))
            header.pop("__metadata__", None)
            end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
            if 8 + length + end != size:
                return f"it has {size:,} bytes, not {8 + length + end:,}"
            while deep and file.read(1 << 24):
                pass
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return short(error)
    return None


def json_fault(path: Path) -> str | None:
    """What is wrong with a JSON file, or None."""
    try:
        if not path.stat().st_size:
            return EMPTY
        json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return short(error)
    return None


def model_fault(folder: Path, deep: bool = False) -> str | None:
    """What is wrong with a folder that holds a model or a checkpoint, or None."""
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        return "there are no weights in it"
    for path in weights:
        fault = safetensors_fault(path, deep)
        if fault:
            return f"{path.name}: {fault}"
    for path in sorted(folder.glob("*.json")):
        fault = json_fault(path)
        if fault:
            return f"{path.name}: {fault}"
    return None


def short(error: BaseException) -> str:
    """An error's own words, in one short line."""
    words = str(getattr(error, "strerror", None) or error) or type(error).__name__
    return " ".join(words.split())[:160].rstrip(".")
