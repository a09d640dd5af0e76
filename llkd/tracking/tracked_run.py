"""What a tracking server is told of a run: settings, metrics by epoch, tags, files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

LONGEST_KEY = 200
LONGEST_VALUE = 500
_ODD = re.compile(r"[^\w.\- /]")
_OF_EPOCHS = (
    *("accuracy", "macro_f1", "ece", "loss", "selected_share", "selected_accuracy"),
    *("mean_information_need", "backpropagated", "skipped_steps", "unique"),
)
_OF_RUN = ("training_seconds", "evaluation_seconds", "logging_seconds")
MOST_CLASSES = 100
"""Classes whose own F1 is told by epoch."""


class Metric(NamedTuple):
    """One figure; ``step`` is the epoch, from 1."""

    key: str
    value: float
    step: int


@dataclass(frozen=True)
class TrackedRun:
    """One run. ``identity`` is equal for the same run of the same home, whenever it is told.

    ``began`` and ``ended`` are seconds since 1970; ``files`` maps paths to words or to files.
    """

    identity: str
    experiment: str
    name: str
    began: float
    ended: float
    params: Mapping[str, str]
    metrics: tuple[Metric, ...]
    tags: Mapping[str, str]
    files: Mapping[str, str | Path] = field(default_factory=dict)


def keys_of(names: Iterable[str]) -> list[str]:
    """Names as a tracking server takes them, each another one."""
    used: set[str] = set()
    keys = []
    for name in names:
        key = plain = _ODD.sub("_", name)[:LONGEST_KEY].strip(" /") or "_"
        number = 2
        while key in used:
            key, number = f"{plain} {number}", number + 1
        used.add(key)
        keys.append(key)
    return keys


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Settings in one level, their names joined by dots, values as words."""
    words: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            words |= flat(value, f"{prefix}{name}.")
        else:
            words[f"{prefix}{name}"] = str(value)[:LONGEST_VALUE]
    return dict(zip(keys_of(words), words.values(), strict=True))


def metrics_of(summary: Mapping[str, Any]) -> tuple[Metric, ...]:
    """Of every epoch its figures and the F1 of each class; of the run its seconds, at the end."""
    metrics = []
    epochs = summary.get("epochs") or []
    for epoch in epochs:
        step = int(epoch["epoch"])
        for name in _OF_EPOCHS:
            if epoch.get(name) is not None:
                metrics.append(Metric(name, float(epoch[name]), step))
        by_class = epoch.get("per_class_f1") or {}
        if len(by_class) <= MOST_CLASSES:
            keys = keys_of(f"f1/{name}" for name in by_class)
            metrics += [
                Metric(key, float(value), step)
                for key, value in zip(keys, by_class.values(), strict=True)
                if value is not None
            ]
    last = int(epochs[-1]["epoch"]) if epochs else 0
    for name in _OF_RUN:
        if summary.get(name) is not None:
            metrics.append(Metric(name, float(summary[name]), last))
    return tuple(metrics)
