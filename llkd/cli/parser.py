"""The arguments of every command. Settings become flags by their own names and descriptions."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any, NoReturn

from llkd.commands import ONE_RUN
from llkd.config import (
    OrderConfig,
    SelectionConfig,
    Settings,
    Spending,
    TeacherConfig,
    TrainingConfig,
)
from llkd.datasets.texts import NEAR
from llkd.errors import UserError
from llkd.exporting import FORMATS, GROUPS, USUAL_GROUPS
from llkd.fairness import ARMS, USUAL_ARMS
from llkd.signals import CALIBRATIONS
from llkd.strategies import STRATEGIES, USUAL_STRATEGY

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


def make_parser() -> Parser:
    """The whole command line."""
    parser = Parser(
        prog="llkd",
        description="From unlabeled text to a curated training set and a small student (LLKD).",
        epilog="Start with: llkd demo",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    _data_commands(commands)
    _teacher_commands(commands)
    _model_commands(commands)
    _result_commands(commands)
    _job_commands(commands)
    _upkeep_commands(commands)
    return parser


def _add(
    commands: argparse._SubParsersAction[Parser], name: str, purpose: str, example: str
) -> Parser:
    parser = commands.add_parser(
        name, help=purpose, description=purpose, epilog=f"Example: {example}", allow_abbrev=False
    )
    parser.add_argument("--home", metavar="DIR", help="where everything is kept [LLKD_HOME]")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--job", type=int, help=argparse.SUPPRESS)
    return parser


def _settings_flags(parser: Parser, kind: type[Settings], skip: Iterable[str] = ()) -> None:
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


def _thresholds(parser: Parser) -> None:
    for who, what in (("teacher", "confidence"), ("student", "information need")):
        parser.add_argument(
            f"--{who}-threshold",
            action="append",
            metavar="X|CLASS=X",
            help=f"least {what}, 0 to 1, for all classes or (repeatable) for one",
        )


def _saved(parser: Parser, what: str) -> None:
    parser.add_argument(
        "--selection", dest="saved", default=argparse.SUPPRESS, metavar="NAME", help=what
    )


def _calibration(parser: Parser, default: str | None) -> None:
    parser.add_argument(
        "--calibration",
        choices=CALIBRATIONS,
        default=default,
        help=f"how scores become probabilities [{default or 'as set for the labels'}]",
    )


def _data_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = _add(
        commands,
        "import",
        "read files of texts into a new project",
        "llkd import reviews.csv --project reviews --text-column body --labels good,bad",
    )
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="CSV, TSV, JSON, JSONL, Parquet, XLSX or text, also .gz, .zip; a folder of them; or "
        "hf:NAME[:CONFIG][@SPLIT], a data set of the hub",
    )
    parser.add_argument("--project", metavar="NAME")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be imported and store nothing"
    )
    parser.add_argument("--text-column", metavar="COLUMN", help="[found]")
    parser.add_argument("--id-column", metavar="COLUMN", help="[found]")
    parser.add_argument(
        "--label-column", metavar="COLUMN", help="gold labels, used only to evaluate"
    )
    parser.add_argument("--gold", metavar="FILE", help="gold labels in a second file, by id")
    _label_flags(parser)
    parser.add_argument(
        "--holdout", type=float, default=0.25, help="share of gold texts to evaluate on [0.25]"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the held-out draw [0]")
    parser.add_argument("--keep-duplicates", action="store_true", help="keep repeated texts")
    parser.add_argument(
        "--near-duplicates",
        choices=NEAR,
        default="keep",
        help="almost equal texts: keep and count them, drop all but the first, or do not look "
        "[keep]",
    )
    parser.add_argument(
        "--text-blocks",
        action="store_true",
        help="in plain text, a text is a block of lines up to a blank one, not one line",
    )

    parser = _add(commands, "projects", "list the projects, or delete one", "llkd projects")
    parser.add_argument("--delete", metavar="NAME", help="remove a project and all it holds")


def _label_flags(parser: Parser) -> None:
    parser.add_argument("--labels", metavar="A,B,C", help="the class names")
    parser.add_argument(
        "--labels-file", metavar="FILE", help="JSON list of {name, description, verbaliser}"
    )


def _teacher_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = _add(
        commands,
        "label",
        "let a teacher label the texts; goes on where an earlier call stopped",
        "llkd label reviews --teacher embedded",
    )
    parser.add_argument("project")
    _label_flags(parser)
    _settings_flags(parser, TeacherConfig)
    _settings_flags(parser, Spending)
    _settings_flags(parser, OrderConfig)
    _calibration(parser, "batch")
    parser.add_argument("--limit", type=_count, metavar="N", help="label N texts in all, at random")
    parser.add_argument(
        "--ask-again", action="store_true", help="ask once more where no answer could be used"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="ask about five texts, label none, and say what the rest would take",
    )
    parser.add_argument("--rows", type=_rows, metavar="1,2,3", help="of the dry run [5 at random]")
    parser.add_argument("--no-probe", action="store_true", help="do not probe afterwards")
    _background(parser)

    parser = _add(
        commands,
        "bake-off",
        "try ways to ask on the same texts, and say which is best and how sure that is",
        "llkd bake-off reviews --rows 200 --try examples=none,balanced",
    )
    parser.add_argument("project")
    _label_flags(parser)
    _settings_flags(parser, TeacherConfig)
    _settings_flags(parser, Spending)
    parser.add_argument("--rows", type=_count, metavar="N", help="texts with a known class to use")
    parser.add_argument(
        "--try",
        action="append",
        dest="tries",
        metavar="NAME=V1,V2",
        help="values of a teacher's setting that compete (repeatable: every combination)",
    )
    _background(parser)

    parser = _add(
        commands, "cache", "show or delete the answers kept from teachers", "llkd cache --delete"
    )
    parser.add_argument("--delete", action="store_true", help="forget them; labels stay")


def _model_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = _add(
        commands,
        "probe",
        "estimate information need before any training (labelling does this by itself)",
        "llkd probe reviews",
    )
    parser.add_argument("project")
    parser.add_argument("--student", default="embedded", help="embedded, a folder or a hub id")
    _background(parser)

    parser = _add(
        commands,
        "train",
        "train a student on what a strategy selects",
        "llkd train reviews --strategy llkd --epochs 3",
    )
    parser.add_argument("project")
    parser.add_argument("--strategy", help=f"{', '.join(STRATEGIES)} [{USUAL_STRATEGY}]")
    _settings_flags(parser, TrainingConfig)
    _settings_flags(parser, SelectionConfig)
    parser.add_argument(
        "--no-class-thresholds", action="store_true", help="one threshold for all classes"
    )
    _thresholds(parser)
    _saved(parser, "train on the texts of this selection, saved in the app (--strategy saved)")
    _calibration(parser, None)
    _background(parser)

    parser = _add(
        commands,
        "compare",
        "train LLKD, all texts and the two controls, and say what the selection is worth",
        "llkd compare reviews --seeds 3",
    )
    parser.add_argument("project")
    parser.add_argument("--seeds", type=_count, default=1, help="how many seeds [1]")
    parser.add_argument(
        "--arms",
        metavar="A,B,C",
        help=f"{', '.join(ARMS)}, or every [{','.join(USUAL_ARMS)}]",
    )
    _settings_flags(parser, TrainingConfig, skip=ONE_RUN)
    _settings_flags(parser, SelectionConfig, skip={"share"})
    parser.add_argument(
        "--no-class-thresholds", action="store_true", help="one threshold for all classes"
    )
    _saved(parser, "compare this selection, saved in the app, too (the arm saved)")
    _background(parser)

    parser = _add(commands, "demo", "everything on the sample, in one go", "llkd demo")
    _settings_flags(parser, TrainingConfig, skip={"reference_run"})
    _background(parser)


def _result_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = _add(
        commands,
        "select",
        "count what is kept, of all texts",
        "llkd select reviews --teacher-threshold 0.8 --student-threshold 0.4",
    )
    parser.add_argument("project")
    _selection_flags(parser)

    parser = _add(
        commands,
        "export",
        "write the curated set, its manifest and the student",
        "llkd export reviews --out curated --run 1 --format csv,parquet --validation 0.1",
    )
    parser.add_argument("project")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument("--format", default="csv", help=f"{', '.join(FORMATS)} [csv]")
    parser.add_argument(
        "--columns",
        default=",".join(USUAL_GROUPS),
        metavar="A,B,C",
        help=f"beside the text and its label: {', '.join(GROUPS)}, or none [all but gold]",
    )
    parser.add_argument(
        "--validation", type=float, default=0.0, help="share of a validation split [0: none]"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the split's draw [0]")
    parser.add_argument("--no-student", action="store_true", help="leave the student out")
    parser.add_argument("--zip-student", action="store_true", help="the student as one zip file")
    parser.add_argument(
        "--onnx",
        action="store_true",
        help="the student also as ONNX, 32-bit and 8-bit, measured, with a script that needs no "
        "torch",
    )
    _selection_flags(parser)

    parser = _add(
        commands,
        "rebuild",
        "make an export's rows again, hash for hash, or say what has changed",
        "llkd rebuild curated/manifest.json --out again",
    )
    parser.add_argument("manifest", help="the manifest.json of an export, or its folder")
    parser.add_argument("--out", metavar="DIR", help="write the files again [only compare]")

    parser = _add(
        commands, "evaluate", "teacher and runs on the held-out texts", "llkd evaluate reviews"
    )
    parser.add_argument("project")
    parser.add_argument("--run", type=_count, metavar="R")

    parser = _add(
        commands,
        "predict",
        "ask a trained student about every text of a file, or about one text",
        "llkd predict reviews new.csv --run 1 --out answers.parquet",
    )
    parser.add_argument("project")
    parser.add_argument("file", nargs="?", help="any file that import reads")
    parser.add_argument("--run", type=_count, metavar="R", required=True)
    parser.add_argument("--text", help="one text, in place of a file")
    parser.add_argument(
        "--out", metavar="FILE", help=".csv, .jsonl or .parquet [FILE-predictions.csv, here]"
    )
    parser.add_argument("--text-column", metavar="COLUMN", help="[found]")
    _background(parser)

    parser = _add(
        commands,
        "runs",
        "list the training runs of a project; name, note, pin or delete one",
        'llkd runs reviews --run 3 --title "before the audit" --pin',
    )
    parser.add_argument("project")
    parser.add_argument("--run", type=_count, metavar="R", help="the run to change [list them all]")
    parser.add_argument("--title", metavar="NAME", help="call run R this; empty takes it back")
    parser.add_argument("--note", metavar="TEXT", help="note this on run R; empty takes it back")
    parser.add_argument(
        "--pin",
        action=argparse.BooleanOptionalAction,
        help="show run R first on Results, or no longer",
    )
    parser.add_argument("--delete", action="store_true", help="remove run R and its student")


def _selection_flags(parser: Parser) -> None:
    parser.add_argument(
        "--run",
        type=_count,
        metavar="R",
        help="the texts that run R trained on; with thresholds: its student's information need",
    )
    _thresholds(parser)
    parser.add_argument("--selection", metavar="NAME", help="a selection saved in the app")
    _calibration(parser, None)


def _job_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = _add(commands, "jobs", "list jobs, newest first", "llkd jobs")
    parser.add_argument("--project", metavar="NAME")
    parser = _add(commands, "cancel", "stop a job; what it has done is kept", "llkd cancel 3")
    parser.add_argument("id", type=_count)
    parser.add_argument("--force", action="store_true", help="end its process at once")
    parser = _add(commands, "resume", "go on with an ended job", "llkd resume 3")
    parser.add_argument("id", type=_count)
    parser.add_argument("--wait", action="store_true", help="wait until it has ended")


def _upkeep_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = _add(
        commands,
        "doctor",
        "look for damage in a home, and mend what loses nothing",
        "llkd doctor --mend",
    )
    parser.add_argument(
        "--mend",
        action="store_true",
        help="mend it: what is corrupt or belongs to nothing is moved to quarantine/, not deleted",
    )
    parser.add_argument(
        "--deep", action="store_true", help="read every value of every file, not only its frame"
    )

    parser = _add(
        commands,
        "backup",
        "copy a home, also while the app runs, and check the copy",
        "llkd backup /media/disk/llkd-monday",
    )
    parser.add_argument("folder", metavar="DIR", help="a new or empty folder outside the home")


def _background(parser: Parser) -> None:
    parser.add_argument("--background", action="store_true", help="start it and return at once")


def _rows(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isascii() and part.isdigit() for part in parts):
        raise argparse.ArgumentTypeError(f"row numbers such as 0,5,12 are needed, not {text!r}")
    return [int(part) for part in parts]


def _count(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a whole number is needed, not {text!r}") from None
    if value < 1:
        raise argparse.ArgumentTypeError(f"a number of 1 or more is needed, not {value}")
    return value
