"""A command and the flags that several of them share; settings become flags by themselves."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from llkd.config import (
    Settings,
)
from llkd.errors import UserError
from llkd.signals import CALIBRATIONS, WEIGHT_ROWS

OWN_FLAGS = {
    "strategy",
    "class_specific",
    "teacher_threshold",
    "student_threshold",
    "selection",
    "saved",
}


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line instead of printing the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found as a UserError."""
        raise UserError(f"{message[:1].upper()}{message[1:]}. See: {self.prog} --help")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, but a file may stand after the options as well as before them.

        argparse gives up an optional positional at the first option (until Python 3.13).
        """
        found, rest = super().parse_known_args(args, namespace)
        if len(rest) == 1 and getattr(found, "file", "") is None and not rest[0].startswith("-"):
            found.file, rest = rest[0], []
        return found, rest


def command(
    commands: argparse._SubParsersAction[Parser], name: str, purpose: str, example: str
) -> Parser:
    """Add a command with what all of them take: a home, JSON, and the job that it runs as."""
    parser = commands.add_parser(
        name, help=purpose, description=purpose, epilog=f"Example: {example}", allow_abbrev=False
    )
    parser.add_argument("--home", metavar="DIR", help="where everything is kept [LLKD_HOME]")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--job", type=int, help=argparse.SUPPRESS)
    return parser


def settings_flags(parser: Parser, kind: type[Settings], skip: Iterable[str] = ()) -> None:
    """One flag for every setting of ``kind``, but those that commands spell themselves."""
    for name, field in kind.model_fields.items():
        if name in OWN_FLAGS or name in skip:
            continue
        default = "" if field.default in (None, "") else f" [{field.default}]"
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            default=argparse.SUPPRESS,
            metavar=name.split("_")[-1].upper(),
            help=((field.description or "") + default).replace("%", "%%"),
        )


def thresholds(parser: Parser) -> None:
    """A threshold for each side, for all classes or class by class."""
    for who, what in (("teacher", "confidence"), ("student", "information need")):
        parser.add_argument(
            f"--{who}-threshold",
            action="append",
            metavar="X|CLASS=X",
            help=f"least {what}, 0 to 1, for all classes or (repeatable) for one",
        )

    # What the pages pass on: a name may mean another class by the time a job begins, a key not.
    parser.add_argument("--class-keys", action="store_true", help=argparse.SUPPRESS)


def saved(parser: Parser, what: str) -> None:
    """The name of a selection saved in the app."""
    parser.add_argument(
        "--selection", dest="saved", default=argparse.SUPPRESS, metavar="NAME", help=what
    )


def calibration(parser: Parser, default: str | None) -> None:
    """How the teacher's scores become probabilities."""
    parser.add_argument(
        "--calibration",
        choices=CALIBRATIONS,
        default=default,
        help="how scores become probabilities; fitted takes away as much of each class's mean as "
        f"{WEIGHT_ROWS} or more known classes bear out [{default or 'as set for the labels'}]",
    )


def background(parser: Parser) -> None:
    """Start it as a job and return."""
    parser.add_argument("--background", action="store_true", help="start it and return at once")


def short(text: str) -> str:
    """What was typed, cut to what a sentence can hold."""
    return text if len(text) <= 60 else f"{text[:60]}\u2026"


def rows(text: str) -> list[int]:
    """Row numbers such as ``0,5,12``. Raises argparse's error for anything else."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    # No file has a row of more digits, and Python reads no number of thousands of them.
    if not parts or not all(re.fullmatch("[0-9]{1,18}", part) for part in parts):
        raise argparse.ArgumentTypeError(
            f"row numbers such as 0,5,12 are needed, not {short(text)!r}"
        )
    return [int(part) for part in parts]


def count(text: str) -> int:
    """A whole number from 1. Raises argparse's error for anything else."""
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a whole number is needed, not {short(text)!r}") from None
    if value < 1:
        raise argparse.ArgumentTypeError(f"a number of 1 or more is needed, not {value}")
    return value


def label_flags(parser: Parser) -> None:
    """The classes of a project: names, or a file with their meanings."""
    parser.add_argument("--labels", metavar="A,B,C", help="the class names")
    parser.add_argument(
        "--labels-file", metavar="FILE", help="JSON list of {name, description, verbaliser}"
    )


def selection_flags(parser: Parser) -> None:
    """Which texts: those of a run, of thresholds, or of a saved selection."""
    parser.add_argument(
        "--run",
        type=count,
        metavar="R",
        help="the texts that run R trained on; with thresholds: its student's information need",
    )
    thresholds(parser)
    parser.add_argument("--selection", metavar="NAME", help="a selection saved in the app")
    calibration(parser, None)
