"""What `none`, `batch` and `fitted` calibration make of teachers whose leaning is known.

Simulated scores of four classes, 4,000 texts: the true class has 4 more than the others, all with a
standard deviation of 1, so that an unbiased teacher is right in about 99 of 100. The leaning is
added to one class's score for every text. ``fitted`` sees the classes of texts drawn at random, and
is judged on the whole pool; `judged` is its accuracy as the Teacher page would state it,
cross-fitted on the drawn texts alone. Means over draws, in percent; ± is the standard deviation
between draws.

    python benchmarks/fitted_calibration.py [--draws 40] [--labels 20,30,100]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from llkd.evaluation.teacher_answers import cross_fitted_answers  # noqa: E402
from llkd.selection import signals  # noqa: E402
from llkd.selection.signals import Floats, Ints  # noqa: E402

TEXTS, CLASSES, SIGNAL = 4000, 4, 4.0
POOLS = (0.25, 0.8, 0.9, 0.95)
LEANINGS = (0.0, 3.0, 6.0)


def teacher(share: float, leaning: float, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """Scores ``[n, C]`` and classes ``[n]`` of a pool with ``share`` of the first class.

    ``leaning`` is towards the second.
    """
    rest = (1 - share) / (CLASSES - 1)
    gold = rng.choice(CLASSES, TEXTS, p=[share, *[rest] * (CLASSES - 1)])
    scores = rng.normal(0.0, 1.0, (TEXTS, CLASSES))
    scores[np.arange(TEXTS), gold] += SIGNAL
    scores[:, 1] += leaning
    return scores, gold


def one_draw(share: float, leaning: float, labels: int, seed: int) -> list[float]:
    """Accuracy under none, batch and fitted, the weight, and the accuracy stated for fitted."""
    rng = np.random.default_rng(seed)
    scores, gold = teacher(share, leaning, rng)
    mean = signals.calibration_bias(scores, "batch")
    rows = rng.choice(TEXTS, labels, replace=False)
    fit = signals.fit_bias_weight(scores[rows], mean, gold[rows])
    if fit is None:
        raise SystemExit(f"{labels} labels are too few to fit on")
    figures = [
        float(((scores - weight * mean).argmax(axis=1) == gold).mean())
        for weight in (0.0, 1.0, fit.weight)
    ]
    shift = np.broadcast_to(mean, scores.shape)
    stated = cross_fitted_answers(scores[rows], shift[rows], gold[rows])
    return [*figures, fit.weight, float((stated.argmax(axis=1) == gold[rows]).mean())]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="none, batch and fitted calibration, simulated")
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--labels", default="20,30,100", help="how many texts are labelled")
    arguments = parser.parse_args()
    draws, sizes = arguments.draws, [int(size) for size in arguments.labels.split(",")]
    print("| largest class | leaning | labels | none | batch | fitted | weight | judged |")
    print("|---|---|---|---|---|---|---|---|")
    for share in POOLS:
        for leaning in LEANINGS:
            for labels in sizes:
                values = np.array([one_draw(share, leaning, labels, k) for k in range(draws)])
                none, batch, fitted, weight, judged = values.mean(axis=0)
                print(
                    f"| {100 * share:.0f} % | {leaning:g} | {labels} | {100 * none:.1f} | "
                    f"{100 * batch:.1f} | {100 * fitted:.1f} ± {100 * values[:, 2].std():.1f} | "
                    f"{weight:.2f} | {100 * judged:.1f} |"
                )


if __name__ == "__main__":
    main()
