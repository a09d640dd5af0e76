"""The texts that judge a run and their classes, kept when the run is made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from llkd.store.home import atomic_file


def write_evaluation_labels(path: Path, rows: np.ndarray, label: np.ndarray) -> None:
    """Keep which rows ``[m]`` judge a run and train nothing, and their classes ``[m]``."""
    table = pa.table({"row": rows.astype(np.int32), "label": label.astype(np.int32)})
    with atomic_file(path) as temporary:
        pq.write_table(table, temporary)


def read_evaluation_labels(path: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows ``[m]`` and their classes ``[m]``; None where nothing was kept."""
    if not path.exists():
        return None
    table = pq.read_table(path)
    return table["row"].to_numpy().astype(np.int64), table["label"].to_numpy().astype(np.int64)
