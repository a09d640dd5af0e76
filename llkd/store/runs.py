"""Training runs, and the per-row signals that probes and runs leave for the decision plane."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from llkd.config import TrainingConfig, build
from llkd.errors import NotFound, StoreError
from llkd.store import schema
from llkd.store.database import new_id
from llkd.store.home import Home, atomic_file


@dataclass(frozen=True)
class Run:
    """One training run. ``labels`` says how the pseudo-labels it used were derived."""

    id: int
    project_id: int
    labelling_id: int
    job_id: int | None
    created: float
    finished: float | None
    config: TrainingConfig
    labels: dict[str, Any]
    summary: dict[str, Any] | None
    folder: Path

    @property
    def student_folder(self) -> Path:
        """Where the finished student lies."""
        return self.folder / "student"

    @property
    def name(self) -> str:
        """What people call it."""
        return f"run {self.id}: {self.config.selection.strategy}"


class Runs:
    """The training runs of one home."""

    def __init__(self, engine: sa.Engine, home: Home) -> None:
        self._engine = engine
        self._home = home

    def create(
        self,
        project_id: int,
        labelling_id: int,
        config: TrainingConfig,
        labels: dict[str, Any],
        job_id: int | None = None,
    ) -> Run:
        """A new run with its folder and its settings in it."""
        with self._engine.begin() as connection:
            made = connection.execute(
                sa.insert(schema.runs).values(
                    project_id=project_id,
                    labelling_id=labelling_id,
                    job_id=job_id,
                    created=time.time(),
                    config=config.model_dump(mode="json"),
                    labels=labels,
                )
            )
            run_id = new_id(made)
        run = self.get(run_id)
        with atomic_file(run.folder / "config.json") as temporary:
            settings = config_document(run.config, labels)
            temporary.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        return run

    def get(self, run_id: int, project_id: int | None = None) -> Run:
        """One run (of that project). Raises NotFound, naming those there are."""
        table = schema.runs
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(table).where(table.c.id == run_id)).one_or_none()
        if row is None or (project_id is not None and row.project_id != project_id):
            known = [str(run.id) for run in self.all(project_id)] if project_id else []
            raise NotFound(
                f"There is no run {run_id}{' in this project' if project_id else ''}."
                + (f" Its runs: {', '.join(known)}." if known else "")
            )
        return self._run(row)

    def all(self, project_id: int) -> list[Run]:
        """The runs of a project, oldest first."""
        table = schema.runs
        query = sa.select(table).where(table.c.project_id == project_id).order_by(table.c.id)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [self._run(row) for row in rows]

    def finish(self, run_id: int, summary: dict[str, Any]) -> None:
        """Keep what came out."""
        table = schema.runs
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(table)
                .where(table.c.id == run_id)
                .values(summary=summary, finished=time.time())
            )

    def steps(self, run: Run) -> pd.DataFrame:
        """The step log so far, in order; empty before the first part."""
        return _parts(run.folder, "steps-*.parquet", "step")

    def decisions(self, run: Run, row: int | None = None) -> pd.DataFrame:
        """What was selected at which step, one line per (step, row); of one row where given."""
        return _parts(run.folder, "decisions-*.parquet", "step", row)

    def target(self, run: Run, row: int) -> np.ndarray | None:
        """What the run was to learn for a row, probabilities ``[C]``; None where it had none."""
        path = run.folder / "targets.parquet"
        if not path.exists():
            return None
        found = _table(path, columns=["p"], filters=[("row", "==", row)])["p"].to_pylist()
        return np.asarray(found[0], dtype=np.float64) if found else None

    def epochs(self, run: Run) -> list[int]:
        """Epochs whose signals are there, in order."""
        return sorted(
            int(p.stem.split("-")[-1]) for p in run.folder.glob("signals-epoch-*.parquet")
        )

    def signals(self, run: Run, epoch: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Rows ``[m]`` and student probabilities ``[m, C]`` after an epoch (default: last)."""
        epochs = self.epochs(run)
        if not epochs:
            raise NotFound(f"Run {run.id} has no signals yet; they come with its first epoch.")
        chosen = epochs[-1] if epoch is None else epoch
        if chosen not in epochs:
            raise NotFound(f"Run {run.id} has signals of epochs {epochs}, not of {chosen}.")
        return read_probabilities(run.folder / f"signals-epoch-{chosen:04d}.parquet")

    def evaluation(self, run: Run, epoch: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Rows and probabilities of the held-out texts after an epoch (the last by default)."""
        files = sorted(run.folder.glob("eval-epoch-*.parquet"))
        if not files:
            raise NotFound(f"Run {run.id} was not evaluated: the project has no held-out gold.")
        path = files[-1] if epoch is None else run.folder / f"eval-epoch-{epoch:04d}.parquet"
        return read_probabilities(path)

    def probe_file(self, project_id: int, key: str) -> Path:
        """Where a probe's probabilities lie, by everything they depend on."""
        return self._home.project(project_id) / "probes" / f"{key}.parquet"

    def embeddings_file(self, project_id: int, key: str) -> Path:
        """Where the frozen student's embeddings of all texts lie."""
        return self._home.project(project_id) / "embeddings" / f"{key}.safetensors"

    def _run(self, row: Any) -> Run:
        values = dict(row._mapping)
        values["config"] = build(TrainingConfig, values["config"])
        return Run(**values, folder=self._home.run(values["project_id"], values["id"]))


def config_document(config: TrainingConfig, labels: dict[str, Any]) -> dict[str, Any]:
    """What a run's ``config.json`` holds."""
    return {"training": config.model_dump(mode="json"), "labels": labels}


def write_probabilities(path: Path, rows: np.ndarray, probabilities: np.ndarray) -> None:
    """Write rows ``[m]`` and probabilities ``[m, C]`` as Parquet, whole or not at all."""
    frame = pd.DataFrame(
        {"row": rows.astype(np.int32), "p": list(np.asarray(probabilities, dtype=np.float32))}
    )
    with atomic_file(path) as temporary:
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), temporary)


def read_probabilities(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Rows ``[m]`` and probabilities ``[m, C]``. Raises NotFound where there is no such file."""
    if not path.exists():
        raise NotFound(f"There are no signals at {path.name} yet.")
    table = _table(path, columns=["row", "p"])
    flat = table["p"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    rows = table["row"].to_numpy().astype(np.int64)
    probabilities = flat.astype(np.float64).reshape(len(rows), -1)
    return rows, probabilities / probabilities.sum(axis=1, keepdims=True)


def _table(path: Path, **options: Any) -> pa.Table:
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


def _parts(folder: Path, pattern: str, order: str, row: int | None = None) -> pd.DataFrame:
    frames = []
    only = None if row is None else [("row", "==", row)]
    for path in sorted(folder.glob(pattern)):
        try:
            frames.append(_table(path, filters=only).to_pandas())
        except FileNotFoundError:
            continue
    if not frames:
        return pd.DataFrame()
    return pd.concat(frames, ignore_index=True).sort_values(order, kind="stable")
