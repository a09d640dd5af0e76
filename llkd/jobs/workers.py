"""How many processes may train one student here, as far as it can be known without torch."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from llkd.models import devices


def likely_most_workers(gpus: Path = Path("/proc/driver/nvidia/gpus")) -> int:
    """What a page may offer: one for each GPU, else for each processor. It errs towards 1.

    ``devices.most_workers`` knows it exactly, and the work refuses what is more.
    """
    named = os.environ.get("LLKD_DEVICE", "")
    if named.startswith("mps") or (sys.platform == "darwin" and named != "cpu"):
        return 1
    if named != "cpu" and gpus.is_dir():
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        count = len(list(gpus.iterdir()))
        return count if visible is None else min(count, len([v for v in visible.split(",") if v]))
    return devices.available_processors()
