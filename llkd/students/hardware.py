"""In what arithmetic a student computes, and what a lack of memory looks like."""

from __future__ import annotations


def uses_bf16(precision: str, device: str) -> bool:
    """Whether a forward pass runs in bf16: as told, or where the hardware is faster with it."""
    from llkd.models import devices

    return devices.has_bfloat16(device) if precision == "auto" else precision == "bf16"


def out_of_memory(error: BaseException) -> bool:
    """Whether the device (or this machine) ran out of memory."""
    import torch

    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    words = str(error).lower()
    return "out of memory" in words or "can't allocate memory" in words


def free_memory(device: str) -> None:
    """Give cached device memory back before a smaller try."""
    import torch

    if device == "cuda":
        torch.cuda.empty_cache()
    elif device == "mps":
        torch.mps.empty_cache()
