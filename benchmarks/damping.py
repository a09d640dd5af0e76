"""How much a class's share should count against its neighbours' votes: 0, a half, or in full.

``neighbours`` divides the votes for a class by its share of the labels to the power of
``vote_damping``. Pools are drawn from real texts with gold: as they come, and with 80, 90 and 95 %
of one class. Two teachers of known truth label them: one errs at random, one is a naive Bayes model
of words, fitted to few texts outside pool and test, and errs in its own way. Both give
probabilities. The embeddings are the embedded student's. Printed for each power: how many of the
right labels pass, of all and of the common class, how many of those that pass are right, and what
a linear student on a fifth of the pool drawn from them reaches on test texts of the pool's mixture.

    python benchmarks/damping.py --data DATA [--sets ag_news,emotions] [--texts 1200] [--draws 5]
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from benchmarks.distillation import DATA_SETS, texts_of  # noqa: E402
from llkd import curation
from llkd.curation.knn import KnnVotes  # noqa: E402
from llkd.evaluation import metrics
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints  # noqa: E402
from llkd.selection.strategies.neighbours import label_support  # noqa: E402

POWERS = (0.0, 0.5, 1.0)
MIXTURES = (None, 0.8, 0.9, 0.95)
SHARE = 0.2
FITTED = 60  # texts that the naive Bayes teacher learns from


@dataclass(frozen=True)
class Texts:
    """Texts of one set with embeddings ``[n, d]`` and gold ``[n]``."""

    text: list[str]
    points: np.ndarray
    gold: Ints
    classes: int


def embedded(data: Path, name: str, most: int) -> Texts:
    """At most so many texts of a set, embedded by the untrained student."""
    from llkd.students import load_student

    frame = texts_of(data, name, most, most)
    names = sorted(frame["gold"].unique())
    student = load_student("embedded", ["a", "b"], seed=0)
    texts = frame["text"].astype(str).tolist()
    points = np.concatenate([student.embed(texts[k : k + 256]) for k in range(0, len(texts), 256)])
    gold = pd.Categorical(frame["gold"], categories=names).codes.astype(np.int64)
    return Texts(texts, points, gold, len(names))


def mixture(
    gold: Ints, common: float | None, largest: int, size: int, rng: np.random.Generator
) -> Ints:
    """Positions of ``size`` texts; with ``common`` that share of them is of class ``largest``."""
    if common is None:
        return rng.permutation(len(gold))[:size]
    mine, others = np.flatnonzero(gold == largest), np.flatnonzero(gold != largest)
    size = min(size, int(len(mine) / common), int(len(others) / (1 - common)))
    first = rng.permutation(mine)[: round(common * size)]
    return np.concatenate([first, rng.permutation(others)[: size - len(first)]])


def random_errors(gold: Ints, classes: int, right: float, rng: np.random.Generator) -> Floats:
    """Probabilities of a teacher that is right in ``right`` of the texts and surer where it is."""
    wrong = (gold + rng.integers(1, classes, len(gold))) % classes
    correct = rng.random(len(gold)) < right
    label = np.where(correct, gold, wrong)
    sure = np.where(correct, rng.beta(5, 2, len(gold)), rng.beta(4, 3, len(gold)))
    sure = 1 / classes + (1 - 1 / classes) * np.clip(sure, 0.02, 0.999)
    probs = np.repeat((1 - sure)[:, None] / (classes - 1), classes, axis=1)
    probs[np.arange(len(gold)), label] = sure
    return probs


def own_errors(texts: Texts, fitted: Ints, pool: Ints) -> Floats:
    """Probabilities of a naive Bayes model of words that has seen only the texts ``fitted``."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.naive_bayes import MultinomialNB

    words = TfidfVectorizer(sublinear_tf=True)
    model = MultinomialNB(alpha=0.3, fit_prior=False)
    model.fit(words.fit_transform([texts.text[k] for k in fitted]), texts.gold[fitted])
    probs = np.full((len(pool), texts.classes), 1e-6)
    probs[:, model.classes_] += model.predict_proba(words.transform([texts.text[k] for k in pool]))
    return probs / probs.sum(axis=1, keepdims=True)


