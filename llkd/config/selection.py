"""Which texts a training step uses: the strategy and its numbers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from llkd.config.base import Settings, Share, Unit

Weighting = Literal["product", "mean", "none", "softmatch"]
TrustScore = Literal["learning", "right", "need"]
AUTO_STRATEGY = "auto"
"""What stands for the strategy where nobody names one, on the pages, in commands and in settings.

It is resolved when a run is made, by ``llkd.evaluation.advice``; no run keeps it.
"""


class RetiredSelectionSettings(Settings):
    """Settings of ``trust``, a strategy of before 0.4 that trains no more.

    Runs of that time keep them, and refuse no key that they were stored with.
    """

    trust_score: TrustScore = "learning"
    trust_power: float = Field(default=1.0, ge=0.0, le=10.0)
    trust_evidence: Literal["student", "probe", "both"] = "student"
    trust_weight: Literal["none", "right"] = "none"


RETIRED_SETTINGS = frozenset(RetiredSelectionSettings.model_fields)


class SelectionConfig(RetiredSelectionSettings):
    """Which texts a training step uses (METHOD section 3 in docs/method.md).

    ``strategy`` is a name of ``llkd.selection.registry``, which says what each strategy needs and
    takes, and checks it (``check_strategy``): settings lie below the strategies; ``auto`` is what
    the advice for the project says when a run is made. Thresholds are one number for all classes or
    one per class name. Without a ``share`` the random strategies take the counts of a reference
    run, and others their own default.
    """

    strategy: str = Field(default=AUTO_STRATEGY, min_length=1, max_length=64)
    momentum: float = Field(
        default=0.9, ge=0.0, lt=1.0, description="of the moving thresholds; nearer 1 is slower"
    )
    teacher_scale: float = Field(
        default=1.0, ge=0.0, le=10.0, description="below 1 keeps more, above 1 less"
    )
    student_scale: float = Field(
        default=1.0, ge=0.0, le=10.0, description="below 1 keeps more, above 1 less"
    )
    class_specific: bool = True
    class_shrinkage: float = Field(
        default=0.0,
        ge=0.0,
        le=1e6,
        description="in texts: pull of a class's threshold to the common one; 0 is none",
    )
    weighting: Weighting = Field(
        default="product",
        description="of selected texts in the loss: product, mean, none, softmatch",
    )
    target_rate: Share | None = Field(default=None, description="share to select, by steering")
    teacher_threshold: Unit | dict[str, Unit] = 0.0
    student_threshold: Unit | dict[str, Unit] = 0.0
    share: Share | None = Field(
        default=None,
        description="of each batch, for strategies that take a share",
    )
    saved: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="name of a selection saved in the app, for the strategy saved",
    )
    half_life: float | None = Field(
        default=None, gt=0.0, le=1e6, description="of the moving averages in steps, for momentum"
    )
    window: int = Field(
        default=20,
        ge=1,
        le=1000,
        description="recent batches that learnability looks back on",
    )
    vote_damping: Unit | None = Field(
        default=None,
        description="of the share of a class that its neighbours' votes are divided by: 1 in full, "
        "0 not at all; by default 0.5",
    )
    warmup_steps: int = Field(
        default=0, ge=0, le=10**6, description="first steps, which train on every text"
    )
    score_every: int = Field(
        default=1,
        ge=1,
        le=10**6,
        description="steps for which the student's answer to a text is kept before it is asked "
        "again",
    )
