"""The command of several people."""

from __future__ import annotations

import argparse

from llkd.cli.parser.flags import Parser, command, count


def people_command(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add ``people``."""
    parser = command(
        commands,
        "people",
        "how far people agree, by blind second labels of a random sample; what they dispute, and "
        "who settles it",
        "llkd people reviews --draw 60; llkd people reviews --label --who Ben",
    )
    parser.add_argument("project")
    parser.add_argument("--who", default="local user", metavar="NAME", help="who labels or settles")
    parser.add_argument("--sample", type=count, metavar="N", help="which sample [the newest]")
    parser.add_argument(
        "--draw", type=count, metavar="N", help="draw N texts at random that people have labelled"
    )
    parser.add_argument("--of", metavar="NAME", help="of --draw: only texts that NAME labelled")
    parser.add_argument("--seed", type=int, help="of --draw [at random]")
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument(
        "--label", action="store_true", help="label the sample here, blindly, text after text"
    )
    doing.add_argument(
        "--out",
        dest="blind_out",
        metavar="FILE",
        help="write the texts that --who has not labelled yet, without any label: .csv, .jsonl or "
        ".parquet",
    )
    doing.add_argument(
        "--import",
        dest="answers",
        metavar="FILE",
        help="read second labels: columns id and label (? for none of the classes), and who",
    )
    doing.add_argument(
        "--undo", action="store_true", help="take back the last second label of --who"
    )
    doing.add_argument(
        "--adjudicate",
        action="append",
        metavar="ID=CLASS",
        help="settle a disputed text; ? leaves it out (repeatable)",
    )
    doing.add_argument(
        "--labels",
        dest="labels_out",
        metavar="FILE",
        help="write all labels by person: text id, person, label, time, adjudicated",
    )
