"""Rank 0, the run's own process: it tells the others what to compute and puts it together."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from llkd.errors import ModelError, StoreError
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints
from llkd.students import Encoded
from llkd.students.hardware import out_of_memory
from llkd.students.student import OnBatch
from llkd.training.data_parallel.collectives import Collectives, checksums
from llkd.training.data_parallel.commands import (
    CHECKSUMS,
    END,
    LOGITS,
    UPDATE,
    Command,
    share_of,
)
from llkd.training.data_parallel.placement import Placement, placed
from llkd.training.data_parallel.processes import (
    ExchangeFolder,
    RankProcesses,
    exchange_folder,
)
from llkd.training.data_parallel.shares import logits_of_share, step_on_share

if TYPE_CHECKING:
    from llkd.training.session import Session

T = TypeVar("T")


@contextmanager
def workers_of(session: Session) -> Iterator[None]:
    """While it lasts, the session's student is read and trained by as many ranks as it wants.

    They are started with the student as it is now, after a checkpoint or the first head. Raises
    WorkerLost where one does not start, ConfigError in a process that has a group already.
    """
    workers = session.config.workers
    placement = placed(workers, session.student.device) if workers > 1 else None
    if placement is not None:
        session.optimisation.warn_once(placement.notes)
    if placement is None or len(placement.devices) == 1:
        yield
        return
    began = time.perf_counter()
    with (
        exchange_folder(session.folder) as folder,
        _started(session, folder, placement) as processes,
        _group_of(session, folder, placement) as group,
    ):
        lead = LeadRank(session, group, processes)
        session.inference = session.updates = lead
        session.at.training_seconds += time.perf_counter() - began
        yield
        lead.end()


def _hand_over(session: Session, folder: ExchangeFolder) -> None:
    """Write what the other ranks begin with. Raises StoreError."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    settings = {
        "training": session.config.model_dump(mode="json"),
        "total_steps": session.total_steps,
        "micro": session.optimisation.micro,
    }
    try:
        session.student.save(folder.student)
        save_file(session.optimisation.state(), folder.optimiser)
        folder.settings.write_text(json.dumps(settings), "utf-8")
    except (OSError, SafetensorError) as error:
        raise StoreError(
            f"The student could not be written for the workers to {folder.path} ({error}). Make "
            "room and resume."
        ) from error


@contextmanager
def _started(
    session: Session, folder: ExchangeFolder, placement: Placement
) -> Iterator[RankProcesses]:
    """The processes of the other ranks, each with the student loaded; ended at once at the end.

    Meanwhile this process computes with its share of the threads.
    """
    import torch

    ranks, threads = len(placement.devices), torch.get_num_threads()

    def look() -> None:
        session.report(f"starting {ranks} workers")
        session.stop_if_asked()

    _hand_over(session, folder)
    processes = RankProcesses(folder, placement)
    try:
        processes.wait_until_ready(look)
        torch.set_num_threads(placement.threads)
        yield processes
    finally:
        processes.close()
        torch.set_num_threads(threads)


@contextmanager
def _group_of(
    session: Session, folder: ExchangeFolder, placement: Placement
) -> Iterator[Collectives]:
    group = Collectives(folder.meeting, 0, len(placement.devices), session.student.device)
    try:
        yield group
    finally:
        group.close()


class LeadRank:
    """The student as all ranks together compute it. Every method is one turn of the whole group.

    Where another rank has died, a method raises WorkerLost.
    """

    def __init__(self, session: Session, group: Collectives, processes: RankProcesses) -> None:
        self._student, self._encoded = session.student, session.encoded
        self._optimisation = session.optimisation
        self._group, self._processes = group, processes
        self._optimisation.sum_over_ranks = group.sum_gradients

    def probabilities(
        self, texts: Encoded, batch_size: int = 64, on_batch: OnBatch | None = None
    ) -> Floats:
        """As of a student: class probabilities ``[n, C]``; each rank takes ``batch_size`` texts."""
        logits = np.empty((len(texts), len(self._student.class_names)))
        order = np.argsort(-texts.lengths, kind="stable")
        at_once = batch_size * self._group.ranks
        for start in range(0, len(order), at_once):
            places = order[start : start + at_once]
            command = Command(LOGITS, batch_size, texts.subset(places))
            for rank, part in enumerate(self._together(partial(self._gathered, command))):
                own = share_of(command.texts.lengths, rank, self._group.ranks)
                logits[places[own]] = part[: len(own)]
            if on_batch is not None:  # between two turns: whoever stops leaves no rank in one
                on_batch(start + len(places))
        return signals.softmax(logits) if len(logits) else logits

    def _gathered(self, command: Command) -> list[Floats]:
        self._group.send(command)
        return self._group.gather(logits_of_share(self._student, command, self._group)) or []

    def update(
        self, positions: Ints, target: Ints | Floats, weight: Floats, step: int, where: str
    ) -> float:
        """As of an optimisation: one step on these texts of the pool, the loss its mean."""
        command = Command(UPDATE, step, self._encoded.subset(positions), target, weight)

        def work() -> float:
            self._group.send(command)
            return step_on_share(self._optimisation, command, self._group, where)

        return self._together(work)

    def check_agreement(self) -> None:
        """Raise ModelError where the ranks' students are no longer the same to the last bit."""

        def work() -> list[Floats]:
            self._group.send(Command(CHECKSUMS))
            return self._group.gather(checksums(self._student.network)) or []

        sums = self._together(work)
        if any((other != sums[0]).any() for other in sums[1:]):
            raise ModelError(
                "The workers' students are no longer the same, which points to a device that "
                "computes wrongly. Train with one worker."
            )

    def end(self) -> None:
        """Tell the other ranks to end."""
        with suppress(RuntimeError):  # the run is done, whatever became of them
            self._group.send(Command(END))

    def _together(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except RuntimeError as error:
            if out_of_memory(error):
                raise
            raise self._processes.lost() from error
