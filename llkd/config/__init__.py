"""Frozen, validated settings: labels, teacher, selection, training.

Unknown keys are refused and a bad value is named with what it was. Each settings object turns into
JSON with ``model_dump(mode="json")`` and back with :func:`build`; that JSON is what runs store.
"""

from __future__ import annotations

from llkd.config.base import Precision, Settings, Share, Unit, build
from llkd.config.class_edits import ClassEdit, edited, entries, exchanged, in_place, renamed
from llkd.config.labels import ClassKey, Label, LabelSet, todays
from llkd.config.selection import SelectionConfig, StrategyName, TrustScore, Weighting
from llkd.config.teacher import (
    DEFAULT_INSTRUCTION,
    DEFAULT_LEAD,
    PLACEHOLDERS,
    Calibration,
    ConfidenceKind,
    ExampleKind,
    OrderConfig,
    Spending,
    TeacherConfig,
    VerbaliserScore,
)
from llkd.config.training import TrainingConfig

__all__ = [
    "Calibration",
    "ClassEdit",
    "ClassKey",
    "ConfidenceKind",
    "DEFAULT_INSTRUCTION",
    "DEFAULT_LEAD",
    "ExampleKind",
    "Label",
    "LabelSet",
    "OrderConfig",
    "PLACEHOLDERS",
    "Precision",
    "SelectionConfig",
    "Settings",
    "Share",
    "Spending",
    "StrategyName",
    "TeacherConfig",
    "TrainingConfig",
    "TrustScore",
    "Unit",
    "VerbaliserScore",
    "Weighting",
    "build",
    "edited",
    "entries",
    "exchanged",
    "in_place",
    "renamed",
    "todays",
]
