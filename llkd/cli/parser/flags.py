"""A command and the flags that several of them share; settings become flags by themselves."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from llkd.config import RETIRED_SETTINGS, Settings
from llkd.errors import UserError
from llkd.selection.signals import BASES, CALIBRATIONS, FITTED, REFINED, TEMPERED, WEIGHT_ROWS

OWN_FLAGS = {
    "strategy",
    "class_specific",
    "teacher_threshold",
    "student_threshold",
    "selection",
    "saved",
}


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line instead of printing the whole usage.

    ``instead_of_unknown``: said of arguments that nobody knows, where they must not be repeated.
    """

    instead_of_unknown: str | None = None

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found as a UserError."""
        raise UserError(f"{message[:1].upper()}{message[1:]}. See: {self.prog} --help")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, but a file may stand after the options as well as before them.

        argparse gives up an optional positional at the first option (until Python 3.13).
        """
        parsed, rest = super().parse_known_args(args, namespace)
        if len(rest) == 1 and getattr(parsed, "file", "") is None and not rest[0].startswith("-"):
            parsed.file, rest = rest[0], []
        if rest and self.instead_of_unknown is not None:
            raise UserError(self.instead_of_unknown)
        return parsed, rest


def command(
    commands: argparse._SubParsersAction[Parser], name: str, purpose: str, example: str
) -> Parser:
    """Add a command with what all of them take: a home, and JSON."""
    parser = commands.add_parser(
        name, help=purpose, description=purpose, epilog=f"Example: {example}", allow_abbrev=False
    )
    parser.add_argument("--home", metavar="DIR", help="where everything is kept [LLKD_HOME]")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def settings_flags(
    parser: Parser,
    kind: type[Settings],
    skip: Iterable[str] = (),
    described: Mapping[str, str] | None = None,
    as_stored: bool = False,
) -> None:
    """One flag for every setting of ``kind``, but those that commands spell themselves.

    ``described`` holds help that only a registry above the settings knows. ``as_stored``: without
    a flag things stay as they are, so no default is named.
    """
    for name, field in kind.model_fields.items():
        if name in OWN_FLAGS or name in skip:
            continue
        words = (described or {}).get(name, field.description or "")
        usual = ",".join(field.default) if isinstance(field.default, tuple) else field.default
        default = "" if as_stored or usual in (None, "") else f" [{usual}]"
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            default=argparse.SUPPRESS,
            metavar=name.split("_")[-1].upper(),
            # Accepted as before, so that an old command is answered in a sentence.
            help=argparse.SUPPRESS
            if name in RETIRED_SETTINGS
            else (words + default).replace("%", "%%"),
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


def calibration(
    parser: Parser, default: str | None, otherwise: str = "as set for the labels"
) -> None:
    """How the teacher's scores become probabilities."""
    parser.add_argument(
        "--calibration",
        choices=CALIBRATIONS,
        default=default,
        metavar="NAME",
        help=f"how scores become probabilities: {', '.join(BASES)}, each also with {TEMPERED}, or "
        f"{FITTED}, which takes away as much of each class's mean as {WEIGHT_ROWS} or more known "
        f"classes support; each also with {REFINED} [{default or otherwise}]",
    )


def refine(parser: Parser) -> None:
    """Whether labels are refined by their neighbours, whatever the calibration."""
    parser.add_argument(
        "--refine",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="refine labels by what is said of the texts most like each",
    )


def track_flags(parser: Parser) -> None:
    """A tracking server that is told of the runs when they have ended."""
    parser.add_argument(
        "--track",
        metavar="mlflow[:URI]",
        help="tell this tracking server of every run once it has ended, in a job of its own "
        "[MLFLOW_TRACKING_URI]",
    )
    parser.add_argument(
        "--track-student", action="store_true", help="with --track: send the student's files too"
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


def whole_number(text: str) -> int:
    """A whole number from 0. Raises argparse's error for anything else."""
    return 0 if text.strip() == "0" else count(text)


def label_flags(parser: Parser) -> None:
    """The classes of a project: names, or a file with their meanings."""
    parser.add_argument("--labels", metavar="A,B,C", help="the class names")
    parser.add_argument(
        "--labels-file", metavar="FILE", help="JSON list of {name, description, verbaliser}"
    )


def certified_flag(parser: Parser) -> None:
    """The texts that an audit certified."""
    parser.add_argument(
        "--certified", type=count, metavar="N", help="the texts that audit N certified"
    )


def selection_flags(parser: Parser, certified: bool = True) -> None:
    """Which texts: those of a run, of thresholds, or of a saved selection."""
    parser.add_argument(
        "--run",
        type=count,
        metavar="R",
        help="the texts that run R trained on; with thresholds: its student's information need",
    )
    thresholds(parser)
    parser.add_argument("--selection", metavar="NAME", help="a selection saved in the app")
    if certified:
        certified_flag(parser)
    calibration(parser, None)
