"""When does the student's doubt pay? A map: teacher's strength x way to train, with intervals.

Small students on fixed features, walked by the product's own steps (``llkd.training``,
``llkd.selection``), learn the labels of teachers from weak to strong: the embedded LLM, label
similarity, their committee, and simulated teachers that are right in 50 to 95 %, raw and refined.
Every selection is held against as many texts drawn at random in each step, against all texts with
the same labels and against all texts with refined labels. Prints Markdown.

    python benchmarks/teacher_strength.py FOLDER --cache DIR [--reduced] [--half tune]
        [--sets ag_news,emotions] [--minutes M] [--only-print]
        [--tables FILE.md] [--json FILE] [--picture FILE.svg]

FOLDER holds files NAME_….csv.gz with the columns text and label. Each cell (pool, teacher, student)
is one line in DIR as soon as it is measured, so a stopped run goes on, and two runs side by side
share the work: 45 cells of a reduced run, 566 in all, of 20 to 40 seconds each on a busy core.
``--half confirm`` are other texts, to be looked at once.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from benchmarks.label_evidence.texts import HALVES, SETS  # noqa: E402
from benchmarks.strength import bar, picture, plan, summary, tables  # noqa: E402
from benchmarks.strength.cells import Results, run  # noqa: E402

HEAD = """# Tables of results

`python benchmarks/teacher_strength.py FOLDER --cache DIR --half {half} --tables FILE` wrote this \
file from {cells:,} cells (a pool, a teacher, a student); [results.md](results.md) says what \
follows. Each field: the mean over sets in points, Student's interval over the sets, and in how \
many cells the interval over seeds and texts lies above (↑) and below 0 (↓), of how many. Bold: \
the interval over sets holds no 0. Every control takes as many samples as its arm in each step.
"""


def stored_lines(cache: Path, half: str) -> list[summary.Line]:
    """What has been measured of a half."""
    lines = Results(cache).lines.values()
    return summary.newest(line for line in lines if line["half"] == half)


def main(words: Sequence[str] | None = None) -> None:
    """Measure what is missing and print the map."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cache", type=Path, required=True, help="results and scores stay here")
    parser.add_argument("--half", choices=HALVES, default="tune")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--reduced", action="store_true")
    parser.add_argument("--minutes", type=float, help="begin no cell after so long")
    parser.add_argument("--only-print", action="store_true", help="what is stored")
    parser.add_argument("--tables", type=Path, help="write every table here instead of printing")
    parser.add_argument("--json", type=Path, help="write the map here, too")
    parser.add_argument("--picture", type=Path, help="write it as an SVG picture here")
    arguments = parser.parse_args(words)
    sets = arguments.sets.split(",")
    unknown = set(sets) - set(SETS)
    if unknown:
        sys.exit(f"There is no set {min(unknown)!r}. The sets are {', '.join(SETS)}.")
    if not arguments.only_print:
        began = time.monotonic()
        limit = None if arguments.minutes is None else 60 * arguments.minutes
        run(
            plan.cells(arguments.half, sets, arguments.reduced),
            Results(arguments.cache),
            arguments.folder,
            show=lambda line: print(f"({line})", file=sys.stderr, flush=True),
            enough=lambda: limit is not None and time.monotonic() - began > limit,
        )
    lines = stored_lines(arguments.cache, arguments.half)
    written: list[str] = []
    tables.print_map(lines, written.append)
    bar.print_bar(lines, written.append)
    if arguments.tables:
        head = HEAD.format(half=arguments.half, cells=len(lines))
        arguments.tables.write_text(head + "\n".join(written) + "\n", "utf-8")
    else:
        print("\n".join(written))
    if arguments.json:
        arguments.json.write_text(json.dumps(tables.document(lines)) + "\n", "utf-8")
    if arguments.picture:
        arguments.picture.write_text(picture.svg(lines), "utf-8")


if __name__ == "__main__":
    main()
