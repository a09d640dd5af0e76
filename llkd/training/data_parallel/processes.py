"""The processes of the other ranks, started and watched as torchrun does it."""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from llkd.errors import StoreError, WorkerLost
from llkd.store.home import held
from llkd.training.data_parallel.placement import Placement

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing import PContext

LOOK_SECONDS = 0.05
DEATH_SECONDS = 2.0
"""How long the death of a rank whose connection broke may take to be known."""


class ExchangeFolder:
    """What ranks leave for one another in a folder that goes with the run's process."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def student(self) -> Path:
        """The student as it was when the ranks were started."""
        return self.path / "student"

    @property
    def optimiser(self) -> Path:
        """The optimiser's state then."""
        return self.path / "optimiser.safetensors"

    @property
    def settings(self) -> Path:
        """The settings of training, as JSON."""
        return self.path / "settings.json"

    @property
    def meeting(self) -> Path:
        """The file by which the ranks find one another."""
        return self.path / "meeting"

    def ready(self, rank: int) -> Path:
        """Is there once a rank has loaded its student."""
        return self.path / f"ready-{rank}"

    def error(self, rank: int) -> Path:
        """The sentence with which a rank ended."""
        return self.path / f"error-{rank}.txt"


@contextmanager
def exchange_folder(run_folder: Path) -> Iterator[ExchangeFolder]:
    """A folder for the ranks in the run's, this user's alone; removed when the run's process ends.

    What a killed process leaves is found by ``RunFiles.orphans``. Raises StoreError.
    """
    try:
        folder = tempfile.TemporaryDirectory(dir=run_folder, prefix=".workers.", suffix=".tmp")
    except OSError as error:
        raise StoreError(f"Cannot write {run_folder}: {error.strerror}.") from error
    with folder as name, held(Path(name)):
        yield ExchangeFolder(Path(name))


class RankProcesses:
    """The processes of ranks 1 and up, each with its device and its share of the threads."""

    def __init__(self, folder: ExchangeFolder, placement: Placement) -> None:
        self._folder, self._ranks = folder, len(placement.devices)
        # Who ends its own processes wants no warnings of it.
        logging.getLogger("torch.distributed.elastic.multiprocessing.api").setLevel("CRITICAL")
        environments = {k: _environment(placement, k + 1) for k in range(self._ranks - 1)}
        # In a thread, where torch leaves the signal handlers of this process as they are.
        with ThreadPoolExecutor(1) as thread:
            self._context = thread.submit(self._start, environments).result()

    def _start(self, environments: dict[int, dict[str, str]]) -> PContext:
        """Start a process for each of the ``environments``. Raises WorkerLost."""
        from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, start_processes

        command = ("-P", "-m", "llkd.training.data_parallel.follower", str(self._folder.path))
        logs = DefaultLogsSpecs(log_dir=str(self._folder.path / "logs"))
        try:
            return start_processes(
                "llkd", sys.executable, dict.fromkeys(environments, command), environments, logs
            )
        except OSError as error:
            raise WorkerLost(
                f"The workers could not be started ({error.strerror}). Train with fewer."
            ) from error

    def wait_until_ready(self, look: Callable[[], None]) -> None:
        """Return once every rank has loaded its student; ``look`` is called meanwhile.

        Raises WorkerLost where one has ended, and whatever ``look`` raises.
        """
        while not all(self._folder.ready(rank).exists() for rank in range(1, self._ranks)):
            if self._context.wait(0) is not None:
                raise self.lost()
            look()
            time.sleep(LOOK_SECONDS)

    def lost(self) -> WorkerLost:
        """The error for a rank that has ended: which, and what it said or what ended it."""
        end = time.monotonic() + DEATH_SECONDS
        result = self._context.wait(0)
        while result is None and time.monotonic() < end:
            time.sleep(LOOK_SECONDS)
            result = self._context.wait(0)
        failures = {} if result is None else result.failures
        # The others end because the first has: by its word, or by a signal that was not ours.
        for number, failure in sorted(failures.items(), key=lambda item: item[1].timestamp):
            rank = number + 1
            if self._folder.error(rank).exists():
                words = self._folder.error(rank).read_text("utf-8")
                return WorkerLost(f"Worker {rank + 1} of {self._ranks} ended: {words}")
            if failure.exitcode < 0 and failure.exitcode != -signal.SIGTERM:
                name = signal.Signals(-failure.exitcode).name
                return WorkerLost(
                    f"Worker {rank + 1} of {self._ranks} was killed ({name}), perhaps because "
                    "memory ran out. Resume goes on from the last checkpoint."
                )
        return WorkerLost(
            f"One of {self._ranks} workers ended while they trained; the log says more. Resume "
            "goes on from the last checkpoint."
        )

    def close(self) -> None:
        """End them at once: they hold nothing that is not held here."""
        self._context.close(signal.SIGKILL)


def _environment(placement: Placement, rank: int) -> dict[str, str]:
    """What a rank is told, under torchrun's names."""
    package_parent = str(Path(__file__).resolve().parents[3])
    paths = [package_parent, os.environ.get("PYTHONPATH")]
    return {
        "RANK": str(rank),
        "WORLD_SIZE": str(len(placement.devices)),
        "LLKD_RANK_DEVICE": placement.devices[rank],
        "OMP_NUM_THREADS": str(placement.threads),
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "PYTHONUNBUFFERED": "1",
    }
