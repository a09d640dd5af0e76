"""Frozen, validated settings: labels, teacher, selection, training.

Unknown keys are refused and a bad value is named with what it was. Each settings object turns into
JSON with ``model_dump(mode="json")`` and back with :func:`build`; that JSON is what runs store.
"""

from __future__ import annotations

from llkd.config.base import Document, Precision, Settings, Share, Unit, build
from llkd.config.class_edits import ClassEdit, edited, entries, exchanged, in_place, renamed
from llkd.config.executor import ON_THIS_MACHINE, ExecutorConfig
from llkd.config.labels import ClassKey, Label, LabelSet, todays
from llkd.config.selection import (
    AUTO_STRATEGY,
    RETIRED_SETTINGS,
    SelectionConfig,
    Weighting,
)
from llkd.config.teacher import (
    DEFAULT_INSTRUCTION,
    DEFAULT_LEAD,
    PLACEHOLDERS,
    USUAL_MEMBERS,
    Calibration,
    ConfidenceKind,
    ExampleKind,
    OrderConfig,
    Spending,
    TeacherConfig,
    VerbaliserScore,
)
from llkd.config.training import (
    BEFORE_HEAD_START,
    LONGEST_USUAL_WINDOW,
    USUAL_WINDOW,
    TrainingConfig,
    stored_training_config,
)

__all__ = [
    "AUTO_STRATEGY",
    "BEFORE_HEAD_START",
    "Calibration",
    "ClassEdit",
    "ClassKey",
    "ConfidenceKind",
    "DEFAULT_INSTRUCTION",
    "DEFAULT_LEAD",
    "Document",
    "ExampleKind",
    "ExecutorConfig",
    "Label",
    "LONGEST_USUAL_WINDOW",
    "LabelSet",
    "ON_THIS_MACHINE",
    "OrderConfig",
    "PLACEHOLDERS",
    "Precision",
    "RETIRED_SETTINGS",
    "SelectionConfig",
    "Settings",
    "Share",
    "Spending",
    "TeacherConfig",
    "TrainingConfig",
    "USUAL_MEMBERS",
    "USUAL_WINDOW",
    "Unit",
    "VerbaliserScore",
    "Weighting",
    "build",
    "edited",
    "entries",
    "exchanged",
    "in_place",
    "renamed",
    "stored_training_config",
    "todays",
]