def reached(
    texts: Texts, pool: Ints, label: Ints, passes: np.ndarray, test: Ints, draws: int
) -> tuple[float, float]:
    """Mean accuracy and macro-F1 of linear students on a fifth of the pool from what passes."""
    from sklearn.linear_model import LogisticRegression

    values = []
    for seed in range(draws):
        sample = np.random.default_rng(seed).permutation(np.flatnonzero(passes))
        sample = sample[: round(SHARE * len(pool))]
        answer = np.full(len(test), label[sample[0]] if len(sample) else 0)
        if len(np.unique(label[sample])) > 1:
            model = LogisticRegression(C=10.0, max_iter=500)
            model.fit(texts.points[pool[sample]], label[sample])
            answer = model.predict(texts.points[test])
        gold = texts.gold[test]
        values.append(((answer == gold).mean(), metrics.macro_f1(answer, gold, texts.classes)))
    accuracy, f1 = np.mean(values, axis=0)
    return float(accuracy), float(f1)


def judged(opinions: KnnVotes, probs: Floats, label: Ints, power: float) -> np.ndarray:
    """Which labels pass."""
    return label_support(opinions.votes, opinions.means, probs, label, opinions.base, power).passes


def measured(
    texts: Texts, common: float | None, teacher: str, draws: int, size: int
) -> list[tuple[float, ...]]:
    """A line of figures for each power."""
    rng = np.random.default_rng(0)
    halves = np.array_split(rng.permutation(len(texts.gold)), 2)
    fitted = halves[1][:FITTED]
    largest = int(np.bincount(texts.gold).argmax())
    pool = halves[0][mixture(texts.gold[halves[0]], common, largest, size, rng)]
    rest = halves[1][FITTED:]
    test = rest[mixture(texts.gold[rest], common, largest, size, rng)]
    if teacher == "own errors":
        probs = own_errors(texts, fitted, pool)
    else:
        right = float(teacher.split()[0]) / 100
        probs = random_errors(texts.gold[pool], texts.classes, right, rng)
    label, gold = signals.pseudo_label(probs), texts.gold[pool]
    opinions = curation.knn_votes(texts.points[pool], label, probs)
    right_labels = label == gold
    most = gold == largest
    lines = []
    for power in POWERS:
        passes = judged(opinions, probs, label, power)
        lines.append(
            (
                right_labels.mean(),
                passes[right_labels].mean(),
                passes[right_labels & most].mean(),
                passes[right_labels & ~most].mean(),
                right_labels[passes].mean() if passes.any() else np.nan,
                *reached(texts, pool, label, passes, test, draws),
            )
        )
    return lines


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", default=",".join(DATA_SETS))
    parser.add_argument("--texts", type=int, default=1200, help="of a pool, at most")
    parser.add_argument("--draws", type=int, default=5)
    arguments = parser.parse_args()
    print(
        "| set | one class | teacher | labels right | power | right that pass | of the common "
        "| of the others | passed are right | accuracy | macro-F1 |"
    )
    print("|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    total: dict[tuple[bool, float], list[tuple[float, ...]]] = {}
    for name in arguments.sets.split(","):
        texts = embedded(arguments.data, name, 4 * arguments.texts)
        for common in MIXTURES:
            for teacher in ("60 % at random", "80 % at random", "own errors"):
                lines = measured(texts, common, teacher, arguments.draws, arguments.texts)
                shown = "as it comes" if common is None else f"{common:.0%}"
                for power, line in zip(POWERS, lines, strict=True):
                    total.setdefault((common is None, power), []).append(line)
                    figures = " | ".join(f"{100 * value:.1f}" for value in line[1:])
                    print(
                        f"| {name} | {shown} | {teacher} | {100 * line[0]:.1f} | {power:g} "
                        f"| {figures} |",
                        flush=True,
                    )
    print("\n| pools | power | right that pass | common | others | passed right | acc. | F1 |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for (as_it_comes, power), lines_of in sorted(total.items(), reverse=True):
        means = " | ".join(f"{100 * value:.1f}" for value in np.nanmean(lines_of, axis=0)[1:])
        print(f"| {'as they come' if as_it_comes else 'unbalanced'} | {power:g} | {means} |")


if __name__ == "__main__":
    main()
