"""The commands that take something away: select, export, predict, runs."""

from __future__ import annotations

import argparse

from llkd.cli.parser.flags import (
    Parser,
    background,
    command,
    count,
    selection_flags,
)
from llkd.exporting import FORMATS, GROUPS, USUAL_GROUPS


def result_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add ``select``, ``export``, ``rebuild``, ``evaluate``, ``predict``, ``runs``."""
    parser = command(
        commands,
        "select",
        "count what is kept, of all texts",
        "llkd select reviews --teacher-threshold 0.8 --student-threshold 0.4",
    )
    parser.add_argument("project")
    selection_flags(parser)

    parser = command(
        commands,
        "export",
        "write the curated set, its manifest and the student",
        "llkd export reviews --out curated --run 1 --format csv,parquet --validation 0.1",
    )
    parser.add_argument("project")
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="a folder, or s3://bucket/prefix"
    )
    parser.add_argument("--format", default="csv", help=f"{', '.join(FORMATS)} [csv]")
    parser.add_argument(
        "--columns",
        default=",".join(USUAL_GROUPS),
        metavar="A,B,C",
        help=f"beside the text and its label: {', '.join(GROUPS)}, or none [not gold, not notes]",
    )
    parser.add_argument(
        "--validation", type=float, default=0.0, help="share of a validation split [0: none]"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the split's draw [0]")
    parser.add_argument("--no-student", action="store_true", help="leave the student out")
    parser.add_argument("--zip-student", action="store_true", help="the student as one zip file")
    parser.add_argument(
        "--onnx",
        action="store_true",
        help="the student also as ONNX, 32-bit and 8-bit, measured, with a script that needs no "
        "torch",
    )
    selection_flags(parser)

    parser = command(
        commands,
        "rebuild",
        "make an export's rows again, hash for hash, or say what has changed",
        "llkd rebuild curated/manifest.json --out again",
    )
    parser.add_argument(
        "manifest", help="the manifest.json of an export, or its folder; also s3://…"
    )
    parser.add_argument("--out", metavar="DIR", help="write the files again [only compare]")

    parser = command(
        commands, "evaluate", "teacher and runs on the held-out texts", "llkd evaluate reviews"
    )
    parser.add_argument("project")
    parser.add_argument("--run", type=count, metavar="R")

    parser = command(
        commands,
        "predict",
        "ask a trained student about every text of a file, or about one text",
        "llkd predict reviews new.csv --run 1 --out answers.parquet",
    )
    parser.add_argument("project")
    parser.add_argument("file", nargs="?", help="any file that import reads")
    parser.add_argument("--run", type=count, metavar="R", required=True)
    parser.add_argument("--text", help="one text, in place of a file")
    parser.add_argument(
        "--out", metavar="FILE", help=".csv, .jsonl or .parquet [FILE-predictions.csv, here]"
    )
    parser.add_argument("--text-column", metavar="COLUMN", help="[found]")
    background(parser)

    parser = command(
        commands,
        "runs",
        "list the training runs of a project; name, note, pin or delete one",
        'llkd runs reviews --run 3 --title "before the audit" --pin',
    )
    parser.add_argument("project")
    parser.add_argument("--run", type=count, metavar="R", help="the run to change [list them all]")
    parser.add_argument("--title", metavar="NAME", help="call run R this; empty takes it back")
    parser.add_argument("--note", metavar="TEXT", help="note this on run R; empty takes it back")
    parser.add_argument(
        "--pin",
        action=argparse.BooleanOptionalAction,
        help="show run R first on Results, or no longer",
    )
    parser.add_argument("--delete", action="store_true", help="remove run R and its student")
