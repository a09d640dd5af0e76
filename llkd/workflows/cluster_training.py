"""Runs trained on a cluster: a worker for each, whatever they wait for done before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from llkd.cluster.connection import Cluster
from llkd.config import ExecutorConfig
from llkd.errors import NothingSelected
from llkd.jobs.progress import Progress
from llkd.store import Project, Run, Store
from llkd.store.files.run_files import RunFiles
from llkd.store.home import atomic_file, atomic_folder
from llkd.store.run_summary import RunSummary
from llkd.training import checkpoints
from llkd.training.cluster_worker import (
    Files,
    TrainedRun,
    TrainingTask,
    start_model,
    write_files,
)
from llkd.training.logs import TrainingLog
from llkd.workflows.fitting import conclude, run_data, run_settings

_WORKER = "llkd.training.cluster_worker:training_worker"


class RunsOnCluster:
    """Trains prepared runs on workers of a cluster. A context manager.

    It connects late, so that a comparison whose runs are all there needs no cluster.
    """

    def __init__(
        self, store: Store, project: Project, executor: ExecutorConfig, job: Progress
    ) -> None:
        """Nothing is connected to yet."""
        self._store, self._project = store, project
        self._executor, self._job = executor, job
        self._cluster: Cluster | None = None

    def __enter__(self) -> RunsOnCluster:
        """This."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the workers go."""
        if self._cluster is not None:
            self._cluster.close()

    def train(self, runs: Sequence[Run]) -> Iterator[int]:
        """Train these runs; yield the place of each as soon as its files and summary are stored.

        Raises what connecting and training raise; NothingSelected, its run marked as failed.
        """
        if not runs:
            return
        cluster = self._connected(runs[0].config.student)
        tasks = (self._task(run) for run in runs)
        for place, result in cluster.results(tasks):
            trained = cast(TrainedRun, result)
            if trained.summary is None:
                reason = trained.failure or "No text was selected."
                self._store.runs.fail(runs[place].id, reason)
                raise NothingSelected(reason)
            put_into_place(runs[place].files, trained.files)
            conclude(self._store, runs[place], RunSummary.read(trained.summary.document()))
            yield place

    def _connected(self, student: str) -> Cluster:
        if self._cluster is None:
            self._job.progress(0, None, "Connecting to the Ray cluster", always=True)
            self._cluster = Cluster(self._executor, self._job.check)
            sentence = self._cluster.size.sentence
            self._job.remember(notices=[sentence])
            self._job.progress(0, None, sentence, always=True)
            self._cluster.begin(_WORKER, start_model(student))
        return self._cluster

    def _task(self, run: Run) -> TrainingTask:
        data, reference_counts = run_data(self._store, self._project, run)
        read = data.unit_embeddings
        return TrainingTask(
            data=replace(data, unit_embeddings=None),
            unit_embeddings=None if read is None else read(np.arange(len(data.texts))),
            config=run_settings(run),
            class_names=tuple(run.labels["classes"]),
            reference_counts=None if reference_counts is None else tuple(reference_counts),
        )


def put_into_place(files: RunFiles, contents: Files) -> None:
    """Write what a worker trained into the run's folder; the summary, which ends it, comes last.

    What an attempt on this machine left goes first: the worker began anew.
    """
    TrainingLog(files.folder).discard_after(parts=0, epochs=0)
    checkpoints.remove(files.folder)
    files.best_weights.unlink(missing_ok=True)
    folders: dict[str, dict[str, bytes]] = {}
    single: dict[str, bytes] = {}
    for name, content in contents.items():
        folder, _, rest = name.partition("/")
        if rest:
            folders.setdefault(folder, {})[rest] = content
        else:
            single[name] = content
    for folder, inside in folders.items():
        with atomic_folder(files.folder / folder) as temporary:
            write_files(temporary, inside)
    last = files.summary.name
    for name in sorted(single, key=lambda each: each == last):
        with atomic_file(files.folder / name) as path:
            path.write_bytes(single[name])
