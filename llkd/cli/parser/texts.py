"""The commands on single texts: list and search them, and views saved under a name."""

from __future__ import annotations

import argparse

from llkd.cli.parser.flags import Parser, command, count
from llkd.config.text_filters import FILTER_KINDS
from llkd.config.text_view import ORDERS
from llkd.store.decisions import ACTIONS

_NEAREST = 200


def text_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add ``texts``, ``views``, ``note`` and ``history``."""
    parser = command(
        commands,
        "texts",
        "list texts by filters and words, sorted as you say, or write them to a file",
        'llkd texts reviews --filter student=differs --filter confidence=0.5.. --words "late -bus"',
    )
    parser.add_argument("project")
    kinds = "; ".join(f"{kind}: {of_kind.values}" for kind, of_kind in FILTER_KINDS.items())
    parser.add_argument(
        "--filter",
        action="append",
        metavar="KIND=VALUE",
        help="(repeatable) all kinds must hold, of the values of one kind any: "
        f"{kinds.replace('@class', 'the name of a class')}",
    )
    parser.add_argument(
        "--words",
        metavar="WORDS",
        help='all must occur, in any order; "a phrase" in quotes, a minus before what must not',
    )
    parser.add_argument(
        "--like",
        metavar="MEANING",
        help=f"the {_NEAREST} texts nearest in meaning to this, nearest first; takes llkd probe",
    )
    orders = [order for order in ORDERS if order not in ("why", "meaning")]
    parser.add_argument(
        "--sort",
        choices=orders,
        metavar="ORDER",
        help=f"sort the whole list by: {', '.join(orders)} [row]",
    )
    parser.add_argument("--descending", action="store_true", help="the highest first")
    parser.add_argument("--view", metavar="NAME", help="begin with a view saved under this name")
    parser.add_argument("--save-view", metavar="NAME", help="save what is asked for as a view")
    parser.add_argument("--limit", type=count, default=20, metavar="N", help="list so many [20]")
    parser.add_argument("--out", metavar="FILE", help="write all of them: .csv, .jsonl or .parquet")

    parser = command(
        commands,
        "views",
        "list the views of a project that are saved under a name; rename or delete one",
        'llkd views reviews --rename unsure "unsure and long"',
    )
    parser.add_argument("project")
    parser.add_argument("--rename", nargs=2, metavar=("NAME", "NEW"), help="call a view otherwise")
    parser.add_argument("--delete", metavar="NAME", help="forget a view")

    parser = command(
        commands,
        "note",
        "note something on a text, or list what people noted on it",
        'llkd note reviews 17 "ask the service desk" --who Ann',
    )
    parser.add_argument("project")
    parser.add_argument("row", type=whole, help="the text's row number, as llkd texts lists it")
    parser.add_argument("text", nargs="?", help="the note [list those there are]")
    parser.add_argument("--who", default="local user", metavar="NAME", help="who notes it")

    parser = command(
        commands,
        "history",
        "list who decided what (labels, exclusions, flags, notes, classes, undos), newest first",
        "llkd history reviews --who Ann --since 2026-11-01 --out history.csv",
    )
    parser.add_argument("project")
    parser.add_argument("--who", metavar="NAME", help="only what this person did")
    parser.add_argument("--label", metavar="CLASS", help="only what gave or took this class")
    actions = (*ACTIONS, "note", "undo", "classes")
    parser.add_argument(
        "--action", choices=actions, metavar="ACTION", help=f"only one of: {', '.join(actions)}"
    )
    parser.add_argument("--since", metavar="DAY", help="from this day or moment on")
    parser.add_argument("--until", metavar="DAY", help="until this day (included) or moment")
    parser.add_argument("--row", type=whole, metavar="N", help="only what concerns this text")
    parser.add_argument("--limit", type=count, default=20, metavar="N", help="list so many [20]")
    parser.add_argument("--out", metavar="FILE", help="write all of it: .csv, .jsonl or .parquet")
    parser.add_argument(
        "--undo",
        metavar="BATCH",
        help="with --who: take back what this person did, unless it was decided otherwise since",
    )


def whole(text: str) -> int:
    """A whole number from 0. Raises argparse's error for anything else."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise argparse.ArgumentTypeError(f"a row number is needed, not {text[:60]!r}")
    return int(text)
