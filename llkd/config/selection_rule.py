"""Which texts are kept: one type for plane, addresses, selections, exports, training, manifests.

A rule is one of five kinds, a union of classes. Its JSON is what the store and manifests hold:
views that 0.3.0 saved have no ``kind`` and are thresholds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, TypeAdapter

from llkd.config.base import Settings, Unit, build
from llkd.config.labels import LabelSet
from llkd.config.teacher import Calibration
from llkd.errors import ConfigError, UserError

Threshold = float | Mapping[str, float]
"""One number for all classes, or numbers by the key of a class; in [0, 1], 0 lets all pass."""
GRID = 60_000
"""Steps from 0 to 1 on the decision plane; thresholds that a person sets lie on them."""
ADDRESS = ("tt", "ts", "need", "cal")
"""The parts of an address that :func:`to_address` writes."""
_LONGEST_NUMBER = 10


class ThresholdRule(Settings):
    """Texts at or above both thresholds of their teacher label.

    Thresholds by class are under the classes' keys; a class that is not named has 0. ``run`` is
    the run whose student gives information need (None: the quick estimate) after ``epoch`` (None:
    its last). ``calibration`` None is the one that the labeling run uses.
    """

    kind: Literal["thresholds"] = "thresholds"
    teacher_threshold: Unit | dict[str, Unit] = 0.0
    student_threshold: Unit | dict[str, Unit] = 0.0
    calibration: Calibration | None = None
    run: int | None = None
    epoch: int | None = None

    def under_keys(self, classes: LabelSet) -> ThresholdRule:
        """The same rule with class names (as a person types them) replaced by keys."""
        return self._each(lambda values: {**classes.by_key(values), **_known(values, classes)})

    def of_classes(self, classes: LabelSet) -> ThresholdRule:
        """The rule for these classes; itself where it names no class that is none of them."""
        sides = (self.teacher_threshold, self.student_threshold)
        named = {key for side in sides if isinstance(side, Mapping) for key in side}
        return rule_on_grid(self, classes) if named - set(classes.keys) else self

    def without_lost_classes(self, classes: LabelSet) -> ThresholdRule:
        """The same rule without thresholds of classes that are no more."""
        return self._each(lambda values: _known(values, classes))

    def _each(self, change: Any) -> ThresholdRule:
        changed = {
            side: change(value)
            for side in ("teacher_threshold", "student_threshold")
            if isinstance(value := getattr(self, side), Mapping)
        }
        return self.model_copy(update=changed) if changed else self


class TrainedOnRule(Settings):
    """Texts that the student of ``run`` was trained on at least ``least_times``."""

    kind: Literal["trained on by run"] = "trained on by run"
    run: int
    least_times: int = Field(default=1, ge=1)
    calibration: Calibration | None = None


class RowsRule(Settings):
    """Exactly these texts, by row number in the project; signals as in :class:`ThresholdRule`."""

    kind: Literal["rows"] = "rows"
    rows: tuple[Annotated[int, Field(ge=0)], ...]
    calibration: Calibration | None = None
    run: int | None = None
    epoch: int | None = None


class CertifiedRule(Settings):
    """The texts of one set of an audit's chain, as they were frozen, less what people excluded.

    ``set`` counts from 0, the strictest. Labels, calibration and signals are those of the audit.
    """

    kind: Literal["certified"] = "certified"
    audit: int = Field(ge=1)
    set: int = Field(ge=0)

    @property
    def run(self) -> int | None:
        """None: what the audit's own rule names is said by the audit."""
        return None

    @property
    def calibration(self) -> Calibration | None:
        """None: it is the audit's."""
        return None


class SavedRule(Settings):
    """What the saved selection of this name keeps, by what people had decided at ``moment``.

    ``moment`` is seconds since 1970, None is now.
    """

    kind: Literal["saved"] = "saved"
    name: str = Field(min_length=1, max_length=100)
    moment: float | None = None


EVERYTHING = ThresholdRule()
"""Every text with a label that nobody excluded."""
StandaloneRule = ThresholdRule | TrainedOnRule | RowsRule | CertifiedRule
"""A rule that needs no saved selection to be read."""
SelectionRule = Annotated[StandaloneRule | SavedRule, Field(discriminator="kind")]
_KINDS: dict[str, type[StandaloneRule | SavedRule]] = {
    "thresholds": ThresholdRule,
    "trained on by run": TrainedOnRule,
    "rows": RowsRule,
    "certified": CertifiedRule,
    "saved": SavedRule,
}
RULE: TypeAdapter[StandaloneRule | SavedRule] = TypeAdapter(SelectionRule)


