"""The arguments of every command. Settings become flags by their own names and descriptions."""

from __future__ import annotations

import argparse

from llkd.cli.parser.app import app_command
from llkd.cli.parser.audits import audit_commands
from llkd.cli.parser.data import data_commands
from llkd.cli.parser.flags import Parser, count
from llkd.cli.parser.keys import key_command
from llkd.cli.parser.maintenance import job_commands, maintenance_commands
from llkd.cli.parser.maps import map_commands
from llkd.cli.parser.people import people_command
from llkd.cli.parser.projects import project_commands
from llkd.cli.parser.publishing import publishing_commands
from llkd.cli.parser.results import result_commands
from llkd.cli.parser.serving import serving_command
from llkd.cli.parser.students import student_commands
from llkd.cli.parser.teachers import teacher_commands
from llkd.cli.parser.texts import text_commands

__all__ = ["Parser", "make_parser"]


def make_parser() -> Parser:
    """The whole command line."""
    parser = Parser(
        prog="llkd",
        description="From unlabeled text to a curated training set and a small student (LLKD).",
        epilog="Start with: llkd demo",
    )
    # How a job's own process is started: what it is to do lies in the store.
    parser.add_argument("--job", type=count, help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    app_command(commands)
    data_commands(commands)
    project_commands(commands)
    teacher_commands(commands)
    key_command(commands)
    audit_commands(commands)
    map_commands(commands)
    people_command(commands)
    student_commands(commands)
    text_commands(commands)
    result_commands(commands)
    publishing_commands(commands)
    serving_command(commands)
    job_commands(commands)
    maintenance_commands(commands)
    return parser
