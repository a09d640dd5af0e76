"""How the constants of refined labels were chosen: weight, damping, neighbours, softening.

On the half of each set that is there to tune on (benchmarks/labels.py judges on the other): what a
setting changes in the labels' accuracy and macro-F1, in points, in the mean over pools and at the
worst, and the calibration error. Sets of more than 20 classes are labelled by similarity alone.

    python benchmarks/refinement.py FOLDER [--cache DIR] [--sets ag_news,sample] [--half tune]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from benchmarks.label_evidence.arms import raw_probabilities, search, sources_of  # noqa: E402
from benchmarks.label_evidence.draws import draws_of  # noqa: E402
from benchmarks.label_evidence.texts import HALVES, SAMPLE, SETS, text_set  # noqa: E402
from llkd.curation.knn import NEIGHBOURS  # noqa: E402
from llkd.curation.refinement import neighbours_for, refined_logits  # noqa: E402
from llkd.evaluation.confidence_metrics import ece  # noqa: E402
from llkd.evaluation.metrics import accuracy, macro_f1  # noqa: E402
from llkd.selection import signals  # noqa: E402
from llkd.selection.signals import Floats, Ints  # noqa: E402

# Neighbours (None: the product's rule), weight, damping.
SETTINGS = (
    (None, 2.0, 0.5),
    (None, 2.0, 0.0),
    (None, 2.0, 1.0),
    (None, 1.0, 0.5),
    (None, 4.0, 0.5),
    (NEIGHBOURS, 2.0, 0.5),
    (8, 2.0, 0.5),
    (5, 2.0, 0.5),
)
SOFTENINGS = (1.0, 1.5, 2.0, 3.0)
MANY = 20
Table = dict[tuple[str, str, str], list[list[float]]]


def changes(
    raw: Floats, gold: Ints, nearest: Ints, voter: Ints, table: Table, kind: tuple[str, str]
) -> None:
    """Add what every setting makes of these labels to the table."""
    label, classes = signals.pseudo_label(raw), raw.shape[1]
    before = (accuracy(label, gold) or 0.0, macro_f1(label, gold, classes) or 0.0)
    rule = neighbours_for(int(voter.max()) + 1, classes)
    for count, weight, damping in SETTINGS:
        width = rule if count is None else count
        logits = refined_logits(raw, label, nearest[:, :width], voter, weight, damping)
        after = signals.pseudo_label(logits)
        name = f"{'rule' if count is None else count} / {weight:g} / {damping:g}"
        table.setdefault((*kind, name), []).append(
            [
                100 * ((accuracy(after, gold) or 0.0) - before[0]),
                100 * ((macro_f1(after, gold, classes) or 0.0) - before[1]),
            ]
        )
    row = [100 * (ece(raw, label == gold) or 0.0)]
    for softening in SOFTENINGS:
        logits = refined_logits(raw, label, nearest[:, :rule], voter, softening=softening)
        refined = signals.softmax(logits)
        row.append(100 * (ece(refined, signals.pseudo_label(refined) == gold) or 0.0))
    table.setdefault((*kind, "ece"), []).append(row)


def print_tables(table: Table) -> None:
    """Changes by setting, then calibration errors by softening."""
    kinds = list(dict.fromkeys(key[:2] for key in table))
    print("\n| pools | labels | draws | neighbours / weight / damping | accuracy | macro-F1 |")
    print("|---|---|---|---|---|---|")
    for pools, teacher in kinds:
        for (*kind, name), rows in table.items():
            if tuple(kind) == (pools, teacher) and name != "ece":
                mean, worst = np.mean(rows, axis=0), np.min(rows, axis=0)
                cells = [f"{m:+.1f}, at worst {w:+.1f}" for m, w in zip(mean, worst, strict=True)]
                print(f"| {pools} | {teacher} | {len(rows)} | {name} | {' | '.join(cells)} |")
    heads = " | ".join(f"refined, softened by {softening:g}" for softening in SOFTENINGS)
    print(f"\n| pools | labels | ECE, raw | {heads} |\n|{'---|' * (3 + len(SOFTENINGS))}")
    for pools, teacher in kinds:
        mean = np.mean(table[pools, teacher, "ece"], axis=0)
        print(f"| {pools} | {teacher} | {' | '.join(f'{value:.1f}' for value in mean)} |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cache", type=Path, help="keep scores and embeddings here")
    parser.add_argument("--sets", default=",".join((SAMPLE, *SETS)))
    parser.add_argument("--half", choices=HALVES, default="tune")
    arguments = parser.parse_args()
    table: Table = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name in arguments.sets.split(","):
            data = text_set(arguments.folder, name, arguments.half)
            many = len(data.labels.names) > MANY
            sources = sources_of(arguments.cache or Path(temporary), data, without_llm=many)
            for draw in draws_of(data):
                nearest, voter = search(draw, sources.points, NEIGHBOURS)
                pools = "many classes" if many else "natural"
                pools = "80 and 95 %" if "%" in draw.name else pools
                if many:
                    pools = f"{name}, {len(draw.rows):,} texts"
                for teacher, raw in raw_probabilities(draw, sources).items():
                    changes(raw, draw.gold, nearest, voter, table, (pools, teacher))
    print_tables(table)


if __name__ == "__main__":
    main()
