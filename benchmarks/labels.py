"""Are the labels better, and the students that learn them? Where does it hurt?

The embedded LLM, label similarity and their committee, each raw and refined by neighbours, on five
public sets and the sample: accuracy, macro-F1, AUROC and ECE of the pool's labels, and accuracy and
macro-F1 of students on held-out texts, with 95 % intervals over texts (bootstrap, paired
differences). Pools are natural, small, and with 80 or 95 % of one class. Every set has two halves
that share no text: what was tuned was tuned on ``tune``; the tables of docs/results.md are of
``confirm``.

    python benchmarks/labels.py FOLDER [--cache DIR] [--sets ag_news,sample] [--half confirm]
        [--students linear,minilm] [--draws N] [--seeds 2] [--kinds]

``--kinds`` prints instead where the sample's labels are wrong, by kind of message.

FOLDER holds files NAME_….csv.gz with the columns text and label. With ``--cache`` a stopped run
goes on, and a second one takes minutes: scores, embeddings and answers of students are kept there.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from benchmarks.label_evidence import report  # noqa: E402
from benchmarks.label_evidence.arms import COMMITTEE, Sources, arms_of, sources_of  # noqa: E402
from benchmarks.label_evidence.draws import Draw, draws_of  # noqa: E402
from benchmarks.label_evidence.measures import Judges, label_figures  # noqa: E402
from benchmarks.label_evidence.report import Cell  # noqa: E402
from benchmarks.label_evidence.sample_kinds import print_sample  # noqa: E402
from benchmarks.label_evidence.students import linear_student, minilm_student  # noqa: E402
from benchmarks.label_evidence.texts import HALVES, SAMPLE, SETS, text_set  # noqa: E402

MAIN = ("LLM", COMMITTEE, f"{COMMITTEE}, refined")
"""The arms whose labels MiniLM learns, on natural pools."""


def cells_of(
    cache: Path, draw: Draw, sources: Sources, students: list[str], seeds: int
) -> list[Cell]:
    """Every arm of a draw with its figures."""
    classes = len(draw.data.labels.names)
    pool = Judges(draw.gold, np.ones(len(draw.rows)), classes)
    held_out = Judges(draw.data.gold[draw.held_out], draw.held_out_weight(), classes)
    arms, advice = arms_of(draw, sources)
    cells = []
    for arm in arms:
        figures = {"labels": label_figures(pool, arm.label, arm.confidence)}
        if "linear" in students:
            answers = linear_student(draw, sources.points, arm.label)
            figures["linear"] = label_figures(held_out, answers, None)
        if "minilm" in students and draw.name == "natural" and arm.name in MAIN:
            of_seeds = [
                label_figures(held_out, minilm_student(cache, draw, arm.label, seed), None)
                for seed in range(seeds)
            ]
            figures["MiniLM"] = {
                metric: np.mean([of_seed[metric] for of_seed in of_seeds], axis=0)
                for metric in of_seeds[0]
            }
        cells.append(Cell(draw, advice, arm, figures))
    return cells


def main() -> None:
    """Print the tables."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cache", type=Path, help="keep scores, embeddings and answers here")
    parser.add_argument("--sets", default=",".join((SAMPLE, *SETS)))
    parser.add_argument("--half", choices=HALVES, default="confirm")
    parser.add_argument("--students", default="linear", help="linear, minilm or both")
    parser.add_argument("--draws", type=int, help="at most so many pools of each set")
    parser.add_argument("--seeds", type=int, default=2, help="of MiniLM")
    parser.add_argument("--kinds", action="store_true", help="the sample by kind of message")
    arguments = parser.parse_args()
    students = arguments.students.split(",")
    if set(students) - {"linear", "minilm"}:
        sys.exit(f"Students are linear and minilm, but they were {arguments.students!r}.")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        cache = arguments.cache or Path(temporary)
        if arguments.kinds:
            print_sample(cache, arguments.folder)
            return
        cells: list[Cell] = []
        results: list[report.Comparison] = []
        for name in arguments.sets.split(","):
            data = text_set(arguments.folder, name, arguments.half)
            sources = sources_of(cache, data)
            for draw in draws_of(data, arguments.draws):
                of_draw = cells_of(cache, draw, sources, students, arguments.seeds)
                report.print_draw(of_draw)
                results += report.comparisons(of_draw)
                cells += of_draw
        print("\n## Summary")
        report.print_summary(cells)
        print("\n## What hurt")
        report.print_what_hurt(results)
    print(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
