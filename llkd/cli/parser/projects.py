"""The commands on a project as a whole: another name, put away."""

from __future__ import annotations

import argparse

from llkd.cli.parser.flags import Parser, command


def project_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add ``rename``, ``archive``."""
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
