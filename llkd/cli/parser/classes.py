"""The command for the classes of a project."""

from __future__ import annotations

import argparse

from llkd.cli.parser.flags import Parser, command


def class_command(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add ``classes``."""
    parser = command(
        commands,
        "classes",
        "list the classes of a project with the labels they carry; rename, merge, split, add, "
        "describe or remove some, and undo that",
        "llkd classes reviews --merge bad poor --into bad --dry-run",
    )
    parser.add_argument("project")
    parser.add_argument(
        "--rename",
        nargs=2,
        action="append",
        metavar=("OLD", "NEW"),
        help="give a class another name (repeatable, all at once); its labels, gold, selections "
        "and runs follow",
    )
    parser.add_argument(
        "--merge",
        nargs="+",
        metavar="NAME",
        help="make these classes one, called --into: labels and gold of all are of it, and "
        "teachers' probabilities are added",
    )
    parser.add_argument(
        "--split",
        metavar="NAME",
        help="make several classes of one, called --into; what was said of it waits on a list, and "
        "counts for no part until somebody says which",
    )
    parser.add_argument(
        "--into", nargs="+", metavar="NAME", help="with --merge the one name, with --split several"
    )
    parser.add_argument("--add", action="append", metavar="NAME", help="a new class (repeatable)")
    parser.add_argument(
        "--describe",
        nargs=2,
        action="append",
        metavar=("NAME", "WORDS"),
        help="what belongs to a class, also to one of --add (repeatable)",
    )
    parser.add_argument(
        "--remove",
        action="append",
        metavar="NAME",
        help="a class to remove (repeatable); refused while texts carry it",
    )
    parser.add_argument(
        "--drop-labels",
        action="store_true",
        help="with --remove or --undo: labels of a class that goes may go out of use (they stay "
        "stored)",
    )
    parser.add_argument(
        "--use-labels",
        nargs=2,
        action="append",
        metavar=("OLD", "CLASS"),
        help="labels that are of no class any more (OLD, as listed) are of CLASS (repeatable)",
    )
    parser.add_argument(
        "--undo",
        action="store_true",
        help="take back the last change of the classes; labels given since are kept",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="say what a change would do to labels, gold, runs, selections and audits; change "
        "nothing",
    )
    parser.add_argument(
        "--history", action="store_true", help="who changed the classes, when and how"
    )
    parser.add_argument(
        "--who", default="local user", metavar="NAME", help="who changes them, for the history"
    )
