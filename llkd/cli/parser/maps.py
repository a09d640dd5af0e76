"""The commands for the map of a project."""

from __future__ import annotations

import argparse

from llkd.cli.parser.flags import Parser, background, command, count, whole_number


def map_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add ``map`` and ``suggest``."""
    parser = command(
        commands,
        "map",
        "map the texts in two dimensions, the like ones together, with topics named by their "
        "words; texts added since are placed, and none moves",
        "llkd map reviews",
    )
    parser.add_argument("project")
    parser.add_argument(
        "--student",
        metavar="STUDENT",
        help="whose embeddings: embedded, a folder or a hub id [the one in use, else embedded]",
    )
    parser.add_argument(
        "--again", action="store_true", help="make a new map, on which every text may stand anew"
    )
    parser.add_argument(
        "--seed", type=whole_number, default=0, metavar="N", help="of a new map [0]"
    )
    background(parser)

    parser = command(
        commands,
        "suggest",
        "suggest classes by the topics of the map; use some of them, renamed, merged or dropped",
        "llkd suggest reviews --use 1=Delivery --use 4=Delivery --use 2",
    )
    parser.add_argument("project")
    parser.add_argument("--topics", type=count, metavar="N", help="how many topics [12]")
    parser.add_argument(
        "--use",
        action="append",
        metavar="N[=NAME]",
        help="make a class of topic N (repeatable), under its own name or NAME; topics of one name "
        "are one class",
    )
    parser.add_argument("--all", action="store_true", help="make a class of every topic")
    parser.add_argument(
        "--who", default="local user", metavar="NAME", help="who chooses them, for the history"
    )
