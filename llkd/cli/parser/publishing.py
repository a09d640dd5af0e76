"""The commands that send something out: push, track."""

from __future__ import annotations

import argparse

from llkd.cli.parser.flags import Parser, background, command, count, selection_flags
from llkd.exporting import GROUPS


def publishing_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add ``push``, ``track``."""
    parser = command(
        commands,
        "push",
        "send the curated set and the student, with their cards, to a model hub",
        "llkd push reviews --run 1 --dataset me/reviews --model me/reviews-student --dry-run",
    )
    parser.add_argument("project")
    parser.add_argument(
        "--dataset", metavar="OWNER/NAME", help="the repository for the texts and their labels"
    )
    parser.add_argument("--model", metavar="OWNER/NAME", help="the repository for the student")
    parser.add_argument(
        "--public", action="store_true", help="for everybody to read [for its owner alone]"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say which files would go, and send nothing"
    )
    parser.add_argument(
        "--from",
        dest="folder",
        metavar="DIR",
        help="send this finished export as it is [make one of what is selected]",
    )
    parser.add_argument(
        "--columns",
        metavar="A,B,C",
        help=f"beside the text and its label: {', '.join(GROUPS)}, or none [all but gold]",
    )
    parser.add_argument(
        "--validation", type=float, default=0.0, help="share of a validation split [0: none]"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the split's draw [0]")
    parser.add_argument("--onnx", action="store_true", help="the student also as ONNX")
    selection_flags(parser)
    background(parser)

    parser = command(
        commands,
        "track",
        "tell a tracking server (MLflow) of a run that has ended; again adds nothing",
        "llkd track reviews --run 1 --to mlflow:http://127.0.0.1:5000",
    )
    parser.add_argument("project")
    parser.add_argument("--run", type=count, metavar="R", required=True)
    parser.add_argument(
        "--to", default="mlflow", metavar="mlflow[:URI]", help="[MLFLOW_TRACKING_URI]"
    )
    parser.add_argument("--student", action="store_true", help="with the student's files")
    background(parser)
