"""The process of a rank that follows: it loads the student, then computes what rank 0 tells it.

Started as ``python -m llkd.training.data_parallel.follower FOLDER`` with torchrun's ``RANK`` and
``WORLD_SIZE``. It writes nothing but that it is ready, or the sentence with which it ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from llkd.config import TrainingConfig
from llkd.errors import LLKDError
from llkd.training.data_parallel.collectives import Collectives, checksums
from llkd.training.data_parallel.commands import CHECKSUMS, END, UPDATE
from llkd.training.data_parallel.processes import ExchangeFolder
from llkd.training.data_parallel.shares import logits_of_share, step_on_share

PARENT_SECONDS = 1.0


def main(exchange: str) -> int:
    """Follow until told to end; the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # rank 0 decides what Ctrl-C means
    folder = ExchangeFolder(Path(exchange))
    rank, ranks = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    try:
        _follow(folder, rank, ranks)
    except LLKDError as error:
        folder.error(rank).write_text(str(error), "utf-8")
        return 1
    except RuntimeError as error:
        if "onnection closed" not in str(error):
            raise
        return 1  # rank 0 has ended, and says why
    return 0


def _end_with(parent: int) -> None:
    """End this process when the run's process has: then nobody waits for it."""
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os._exit(1)


def _follow(folder: ExchangeFolder, rank: int, ranks: int) -> None:
    import torch
    from safetensors.torch import load_file

    from llkd.students import Encoded, load_saved
    from llkd.training.optimisation import Optimisation

    device = torch.device(os.environ["LLKD_RANK_DEVICE"])
    if device.type == "cuda":
        torch.cuda.set_device(device)
    settings = json.loads(folder.settings.read_text("utf-8"))
    config = TrainingConfig.model_validate(settings["training"])
    student = load_saved(folder.student, config.precision, str(device))
    nothing = Encoded.of_nothing()
    optimisation = Optimisation(student, nothing, config, settings["total_steps"])
    optimisation.restore(load_file(folder.optimiser))
    optimisation.micro = settings["micro"]
    folder.ready(rank).touch()
    group = Collectives(folder.meeting, rank, ranks, device)
    optimisation.sum_over_ranks = group.sum_gradients
    while (command := group.receive()).kind != END:
        if command.kind == UPDATE:
            step_on_share(optimisation, command, group)
        elif command.kind == CHECKSUMS:
            group.gather(checksums(student.network))
        else:
            group.gather(logits_of_share(student, command, group))
    group.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
