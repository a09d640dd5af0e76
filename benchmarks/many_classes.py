"""Many classes, few texts: what the student's first head and the number of its steps are worth.

Two kinds of draws from the shared sets, all with people's labels:

- ``joined``: the classes of five sets as one label set (29 of them), 15 to 40 texts a class.
- ``intents``: 80 of the 150 intents behind CLINC's ten domains, 15 texts an intent. The files name
  the domains alone, but keep the order of the original: blocks of 100, 20 and 30 texts an intent,
  whose names stand in ``benchmarks/label_evidence/intents.py``.

Teachers: label similarity, and simulated ones that are right in a wished share and otherwise say
what similarity finds likeliest among the wrong classes. Students: the embedded MiniLM on all labels
of the pool, with both first heads and several numbers of epochs. Prints student minus teacher on
the same held-out texts, in points, and the steps that it took. The tune half shares no text with
the half that confirms; draws differ in their texts and intents.

    python benchmarks/many_classes.py FOLDER [--cache DIR] [--half confirm] [--draws 2]
        [--epochs 1,3,10] [--kinds joined,intents] [--teachers similarity,0.6] [--head-rates 1e-3]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from benchmarks.label_evidence.cache import embeddings, remembered  # noqa: E402
from benchmarks.label_evidence.intents import INTENTS, intents_of  # noqa: E402
from benchmarks.label_evidence.texts import HALVES, SETS, TextSet, all_texts  # noqa: E402
from llkd.config import LabelSet, SelectionConfig, TrainingConfig, build  # noqa: E402
from llkd.evaluation.differences import paired_difference  # noqa: E402
from llkd.selection import signals  # noqa: E402
from llkd.selection.signals import Floats, Ints  # noqa: E402
from llkd.teachers.similarity import SimilarityTeacher  # noqa: E402
from llkd.training.batches import steps_per_epoch  # noqa: E402

KINDS = ("joined", "intents")
LEAST, MOST = 15, 40
INTENTS_DRAWN, PER_INTENT = 80, 15
HELD_OUT = 800
SIMILARITY = "similarity"


@dataclass(frozen=True)
class Way:
    """How a student is trained."""

    head_start: str
    epochs: int
    head_rate: float

    def config(self, seed: int) -> TrainingConfig:
        """The settings of one run on all labels."""
        return build(
            TrainingConfig,
            selection=SelectionConfig(strategy="all").model_dump(),
            epochs=self.epochs,
            head_start=self.head_start,
            head_learning_rate=self.head_rate,
            max_tokens=64,
            seed=seed,
        )


def half_of(frame: pd.DataFrame, half: str) -> pd.DataFrame:
    """The half of a set's texts that is there to tune on, or to confirm on."""
    order = np.random.default_rng(20261130).permutation(len(frame))
    first = order[: len(order) // 2]
    return frame.iloc[np.sort(first if half == HALVES[0] else order[len(first) :])]


def joined_texts(folder: Path, half: str) -> pd.DataFrame:
    """Texts and classes of five sets; a class is named as in its set, with the set in brackets."""
    parts = []
    for name in SETS:
        part = half_of(all_texts(folder, name), half)
        parts.append(part.assign(label=part["label"] + f" ({name.replace('_', ' ')})"))
    return pd.concat(parts, ignore_index=True).drop_duplicates("text", ignore_index=True)


def draw(folder: Path, kind: str, half: str, number: int) -> TextSet:
    """One draw: a small pool with a few texts a class, and held-out texts."""
    rng = np.random.default_rng([number, KINDS.index(kind), HALVES.index(half)])
    if kind == "joined":
        frame = joined_texts(folder, half)
        names = sorted(frame["label"].unique())
        sizes = rng.integers(LEAST, MOST + 1, len(names))
    else:
        frame = half_of(intents_of(folder), half)
        names = sorted(rng.permutation(INTENTS)[:INTENTS_DRAWN].tolist())
        sizes = np.full(len(names), PER_INTENT)
    held = HELD_OUT // len(names)
    rows, held_out = [], []
    for name, size in zip(names, sizes, strict=True):
        mine = rng.permutation(np.flatnonzero(frame["label"].to_numpy() == name))[: size + held]
        rows.append(mine)
        held_out.append(np.arange(len(mine)) >= size)
    at = rng.permutation(sum(map(len, rows)))
    picked, judged = np.concatenate(rows)[at], np.concatenate(held_out)[at]
    label = frame["label"].map({name: k for k, name in enumerate(names)}).to_numpy()
    return TextSet(
        f"{kind}-{number}",
        half,
        LabelSet.of([name.replace("_", " ") for name in names]),
        frame["text"].iloc[picked].tolist(),
        label[picked].astype(np.int64),
        judged,
        ~judged,
        (),
    )


def similarity_probabilities(cache: Path, data: TextSet) -> Floats:
    """Label similarity's probabilities ``[m, C]`` of all texts, as the product gives them."""

    def work() -> Floats:
        from llkd.students import load_student

        encoder = load_student("embedded", ["a", "b"], seed=0)
        teacher = SimilarityTeacher(encoder, data.labels)
        teacher.expect(data.texts, points)
        scores = np.empty((len(data.texts), len(data.labels.names)))
        for batch in teacher.score(data.texts):
            scores[batch.index] = batch.scores
        return scores

    points = embeddings(cache, data)
    scores = remembered(cache, f"{data.name}-{data.half}-similarity", data.texts, work)
    bias = signals.calibration_bias(scores[~data.held_out], "batch")
    return signals.teacher_probabilities(scores, bias)


def teacher_labels(data: TextSet, similarity: Floats, teacher: str) -> Ints:
    """What a teacher says of every text, ``[m]``; a number is the share that a simulated one knows.

    Its errors are those of similarity: drawn by the probabilities of the wrong classes.
    """
    if teacher == SIMILARITY:
        return signals.pseudo_label(similarity)
    rng = np.random.default_rng([round(1000 * float(teacher)), len(data.texts)])
    wrong = np.maximum(similarity, 1e-9)
    wrong[np.arange(len(wrong)), data.gold] = 0.0
    wrong /= wrong.sum(axis=1, keepdims=True)
    errors = np.array([rng.choice(len(row), p=row) for row in wrong])
    return np.where(rng.random(len(wrong)) < float(teacher), data.gold, errors)


def student_answers(cache: Path, data: TextSet, label: Ints, way: Way, seed: int) -> Ints:
    """Answers ``[h]`` on the held-out texts of a student that learned these labels."""
    config, pool = way.config(seed), np.flatnonzero(~data.held_out)

    def work() -> Ints:
        from llkd.students import load_student
        from llkd.training import TrainingData, train

        names = data.labels.names
        student = load_student("embedded", names, seed, config.window)
        inputs = TrainingData(
            [data.texts[row] for row in pool],
            np.arange(len(pool)),
            np.eye(len(names))[label[pool]],
        )
        with tempfile.TemporaryDirectory() as folder:
            train(student, inputs, config, names, Path(folder))
        texts = [text for text, held in zip(data.texts, data.held_out, strict=True) if held]
        return np.asarray(student.probabilities(texts).argmax(axis=1))

    facts = [config.model_dump(mode="json"), data.texts, label.tolist()]
    return remembered(cache, f"{data.name}-{data.half}-minilm", facts, work)


def print_draws(cache: Path, draws: list[TextSet], teacher: str, ways: list[Way]) -> None:
    """One line a way: student minus teacher, draw by draw and in the mean."""
    first = draws[0]
    taught = []
    for data in draws:
        label = teacher_labels(data, similarity_probabilities(cache, data), teacher)
        taught.append(label)
    right = [
        100 * float((label == data.gold)[data.held_out].mean())
        for label, data in zip(taught, draws, strict=True)
    ]
    pool = int((~first.held_out).sum())
    who = teacher if teacher == SIMILARITY else f"simulated, {float(teacher):.0%}"
    kind = f"{first.name.partition('-')[0]}: {len(first.labels.names)} classes, {pool:,} texts"
    for way in ways:
        differences, ours = [], []
        for number, (data, label) in enumerate(zip(draws, taught, strict=True)):
            answers = student_answers(cache, data, label, way, number)
            gold, teacher_label = data.gold[data.held_out], label[data.held_out]
            differences.append(paired_difference(answers, teacher_label, gold))
            ours.append(100 * float((answers == gold).mean()))
        apart = ", ".join(
            f"{100 * d.value:+.1f} ({100 * d.low:+.1f} to {100 * d.high:+.1f})" for d in differences
        )
        steps = way.epochs * steps_per_epoch(pool, TrainingConfig().batch_size)
        cells = [
            kind, who, f"{np.mean(right):.1f}", way.head_start, f"{way.head_rate:g}",
            f"{way.epochs}", f"{steps:,}", f"{np.mean(ours):.1f}", apart,
        ]  # fmt: skip
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cache", type=Path, help="keep embeddings and answers here")
    parser.add_argument("--half", choices=HALVES, default=HALVES[1])
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--teachers", default=f"{SIMILARITY},0.3,0.6,0.8")
    parser.add_argument("--heads", default="random,probe")
    parser.add_argument("--epochs", default="1,3,10")
    parser.add_argument("--head-rates", default=f"{TrainingConfig().head_learning_rate:g}")
    arguments = parser.parse_args()
    ways = [
        Way(head, int(epochs), float(rate))
        for head in arguments.heads.split(",")
        for epochs in arguments.epochs.split(",")
        for rate in arguments.head_rates.split(",")
    ]
    print("| draws | teacher | right, % | head | its rate | epochs | steps | student, % | minus |")
    print("|---|---|---:|---|---:|---:|---:|---:|---|")
    with tempfile.TemporaryDirectory() as temporary:
        cache = arguments.cache or Path(temporary)
        for kind in arguments.kinds.split(","):
            draws = [
                draw(arguments.folder, kind, arguments.half, k) for k in range(arguments.draws)
            ]
            for teacher in arguments.teachers.split(","):
                print_draws(cache, draws, teacher, ways)


if __name__ == "__main__":
    main()
