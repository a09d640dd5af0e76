"""Arguments into settings, and work into a job."""

from __future__ import annotations

import csv
import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from llkd import jobs
from llkd.cli.output import ProgressBar, job_row
from llkd.commands import WORDED
from llkd.config import (
    LabelSet,
    SelectionConfig,
    Settings,
    Spending,
    TeacherConfig,
    TrainingConfig,
    build,
)
from llkd.errors import DataError, UserError
from llkd.store import Project, Run, Store
from llkd.strategies import TAKE_A_SHARE, TAKE_COUNTS, USUAL_STRATEGY

Document = dict[str, Any]


def label_set(given: Namespace) -> LabelSet | None:
    """The classes of --labels or --labels-file, or None. Raises DataError or ConfigError."""
    if given.labels and given.labels_file:
        raise UserError("Give the classes with --labels or with --labels-file, not with both.")
    if given.labels:
        return LabelSet.of(
            [name for name in (part.strip() for part in given.labels.split(",")) if name]
        )
    if given.labels_file:
        try:
            content = json.loads(Path(given.labels_file).read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise DataError(f"Cannot read {given.labels_file}: {error.strerror}.") from None
        except ValueError as error:
            raise DataError(f"{given.labels_file} is not JSON: {error}.") from None
        if not isinstance(content, list):
            raise DataError(f"{given.labels_file} must hold a list of classes.")
        entries = [{"name": item} if isinstance(item, str) else item for item in content]
        _refuse_inner(entries)
        return build(LabelSet, labels=entries)
    return None


def _refuse_inner(entries: list[Any]) -> None:
    """Keys of classes are the program's own: nobody may give one class that of another."""
    for entry in entries:
        extra = {"key", "also", "former"} & set(entry) if isinstance(entry, dict) else set()
        if extra:
            raise UserError(f"Unknown setting {min(extra)!r} of a class.")


def training_config(given: Namespace) -> TrainingConfig:
    """The training settings that the arguments spell out."""
    values = _given(SelectionConfig, given)
    if values.get("strategy") is None:
        # Of a comparison the selection is one arm of many.
        alone = "saved" in values and hasattr(given, "strategy")
        usual = USUAL_STRATEGY if hasattr(given, "strategy") else "llkd"
        values["strategy"] = "saved" if alone else usual
    if getattr(given, "no_class_thresholds", False):
        values["class_specific"] = False
    for name in ("teacher_threshold", "student_threshold"):
        value = threshold(name, getattr(given, name, None))
        if value is not None:
            values[name] = value
    if hasattr(given, "strategy"):
        _check_that_each_counts(values, getattr(given, "reference_run", None))
    selection = build(SelectionConfig, values)
    return build(TrainingConfig, _given(TrainingConfig, given), selection=selection.model_dump())


def _check_that_each_counts(values: dict[str, Any], reference_run: Any) -> None:
    """Refuse settings that the chosen strategy does not look at."""
    strategy = values["strategy"]
    thresholds = {"teacher_threshold", "student_threshold"} & set(values)
    if thresholds and strategy != "fixed":
        raise UserError(
            f"Thresholds of your own belong to --strategy fixed; {strategy!r} does not look at "
            "them."
        )
    if "saved" in values and strategy != "saved":
        raise UserError(
            f"A saved selection belongs to --strategy saved; {strategy!r} does not look at it."
        )
    if strategy == "saved" and "saved" not in values:
        raise UserError("The strategy 'saved' needs --selection NAME, saved on the Curate page.")
    if strategy == "fixed" and not thresholds:
        raise UserError(
            "The strategy 'fixed' needs --teacher-threshold, --student-threshold or both."
        )
    for wrong, name, takers in (
        ("share" in values, "Shares", TAKE_A_SHARE),
        (reference_run is not None, "Reference runs", TAKE_COUNTS),
    ):
        if wrong and strategy not in takers:
            raise UserError(
                f"{name} belong to the strategies {', '.join(takers)}; {strategy!r} does not "
                "look at them."
            )


def threshold(name: str, given: list[str] | None) -> float | dict[str, float] | None:
    """One number, or numbers by class, from ``X`` or repeated ``CLASS=X``."""
    if not given:
        return None
    flag = f"--{name.replace('_', '-')}"
    per_class: dict[str, float] = {}
    for part in given:
        class_name, equals, number = part.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if not 0.0 <= value <= 1.0:
            raise UserError(f"{flag} is a number from 0 to 1, or CLASS=number; it was {part!r}.")
        if not equals:
            if len(given) > 1:
                raise UserError(f"{flag}: give one number for all classes, or CLASS=number each.")
            return value
        per_class[class_name] = value
    return per_class


def _typed_threshold(store: Store, project: Project, given: Namespace, side: str) -> Any:
    name = f"{side}_threshold"
    return stored_under(store, project, given, threshold(name, getattr(given, name)))


def stored_under(store: Store, project: Project, given: Namespace, threshold: Any) -> Any:
    """A threshold under the keys of the classes, where it was typed with their names.

    Raises UserError for a name, or key, of no class.
    """
    if not isinstance(threshold, dict):
        return threshold
    from llkd import curation

    classes = curation.current_labelling(store, project).classes
    if given.class_keys and set(threshold) <= set(classes.keys):
        return threshold
    unknown = [name for name in threshold if classes.find(name) is None]
    if unknown:
        raise UserError(
            f"A threshold is set for {unknown[0]!r}, which is not a class. "
            f"The classes are {', '.join(classes.names)}."
        )
    return classes.by_key(threshold)


def _given(kind: type[Settings], given: Namespace) -> dict[str, Any]:
    names = set(kind.model_fields) - {"selection", "teacher_threshold", "student_threshold"}
    return {name: value for name, value in vars(given).items() if name in names}


def settings(kind: type[Any], given: Namespace) -> Any:
    """Settings of one kind from the flags that were given."""
    return build(kind, _given(kind, given))


def spending(store: Store, given: Namespace, teacher: TeacherConfig) -> Spending:
    """Prices and limits of the flags; prices of the price table where none are given."""
    values = _given(Spending, given)
    kind, _, model = teacher.teacher.partition(":")
    if kind == "api" and not {"price_in", "price_out"} & set(values):
        listed = store.prices.of(model.strip())
        if listed is not None:
            values.update(price_in=listed.price_in, price_out=listed.price_out)
    return build(Spending, values)


def tries(given: Namespace, base: TeacherConfig) -> dict[str, list[str]]:
    """The values that compete, from repeated --try NAME=V1,V2; each is checked."""
    found: dict[str, list[str]] = {}
    for part in given.tries or []:
        flag, equals, text = part.partition("=")
        name = flag.strip().replace("-", "_")
        if not equals or name not in TeacherConfig.model_fields:
            names = ", ".join(TeacherConfig.model_fields)
            raise UserError(f"--try is NAME=V1,V2 with one of {names}; it was {part!r}.")
        for value in [text] if name in WORDED else _separate(text):
            build(TeacherConfig, base.model_dump(), {name: value})
            found.setdefault(name, []).append(value)
    return found


def _separate(text: str) -> list[str]:
    try:
        return next(csv.reader([text], strict=True), [""])
    except csv.Error:
        raise UserError(
            f"Values with commas between them are needed, in double quotes where one holds a "
            f"comma itself; they were {text!r}."
        ) from None


def selection(store: Store, project: Project, given: Namespace) -> dict[str, Any]:
    """What --run, the thresholds, --selection and --calibration choose."""
    return {
        "run": run_of(store, project, given),
        "teacher_threshold": _typed_threshold(store, project, given, "teacher"),
        "student_threshold": _typed_threshold(store, project, given, "student"),
        "selection": given.selection,
        "calibration": given.calibration,
    }


def run_of(store: Store, project: Project, given: Namespace) -> Run | None:
    """The run of --run, or None."""
    return None if given.run is None else store.runs.get(given.run, project.id)


def as_job(
    store: Store,
    given: Namespace,
    kind: str,
    title: str,
    project: Project | None,
    work: jobs.Work,
    device: str | None = "auto",
) -> Document:
    """Do the work here as a job, or start it in the background and return its record."""
    typed: list[str] = given.typed
    options = typed.index("--") if "--" in typed else len(typed)
    own = {"--background", "--json"}
    arguments = [part for k, part in enumerate(typed) if k >= options or part not in own]
    project_id = project.id if project else None
    if getattr(given, "background", False) and given.job is None:
        job = jobs.start(
            store, arguments, kind=kind, title=title, project_id=project_id, device=device
        )
        return job_row(job)
    bar = ProgressBar()
    try:
        return jobs.run(
            store,
            work,
            kind=kind,
            title=title,
            arguments=arguments,
            project_id=project_id,
            device=device,
            job_id=given.job,
            show=bar,
            waiting=lambda message: print(message, file=sys.stderr, flush=True),
        )
    finally:
        bar.close()
