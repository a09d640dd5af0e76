"""What the files in a run's folder are called. Nobody else knows these names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from llkd.config import TrainingConfig

STEPS, DECISIONS = "steps", "decisions"
"""Logs that are written in numbered parts."""
SIGNALS, EVALUATION = "signals-epoch", "eval-epoch"
"""Tables of which there is one for each epoch."""
_CHECKPOINT = "checkpoint-"
_LEFTOVER = re.compile(
    rf"\.({STEPS}|{DECISIONS}|{SIGNALS}|{EVALUATION}|checkpoint|student|best|summary|workers)"
    r"[-.].*\.(tmp|old)"
)


class RunFiles:
    """The paths in one run's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def config(self) -> Path:
        """The settings, as JSON."""
        return self.folder / "config.json"

    @property
    def summary(self) -> Path:
        """What came out, as JSON, written by the training itself."""
        return self.folder / "summary.json"

    @property
    def targets(self) -> Path:
        """The label probabilities that the run learns."""
        return self.folder / "targets.parquet"

    @property
    def inputs(self) -> Path:
        """What the run keeps of its texts besides the targets."""
        return self.folder / "evidence.parquet"

    @property
    def evaluation_labels(self) -> Path:
        """The texts that judge the run and their classes."""
        return self.folder / "judges.parquet"

    @property
    def best_weights(self) -> Path:
        """The weights of the best epoch so far, while it trains."""
        return self.folder / "best.safetensors"

    @property
    def student(self) -> Path:
        """The folder of the finished student."""
        return self.folder / "student"

    @property
    def last_student(self) -> Path:
        """The student of the last epoch, where another was the best."""
        return self.folder / "student-last"

    @property
    def portable_student(self) -> Path:
        """The student of a run of 0.3 in the form that other programs load."""
        return self.folder / "student-portable"

    @property
    def onnx(self) -> Path:
        """The folder of the student as ONNX."""
        return self.folder / "onnx"

    def part(self, log: str, number: int) -> Path:
        """A part of a log; they count from 1."""
        return self.folder / f"{log}-{number:06d}.parquet"

    def parts(self, log: str) -> list[Path]:
        """All parts of a log that are there, in order."""
        return sorted(self.folder.glob(f"{log}-*.parquet"))

    def of_epoch(self, table: str, epoch: int) -> Path:
        """The table of one epoch."""
        return self.folder / f"{table}-{epoch:04d}.parquet"

    def epochs(self, table: str) -> list[int]:
        """The epochs whose table is there, in order."""
        return sorted(number_of(path) for path in self.folder.glob(f"{table}-*.parquet"))

    def checkpoint(self, epoch: int, batch: int) -> Path:
        """The folder of the checkpoint of this position."""
        return self.folder / f"{_CHECKPOINT}{epoch:05d}-{batch:08d}"

    def checkpoints(self) -> list[Path]:
        """The checkpoints that are there, oldest first."""
        return sorted(path for path in self.folder.glob(f"{_CHECKPOINT}*") if path.is_dir())

    def in_checkpoint(self, folder: Path) -> bool:
        """Whether a folder is a checkpoint or lies in one, also in one removed meanwhile."""
        inside = folder.relative_to(self.folder).parts
        return bool(inside) and inside[0].startswith(_CHECKPOINT)

    def tables(self) -> list[Path]:
        """Every Parquet file."""
        return sorted(self.folder.glob("*.parquet"))

    def orphans(self) -> list[Path]:
        """What a killed process left under temporary names."""
        return [path for path in self.folder.iterdir() if _LEFTOVER.fullmatch(path.name)]

    def all(self) -> list[Path]:
        """Every file, also in the folders of students."""
        return [path for path in self.folder.rglob("*") if path.is_file()]

    def is_log(self, path: Path) -> bool:
        """Whether a table is a log or of one epoch: the run is shown without it."""
        return path.name.startswith(tuple(f"{k}-" for k in (STEPS, DECISIONS, SIGNALS, EVALUATION)))


def number_of(path: Path) -> int:
    """The number of a part, or the epoch of a table; -1 where its name holds none."""
    number = path.stem.rpartition("-")[2]
    return int(number) if number.isdigit() else -1


def config_document(config: TrainingConfig, labels: dict[str, Any]) -> dict[str, Any]:
    """What a run's ``config.json`` holds."""
    return {"training": config.model_dump(mode="json"), "labels": labels}
