"""Which texts a training step uses: the strategy and its numbers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from llkd.config.base import Settings, Share, Unit

Weighting = Literal["product", "mean", "none", "softmatch"]
TrustScore = Literal["learning", "right", "need"]
StrategyName = Literal[
    "llkd",
    "fixed",
    "all",
    "random",
    "teacher_then_random",
    "teacher_only",
    "student_only",
    "learnability",
    "small_loss",
    "trust",
    "neighbours",
    "needed_neighbours",
    "saved",
]


class SelectionConfig(Settings):
    """Which texts a training step uses (METHOD section 3 in docs/method.md).

    The thresholds belong to ``fixed``: one number for all classes or one per class name.
    ``share`` belongs to the random strategies when no reference run gives the counts, and to
    ``learnability``, ``trust`` and ``neighbours``, which take 0.2 without it; ``trust_...``
    to ``trust``.
    """

    strategy: StrategyName = "llkd"
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
        description="of the texts, for random strategies, learnability, trust and neighbours",
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
        description="recent batches that learnability, small_loss and trust look back on",
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
    trust_score: TrustScore = Field(
        default="learning",
        description="what trust ranks by: learning (P(right) x loss), right (P(right)) or need "
        "(P(right) x information need)",
    )
    trust_power: float = Field(
        default=1.0,
        ge=0.0,
        le=10.0,
        description="of P(right) in the score of trust; above 1 "
        "takes righter labels, and easier ones",
    )
    trust_evidence: Literal["student", "probe", "both"] = Field(
        default="student",
        description="what trust judges a label by: student (the one in training), probe, or both",
    )
    trust_weight: Literal["none", "right"] = Field(
        default="none", description="of what trust selected in the loss: none, or right (P(right))"
    )
