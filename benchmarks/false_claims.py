"""How often a comparison of ways to train that do not differ calls a difference clear.

Ten configurations that are one and the same, each trained with S seeds, judged on n texts: 45
pairs, and every clear difference is false. A simulated student has a skill for each class that its
seed moves, and texts are easy or hard for all. Printed for a bootstrap over seeds and texts (as
release 0.3.0 had it) and for ``llkd.evaluation.differences``, one pair alone and as one of 45.

    python benchmarks/false_claims.py [--worlds 100] [--configurations 10] [--json]
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from llkd.cli.output import print_json, print_table  # noqa: E402
from llkd.evaluation.differences import paired_difference  # noqa: E402
from llkd.evaluation.intervals import paired_bootstrap  # noqa: E402

CLASSES = 5
BY_SEED, BY_CLASS, BY_TEXT, NOISE = 0.08, 0.2, 1.0, 0.7
"""Standard deviations of a student's skill: by seed, by seed and class, of texts, of the rest."""


def students(
    configurations: int, seeds: int, texts: int, *, seed: int, gain: float = 0.0
) -> list[np.ndarray]:
    """Predictions ``[S, n]`` of each configuration, and last the classes ``[n]``.

    All configurations have the same skill, but for the last, which has ``gain`` more.
    """
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, CLASSES, texts)
    easy = 0.5 + BY_TEXT * rng.normal(size=texts)
    students_of = []
    for number in range(configurations):
        skill = BY_SEED * rng.normal(size=(seeds, 1)) + gain * (number == configurations - 1)
        by_class = BY_CLASS * rng.normal(size=(seeds, CLASSES))
        latent = easy + skill + by_class[:, gold] + NOISE * rng.normal(size=(seeds, texts))
        other = (gold + rng.integers(1, CLASSES, (seeds, texts))) % CLASSES
        students_of.append(np.where(latent > 0, gold, other))
    return [*students_of, gold]


def claims(
    students_of: list[np.ndarray], among: int = 1, bootstrap: bool = False, draws: int = 400
) -> list[bool]:
    """For each pair of configurations whether the interval of their difference holds no 0."""
    *labels, gold = students_of
    is_claimed = []
    for first, other in itertools.combinations(labels, 2):
        difference = (
            paired_bootstrap(first, other, gold, seed=0, draws=draws, classes=CLASSES)
            if bootstrap
            else paired_difference(first, other, gold, among=among, classes=CLASSES)
        )
        is_claimed.append(difference.low > 0 or difference.high < 0)
    return is_claimed


def rates(seeds: int, texts: int, worlds: int, configurations: int) -> dict[str, Any]:
    """Share of pairs called clear, and of worlds in which any of them is."""
    pairs = configurations * (configurations - 1) // 2
    line: dict[str, Any] = {"seeds": seeds, "texts": texts}
    worlds_of = [students(configurations, seeds, texts, seed=world) for world in range(worlds)]
    few = worlds_of[: max(1, worlds // 10)]  # the bootstrap is slow
    line["bootstrap"] = float(
        np.mean([claims(few_students, bootstrap=True) for few_students in few])
    )
    line["alone"] = float(np.mean([claims(few_students) for few_students in worlds_of]))
    line["any"] = float(
        np.mean([any(claims(few_students, among=pairs)) for few_students in worlds_of])
    )
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=100)
    parser.add_argument("--configurations", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    lines = [
        rates(seeds, texts, arguments.worlds, arguments.configurations)
        for seeds in (1, 3, 5)
        for texts in (60, 260, 1000)
    ]
    if arguments.json:
        print_json(lines)
        return
    pairs = arguments.configurations * (arguments.configurations - 1) // 2
    print_table(
        lines,
        {
            "seeds": ("seeds", ""),
            "texts": ("texts", ""),
            "bootstrap": ("clear by bootstrap", "%"),
            "alone": ("clear, pair alone", "%"),
            "any": (f"any of {pairs} clear", "%"),
        },
    )
    print(
        "From one seed intervals are over texts alone, so they speak of two students and not of two"
        "\nways to train: the product then claims nothing of the ways."
    )


if __name__ == "__main__":
    main()
