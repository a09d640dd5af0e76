"""Small training runs on toy texts, and readers of what they leave."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from llkd import students, training
from llkd.config import TrainingConfig, build
from llkd.training import TrainingData
from tests.support.tiny_student import CLASSES, teacher_for, toy_texts

N, EVAL = 40, 20


def config(strategy="llkd", **changes):
    selection = {"strategy": strategy, **changes.pop("selection", {})}
    values = {
        "batch_size": 8,
        "epochs": 2,
        "learning_rate": 1e-3,
        "max_tokens": 16,
        "precision": "fp32",
        "seed": 3,
        "checkpoint_seconds": 3600,
    }
    return build(TrainingConfig, {**values, **changes, "selection": selection})


def toy_data(n=N, evaluated=EVAL, wrong=0.0, **changes):
    texts, gold = toy_texts(n, seed=1)
    eval_texts, eval_gold = toy_texts(evaluated, seed=2)
    values = {
        "texts": texts,
        "rows": np.arange(n) + 100,
        "teacher_probs": teacher_for(gold, wrong=wrong),
        "gold": gold,
        "eval_texts": eval_texts,
        "eval_gold": eval_gold,
    }
    return TrainingData(**{**values, **changes})


def fresh(encoder, seed=3):
    return students.load_student(encoder, CLASSES, seed, precision="fp32", device="cpu")


def run(encoder, folder, settings=None, data=None, **options):
    settings = settings or config()
    student = fresh(encoder, settings.seed)
    outcome = training.train(student, data or toy_data(), settings, CLASSES, folder, **options)
    return student, outcome


def weights(student):
    return {name: value.clone() for name, value in student.network.state_dict().items()}


def same_weights(first, second):
    import torch

    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def log(folder, kind):
    frames = [pq.read_table(path).to_pandas() for path in sorted(folder.glob(f"{kind}-*.parquet"))]
    return pd.concat(frames, ignore_index=True)


def stop_after(steps):
    seen = []
    return {
        "on_progress": lambda progress: seen.append(progress.step),
        "should_stop": lambda: bool(seen) and seen[-1] >= steps,
    }