def read_rule(document: Mapping[str, Any]) -> StandaloneRule | SavedRule:
    """A rule from its JSON: of a saved selection, a job or a manifest, of this version or 0.3.0.

    What does not belong to the rule (a manifest says more) is left aside. Raises ConfigError.
    """
    kind = document.get("kind", "thresholds")
    model = _KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise ConfigError(
            f"A selection rule of kind {kind!r} is unknown here; there are {', '.join(_KINDS)}."
        )
    fields = {name: value for name, value in document.items() if name in model.model_fields}
    return build(model, {name: value for name, value in fields.items() if value is not None})


def read_standalone_rule(document: Mapping[str, Any]) -> StandaloneRule:
    """:func:`read_rule` where no other saved selection may be named. Raises ConfigError."""
    rule = read_rule(document)
    if isinstance(rule, SavedRule):
        raise ConfigError("A saved selection cannot stand for another saved selection.")
    return rule


def rule_of_choices(
    *,
    run: int | None = None,
    teacher_threshold: Threshold | None = None,
    student_threshold: Threshold | None = None,
    calibration: Calibration | None = None,
    selection: str | None = None,
) -> StandaloneRule | SavedRule:
    """The rule that the flags of ``llkd select`` and ``llkd export`` spell out.

    A run without thresholds: what it trained on. With a threshold: those, with the need of that
    run's student. Nothing at all: every labelled text. Raises UserError where a saved selection is
    named with thresholds or a run.
    """
    if selection is not None:
        if run is not None or teacher_threshold is not None or student_threshold is not None:
            raise UserError("A saved selection has its own thresholds. Name it alone.")
        return build(SavedRule, name=selection)
    if run is not None and teacher_threshold is None and student_threshold is None:
        return TrainedOnRule(run=run, calibration=calibration)
    return build(
        ThresholdRule,
        teacher_threshold=teacher_threshold or 0.0,
        student_threshold=student_threshold or 0.0,
        calibration=calibration,
        run=run,
    )


def to_address(rule: ThresholdRule) -> dict[str, str]:
    """As parts of an address; what is at its default is left out."""
    parts = {"tt": _written(rule.teacher_threshold), "ts": _written(rule.student_threshold)}
    if rule.run is not None:
        parts["need"] = f"{rule.run}" + ("" if rule.epoch is None else f".{rule.epoch}")
    if rule.calibration is not None:
        parts["cal"] = rule.calibration
    return {name: value for name, value in parts.items() if value}


def from_address(parts: Mapping[str, str], classes: LabelSet) -> ThresholdRule:
    """From an address that anybody may have typed: what makes no sense is left out."""
    run, _, epoch = parts.get("need", "").partition(".")
    calibration = parts.get("cal")
    return ThresholdRule(
        teacher_threshold=on_grid(_loaded(parts.get("tt")), classes),
        student_threshold=on_grid(_loaded(parts.get("ts")), classes),
        calibration=calibration if calibration in get_args(Calibration) else None,  # type: ignore[arg-type]
        run=_whole(run),
        epoch=None if _whole(run) is None else _whole(epoch),
    )


def rule_on_grid(rule: ThresholdRule, classes: LabelSet) -> ThresholdRule:
    """The rule as the plane shows it: thresholds on its grid, for the classes there are."""
    changed = {
        side: on_grid(getattr(rule, side), classes)
        for side in ("teacher_threshold", "student_threshold")
    }
    return rule.model_copy(update=changed)


def on_grid(value: Any, classes: LabelSet) -> float | dict[str, float]:
    """A threshold on the plane's grid; 0 for what is none.

    By class under the keys of ``classes``, whether keys or names were given; one number where all
    classes share it.
    """
    if isinstance(value, Mapping):
        by_key = {**classes.by_key(value), **_known(value, classes)}
        return simplest({key: _number(by_key.get(key, 0.0)) for key in classes.keys}) or 0.0
    return _number(value)


def simplest(threshold: float | dict[str, float]) -> float | dict[str, float]:
    """One number where all classes share it."""
    if isinstance(threshold, dict) and len(set(threshold.values())) == 1:
        return next(iter(threshold.values()))
    return threshold


def _known(values: Mapping[str, float], classes: LabelSet) -> dict[str, float]:
    by_class = {label.identity: classes.value_of(label, values) for label in classes.labels}
    return {key: value for key, value in by_class.items() if value is not None}


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return 0.0
    clipped = float(min(1.0, max(0.0, value)))
    return max(1, round(clipped * GRID)) / GRID if clipped > 0 else 0.0


def _whole(text: str) -> int | None:
    """A number of a run or epoch, else None. Python reads no number of 5,000 digits."""
    return int(text) if text.isdecimal() and len(text) <= _LONGEST_NUMBER else None


def _written(threshold: float | Mapping[str, float]) -> str:
    if isinstance(threshold, Mapping):
        return json.dumps({name: round(v, 6) for name, v in threshold.items() if v})
    return f"{threshold:g}" if threshold else ""


def _loaded(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
