"""Settings to the command a person could type, and only that: what the pages start as jobs.

`llkd.cli` parses these back; a test holds the two together.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from llkd.config import Calibration, OrderConfig, Spending, TeacherConfig, TrainingConfig
from llkd.strategies import TAKE_A_SHARE, TAKE_COUNTS

Threshold = float | Mapping[str, float]

ONE_RUN = ("reference_run", "early_stopping", "patience")
"""Training settings that arms of a comparison cannot share."""
WORDED = ("instruction", "question", "lead")
"""Settings in the user's own words, in which a comma separates nothing."""


def label(
    project: str,
    teacher: TeacherConfig,
    *,
    calibration: Calibration = "batch",
    limit: int | None = None,
    dry_run: bool = False,
    spending: Spending | None = None,
    order: OrderConfig | None = None,
    ask_again: bool = False,
    rows: Sequence[int] | None = None,
) -> list[str]:
    """``llkd label``: the settings that differ from the defaults, spelled out.

    ``rows`` are those of a dry run.
    """
    command = ["label", *_named(teacher, TeacherConfig())]
    command += _named(spending or Spending(), Spending())
    command += _named(order or OrderConfig(), OrderConfig())
    if calibration != "batch":
        command.append(f"--calibration={calibration}")
    if limit is not None:
        command.append(f"--limit={limit}")
    if dry_run:
        command.append("--dry-run")
    if ask_again:
        command.append("--ask-again")
    if rows is not None:
        command.append(f"--rows={','.join(map(str, rows))}")
    return [*command, "--", project]


def bake_off(
    project: str,
    teacher: TeacherConfig,
    tries: Mapping[str, Sequence[str]],
    *,
    rows: int | None = None,
    spending: Spending | None = None,
) -> list[str]:
    """``llkd bake-off``: ``tries`` maps settings of the teacher to the values that compete."""
    command = ["bake-off", *_named(teacher, TeacherConfig())]
    command += _named(spending or Spending(), Spending())
    if rows is not None:
        command.append(f"--rows={rows}")
    for name, values in tries.items():
        if name in WORDED:
            command += [f"--try={name}={value}" for value in values]
        else:
            command.append(f"--try={name}={_separated(values)}")
    return [*command, "--", project]


def probe(project: str) -> list[str]:
    """``llkd probe``."""
    return ["probe", "--", project]


def train(project: str, training: TrainingConfig, *, calibration: str | None = None) -> list[str]:
    """``llkd train``: the settings that differ from the defaults, spelled out."""
    selection = training.selection
    defaults = type(selection)()
    command = ["train", f"--strategy={selection.strategy}"]
    idle = set() if selection.strategy in TAKE_COUNTS else {"reference_run"}
    idle |= set() if selection.strategy in TAKE_A_SHARE else {"share"}
    command += _named(training, TrainingConfig(), skip={"selection", *idle})
    own = {"strategy", "saved", "teacher_threshold", "student_threshold", "class_specific"}
    skipped = {*own, *idle}
    command += _named(selection, defaults, skip=skipped)
    if not selection.class_specific:
        command.append("--no-class-thresholds")
    if selection.strategy == "fixed":
        command += thresholds(selection.teacher_threshold, selection.student_threshold)
    if selection.strategy == "saved":
        command.append(f"--selection={selection.saved}")
    if calibration is not None:
        command.append(f"--calibration={calibration}")
    return [*command, "--", project]


def compare(
    project: str,
    training: TrainingConfig,
    *,
    seeds: int = 3,
    arms: Sequence[str] | None = None,
) -> list[str]:
    """``llkd compare``: settings that all arms share, how many seeds, and which arms."""
    selection = training.selection
    command = ["compare", f"--seeds={seeds}"]
    if arms is not None:
        command.append(f"--arms={','.join(arms)}")
    command += _named(training, TrainingConfig(), skip={"selection", *ONE_RUN})
    own = {"strategy", "saved", "teacher_threshold", "student_threshold", "class_specific"}
    command += _named(selection, type(selection)(), skip={*own, "share"})
    if not selection.class_specific:
        command.append("--no-class-thresholds")
    if selection.saved is not None:
        command.append(f"--selection={selection.saved}")
    return [*command, "--", project]


def export(
    project: str,
    out: str,
    *,
    formats: Sequence[str],
    run: int | None = None,
    teacher_threshold: Threshold | None = None,
    student_threshold: Threshold | None = None,
    selection: str | None = None,
    calibration: str | None = None,
    student: bool = True,
    zip_student: bool = False,
    onnx: bool = False,
    columns: Sequence[str] | None = None,
    validation: float = 0.0,
    seed: int = 0,
) -> list[str]:
    """``llkd export``; ``columns`` None are the usual ones."""
    command = ["export", f"--out={out}", f"--format={','.join(formats)}"]
    if columns is not None:
        command.append(f"--columns={','.join(columns) or 'none'}")
    if validation:
        command += [f"--validation={validation}", f"--seed={seed}"]
    if run is not None:
        command.append(f"--run={run}")
    command += thresholds(teacher_threshold, student_threshold)
    if selection is not None:
        command.append(f"--selection={selection}")
    if calibration is not None:
        command.append(f"--calibration={calibration}")
    if not student:
        command.append("--no-student")
    if zip_student:
        command.append("--zip-student")
    if onnx:
        command.append("--onnx")
    return [*command, "--", project]


def rebuild(manifest: str) -> list[str]:
    """``llkd rebuild``."""
    return ["rebuild", "--", manifest]


def predict(project: str, run: int, text: str) -> list[str]:
    """``llkd predict``: the student's answer to a typed text."""
    return ["predict", f"--run={run}", f"--text={text}", "--", project]


def predict_file(
    project: str, run: int, file: str, *, out: str, text_column: str | None = None
) -> list[str]:
    """``llkd predict``: the student's answers to a file's texts, as a table."""
    command = ["predict", f"--run={run}", f"--out={out}"]
    if text_column is not None:
        command.append(f"--text-column={text_column}")
    return [*command, "--", project, file]


def thresholds(teacher: Threshold | None, student: Threshold | None) -> list[str]:
    """``--teacher-threshold`` and ``--student-threshold``: a number, or KEY=NUMBER a class."""
    command = []
    for flag, value in (("teacher", teacher), ("student", student)):
        if isinstance(value, Mapping):
            command += [f"--{flag}-threshold={name}={number}" for name, number in value.items()]
        elif value:
            command.append(f"--{flag}-threshold={value}")
    if any(isinstance(value, Mapping) for value in (teacher, student)):
        command.append("--class-keys")
    return command


def _separated(values: Sequence[str]) -> str:
    """Values with commas between them; one that holds a comma itself stands in quotes."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def _named(settings: Any, defaults: Any, skip: set[str] | None = None) -> list[str]:
    """``--name=value`` for every setting that is not at its default."""
    values, usual = settings.model_dump(mode="json"), defaults.model_dump(mode="json")
    return [
        f"--{name.replace('_', '-')}={value}"
        for name, value in values.items()
        if name not in (skip or set()) and value != usual[name]
    ]
