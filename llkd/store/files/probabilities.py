"""Probabilities row by row, as Parquet: what probes, runs and evaluations leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from llkd.errors import NotFound, StoreError
from llkd.store.home import atomic_file


def write_probabilities(
    path: Path, rows: np.ndarray, probabilities: np.ndarray, exactly: bool = False
) -> None:
    """Write rows ``[m]`` and probabilities ``[m, C]`` as Parquet, whole or not at all.

    In 32 bits, or ``exactly`` where thresholds must meet the same numbers again.
    """
    values = np.asarray(probabilities, dtype=np.float64 if exactly else np.float32)
    frame = pd.DataFrame({"row": rows.astype(np.int32), "p": list(values)})
    with atomic_file(path) as temporary:
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), temporary)


def read_probabilities(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Rows ``[m]`` and probabilities ``[m, C]``. Raises NotFound where there is no such file."""
    if not path.exists():
        raise NotFound(f"There are no signals at {path.name} yet.")
    table = read_table(path, columns=["row", "p"])
    flat = table["p"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    rows = table["row"].to_numpy().astype(np.int64)
    probabilities = flat.astype(np.float64).reshape(len(rows), -1)
    return rows, probabilities / probabilities.sum(axis=1, keepdims=True)


def read_table(path: Path, **options: Any) -> pa.Table:
    """One file. Raises FileNotFoundError where it is gone, StoreError where it is damaged."""
    try:
        return pq.read_table(path, **options)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, KeyError) as error:
        raise StoreError(
            f"{path} is damaged. Put it back from a backup, or set it aside with: llkd doctor "
            "--mend"
        ) from error


def read_parts(paths: list[Path], order: str, row: int | None = None) -> pd.DataFrame:
    """Parts of one log in the order of a column, of one ``row`` where given; empty without any."""
    frames = []
    only = None if row is None else [("row", "==", row)]
    for path in paths:
        try:
            frames.append(read_table(path, filters=only).to_pandas())
        except FileNotFoundError:
            continue
    if not frames:
        return pd.DataFrame()
    return pd.concat(frames, ignore_index=True).sort_values(order, kind="stable")
