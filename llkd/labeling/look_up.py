"""Labels that stand in a file: looked up for all texts at once, through no cache of answers."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import pandas as pd
import pyarrow as pa

from llkd.labeling.cached_scoring import LabeledBatch
from llkd.teachers.imported.teacher import ImportedTeacher


def looked_up(
    teacher: ImportedTeacher, texts: pd.Series, rows: np.ndarray
) -> Generator[LabeledBatch]:
    """Yield what the file says of these rows of a project's texts; ``index`` points to ``rows``."""
    together = len(rows) > 0 and bool((np.diff(rows) == 1).all())
    here = _arrow(texts.iloc[rows[0] : rows[-1] + 1]) if together else texts.iloc[rows].tolist()
    for batch in teacher.score(here):
        yield LabeledBatch(batch, False)


def _arrow(texts: pd.Series) -> pa.ChunkedArray:
    """The texts of rows that stand together, in the chunks in which they were read.

    Those are of less than 2 GiB each, which these offsets can count; rows taken one by one may not
    be.
    """
    column = pa.array(texts, from_pandas=True)
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    return pa.chunked_array([chunk.cast(pa.string()) for chunk in chunks], type=pa.string())
