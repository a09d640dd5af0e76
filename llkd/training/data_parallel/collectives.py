"""What the ranks do together: hear a command, put answers side by side, add gradients up."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from llkd.errors import ConfigError
from llkd.selection.signals import Floats
from llkd.training.data_parallel.commands import HEADER, Command

if TYPE_CHECKING:
    import torch

MEETING = timedelta(minutes=2)
"""How long ranks that are ready wait for one another."""
PATIENCE = timedelta(days=7)
"""How long a rank waits for what another computes; one that has died is noticed at once."""
GPU_PATIENCE = timedelta(minutes=30)
"""How long gradients may be under way between GPUs, where a dead rank is not noticed."""


class Collectives:
    """One rank's end of the group. Every rank must make the same calls in the same order.

    Commands and answers go through gloo over the machine's loopback interface, gradients through
    NCCL where the ranks have a GPU each. A call raises RuntimeError where another rank has died.
    """

    def __init__(self, meeting: Path, rank: int, ranks: int, device: torch.device) -> None:
        """``meeting``: a file that is not there yet, in a folder of this user's alone.

        Raises ConfigError where this process has a process group of somebody else's.
        """
        import torch.distributed as dist

        if dist.is_initialized():
            raise ConfigError(
                "This process belongs to a group of torch.distributed already. Train with "
                "workers=1 in it, or with several from a process of its own."
            )
        self.rank, self.ranks, self.device = rank, ranks, device
        store = dist.FileStore(str(meeting), ranks)
        store.set_timeout(MEETING)
        with _loopback():
            dist.init_process_group(
                "gloo", store=store, rank=rank, world_size=ranks, timeout=PATIENCE
            )
            self._gradient_group = None
            if device.type == "cuda":
                self._gradient_group = dist.new_group(backend="nccl", timeout=GPU_PATIENCE)

    def send(self, command: Command) -> None:
        """Tell all other ranks (rank 0)."""
        import torch
        import torch.distributed as dist

        header, payload = command.packed()
        dist.broadcast(torch.from_numpy(header), 0)
        if len(payload):
            dist.broadcast(torch.from_numpy(payload.copy()), 0)

    def receive(self) -> Command:
        """The next command (every other rank)."""
        import torch
        import torch.distributed as dist

        header = torch.zeros(HEADER, dtype=torch.int64)
        dist.broadcast(header, 0)
        payload = torch.zeros(int(header[-1]), dtype=torch.uint8)
        if len(payload):
            dist.broadcast(payload, 0)
        return Command.read(header.numpy(), payload.numpy())

    def gather(self, rows: Floats) -> list[Floats] | None:
        """The arrays ``[m, w]`` of all ranks, by rank; None but on rank 0. All are of one shape."""
        import torch
        import torch.distributed as dist

        own = torch.from_numpy(np.ascontiguousarray(rows))
        parts = [torch.empty_like(own) for _ in range(self.ranks)] if self.rank == 0 else None
        dist.gather(own, parts, dst=0)
        return None if parts is None else [part.numpy() for part in parts]

    def sum_gradients(self, parameters: Sequence[torch.Tensor], loss: float) -> float:
        """Put the sum over the ranks into every parameter's gradient; returns that of the losses.

        A parameter that no rank used has no gradient afterwards either, so that weight decay
        leaves it alone as in one process.
        """
        import torch
        import torch.distributed as dist

        used = torch.tensor([p.grad is not None for p in parameters], device=self.device)
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        total = torch.tensor([loss], device=self.device)
        flat = torch.cat([*(g.reshape(-1) for g in gradients), used.float(), total])
        dist.all_reduce(flat, group=self._gradient_group)
        start, sizes = 0, [p.numel() for p in parameters]
        anywhere = flat[sum(sizes) : -1].tolist()
        for parameter, size, ranks in zip(parameters, sizes, anywhere, strict=True):
            part = flat[start : start + size].view_as(parameter)
            parameter.grad = part if ranks else None
            start += size
        return float(flat[-1])

    def close(self) -> None:
        """Leave the group."""
        import torch.distributed as dist

        dist.destroy_process_group()


@contextmanager
def _loopback() -> Iterator[None]:
    """Let the ranks speak through the loopback interface alone, unless the user named another."""
    own = next((name for _, name in socket.if_nameindex() if name in {"lo", "lo0"}), None)
    names = [n for n in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME") if n not in os.environ]
    if own is not None:
        os.environ.update(dict.fromkeys(names, own))
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name, None)


def checksums(network: torch.nn.Module) -> npt.NDArray[np.float64]:
    """Two sums over all weights, ``[1, 2]``: equal bits on ranks whose students are the same."""
    import torch

    with torch.inference_mode():
        values = [p.detach().double() for p in network.parameters()]
        sums = [sum(float(v.sum()) for v in values), sum(float(v.abs().sum()) for v in values)]
    return np.array([sums])
