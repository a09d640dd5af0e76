"""How a student is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from llkd.config.base import Precision, Settings, Unit, build
from llkd.config.selection import SelectionConfig

USUAL_WINDOW = 64
"""Tokens of a text that a student sees where nobody looked at the texts."""
LONGEST_USUAL_WINDOW = 512
"""The most that is chosen from the lengths of the texts; more is for people to set."""


class TrainingConfig(Settings):
    """How a student is trained.

    ``reference_run`` names the run whose per-step counts the random strategies copy, so that
    samples per step and optimiser steps match. ``max_tokens`` None is chosen from the texts when a
    run is made (``curation.with_window``), ``epochs`` None from strategy and first head
    (``selection.usual_settings``); the settings that a run keeps hold numbers.
    """

    student: str = Field(
        default="embedded", min_length=1, description="embedded, a folder or a hub id"
    )
    selection: SelectionConfig = SelectionConfig()
    reference_run: int | None = Field(
        default=None, description="run whose counts per step a random strategy copies"
    )
    epochs: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="passes over the pool; auto or not set: 1 where a student whose head begins "
        "from the probe learns all labels that similar texts bear out, else 3",
    )
    batch_size: int = Field(default=32, ge=1, le=4096, description="texts per step")
    learning_rate: float = Field(default=1e-4, gt=0.0, le=1.0, description="of the encoder")
    head_learning_rate: float = Field(default=1e-3, gt=0.0, le=1.0, description="of the new head")
    weight_decay: float = Field(default=0.01, ge=0.0, le=1.0, description="of AdamW")
    warmup_share: Unit = Field(default=0.1, description="of the steps, rate rising to its peak")
    max_tokens: int | None = Field(
        default=None,
        ge=4,
        le=8192,
        description="of a text the student sees; auto or not set: from the lengths of the texts",
    )
    max_gradient_norm: float = Field(default=1.0, gt=0.0, description="clips the gradient")
    precision: Precision = Field(default="auto", description="auto, fp32 or bf16")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="of order, head and dropout")
    head_start: Literal["probe", "random"] = Field(
        default="probe",
        description="what the student's head begins as: probe (a logistic regression on the "
        "untrained student's embeddings, fitted to the labels it trains on) or random",
    )
    evaluate_at: Literal["epoch", "end"] = Field(
        default="epoch",
        description="when held-out texts and pool are read: after every epoch, or at the end alone "
        "(shorter, without a course over the epochs; early stopping reads after every epoch)",
    )
    checkpoint_seconds: float = Field(
        default=20.0, ge=0.0, description="least time between checkpoints"
    )
    targets: Literal["hard", "soft"] = Field(
        default="hard", description="hard (the label) or soft (the teacher's probabilities)"
    )
    target_temperature: float = Field(
        default=1.0, gt=0.0, le=100.0, description="of soft targets; above 1 is softer"
    )
    hard_share: Unit = Field(default=0.0, description="of the hard label in a soft target")
    human_weight: float = Field(
        default=1.0, ge=0.0, le=1000.0, description="of texts that a person labelled, in the loss"
    )
    gather: bool = Field(
        default=False, description="collect selected texts until they fill a batch, then step"
    )
    dropout: bool = Field(
        default=True, description="drop values at random in training, as the student is made for"
    )
    workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="processes that train the student together, each on a GPU of its own, without "
        "GPUs on a part of the processors",
    )
    compile: bool = Field(default=False, description="compile the student, on a GPU only")
    early_stopping: Literal["none", "auto"] = Field(
        default="none",
        description="none, or auto: stop when held-out labels are met no better and keep the best",
    )
    patience: int = Field(
        default=2, ge=1, le=1000, description="epochs without a better student before stopping"
    )
    judged_by: Literal["gold", "people", "teacher"] = Field(
        default="gold",
        description="whose labels evaluate the student: gold (of held-out texts), people (the "
        "labels they gave, which then do not train) or teacher (agreement on a tenth of the "
        "texts, which do not train)",
    )

    @field_validator("max_tokens", "epochs", mode="before")
    @classmethod
    def _auto(cls, value: Any) -> Any:
        """``auto``, as commands may say it, is what no number means."""
        return None if value == "auto" else value

    @property
    def window(self) -> int:
        """The tokens of a text that the student sees, the usual ones where none are set."""
        return USUAL_WINDOW if self.max_tokens is None else self.max_tokens


BEFORE_DEFAULTS_AGREED = "llkd"
"""The strategy of stored settings that name none: the default of settings before 0.4."""
BEFORE_HEAD_START = "random"
"""The head of stored settings that name none: every run of before 0.9 began so."""


def stored_training_config(values: Mapping[str, Any]) -> TrainingConfig:
    """The settings that a run or a manifest keeps, also of an older version.

    Raises ConfigError for what no version has written.
    """
    selection = {"strategy": BEFORE_DEFAULTS_AGREED, **(values.get("selection") or {})}
    return build(TrainingConfig, {"head_start": BEFORE_HEAD_START, **values}, selection=selection)
