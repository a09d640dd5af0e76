"""Training runs, and the per-row signals that probes and runs leave for the decision plane."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from filelock import FileLock

from llkd.config import LabelSet, TrainingConfig, build, stored_training_config, todays
from llkd.errors import NotFound, StoreError
from llkd.store import schema
from llkd.store.classes import project_classes, with_project_classes
from llkd.store.damaged import DamagedRecord, documents, read_record, read_records
from llkd.store.engine.database import can_be, new_id
from llkd.store.engine.moments import present
from llkd.store.files.evaluation_labels import read_evaluation_labels
from llkd.store.files.permissions import mode_in
from llkd.store.files.probabilities import read_parts, read_probabilities, read_table
from llkd.store.files.run_files import (
    DECISIONS,
    EVALUATION,
    SIGNALS,
    STEPS,
    RunFiles,
    config_document,
)
from llkd.store.home import Home, atomic_file
from llkd.store.run_notes import LONGEST_NOTE, LONGEST_TITLE, clean_words, usual_name
from llkd.store.run_summary import RunSummary


@dataclass(frozen=True)
class Run:
    """One training run. ``labels`` says how the pseudo-labels it used were derived.

    ``labels["classes"]`` are the names that its classes had then; ``classes`` are the same under
    today's names, each by itself also where they were merged since: a student that was to tell two
    classes apart still does.
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
    summary: RunSummary | None
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
        further = self.labels.get("class_also") or [()] * len(names)
        own = build(
            LabelSet,
            labels=[
                {"name": name, "key": key, "also": also}
                for name, key, also in zip(names, keys, further, strict=True)
            ],
            retired=self.labels.get("class_split") or [],
        )
        return todays(own, self.project_classes, added=False)

    @property
    def class_names(self) -> list[str]:
        """Today's names of the classes it was trained on, in its order."""
        return self.classes.names

    @property
    def student_folder(self) -> Path:
        """Where the finished student lies."""
        return self.files.student

    @property
    def files(self) -> RunFiles:
        """The paths of its files."""
        return RunFiles(self.folder)

    @property
    def accuracy(self) -> float | None:
        """Of the student on the run's evaluation set; None until then and without one."""
        return None if self.summary is None else self.summary.accuracy

    @property
    def best_epoch(self) -> int | None:
        """The epoch (from 1) whose student early stopping kept; None where that is the last."""
        return None if self.summary is None else self.summary.best_epoch

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
        """What people call it: its title, else what it was trained on or its strategy."""
        return f"run {self.id}: {self.title or usual_name(self.config, self.labels)}"


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
            insertion = connection.execute(
                sa.insert(schema.runs).values(
                    project_id=project_id,
                    labelling_id=labelling_id,
                    job_id=job_id,
                    created=present(),
                    config=config.model_dump(mode="json"),
                    labels=labels,
                )
            )
            run_id = new_id(insertion)
        run = self.get(run_id)
        with atomic_file(run.files.config) as temporary:
            settings = config_document(run.config, labels)
            temporary.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        return run

    def get(self, run_id: int, project_id: int | None = None) -> Run:
        """One run (of that project). Raises NotFound, naming those there are."""
        table = schema.runs
        with self._engine.connect() as connection:
            query = with_project_classes(table).where(table.c.id == run_id)
            row = connection.execute(query).one_or_none() if can_be(run_id) else None
        if row is None or (project_id is not None and row.project_id != project_id):
            known = [str(run.id) for run in self.all(project_id)] if project_id else []
            raise NotFound(
                f"There is no run {run_id}{' in this project' if project_id else ''}."
                + (f" Its runs: {', '.join(known)}." if known else "")
            )
        return read_record(row, "run", self._from_row)

    def all(self, project_id: int) -> list[Run]:
        """The runs of a project, oldest first."""
        table = schema.runs
        query = with_project_classes(table).where(table.c.project_id == project_id)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(table.c.id)).all()
        return read_records(rows, "run", self._from_row)[0]

    def damaged(self, project_id: int) -> list[DamagedRecord]:
        """Runs whose record cannot be read; :meth:`all` leaves them out."""
        query = sa.select(schema.runs).where(schema.runs.c.project_id == project_id)
        with self._engine.connect() as connection:
            return read_records(connection.execute(query).all(), "run", self._from_row)[1]

    def finish(self, run_id: int, summary: RunSummary) -> None:
        """Keep what came out."""
        table = schema.runs
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(table)
                .where(table.c.id == run_id)
                .values(summary=summary.document(), finished=present())
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
            values["title"] = clean_words("title", title, LONGEST_TITLE)
        if note is not None:
            values["note"] = clean_words("note", note, LONGEST_NOTE, "\n\t")
        if pinned is not None:
            values["pinned"] = pinned
        if values:
            with self._engine.begin() as connection:
                table = schema.runs
                connection.execute(sa.update(table).where(table.c.id == run_id).values(**values))
        return self.get(run_id)

    def followers(self, run: Run) -> list[Run]:
        """Runs that copied how many texts this one took in each step: its controls."""
        return [
            follower
            for follower in self.all(run.project_id)
            if follower.config.reference_run == run.id
        ]

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

    def _has(self, project_id: int, run_id: int) -> bool:
        table = schema.runs
        query = sa.select(table.c.id).where(
            (table.c.project_id == project_id) & (table.c.id == run_id)
        )
        with self._engine.connect() as connection:
            return connection.execute(query).first() is not None

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
                if not place.exists() and self._has(project_id, int(number)):
                    os.replace(aside, place)  # stopped before the deletion held: the run stays
                else:
                    shutil.rmtree(aside, ignore_errors=True)
            yield

    def steps(self, run: Run) -> pd.DataFrame:
        """The step log so far, in order; empty before the first part."""
        return read_parts(run.files.parts(STEPS), "step")

    def decisions(self, run: Run, row: int | None = None) -> pd.DataFrame:
        """What was selected at which step, one line per (step, row); of one row where given."""
        return read_parts(run.files.parts(DECISIONS), "step", row)

    def target(self, run: Run, row: int) -> np.ndarray | None:
        """What the run was to learn for a row, probabilities ``[C]``; None where it had none."""
        path = run.files.targets
        if not path.exists():
            return None
        values = read_table(path, columns=["p"], filters=[("row", "==", row)])["p"].to_pylist()
        return np.asarray(values[0], dtype=np.float64) if values else None

    def targets(self, run: Run) -> tuple[np.ndarray, np.ndarray]:
        """Rows ``[m]`` and what the run was to learn for them, probabilities ``[m, C]``."""
        return read_probabilities(run.files.targets)

    def epochs(self, run: Run) -> list[int]:
        """Epochs whose signals are there, in order."""
        return run.files.epochs(SIGNALS)

    def signals(self, run: Run, epoch: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Rows ``[m]`` and student probabilities ``[m, C]`` after an epoch (default: last)."""
        epochs = self.epochs(run)
        if not epochs:
            raise NotFound(f"Run {run.id} has no signals yet; they come with its first epoch.")
        shown = epochs[-1] if epoch is None else epoch
        if shown not in epochs:
            raise NotFound(f"Run {run.id} has signals of epochs {epochs}, not of {shown}.")
        return read_probabilities(self.signals_file(run, shown))

    def signals_file(self, run: Run, epoch: int) -> Path:
        """Where the signals after an epoch lie."""
        return run.files.of_epoch(SIGNALS, epoch)

    def evaluation(self, run: Run, epoch: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Rows and probabilities of the held-out texts after an epoch (the last by default)."""
        epochs = run.files.epochs(EVALUATION)
        if not epochs:
            raise NotFound(f"Run {run.id} was not evaluated: the project has no held-out gold.")
        shown = epochs[-1] if epoch is None else epoch
        return read_probabilities(run.files.of_epoch(EVALUATION, shown))

    def evaluation_labels(self, run: Run) -> tuple[np.ndarray, np.ndarray] | None:
        """Rows ``[m]`` that judge the run and their classes ``[m]``, kept when the run was made.

        So later decisions change no figure of it. None for a run of an older version that held-out
        gold judges.
        """
        return read_evaluation_labels(run.files.evaluation_labels)

    def _from_row(self, values: dict[str, Any]) -> Run:
        documents(values, "config", "labels", optional=("summary",))
        values["config"] = stored_training_config(values["config"])
        if values["summary"] is not None:
            values["summary"] = RunSummary.read(values["summary"])
        values["project_classes"] = project_classes(values)
        return Run(**values, folder=self._home.run(values["project_id"], values["id"]))
