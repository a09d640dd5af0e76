"""Which device each rank computes on, and with how many threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from llkd.errors import ConfigError
from llkd.models import devices

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Placement:
    """``devices`` of the ranks, the run's own first; ``threads`` of each; ``notes`` for people."""

    devices: tuple[str, ...]
    threads: int
    notes: tuple[str, ...] = ()


def placed(workers: int, device: torch.device) -> Placement:
    """Where ``workers`` ranks compute, the first on ``device``.

    A GPU each; as many as there are GPUs, if that is fewer, for a run that was begun elsewhere. On
    the CPU they divide the threads that torch has here.
    """
    import torch

    threads = max(1, torch.get_num_threads() // workers)
    if device.type == "cpu":
        return Placement(("cpu",) * workers, threads, _too_many(workers))
    if device.type == "cuda":
        own = torch.cuda.current_device() if device.index is None else device.index
        others = [k for k in range(torch.cuda.device_count()) if k != own]
        names = (str(device), *(f"cuda:{k}" for k in others))[:workers]
    else:
        names = (str(device),)
    notes: tuple[str, ...] = ()
    if len(names) < workers:
        notes = (f"Of {workers} workers {len(names)} trained: more devices are not here.",)
    return Placement(names, threads, notes)


def check_workers(workers: int) -> None:
    """Raise ConfigError where this machine has not so many devices, or processors without a GPU."""
    if workers == 1:
        return
    device = devices.choose_device()
    most = devices.most_workers(device)
    if workers > most:
        what = {"cpu": "processor", "cuda": "GPU"}.get(device.partition(":")[0], "device")
        raise ConfigError(
            f"Setting 'workers' is {workers}, but there {'is' if most == 1 else 'are'} {most} "
            f"{what}{'' if most == 1 else 's'} to train on here. Use at most {most}."
        )


def _too_many(workers: int) -> tuple[str, ...]:
    processors = devices.available_processors()
    if workers <= processors:
        return ()
    return (
        f"{workers} workers shared {processors} processor{'s' if processors > 1 else ''}, which is "
        "slower than one worker for each.",
    )
