"""The commands for texts: import, more of them, the list of projects, and their classes."""

from __future__ import annotations

import argparse

from llkd.cli.parser.classes import class_command
from llkd.cli.parser.flags import Parser, background, command, label_flags
from llkd.datasets.text_set import NEAR


def data_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add ``import``, ``add``, ``projects``, ``annotations``, ``classes``, ``inbox``."""
    parser = command(
        commands,
        "import",
        "read files of texts into a new project",
        "llkd import reviews.csv --project reviews --text-column body --labels good,bad",
    )
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="CSV, TSV, JSON, JSONL, Parquet, XLSX or text, also .gz, .zip; a folder of them; or "
        "hf:NAME[:CONFIG][@SPLIT], a data set of the hub; or s3://bucket/key, a file or all below",
    )
    parser.add_argument("--project", metavar="NAME")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be imported and store nothing"
    )
    _column_flags(parser)
    label_flags(parser)
    parser.add_argument(
        "--holdout", type=float, default=0.25, help="share of gold texts to evaluate on [0.25]"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the held-out draw [0]")
    _repeat_flags(parser)

    parser = command(
        commands,
        "near-duplicates",
        "count the texts of an import that nearly repeat an earlier one; import begins this itself "
        "where it does not wait for it",
        "llkd near-duplicates reviews",
    )
    parser.add_argument("project")
    background(parser)

    parser = command(
        commands,
        "add",
        "read files of texts into a project that is there; its rows, labels and runs stay",
        "llkd add reviews november.csv --text-column body --dry-run",
    )
    parser.add_argument("project")
    parser.add_argument("files", nargs="*", metavar="FILE", help="as for import")
    parser.add_argument(
        "--inbox",
        action="store_true",
        help="in place of files the texts that the project's served student sent on",
    )
    parser.add_argument(
        "--clear", action="store_true", help="with --inbox: forget them there once they are added"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be added and store nothing"
    )
    _column_flags(parser)
    _repeat_flags(parser)

    parser = command(commands, "projects", "list the projects, or delete one", "llkd projects")
    parser.add_argument("--delete", metavar="NAME", help="remove a project and all it holds")
    parser.add_argument(
        "--archived", action="store_true", help="list those that were put away (llkd archive)"
    )

    parser = command(
        commands,
        "annotations",
        "take people's labels from an export of Label Studio or Argilla to the texts of a project",
        "llkd annotations reviews project-1-at-2026-11-29.json --dry-run",
    )
    parser.add_argument("project")
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="JSON, JSON_MIN or CSV; records of Argilla"
    )
    parser.add_argument(
        "--question",
        metavar="NAME",
        help="whose answers are the classes, where people answered several",
    )
    parser.add_argument("--text-column", metavar="COLUMN", help="[found]")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be taken and store nothing"
    )

    class_command(commands)
    parser = command(
        commands,
        "inbox",
        "list the texts that a served student sent on, or write them to a file to import",
        "llkd inbox reviews --out new.csv --clear",
    )
    parser.add_argument("project")
    parser.add_argument("--out", metavar="FILE", help=".csv, .jsonl or .parquet")
    parser.add_argument(
        "--clear", action="store_true", help="with --out: forget them once they are written"
    )


def _column_flags(parser: Parser) -> None:
    """Which columns of a file hold what."""
    parser.add_argument("--text-column", metavar="COLUMN", help="[found]")
    parser.add_argument("--id-column", metavar="COLUMN", help="[found]")
    parser.add_argument(
        "--label-column", metavar="COLUMN", help="gold labels, used only to evaluate"
    )
    parser.add_argument("--gold", metavar="FILE", help="gold labels in a second file, by id")


def _repeat_flags(parser: Parser) -> None:
    """What becomes of texts that come again, and what is one text."""
    parser.add_argument(
        "--keep-duplicates",
        action="store_true",
        help="keep repeated texts",
    )
    parser.add_argument(
        "--near-duplicates",
        choices=NEAR,
        default="keep",
        help="almost equal texts: keep and count them, drop all but the first, or do not look "
        "[keep]",
    )
    parser.add_argument(
        "--text-blocks",
        action="store_true",
        help="in plain text, a text is a block of lines up to a blank one, not one line",
    )
