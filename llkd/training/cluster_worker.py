"""Training on a node of a cluster: everything comes by value, and the run's files go back."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from llkd.config import TrainingConfig
from llkd.errors import NothingSelected
from llkd.selection.signals import Floats, Ints
from llkd.store.run_summary import RunSummary
from llkd.training.records import TrainingData

Files = Mapping[str, bytes]
"""What is in the files of a folder, by their paths in it."""


@dataclass(frozen=True)
class TrainingTask:
    """One run: what ``training.train`` takes.

    ``data`` without its reader of embeddings, which are ``unit_embeddings [n, d]`` here (None: the
    student embeds its texts itself).
    """

    data: TrainingData
    unit_embeddings: Floats | None
    config: TrainingConfig
    class_names: tuple[str, ...]
    reference_counts: tuple[int, ...] | None


@dataclass(frozen=True)
class StartModel:
    """The student that all runs begin with: ``embedded``, a hub id, or the files of a folder."""

    spec: str
    files: Files | None


@dataclass(frozen=True)
class TrainedRun:
    """The files that training wrote and what came out; ``failure``: why there is no student."""

    files: Files
    summary: RunSummary | None
    failure: str | None = None


class TrainingWorker:
    """Trains one run after the other from the same start."""

    identity = "training"

    def __init__(self, start: StartModel) -> None:
        """Lay the start model down where this node can load it."""
        self._folder = Path(tempfile.mkdtemp(prefix="llkd-start-"))
        self._spec = start.spec
        if start.files is not None:
            self._spec = str(self._folder)
            write_files(self._folder, start.files)

    def __del__(self) -> None:
        """The start model is only lent."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def __call__(self, task: TrainingTask) -> TrainedRun:
        """Train one run to its end."""
        from llkd.students import load_student
        from llkd.training import train

        data = replace(task.data, unit_embeddings=_reader(task.unit_embeddings))
        config, names = task.config, list(task.class_names)
        with tempfile.TemporaryDirectory(prefix="llkd-run-") as folder:
            student = load_student(self._spec, names, seed=config.seed, max_tokens=config.window)
            try:
                summary = train(
                    student, data, config, names, Path(folder),
                    reference_counts=task.reference_counts,
                )  # fmt: skip
            except NothingSelected as error:
                return TrainedRun({}, None, str(error))
            return TrainedRun(read_files(Path(folder)), summary)


def training_worker(start: StartModel) -> TrainingWorker:
    """What ``cluster.worker`` calls on the node."""
    return TrainingWorker(start)


def start_model(spec: str) -> StartModel:
    """The start model with the files of its folder, where it is one: no other node has that."""
    folder = Path(spec).expanduser()
    if spec == "embedded" or not folder.is_dir():
        return StartModel(spec, None)
    return StartModel(spec, read_files(folder))


def read_files(folder: Path) -> dict[str, bytes]:
    """The files in a folder and the folders in it."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def write_files(folder: Path, files: Files) -> None:
    """Write files into a folder. Raises ValueError for a path that leads out of it."""
    for name, content in files.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{name!r} leads out of its folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _reader(embeddings: Floats | None) -> _Reader | None:
    return None if embeddings is None else _Reader(embeddings)


class _Reader:
    """Gives the embeddings at positions of the pool."""

    def __init__(self, embeddings: Floats) -> None:
        self._embeddings = embeddings

    def __call__(self, positions: Ints) -> Floats:
        return np.asarray(self._embeddings[positions], dtype=np.float32)
