"""What a longer window is worth: a student of 64 tokens against one of the proposed window.

AG News as it is, and two sets of longer texts made of it: ``one subject`` joins four news of one
class, ``lead`` puts three of any class behind the one that decides. Both students learn the gold
labels of the same texts, from the same start. ``--data`` names the folder of docs/results.md.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from llkd.config import USUAL_WINDOW, SelectionConfig, TrainingConfig
from llkd.curation.window import Lengths, choices, proposed, token_counts
from llkd.models import sources

JOINED = 4
SETS = ("as they are", "one subject", "lead")


@dataclass(frozen=True)
class TextSet:
    """Texts ``[n]`` with the place of each one's class, of the pool and held out."""

    name: str
    pool: list[str]
    pool_label: np.ndarray
    test: list[str]
    test_label: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pool", type=int, default=200)
    parser.add_argument("--test", type=int, default=300)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    arguments = parser.parse_args()
    columns = "texts,median,window,cut,accuracy,seconds,× time,× estimated".split(",")
    print(f"| {' | '.join(columns)} |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name in arguments.sets:
        measure(text_set(arguments, name), arguments)


def text_set(arguments: argparse.Namespace, name: str) -> TextSet:
    """Texts of one kind, the same at each call."""
    parts = []
    for part, size in (("pool", arguments.pool), ("test", arguments.test)):
        path = arguments.data / f"ag_news_{part}.csv.gz"
        if not path.is_file():
            raise SystemExit(f"{path} is missing: --data names the folder that holds it.")
        frame = pd.read_csv(path)
        parts.append((frame["text"].astype(str), pd.Categorical(frame["label"]).codes, size))
    return TextSet(
        name, *(part for k, values in enumerate(parts) for part in joined(name, *values, k))
    )


def joined(
    name: str, texts: pd.Series, label: np.ndarray, size: int, seed: int
) -> tuple[list[str], np.ndarray]:
    """``size`` texts of the kind ``name``, with their classes."""
    generator = np.random.default_rng(seed)
    first = generator.permutation(len(texts))[:size]
    joined_texts = []
    for row in first:
        same = np.flatnonzero(label == label[row]) if name == "one subject" else len(texts)
        more = generator.choice(same, JOINED - 1, replace=False) if name != "as they are" else []
        joined_texts.append("\n\n".join(texts.iloc[[row, *more]]))
    return joined_texts, np.asarray(label[first], dtype=np.int64)


def measure(texts: TextSet, arguments: argparse.Namespace) -> None:
    """Train with both windows and print a row each."""
    folder = sources.embedded_file(sources.EMBEDDED_STUDENT).parent
    tokens = token_counts(folder / "tokenizer.json", texts.pool)
    if tokens is None:
        raise SystemExit("The embedded student's tokenizer cannot be read.")
    lengths = Lengths(tokens, True, limit=512)
    first = None
    for window in dict.fromkeys((USUAL_WINDOW, proposed(lengths))):
        scores, seconds = zip(
            *(student(texts, window, arguments.epochs, seed) for seed in range(arguments.seeds)),
            strict=True,
        )
        spent = float(np.median(seconds))
        first = first or spent
        choice = next(c for c in choices(lengths, USUAL_WINDOW) if c.tokens == window)
        print(
            f"| {texts.name} | {np.median(tokens):.0f} | {window} | {choice.share:.0%} | "
            f"{np.mean(scores):.3f} | {spent:.1f} | {spent / first:.2f} | {choice.time:.2f} |",
            flush=True,
        )


def student(texts: TextSet, window: int, epochs: int, seed: int) -> tuple[float, float]:
    """Accuracy on the held-out texts, and the seconds of training."""
    from llkd.students import load_student
    from llkd.training.loop import train
    from llkd.training.records import TrainingData

    names = [f"class {k}" for k in range(int(texts.pool_label.max()) + 1)]
    config = TrainingConfig(
        selection=SelectionConfig(strategy="all"), epochs=epochs, seed=seed, max_tokens=window
    )
    probabilities = np.eye(len(names))[texts.pool_label]
    data = TrainingData(texts.pool, np.arange(len(texts.pool)), probabilities)
    learner = load_student("embedded", names, seed, window)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        train(learner, data, config, names, Path(folder))
    seconds = time.monotonic() - began
    answers = learner.probabilities(texts.test).argmax(axis=1)
    return float((answers == texts.test_label).mean()), seconds


if __name__ == "__main__":
    main()
