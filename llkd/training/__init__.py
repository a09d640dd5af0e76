"""Training a student: score, select, step; logged, checkpointed, resumable.

``train`` is the one entry. In its folder it leaves ``student/``, ``summary.json``, the step log
(``steps-*.parquet``, ``decisions-*.parquet``), each epoch's signals of every pool row
(``signals-epoch-0001.parquet``) and predictions of the evaluation texts
(``eval-epoch-0001.parquet``). Importing this package loads no torch; training does.
"""

from llkd.training.loop import train
from llkd.training.records import TrainingData, TrainingProgress

__all__ = ["TrainingProgress", "TrainingData", "train"]
