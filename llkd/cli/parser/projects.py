"""The commands on a project as a whole: another name, put away, into one file and out of one."""

from __future__ import annotations

import argparse

from llkd.cli.parser.flags import Parser, background, command


def project_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add ``rename``, ``archive``, ``duplicate``, ``pack``, ``unpack``."""
    parser = command(
        commands,
        "rename",
        "give a project another name; its number and all it holds stay",
        "llkd rename reviews 'reviews of 2026'",
    )
    parser.add_argument("project")
    parser.add_argument("name", metavar="NEW")

    parser = command(
        commands,
        "archive",
        "put a project away: lists leave it out, and it keeps everything",
        "llkd archive reviews",
    )
    parser.add_argument("project")
    parser.add_argument("--restore", action="store_true", help="take it up again")

    parser = command(
        commands,
        "duplicate",
        "make a second project of all that one holds",
        "llkd duplicate reviews 'reviews, another prompt'",
    )
    parser.add_argument("project")
    parser.add_argument("name", metavar="NEW")
    background(parser)

    parser = command(
        commands,
        "pack",
        "write all of a project to one file, to be handed over",
        "llkd pack reviews --out reviews.llkd",
    )
    parser.add_argument("project")
    parser.add_argument("--out", required=True, metavar="FILE", help="a new file")
    parser.add_argument(
        "--no-embeddings",
        action="store_true",
        help="leave them out: the file is smaller, and llkd probe makes them again",
    )
    background(parser)

    parser = command(
        commands,
        "unpack",
        "make a project of a file that llkd pack wrote, in this home or another",
        "llkd unpack reviews.llkd --project 'reviews of Ada'",
    )
    parser.add_argument("packed", metavar="FILE")
    parser.add_argument("--project", metavar="NAME", help="[the name that it was packed under]")
    background(parser)
