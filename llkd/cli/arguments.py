"""Parsed arguments into settings."""

from __future__ import annotations

import csv
import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from llkd.config import (
    AUTO_STRATEGY,
    LabelSet,
    SelectionConfig,
    Settings,
    Spending,
    TeacherConfig,
    TrainingConfig,
    build,
)
from llkd.config.selection_rule import SavedRule, StandaloneRule, rule_of_choices
from llkd.errors import DataError, UserError
from llkd.jobs.requests import FREE_TEXT
from llkd.selection.registry import (
    SAVED,
    check_strategy,
    names_that_take,
    spec_of,
)
from llkd.selection.strategy_spec import Setting
from llkd.store import Project, Run, Store
from llkd.teachers.registry import price_name, priced, teacher_settings, with_free_writing


def label_set(arguments: Namespace) -> LabelSet | None:
    """The classes of --labels or --labels-file, or None. Raises DataError or ConfigError."""
    if arguments.labels and arguments.labels_file:
        raise UserError("Give the classes with --labels or with --labels-file, not with both.")
    if arguments.labels:
        return LabelSet.of(
            [name for name in (part.strip() for part in arguments.labels.split(",")) if name]
        )
    if arguments.labels_file:
        try:
            content = json.loads(Path(arguments.labels_file).read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise DataError(f"Cannot read {arguments.labels_file}: {error.strerror}.") from None
        except ValueError as error:
            raise DataError(f"{arguments.labels_file} is not JSON: {error}.") from None
        if not isinstance(content, list):
            raise DataError(f"{arguments.labels_file} must hold a list of classes.")
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


def training_config(arguments: Namespace) -> TrainingConfig:
    """The training settings that the arguments spell out."""
    values = _values(SelectionConfig, arguments)
    if values.get("strategy") is None:
        # Of a comparison a saved selection is one arm of many.
        alone = "saved" in values and hasattr(arguments, "strategy")
        values["strategy"] = SAVED if alone else AUTO_STRATEGY
    if getattr(arguments, "no_class_thresholds", False):
        values["class_specific"] = False
    for name in ("teacher_threshold", "student_threshold"):
        value = threshold(name, getattr(arguments, name, None))
        if value is not None:
            values[name] = value
    if hasattr(arguments, "strategy"):
        _check_that_each_counts(values, getattr(arguments, "reference_run", None))
    selection = build(SelectionConfig, values)
    own_values = _values(TrainingConfig, arguments)
    config = build(TrainingConfig, own_values, selection=selection.model_dump())
    check_strategy(config)
    return config


def _check_that_each_counts(values: dict[str, Any], reference_run: Any) -> None:
    """Refuse settings that the chosen strategy does not look at."""
    strategy = values["strategy"]
    takes = frozenset() if strategy == AUTO_STRATEGY else spec_of(strategy).takes
    thresholds = {"teacher_threshold", "student_threshold"} & set(values)
    if thresholds and "thresholds" not in takes:
        raise UserError(
            f"Thresholds of your own belong to --strategy {_either('thresholds')}; {strategy!r} "
            "does not look at them."
        )
    if "saved" in values and "saved" not in takes:
        raise UserError(
            f"A saved selection belongs to --strategy {_either('saved')}; {strategy!r} does not "
            "look at it."
        )
    if "saved" in takes and "saved" not in values:
        raise UserError(
            f"The strategy {strategy!r} needs --selection NAME, saved on the Curate page."
        )
    if "thresholds" in takes and not thresholds:
        raise UserError(
            f"The strategy {strategy!r} needs --teacher-threshold, --student-threshold or both."
        )
    for wrong, name, takers in (
        ("share" in values, "Shares", names_that_take("share")),
        (reference_run is not None, "Reference runs", names_that_take("reference_counts")),
    ):
        if wrong and strategy not in takers:
            raise UserError(
                f"{name} belong to the strategies {', '.join(takers)}; {strategy!r} does not "
                "look at them."
            )


def _either(setting: Setting) -> str:
    return " or ".join(names_that_take(setting))


def threshold(name: str, parts: list[str] | None) -> float | dict[str, float] | None:
    """One number, or numbers by class, from ``X`` or repeated ``CLASS=X``."""
    if not parts:
        return None
    flag = f"--{name.replace('_', '-')}"
    per_class: dict[str, float] = {}
    for part in parts:
        class_name, equals, number = part.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if not 0.0 <= value <= 1.0:
            raise UserError(f"{flag} is a number from 0 to 1, or CLASS=number; it was {part!r}.")
        if not equals:
            if len(parts) > 1:
                raise UserError(f"{flag}: give one number for all classes, or CLASS=number each.")
            return value
        per_class[class_name] = value
    return per_class


def _threshold_of(store: Store, project: Project, arguments: Namespace, side: str) -> Any:
    name = f"{side}_threshold"
    return stored_under(store, project, arguments, threshold(name, getattr(arguments, name)))


def stored_under(store: Store, project: Project, arguments: Namespace, threshold: Any) -> Any:
    """A threshold under the keys of the classes, where it was typed with their names.

    Raises UserError for a name, or key, of no class.
    """
    if not isinstance(threshold, dict):
        return threshold
    from llkd import curation

    classes = curation.active_labeling_run(store, project).classes
    if arguments.class_keys and set(threshold) <= set(classes.places):
        return threshold
    unknown = [name for name in threshold if classes.find(name) is None]
    if unknown:
        raise UserError(
            f"A threshold is set for {unknown[0]!r}, which is not a class. "
            f"The classes are {', '.join(classes.names)}."
        )
    return classes.by_key(threshold)


def _values(kind: type[Settings], arguments: Namespace) -> dict[str, Any]:
    names = set(kind.model_fields) - {"selection", "teacher_threshold", "student_threshold"}
    return {name: value for name, value in vars(arguments).items() if name in names}


def settings(kind: type[Any], arguments: Namespace) -> Any:
    """Settings of one kind from the flags that were arguments."""
    return build(kind, _values(kind, arguments))


def teacher_of(arguments: Namespace) -> TeacherConfig:
    """The teacher of the flags, one that exists. Raises ConfigError listing the kinds."""
    return teacher_settings(_values(TeacherConfig, arguments))


def spending(store: Store, arguments: Namespace, teacher: TeacherConfig) -> Spending:
    """Prices and limits of the flags; prices of the price table where none are arguments."""
    values = _values(Spending, arguments)
    paid = priced(teacher)
    if paid is not None and not {"price_in", "price_out"} & set(values):
        listed = store.prices.of(price_name(paid))
        if listed is not None:
            values.update(price_in=listed.price_in, price_out=listed.price_out)
    return build(Spending, with_free_writing(teacher, values))


def variants(arguments: Namespace, base: TeacherConfig) -> dict[str, list[str]]:
    """The values that compete, from repeated --try NAME=V1,V2; each is checked."""
    competing: dict[str, list[str]] = {}
    for part in arguments.tries or []:
        flag, equals, text = part.partition("=")
        name = flag.strip().replace("-", "_")
        if not equals or name not in TeacherConfig.model_fields:
            names = ", ".join(TeacherConfig.model_fields)
            raise UserError(f"--try is NAME=V1,V2 with one of {names}; it was {part!r}.")
        for value in [text] if name in FREE_TEXT else _separate(text):
            teacher_settings(base.model_dump(), {name: value})
            competing.setdefault(name, []).append(value)
    return competing


def _separate(text: str) -> list[str]:
    try:
        return next(csv.reader([text], strict=True), [""])
    except csv.Error:
        raise UserError(
            f"Values with commas between them are needed, in double quotes where one holds a "
            f"comma itself; they were {text!r}."
        ) from None


def selection(store: Store, project: Project, arguments: Namespace) -> StandaloneRule | SavedRule:
    """The rule that --run, the thresholds, --selection and --calibration spell out."""
    run = run_of(store, project, arguments)
    return rule_of_choices(
        run=None if run is None else run.id,
        teacher_threshold=_threshold_of(store, project, arguments, "teacher"),
        student_threshold=_threshold_of(store, project, arguments, "student"),
        calibration=arguments.calibration,
        selection=arguments.selection,
    )


def use_certified(store: Store, arguments: Namespace, name: str) -> None:
    """Let ``--certified N`` mean the saved selection of that audit's certificate.

    ``name`` is the argument that holds the selection. Raises NotFound where the audit has certified
    nothing, UserError where a selection is named, too.
    """
    number = getattr(arguments, "certified", None)
    if number is None:
        return
    if getattr(arguments, name, None) is not None:
        raise UserError("--certified N names a selection already: leave --selection out.")
    from llkd.evaluation import audits

    project = store.projects.get(arguments.project)
    record = audits.newest_certificate(store, project, number)
    setattr(arguments, name, audits.saved_selection(store, project, record))


def run_of(store: Store, project: Project, arguments: Namespace) -> Run | None:
    """The run of --run, or None."""
    return None if arguments.run is None else store.runs.get(arguments.run, project.id)
