"""Training runs, and the per-row signals that probes and runs leave for the decision plane."""

from __future__ import annotations

import json
import os
import shutil
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from filelock import FileLock

from llkd.config import LabelSet, TrainingConfig, build, todays
from llkd.errors import NotFound, StoreError, UserError
from llkd.store import schema
from llkd.store.classes import project_classes, with_project_classes
from llkd.store.damaged import DamagedRecord, documents, read_record, read_records
from llkd.store.database import can_be, new_id
from llkd.store.home import Home, atomic_file
from llkd.store.permissions import mode_in

JUDGES = "judges.parquet"
LONGEST_TITLE = 100
LONGEST_NOTE = 2000
JOINERS = "\u200c\u200d"
"""Characters without a picture of their own that some scripts and emoji cannot do without."""


@dataclass(frozen=True)
class Run:
    """One training run. ``labels`` says how the pseudo-labels it used were derived.

    ``labels["classes"]`` are the names that its classes had then; ``classes`` are the same under
    today's names.
    ``title``, ``note`` and ``pinned`` are what people say of it; empty and False until then.
    """

    id: int
    project_id: int
    labelling_id: int
    job_id: int | None
    created: float
    finished: float | None
    config: TrainingConfig
    labels: dict[str, Any]
    summary: dict[str, Any] | None
    title: str
    note: str
    pinned: bool
    folder: Path
    project_classes: LabelSet | None = None

    @cached_property
    def classes(self) -> LabelSet:
        """The classes it was trained on, in its order, under today's names."""
        names = [str(name) for name in self.labels["classes"]]
        keys = [str(key) for key in self.labels.get("class_keys") or names]
        own = build(
            LabelSet, labels=[{"name": n, "key": k} for n, k in zip(names, keys, strict=True)]
        )
        return todays(own, self.project_classes, added=False)

    @property
    def class_names(self) -> list[str]:
        """Today's names of the classes it was trained on, in its order."""
        return self.classes.names

    @property
    def student_folder(self) -> Path:
        """Where the finished student lies."""
        return self.folder / "student"

    @property
    def failure(self) -> str | None:
        """Why there is no student and never will be; None for any other run."""
        return None if self.summary is not None else self.labels.get("failure")

    @property
    def state(self) -> str:
        """``finished``, ``failed`` or ``unfinished``."""
        if self.summary is not None:
            return "finished"
        return "failed" if self.failure else "unfinished"

    @property
    def name(self) -> str:
        """What people call it."""
        return f"run {self.id}: {self.title or self.config.selection.strategy}"


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
        with self._folders(project_id):
            pass
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
            one = with_project_classes(table).where(table.c.id == run_id)
            row = connection.execute(one).one_or_none() if can_be(run_id) else None
        if row is None or (project_id is not None and row.project_id != project_id):
            known = [str(run.id) for run in self.all(project_id)] if project_id else []
            raise NotFound(
                f"There is no run {run_id}{' in this project' if project_id else ''}."
                + (f" Its runs: {', '.join(known)}." if known else "")
            )
        return read_record(row, "run", self._made)

    def all(self, project_id: int) -> list[Run]:
        """The runs of a project, oldest first."""
        table = schema.runs
        query = (
            with_project_classes(table).where(table.c.project_id == project_id).order_by(table.c.id)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(table.c.id)).all()
        return read_records(rows, "run", self._made)[0]

    def damaged(self, project_id: int) -> list[DamagedRecord]:
        """Runs whose record cannot be read; :meth:`all` leaves them out."""
        query = sa.select(schema.runs).where(schema.runs.c.project_id == project_id)
        with self._engine.connect() as connection:
            return read_records(connection.execute(query).all(), "run", self._made)[1]

    def _numbers(self, project_id: int) -> set[int]:
        query = sa.select(schema.runs.c.id).where(schema.runs.c.project_id == project_id)
        with self._engine.connect() as connection:
            return set(connection.execute(query).scalars())

    def finish(self, run_id: int, summary: dict[str, Any]) -> None:
        """Keep what came out."""
        table = schema.runs
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(table)
                .where(table.c.id == run_id)
                .values(summary=summary, finished=time.time())
            )

    def fail(self, run_id: int, reason: str) -> None:
        """Keep why a run that came to its end has no student."""
        labels = {**self.get(run_id).labels, "failure": reason}
        table = schema.runs
        with self._engine.begin() as connection:
            connection.execute(sa.update(table).where(table.c.id == run_id).values(labels=labels))

    def describe(
        self,
        run_id: int,
        *,
        title: str | None = None,
        note: str | None = None,
        pinned: bool | None = None,
    ) -> Run:
        """Keep what a person says of a run; what is not given stays. Empty takes a title back.

        Raises UserError where a title has more than 100 characters or a note more than 2,000, or
        one that cannot be shown.
        """
        self.get(run_id)
        values: dict[str, Any] = {}
        if title is not None:
            values["title"] = _said("title", title, LONGEST_TITLE)
        if note is not None:
            values["note"] = _said("note", note, LONGEST_NOTE, "\n\t")
        if pinned is not None:
            values["pinned"] = pinned
        if values:
            with self._engine.begin() as connection:
                table = schema.runs
                connection.execute(sa.update(table).where(table.c.id == run_id).values(**values))
        return self.get(run_id)

    def followers(self, run: Run) -> list[Run]:
        """Runs that copied how many texts this one took in each step: its controls."""
        return [one for one in self.all(run.project_id) if one.config.reference_run == run.id]

    def delete(self, run_id: int) -> None:
        """Remove a run and its folder; a deleted run's number is not given again.

        The folder is put aside first, so that a run is there whole or not at all; what could not be
        removed then is removed with the next run that is made or deleted. Raises StoreError where
        it cannot be put aside. See ``jobs.delete_run`` for the checks before.
        """
        run = self.get(run_id)
        aside = run.folder.with_name(f".{run.id}.deleted")
        with self._folders(run.project_id), self._engine.begin() as connection:
            connection.execute(sa.delete(schema.runs).where(schema.runs.c.id == run.id))
            # Inside the transaction: a folder that cannot be moved keeps its run.
            try:
                if run.folder.exists():
                    os.replace(run.folder, aside)
            except OSError as error:
                raise StoreError(
                    f"The folder {run.folder} cannot be put aside ({error.strerror}). "
                    "The run is unchanged."
                ) from error
        shutil.rmtree(aside, ignore_errors=True)

    @contextmanager
    def _folders(self, project_id: int) -> Iterator[None]:
        """Alone with a project's run folders, after what a stopped deletion left is put right."""
        locks = self._home.locks
        with FileLock(locks / f"runs-{project_id}.lock", timeout=120, mode=mode_in(locks)):
            for aside in self._home.run(project_id, 0).parent.glob(".*.deleted"):
                number = aside.name.split(".")[1]
                if not aside.is_dir() or not number.isdecimal():
                    continue
                place = self._home.run(project_id, int(number))
                if not place.exists() and int(number) in self._numbers(project_id):
                    os.replace(aside, place)  # stopped before the deletion held: the run stays
                else:
                    shutil.rmtree(aside, ignore_errors=True)
            yield

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

    def targets(self, run: Run) -> tuple[np.ndarray, np.ndarray]:
        """Rows ``[m]`` and what the run was to learn for them, probabilities ``[m, C]``."""
        return read_probabilities(run.folder / "targets.parquet")

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
        return read_probabilities(self.signals_file(run, chosen))

    def signals_file(self, run: Run, epoch: int) -> Path:
        """Where the signals after an epoch lie."""
        return run.folder / f"signals-epoch-{epoch:04d}.parquet"

    def evaluation(self, run: Run, epoch: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Rows and probabilities of the held-out texts after an epoch (the last by default)."""
        files = sorted(run.folder.glob("eval-epoch-*.parquet"))
        if not files:
            raise NotFound(f"Run {run.id} was not evaluated: the project has no held-out gold.")
        path = files[-1] if epoch is None else run.folder / f"eval-epoch-{epoch:04d}.parquet"
        return read_probabilities(path)

    def judges(self, run: Run) -> tuple[np.ndarray, np.ndarray] | None:
        """Rows ``[m]`` that judge the run and their classes ``[m]``, kept when the run was made.

        So later decisions change no figure of it. None for a run of an older version that held-out
        gold judges.
        """
        path = run.folder / JUDGES
        if not path.exists():
            return None
        table = pq.read_table(path)
        return table["row"].to_numpy().astype(np.int64), table["label"].to_numpy().astype(np.int64)

    def probe_file(self, project_id: int, key: str) -> Path:
        """Where a probe's probabilities lie, by everything they depend on."""
        return self._home.project(project_id) / "probes" / f"{key}.parquet"

    def embeddings_file(self, project_id: int, key: str) -> Path:
        """Where the frozen student's embeddings of all texts lie."""
        return self._home.project(project_id) / "embeddings" / f"{key}.safetensors"

    def _made(self, values: dict[str, Any]) -> Run:
        documents(values, "config", "labels", optional=("summary",))
        values["config"] = build(TrainingConfig, values["config"])
        values["project_classes"] = project_classes(values)
        return Run(**values, folder=self._home.run(values["project_id"], values["id"]))


def write_judges(run: Run, rows: np.ndarray, label: np.ndarray) -> None:
    """Keep which rows ``[m]`` judge a run and train nothing, and their classes ``[m]``."""
    table = pa.table({"row": rows.astype(np.int32), "label": label.astype(np.int32)})
    with atomic_file(run.folder / JUDGES) as temporary:
        pq.write_table(table, temporary)


def _said(what: str, text: str, longest: int, also: str = "") -> str:
    """A person's words as they are stored. Raises UserError for what cannot be shown."""
    cleaned = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if len(cleaned) > longest or not all(c.isprintable() or c in JOINERS + also for c in cleaned):
        shown = cleaned if len(cleaned) <= 40 else cleaned[:40] + "…"
        raise UserError(
            f"A {what} has at most {longest:,} printable characters, but it was {shown!r}"
            + (f" ({len(cleaned):,} characters)." if len(cleaned) > longest else ".")
        )
    return cleaned


def config_document(config: TrainingConfig, labels: dict[str, Any]) -> dict[str, Any]:
    """What a run's ``config.json`` holds."""
    return {"training": config.model_dump(mode="json"), "labels": labels}


def write_probabilities(
    path: Path, rows: np.ndarray, probabilities: np.ndarray, exactly: bool = False
) -> None:
    """Write rows ``[m]`` and probabilities ``[m, C]`` as Parquet, whole or not at all.

    In 32 bits, or ``exactly`` where thresholds must meet the same numbers again.
    """
    kept = np.asarray(probabilities, dtype=np.float64 if exactly else np.float32)
    frame = pd.DataFrame({"row": rows.astype(np.int32), "p": list(kept)})
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
