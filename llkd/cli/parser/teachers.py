"""The commands that ask a teacher."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from llkd.cli.parser.flags import (
    Parser,
    background,
    calibration,
    command,
    count,
    label_flags,
    refine,
    rows,
    settings_flags,
)
from llkd.config import ExecutorConfig, OrderConfig, Spending, TeacherConfig
from llkd.teachers.registry import TEACHERS, choices

LISTED = 20


def teacher_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add ``label``, ``bake-off``, ``refine``, ``cache``."""
    parser = command(
        commands,
        "label",
        "let a teacher label the texts; goes on where an earlier call stopped",
        "llkd label reviews --teacher embedded",
    )
    parser.add_argument("project")
    label_flags(parser)
    teacher_flags(parser)
    settings_flags(parser, Spending)
    settings_flags(parser, OrderConfig)
    settings_flags(parser, ExecutorConfig)
    calibration(parser, None, "as is usual for the teacher")
    refine(parser)
    parser.add_argument("--limit", type=count, metavar="N", help="label N texts in all, at random")
    parser.add_argument(
        "--ask-again", action="store_true", help="ask once more where no answer could be used"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="ask about five texts, label none, and say what the rest would take",
    )
    parser.add_argument("--rows", type=rows, metavar="1,2,3", help="of the dry run [5 at random]")
    parser.add_argument("--no-probe", action="store_true", help="do not probe afterwards")
    parser.add_argument(
        "--batch",
        action="store_true",
        help="send the requests in batches: cheaper, and answered within 24 hours",
    )
    parser.add_argument(
        "--about",
        metavar="CLASS",
        help="ask only about the texts that a class which was added could be about, by label "
        "similarity, or that wait since it was split; all other labels stay as they are",
    )
    parser.add_argument(
        "--beside", action="store_true", help="label beside the labels in use, which stay so"
    )
    background(parser)

    parser = command(
        commands,
        "bake-off",
        "try ways to ask on the same texts, and say which is best and how sure that is",
        "llkd bake-off reviews --rows 200 --try examples=none,balanced",
    )
    parser.add_argument("project")
    label_flags(parser)
    teacher_flags(parser)
    settings_flags(parser, Spending)
    parser.add_argument("--rows", type=count, metavar="N", help="texts with a known class to use")
    parser.add_argument(
        "--try",
        action="append",
        dest="tries",
        metavar="NAME=V1,V2",
        help="values of a teacher's setting that compete (repeatable: every combination)",
    )
    background(parser)

    parser = command(
        commands,
        "refine",
        "refine the labels in use by those of the texts most like each, and list the changes",
        "llkd refine reviews",
    )
    parser.add_argument("project")
    parser.add_argument("--off", action="store_true", help="no longer; scores stay as they are")
    parser.add_argument(
        "--limit", type=count, default=LISTED, metavar="N", help=f"changes to list [{LISTED}]"
    )

    parser = command(
        commands, "cache", "show or delete the answers kept from teachers", "llkd cache --delete"
    )
    parser.add_argument("--delete", action="store_true", help="forget them; labels stay")


def teacher_flags(parser: Parser, skip: Sequence[str] = ()) -> None:
    """Who is asked and how; ``--help`` ends with every kind of teacher in a sentence.

    ``skip``: settings that go by a name that means something else in this command.
    """
    described = {"teacher": choices().replace("'", "")}
    settings_flags(parser, TeacherConfig, skip=skip, described=described)
    for kind in TEACHERS.values():
        parser.add_argument_group(f"--teacher {kind.usage}", kind.summary.replace("%", "%%"))
