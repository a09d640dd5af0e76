"""Which texts to ask the teacher about: by need or at random, at equal numbers of calls.

    python benchmarks/student_first.py --data DATA [--seeds 10] [--calls 400] [--rounds 8]
        [--explore 0.2] [--teacher-texts 1500] [--cache DIR]

DATA holds the .csv.gz files named in SETS, with columns text, label. A probe on the embedded
student's embeddings learns the labels so far, as in ``llkd label --order need``, and is judged by
gold on test texts. The labels are gold; gold with 30 % drawn anew at random (an even noise); or
those of the embedded teacher, whose batch calibration takes its mean over the texts drawn at
random ("bias of all asked": over those chosen by need too, which tilts it). Differences from random
order are paired by seed, with 95 % bootstrap intervals over seeds and test texts. Embedding and
the teacher take minutes; ``--cache`` keeps both for the next time.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from llkd.cli.output import print_table  # noqa: E402
from llkd.config import LabelSet, TeacherConfig  # noqa: E402
from llkd.curation.probe import Fitted, fit_probe  # noqa: E402
from llkd.evaluation.intervals import paired_bootstrap  # noqa: E402
from llkd.labeling.active_learning import schedule  # noqa: E402
from llkd.selection import signals  # noqa: E402

SETS = {
    "AG News": ("ag_news_pool", "ag_news_test"),
    "TweetEval emotion": ("tweet_emotion_train", "tweet_emotion_test"),
    "CLINC domains": ("clinc_domains_train", "clinc_domains_test"),
}
TAUGHT = ("AG News", "TweetEval emotion")
MOST = 6000  # texts of a file
NOISE = 0.3
Labels = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass
class World:
    """Pool and test embeddings, the labels of rows given a random sample, and the test's gold."""

    name: str
    points: np.ndarray
    ask: Labels
    test: np.ndarray
    gold: np.ndarray
    classes: int


