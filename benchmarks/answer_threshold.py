"""Is "at least 95 % of what the student answers itself is right" kept, and how much is answered?

Students are simulated by their share right at each rank of confidence, which is known exactly; each
draw takes n held-out texts, certifies, and looks the truth up. A promise counts as broken if any
set that passed misses the target. Printed are, of all draws, promises broken, certificates issued,
and the share of future texts answered (0 without a certificate).

    python benchmarks/answer_threshold.py [--draws 2000] [--part plans|promises|choices]

``promises``: by student, n and target, also where a person takes the lower target that is offered.
``choices``: the best-looking of k students served, counted and not counted; and a temperature
fitted to the same labels put before the threshold. ``plans``: other starts and steps of the chain.
Intervals are Clopper and Pearson's.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from llkd.evaluation.certificate import answer_threshold as module  # noqa: E402
from llkd.selection import signals  # noqa: E402
from llkd.selection.signals import Floats  # noqa: E402

GRID = 20_000
Quality = Callable[[Floats], Floats]

STUDENTS: dict[str, Quality] = {
    "on the line (94.99 % everywhere)": lambda u: np.full_like(u, 0.9499),
    "strong (90 % right)": lambda u: 1 - 0.3 * (1 - u) ** 2,
    "medium (70 % right)": lambda u: 1 - 0.75 * (1 - u) ** 1.5,
    "good half (98.5 %, 50 %)": lambda u: np.where(u > 0.5, 0.985, 0.5),
    "surest are not the best": lambda u: np.where(u > 0.8, 0.94, np.where(u > 0.5, 0.96, 0.7)),
    "saw around the line": lambda u: np.where((u * 10).astype(int) % 2 == 1, 0.97, 0.925),
}
PLANS: dict[str, tuple[tuple[float, ...], float]] = {
    "12 %, 40 %; x 1.25": ((0.12, 0.4), 1.25),
    "12 % alone; x 1.25": ((0.12, 0.12), 1.25),
    "25 %, 50 %; x 1.25": ((0.25, 0.5), 1.25),
    "12 %, 40 %; x 1.1": ((0.12, 0.4), 1.1),
    "12 %, 40 %; x 1.5": ((0.12, 0.4), 1.5),
}


class Result(NamedTuple):
    """Counts of draws, and the mean share of future texts answered."""

    broken: int
    certified: int
    answered: float


def simulate(
    quality: Quality, n: int, target: float, draws: int, *, lower: bool = False, seed: int = 0
) -> Result:
    """``lower``: without a certificate the offered target is taken, and is what is promised."""
    rng = np.random.default_rng(seed)
    middle = (np.arange(GRID) + 0.5) / GRID
    above = np.cumsum(quality(middle)[::-1])[::-1] / np.arange(GRID, 0, -1)
    broken = certified = 0
    answered = 0.0
    for _ in range(draws):
        u = np.sort(rng.random(n))[::-1]
        right = rng.random(n) < quality(u)
        wanted = target
        sets = module.nested_sets(u, right, wanted, 0.05)
        if lower and not any(each.passed for each in sets):
            wanted = module.highest_target(u, right, target, 0.05) or target
            sets = module.nested_sets(u, right, wanted, 0.05)
        lines = [each.threshold for each in sets if each.passed]
        certified += bool(lines)
        broken += any(above[min(int(t * GRID), GRID - 1)] < wanted - 1e-12 for t in lines)
        answered += 1 - min(lines) if lines else 0.0
    return Result(broken, certified, answered / draws)


def row(result: Result, draws: int) -> str:
    """One line: promises broken with their interval, certificates, share answered."""
    interval = stats.binomtest(result.broken, draws).proportion_ci()
    return (
        f"{100 * result.broken / draws:5.1f} % [{100 * interval.low:.1f}, "
        f"{100 * interval.high:.1f}]   {100 * result.certified / draws:5.1f} %   "
        f"{100 * result.answered:5.1f} %"
    )


def promises(draws: int) -> None:
    """By student, number of held-out texts and target."""
    print(f"{'student':34} {'n':>5} target   broken              certified answered")
    for name, quality in STUDENTS.items():
        for n in (100, 260, 1000, 3000):
            for target in (0.95, 0.9):
                line = row(simulate(quality, n, target, draws), draws)
                print(f"{name:34} {n:5} {target:5}  {line}", flush=True)
    print("\nthe offered lower target is taken where 95 % is not certified")
    for name, quality in STUDENTS.items():
        for n in (100, 260, 1000):
            few = max(50, draws // 10)
            line = row(simulate(quality, n, 0.95, few, lower=True), few)
            print(f"{name:34} {n:5}    -   {line}", flush=True)


def choices(draws: int) -> None:
    """A student chosen by the same labels, and a temperature fitted to them."""
    print(f"{'best of k students on the line':40} n = 300   broken")
    for k in (1, 3, 12):
        for looks in sorted({1, k}):
            rng = np.random.default_rng(k)
            broken = 0
            for _ in range(draws):
                rights = rng.random((k, 300)) < 0.9499
                best = rights[rights.mean(axis=1).argmax()]
                u = np.linspace(0.9, 0.1, 300)
                sets = module.nested_sets(u, best, 0.95, 0.05 / looks)
                broken += any(each.passed for each in sets)
            print(f"k = {k:2}, counted as {looks:2}: {100 * broken / draws:27.1f} %", flush=True)
    print("\ntemperature fitted to the same 300 labels, 5 classes, before the threshold; broken")
    for sharp in (0.5, 2.0, 6.0):
        raw, fitted = fitted_first(max(100, draws // 4), sharp)
        print(f"logits x {sharp}: raw {100 * raw:.1f} %, fitted {100 * fitted:.1f} %", flush=True)


def fitted_first(draws: int, sharp: float) -> tuple[float, float]:
    """Promises broken by raw and by fitted confidence, of a student with logits ``x sharp``.

    Its target is its own share right at the surest third: the hardest that could be asked for.
    """
    rng = np.random.default_rng(7)
    world = rng.normal(size=(60_000, 5)) * 2.5
    truth = (signals.softmax(world).cumsum(axis=1) < rng.random((len(world), 1))).sum(axis=1)
    logits = (world + rng.normal(size=world.shape)) * sharp
    right = logits.argmax(axis=1) == truth
    raw = signals.softmax(logits).max(axis=1)
    target = float(right[np.argsort(-raw)[: len(raw) // 3]].mean()) + 1e-6
    broken = np.zeros(2)
    for _ in range(draws):
        sample = rng.integers(len(world), size=300)

        def loss(t: float, rows: np.ndarray = sample) -> float:
            p = signals.softmax(logits[rows] / np.exp(t))[np.arange(len(rows)), truth[rows]]
            return float(-np.log(np.maximum(p, 1e-12)).mean())

        best = np.exp(optimize.minimize_scalar(loss, bounds=(-2, 4), method="bounded").x)
        for k, confidence in enumerate((raw, signals.softmax(logits / best).max(axis=1))):
            order = sample[np.argsort(-confidence[sample])]
            sets = module.nested_sets(confidence[order], right[order], target, 0.05)
            broken[k] += any(
                right[confidence >= each.threshold].mean() < target for each in sets if each.passed
            )
    return float(broken[0] / draws), float(broken[1] / draws)


def plans(draws: int) -> None:
    """Share answered under other chains, target 95 %."""
    usual = module.STARTS, module.GROWTH
    for plan, (starts, growth) in PLANS.items():
        module.STARTS, module.GROWTH = starts, growth  # type: ignore[assignment]
        cells = []
        for name in ("strong (90 % right)", "medium (70 % right)", "good half (98.5 %, 50 %)"):
            for n in (260, 1000):
                result = simulate(STUDENTS[name], n, 0.95, draws)
                cells.append(f"{100 * result.answered:5.1f}")
        print(f"{plan:22} {'  '.join(cells)}", flush=True)
    module.STARTS, module.GROWTH = usual  # type: ignore[assignment]


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--part", choices=("promises", "choices", "plans"))
    options = parser.parse_args()
    for part in (promises, choices, plans):
        if options.part in (None, part.__name__):
            part(options.draws)
            print()


if __name__ == "__main__":
    main()
