"""The command that puts a student, or a teacher, behind HTTP."""

from __future__ import annotations

import argparse

from llkd.cli.parser.flags import Parser, command, count, settings_flags
from llkd.cli.parser.teachers import teacher_flags
from llkd.config import Spending
from llkd.serving.options import add_options


def serving_command(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add ``serve``."""
    parser = command(
        commands,
        "serve",
        "answer over HTTP with a student, as decision models answer",
        "llkd serve reviews --run 1; llkd serve curated/student",
    )
    parser.add_argument(
        "what",
        nargs="?",
        metavar="PROJECT|FOLDER",
        help="a project, or an exported student's folder",
    )
    parser.add_argument("--run", type=count, metavar="R", help="the run whose student is served")
    parser.add_argument(
        "--decisions-from",
        choices=("student", "teacher"),
        default="student",
        help="who answers: a student, or a language model on this machine, which takes any "
        "question [student]",
    )
    parser.add_argument(
        "--teacher",
        metavar="KIND",
        help="with --decisions-from teacher: embedded or local:<folder or hub id> [the project's, "
        "else embedded]; with --answer-when any that can answer new texts [the project's]",
    )
    add_options(parser)
    parser.add_argument(
        "--answer-when",
        type=float,
        metavar="SHARE",
        help="answer only where at least this share of its answers is certified to be right, such "
        "as 0.95; the teacher answers the rest",
    )
    parser.add_argument(
        "--without-teacher",
        choices=("student", "refuse"),
        default="student",
        help="where the teacher has no answer: the student's own, marked as below the threshold, "
        "or 503 [student]",
    )
    parser.add_argument(
        "--teacher-wait", type=float, default=30.0, metavar="S", help="seconds for its answer [30]"
    )
    teacher_flags(parser, skip=("precision", "teacher"))
    settings_flags(parser, Spending)
