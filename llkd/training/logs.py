"""The Parquet logs of a run: steps, decisions, signals and evaluations.

Steps and decisions come in numbered parts, written whole every few seconds and at each checkpoint,
so that a reader never meets half a part; a resumed run discards what its checkpoint does not know.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from llkd.selection import signals
from llkd.selection.signals import Floats, Ints
from llkd.selection.strategy import SelectionResult
from llkd.store.files.run_files import DECISIONS, EVALUATION, SIGNALS, STEPS, RunFiles, number_of
from llkd.store.home import atomic_file

if TYPE_CHECKING:
    import pyarrow as pa

PARTS = (STEPS, DECISIONS)
PER_EPOCH = (SIGNALS, EVALUATION)


class TrainingLog:
    """Collects what steps did and writes it in parts. ``parts`` are written so far."""

    def __init__(self, folder: Path) -> None:
        self.files = RunFiles(folder)
        self.parts = 0
        self._steps: list[dict[str, Any]] = []
        self._decisions: list[dict[str, np.ndarray]] = []

    def add(self, step: Mapping[str, Any], rows: Ints, result: SelectionResult) -> None:
        """Keep one step: its line of the step log, and one decision per row of its batch."""
        self._steps.append(
            {
                **step,
                "batch": len(rows),
                "selected": int(result.selected.sum()),
                "skipped": not result.selected.any(),
                "teacher_threshold": result.teacher_threshold.tolist(),
                "student_threshold": result.student_threshold.tolist(),
            }
        )
        self._decisions.append(
            {
                "step": np.full(len(rows), step["step"], dtype=np.int32),
                "row": rows.astype(np.int64),
                "selected": result.selected,
                "weight": result.weight.astype(np.float32),
                "confidence": result.confidence.astype(np.float32),
                "information_need": result.information_need.astype(np.float32),
            }
        )

    def flush(self) -> None:
        """Write what was collected as the next part; nothing where there is nothing."""
        import pyarrow as pa

        if not self._steps:
            return
        columns = {
            name: pa.array(np.concatenate([d[name] for d in self._decisions]), from_pandas=True)
            for name in self._decisions[0]
        }
        number = self.parts + 1
        self._write(
            self.files.part(STEPS, number), pa.Table.from_pylist(self._steps, _step_schema())
        )
        self._write(self.files.part(DECISIONS, number), pa.table(columns))
        self.parts, self._steps, self._decisions = number, [], []

    def write_signals(
        self, epoch: int, rows: Ints, pseudo_label: Ints, probabilities: Floats
    ) -> None:
        """Write what the student thinks of every pool row after ``epoch`` (from 1)."""
        own = probabilities[np.arange(len(rows)), pseudo_label]
        columns: dict[str, np.ndarray] = {
            "row": rows.astype(np.int64),
            "student_label": signals.pseudo_label(probabilities).astype(np.int32),
            "information_need": signals.information_need(probabilities).astype(np.float32),
            "pseudo_label_probability": own.astype(np.float32),
        }
        self._write_probabilities(self.files.of_epoch(SIGNALS, epoch), columns, probabilities)

    def write_evaluation(self, epoch: int, probabilities: Floats) -> None:
        """Write the evaluation texts' probabilities after ``epoch``; ``row`` is the position."""
        columns = {"row": np.arange(len(probabilities), dtype=np.int64)}
        self._write_probabilities(self.files.of_epoch(EVALUATION, epoch), columns, probabilities)

    def discard_after(self, parts: int, epochs: int) -> None:
        """Remove parts, epochs and temporary names that a checkpoint does not know of."""
        for kinds, last in ((PARTS, parts), (PER_EPOCH, epochs)):
            for kind in kinds:
                for path in self.files.parts(kind):
                    if number_of(path) > last:
                        path.unlink(missing_ok=True)
        for path in self.files.orphans():
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        self.parts = parts

    def _write_probabilities(
        self, path: Path, columns: Mapping[str, np.ndarray], probabilities: Floats
    ) -> None:
        import pyarrow as pa

        n, classes = probabilities.shape
        ends = pa.array(np.arange(n + 1, dtype=np.int32) * classes)
        values = pa.array(probabilities.astype(np.float32).reshape(-1))
        lists = pa.ListArray.from_arrays(ends, values)
        self._write(path, pa.table({**columns, "p": lists}))

    def _write(self, path: Path, table: pa.Table) -> None:
        import pyarrow.parquet as pq

        with atomic_file(path) as temporary:
            pq.write_table(table, temporary)


def _step_schema() -> pa.Schema:
    import pyarrow as pa

    numbers = pa.list_(pa.float32())
    return pa.schema(
        {
            "step": pa.int32(),
            "epoch": pa.int32(),
            "loss": pa.float64(),
            "learning_rate": pa.float64(),
            "batch": pa.int32(),
            "selected": pa.int32(),
            "skipped": pa.bool_(),
            "teacher_threshold": numbers,
            "student_threshold": numbers,
            "selected_right": pa.int32(),
            "selected_known": pa.int32(),
            "seconds": pa.float64(),
        }
    )
