"""What models run on: device, number type and threads. Importing it does not import torch."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from llkd.config import Precision
from llkd.errors import ModelError

if TYPE_CHECKING:
    import torch

_LOG = logging.getLogger(__name__)


def choose_device() -> str:
    """``cuda``, ``mps`` or ``cpu``: the fastest that is there. LLKD_DEVICE overrides it."""
    import torch

    named = os.environ.get("LLKD_DEVICE")
    if named:
        try:
            torch.empty(1, device=named)
        except (RuntimeError, AssertionError) as error:
            raise ModelError(
                f"LLKD_DEVICE is {named!r}, but this machine has no such device. "
                "Use cpu, cuda or mps, or unset it."
            ) from error
        return named
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def most_workers(device: str) -> int:
    """Ranks that can train one student together here: one for each GPU, else for each processor."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.device_count()
    return available_processors() if device == "cpu" else 1


def choose_dtype(precision: Precision, device: str) -> torch.dtype:
    """The number type: ``auto`` is bfloat16 where the processor multiplies it natively."""
    import torch

    if precision == "auto":
        precision = "bf16" if has_bfloat16(device) else "fp32"
    if precision == "fp16" and device == "cpu":
        # Measured: 1.7 thousand million operations a second, against 50 in fp32 and 180 in bf16.
        _LOG.warning("Few processors multiply fp16; here it can be far slower than fp32 or bf16.")
    types = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
    return types[precision]


def has_bfloat16(device: str) -> bool:
    """Whether the device multiplies bfloat16 natively; emulated it is slower than float32."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device == "cpu" and bool(processor_flags() & {"avx512_bf16", "amx_bf16", "bf16"})


def processor_flags(source: Path = Path("/proc/cpuinfo")) -> set[str]:
    """Feature names of the processor (x86 ``flags``, Arm ``Features``); empty off Linux."""
    try:
        lines = source.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    for line in lines:
        name, _, values = line.partition(":")
        if name.strip().lower() in {"flags", "features"}:
            return set(values.split())
    return set()


def use_available_threads() -> int:
    """Let torch use the processors this process may use, no more; returns their number.

    torch counts the machine's cores and overlooks a container's share of them, and threads that
    wait for a processor cost more than they give. OMP_NUM_THREADS wins where it is set.
    """
    import torch

    if not os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(max(1, min(torch.get_num_threads(), available_processors())))
    return torch.get_num_threads()


def available_processors(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Processors this process may use: its affinity, and the share its container was given."""
    if sys.platform == "linux":
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    try:
        share, period = quota.read_text(encoding="ascii").split()[:2]
        return count if share == "max" else max(1, min(count, int(share) // int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        return count
