"""The arguments of every command. Settings become flags by their own names and descriptions."""

from __future__ import annotations

from llkd.cli.parser.data import data_commands
from llkd.cli.parser.flags import Parser
from llkd.cli.parser.results import result_commands
from llkd.cli.parser.students import student_commands
from llkd.cli.parser.teachers import teacher_commands
from llkd.cli.parser.upkeep import job_commands, upkeep_commands

__all__ = ["Parser", "make_parser"]


def make_parser() -> Parser:
    """The whole command line."""
    parser = Parser(
        prog="llkd",
        description="From unlabeled text to a curated training set and a small student (LLKD).",
        epilog="Start with: llkd demo",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    data_commands(commands)
    teacher_commands(commands)
    student_commands(commands)
    result_commands(commands)
    job_commands(commands)
    upkeep_commands(commands)
    return parser
