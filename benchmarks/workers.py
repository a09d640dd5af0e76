"""What several workers are worth in training one student on this machine.

The sample's texts with made-up teacher probabilities, the embedded student (or ``--student``), the
strategy ``all`` (every text is read and trained: the most work a step can be) or another. Each
number of workers trains the same run in turn, without dropout, so that its losses must be those of
one process; printed are the cores and threads it had, the time of a step, and of the whole run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, not installed

from llkd import training  # noqa: E402
from llkd.config import SelectionConfig, TrainingConfig  # noqa: E402
from llkd.datasets.importing import sample_texts  # noqa: E402
from llkd.models import devices  # noqa: E402
from llkd.store.files.run_files import STEPS, RunFiles  # noqa: E402
from llkd.students import load_student  # noqa: E402
from llkd.training.data_parallel.placement import check_workers, placed  # noqa: E402

CLASSES = ["first", "second", "third", "fourth", "fifth"]
FIRST_STEPS = 3
"""Steps that are left out of the median: memory is still being taken."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--texts", type=int, default=780)
    parser.add_argument("--joined", type=int, default=1, help="messages in a text: longer texts")
    parser.add_argument("--window", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--strategy", default="all")
    parser.add_argument("--student", default="embedded")
    parser.add_argument("--precision", default="fp32")
    typed = parser.parse_args()
    for workers in typed.workers:
        check_workers(workers)
    device = devices.choose_device()
    print(f"{devices.available_processors()} processors, device {device}, {typed.precision}")
    print(f"{typed.texts} texts of {typed.joined} messages, batches of {typed.batch_size}\n")
    print("| workers | threads each | s a step | × | s in all | × | largest difference of losses |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    first: tuple[float, float, np.ndarray] | None = None
    for workers in typed.workers:
        step, whole, losses = measured(workers, typed)
        first = first or (step, whole, losses)
        apart = np.nanmax(np.abs(losses - first[2]))
        threads = placed(workers, torch.device(device)).threads
        print(
            f"| {workers} | {threads} | {step:.3f} | {first[0] / step:.2f} | {whole:.1f} | "
            f"{first[1] / whole:.2f} | {apart:.1e} |",
            flush=True,
        )


def measured(workers: int, typed: argparse.Namespace) -> tuple[float, float, np.ndarray]:
    """Median seconds of a step, seconds of the whole run, and the loss of each step."""
    config = TrainingConfig(
        student=typed.student,
        selection=SelectionConfig(strategy=typed.strategy),
        epochs=typed.epochs,
        batch_size=typed.batch_size,
        max_tokens=typed.window,
        precision=typed.precision,
        head_start="random",
        dropout=False,
        workers=workers,
    )
    student = load_student(typed.student, CLASSES, config.seed, typed.window, typed.precision)
    with tempfile.TemporaryDirectory() as name:
        began = time.perf_counter()
        training.train(student, pool(typed.texts, typed.joined), config, CLASSES, Path(name))
        whole = time.perf_counter() - began
        steps = [pq.read_table(path).to_pandas() for path in RunFiles(Path(name)).parts(STEPS)]
    seconds = np.concatenate([part["seconds"] for part in steps])[FIRST_STEPS:]
    return float(np.median(seconds)), whole, np.concatenate([part["loss"] for part in steps])


def pool(count: int, joined: int) -> training.TrainingData:
    """``count`` texts of ``joined`` messages each, the teacher's probabilities drawn at random."""
    rng = np.random.default_rng(0)
    messages = sample_texts().texts["text"].astype(str).to_numpy()
    texts = [" ".join(rng.choice(messages, joined)) for _ in range(count)]
    probs = rng.dirichlet(np.full(len(CLASSES), 0.3), count)
    return training.TrainingData(texts=texts, rows=np.arange(count), teacher_probs=probs)


if __name__ == "__main__":
    main()