def entropy(chances: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return signals.information_need(chances)


def weighted_entropy(
    chances: np.ndarray, points: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """A draw with chances proportional to need (M-RARU's way): the greatest of Gumbel keys."""
    return np.log(np.maximum(entropy(chances, points, rng), 1e-12)) + rng.gumbel(size=len(chances))


def margin(chances: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return -signals.margin(chances)


def weighted_margin(
    chances: np.ndarray, points: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    return 3 * np.log(np.maximum(1 - signals.margin(chances), 1e-12)) + rng.gumbel(
        size=len(chances)
    )


def spread_entropy(chances: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The neediest text of each of 32 clusters first, then the second of each, and so on."""
    from sklearn.cluster import MiniBatchKMeans

    need = entropy(chances, points, rng)
    cluster = MiniBatchKMeans(min(32, len(points)), n_init=1, random_state=0).fit_predict(points)
    order = np.lexsort((-need, cluster))
    rank = np.empty(len(need))
    ranked = cluster[order]
    rank[order] = np.arange(len(need)) - np.searchsorted(ranked, ranked)
    return need - rank


WAYS = {
    "margin": margin,
    "margin, drawn": weighted_margin,
    "entropy": entropy,
    "entropy, drawn": weighted_entropy,
    "entropy, spread": spread_entropy,
}
Way = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def label_by(
    way: Way | None, world: World, targets: list[int], explore: float, seed: int
) -> np.ndarray:
    """The test texts' predicted classes after each round, ``[rounds, n]``; random without way."""
    rng = np.random.default_rng(seed)
    shuffle = rng.permutation(len(world.points))
    done = np.zeros(len(shuffle), dtype=bool)
    sample = np.empty(0, np.int64)
    model: Fitted | None = None
    accuracies = []
    for target in targets:
        left = shuffle[~done[shuffle]]
        size = target - int(done.sum())
        at_random = left[: size if way is None or model is None else round(explore * size)]
        done[at_random] = True
        sample = np.concatenate([sample, at_random])
        rest = left[len(at_random) :]
        if len(at_random) < size and way is not None and model is not None:
            points = world.points[rest]
            need = way(model.probabilities(points), points, rng)
            done[rest[np.argsort(-need, kind="stable")[: size - len(at_random)]]] = True
        rows = np.flatnonzero(done)
        model = fit_probe(world.points[rows], world.ask(rows, sample), world.classes)
        accuracies.append(model.probabilities(world.test).argmax(axis=1))
    return np.array(accuracies)


def compare(world: World, targets: list[int], seeds: int, explore: float) -> list[dict]:
    """One line for each way: its accuracy minus that of random order, after so many calls."""
    runs = {
        name: np.stack([label_by(way, world, targets, explore, s) for s in range(seeds)], axis=1)
        for name, way in {"random": None, **WAYS}.items()
    }
    shown = [len(targets) // 2, len(targets) - 2, len(targets) - 1]
    lines = []
    for name, values in runs.items():
        line: dict = {"labels": world.name, "order": name}
        for at in shown:
            if name == "random":
                line[f"{targets[at]} calls"] = f"{100 * (values[at] == world.gold).mean():.1f} %"
                continue
            gap = paired_bootstrap(values[at], runs["random"][at], world.gold, seed=0, draws=400)
            line[f"{targets[at]} calls"] = (
                f"{100 * gap.value:+.1f} [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"
            )
            line["sign"] = int(gap.low > 0) - int(gap.high < 0)
        lines.append(line)
    return lines


def embedded(data: Path, name: str, cache: Path | None) -> tuple[pd.DataFrame, np.ndarray]:
    """The texts of one file and their embeddings."""
    path = data / f"{name}.csv.gz"
    if not path.exists():
        sys.exit(f"{path} is missing: --data names a folder that holds {path.name}.")
    texts = pd.read_csv(path, keep_default_na=False)
    if len(texts) > MOST:
        texts = texts.sample(MOST, random_state=0, ignore_index=True)

    def make() -> np.ndarray:
        from llkd.students import load_student

        student = load_student("embedded", ["a", "b"], seed=0)
        pool_texts = [str(text) for text in texts["text"]]
        return np.concatenate(
            [student.embed(pool_texts[low : low + 256]) for low in range(0, len(pool_texts), 256)]
        )

    return texts, cached(cache, f"{name}-embeddings", make)


def taught(texts: pd.DataFrame, names: list[str], home: Path) -> np.ndarray:
    """The embedded teacher's scores ``[n, C]``."""
    from llkd.teachers import make_teacher

    teacher = make_teacher(TeacherConfig(), LabelSet.of(names), home)
    scores = np.empty((len(texts), len(names)), dtype=np.float32)
    for batch in teacher.score([str(text) for text in texts["text"]]):
        scores[batch.index] = batch.scores
    teacher.close()
    return scores


def cached(cache: Path | None, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    path = None if cache is None else cache / f"{name}.npy"
    if path is not None and path.exists():
        return np.load(path, allow_pickle=False)
    values = make()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, values)
    return values


def worlds(data: Path, name: str, teacher_texts: int, cache: Path | None) -> list[World]:
    """One data set under each kind of labels."""
    (pool, points), (test, judged) = (embedded(data, file, cache) for file in SETS[name])
    names = sorted(set(pool["label"]))
    gold = np.array([names.index(label) for label in test["label"]])
    true = np.array([names.index(label) for label in pool["label"]])
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(len(true)) < NOISE, rng.integers(0, len(names), len(true)), true)
    same = (judged, gold, len(names))
    pairs = [
        World(f"{name}: gold", points, lambda rows, sample: true[rows], *same),
        World(f"{name}: gold, {NOISE:.0%} noise", points, lambda rows, sample: noisy[rows], *same),
    ]
    if teacher_texts and name in TAUGHT:
        rows = np.random.default_rng(0).permutation(len(pool))[:teacher_texts]
        scores = cached(
            cache,
            f"{SETS[name][0]}-scores-{len(rows)}",
            lambda: taught(pool.iloc[rows], names, cache or Path()),
        )

        def ask(rows: np.ndarray, sample: np.ndarray) -> np.ndarray:
            bias = signals.calibration_bias(scores[sample], "batch")
            return signals.pseudo_label(signals.teacher_probabilities(scores[rows], bias))

        def ask_all(rows: np.ndarray, sample: np.ndarray) -> np.ndarray:
            return ask(rows, rows)

        pairs.append(World(f"{name}: teacher", points[rows], ask, *same))
        pairs.append(World(f"{name}: teacher, bias of all asked", points[rows], ask_all, *same))
    return pairs


def main() -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--explore", type=float, default=0.2)
    parser.add_argument("--teacher-texts", type=int, default=1500, help="0: without the teacher")
    parser.add_argument("--cache", type=Path, help="keep embeddings and scores here")
    arguments = parser.parse_args()
    verdicts: dict[int, list[str]] = {1: [], 0: [], -1: []}
    for name in SETS:
        for world in worlds(arguments.data, name, arguments.teacher_texts, arguments.cache):
            targets = schedule(arguments.calls, arguments.rounds, world.classes)
            lines = compare(world, targets, arguments.seeds, arguments.explore)
            columns = {key: (key, "") for key in lines[1] if key != "sign"}
            print_table(lines, columns)
            print(flush=True)
            verdicts[lines[1]["sign"]].append(world.name)
    print(f"Need order (margin) against random order at {arguments.calls} calls:")
    for sign, words in ((1, "better"), (0, "no clear difference"), (-1, "worse")):
        print(f"  {words}: {'; '.join(verdicts[sign]) or 'none'}")


if __name__ == "__main__":
    main()
