"""Frozen, validated settings: labels, teacher, selection, training.

Unknown keys are refused and a bad value is named with what it was. Each settings object turns into
JSON with ``model_dump(mode="json")`` and back with :func:`build`; that JSON is what runs store.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from llkd.errors import ConfigError

Calibration = Literal[
    "none",
    "batch",
    "contextual",
    "none+temperature",
    "batch+temperature",
    "contextual+temperature",
]
VerbaliserScore = Literal["sum", "mean", "first_token"]
Weighting = Literal["product", "mean", "none", "softmatch"]
TrustScore = Literal["learning", "right", "need"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
ExampleKind = Literal["none", "fixed", "balanced", "nearest"]
ConfidenceKind = Literal["auto", "logprob", "self_consistency", "verbalized", "none"]
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
Share = Annotated[float, Field(gt=0.0, le=1.0)]
Unit = Annotated[float, Field(ge=0.0, le=1.0)]

DEFAULT_INSTRUCTION = "Read the text and decide which of these categories it belongs to."
# What begins a local model's answer. A sentence serves a small model better than "Category:" does.
DEFAULT_LEAD = "The category of this text is"
PLACEHOLDERS = ("{labels}", "{descriptions}", "{examples}", "{text}")


class Settings(BaseModel):
    """Base of all settings: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Label(Settings):
    """One class: its name, what it means, and the words that stand for it in a prompt."""

    name: str = Field(min_length=1, max_length=200)
    description: str = Field(default="", max_length=2000)
    verbaliser: str = Field(default="", max_length=200, description="Empty means the name itself.")

    @field_validator("name", "description", "verbaliser", mode="before")
    @classmethod
    def _strip(cls, value: Any) -> Any:
        return value.strip() if isinstance(value, str) else value

    @property
    def words(self) -> str:
        """The words that stand for the class in a prompt."""
        return self.verbaliser or self.name


class LabelSet(Settings):
    """The classes of a project, in a fixed order; class k of every array is ``labels[k]``."""

    labels: tuple[Label, ...]

    @model_validator(mode="after")
    def _check(self) -> LabelSet:
        if len(self.labels) < 2:
            raise ValueError(
                f"a label set needs at least two classes, but this one has {len(self.labels)}. "
                "Add another class name"
            )
        for what, values in (("name", self.names), ("verbaliser", self.verbalisers)):
            folded = [value.casefold() for value in values]
            twice = sorted({v for v, f in zip(values, folded, strict=True) if folded.count(f) > 1})
            if twice:
                raise ValueError(f"each class needs its own {what}, but {twice[0]!r} stands twice")
        return self

    @property
    def names(self) -> list[str]:
        """Class names in order."""
        return [label.name for label in self.labels]

    @property
    def verbalisers(self) -> list[str]:
        """The words that stand for each class, in order."""
        return [label.words for label in self.labels]

    @classmethod
    def of(cls, names: list[str]) -> LabelSet:
        """Build a label set from bare class names."""
        return build(cls, labels=[{"name": name} for name in names])


class TeacherConfig(Settings):
    """Who labels, and how the question is put.

    ``teacher`` is ``embedded``, ``local:<folder or hub id>``, ``api:<model>`` or
    ``file:<path>`` (labels that another tool made).
    """

    teacher: str = Field(default="embedded", description="embedded, local:X, api:X or file:X")
    base_url: str | None = Field(default=None, description="of an OpenAI-compatible server")
    instruction: str = Field(
        default=DEFAULT_INSTRUCTION,
        min_length=1,
        max_length=8000,
        description="what the teacher is asked to do; {labels}, {descriptions} and {examples} "
        "stand for the classes and the examples, which else follow it",
    )
    question: str = Field(
        default="{text}", max_length=8000, description="how a text is put; holds {text} once"
    )
    lead: str = Field(
        default=DEFAULT_LEAD, max_length=1000, description="begins a local model's answer"
    )
    examples: ExampleKind = Field(
        default="none",
        description="few-shot examples: none, fixed, balanced (of all classes) or nearest texts",
    )
    example_count: int = Field(default=8, ge=1, le=64, description="few-shot examples in a prompt")
    example_source: Literal["human", "gold"] = Field(
        default="human", description="whose labels the examples carry: human or gold (pool only)"
    )
    verbaliser_score: VerbaliserScore = Field(
        default="sum", description="how tokens of a class name count: sum, mean, first_token"
    )
    max_text_tokens: int = Field(
        default=256, ge=8, le=8192, description="longer texts are cut in the middle"
    )
    precision: Precision = Field(default="auto", description="auto, fp32, bf16 or fp16")
    text_column: str | None = Field(default=None, description="of a file of labels [found]")
    label_column: str | None = Field(default=None, description="of a file of labels [found]")
    confidence_column: str | None = Field(default=None, description="of a file of labels [found]")
    concurrency: int = Field(default=4, ge=1, le=64, description="API requests at a time")
    confidence: ConfidenceKind = Field(
        default="auto",
        description="where an API's confidence comes from: auto, logprob, self_consistency, "
        "verbalized, none",
    )
    samples: int = Field(
        default=5, ge=1, le=50, description="API answers drawn for self_consistency"
    )
    timeout: float = Field(default=120.0, gt=0, le=3600, description="seconds an API answer takes")
    retries: int = Field(default=6, ge=0, le=20, description="further tries of a failed API call")
    retry_seconds: float = Field(
        default=0.5, gt=0, le=60, description="first pause before another try; it doubles"
    )

    @field_validator("teacher")
    @classmethod
    def _kind(cls, value: str) -> str:
        kind, colon, name = value.partition(":")
        if value == "embedded" or (kind in {"local", "api", "file"} and colon and name.strip()):
            return value
        raise ValueError(
            "a teacher is 'embedded', 'local:<folder or hub id>', 'api:<model>' or "
            f"'file:<path>', but it was {value!r}"
        )

    @field_validator("question")
    @classmethod
    def _holds_the_text(cls, value: str) -> str:
        if value.count("{text}") != 1:
            raise ValueError("the question holds {text} exactly once: there the text is put in")
        return value

    @field_validator("instruction", "lead")
    @classmethod
    def _holds_no_text(cls, value: str) -> str:
        if "{text}" in value:
            raise ValueError("{text} belongs into the question, not into the instruction or lead")
        return value

    @field_validator("base_url")
    @classmethod
    def _without_secrets(cls, value: str | None) -> str | None:
        # It stands in the arguments of jobs, which any process list shows.
        if value is not None and any(mark in value for mark in "@?#"):
            raise ValueError(
                "a base URL holds no user name, password or '@' and ends with its path, for "
                "example http://127.0.0.1:8000/v1. Set OPENAI_API_KEY to the key"
            )
        return value

    @model_validator(mode="after")
    def _api_needs_url(self) -> TeacherConfig:
        if self.teacher.startswith("api:") and not self.base_url:
            raise ValueError(
                "an API teacher needs a base URL, for example --base-url http://127.0.0.1:8000/v1"
            )
        return self


class Spending(Settings):
    """What a teacher's calls cost and how much may be spent on one pass, all attempts together.

    Prices are per million tokens, in any one currency.
    """

    price_in: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="price of a million tokens read by the teacher",
    )
    price_out: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="price of a million tokens written by the teacher",
    )
    budget: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="money that may be spent on this pass; never exceeded",
    )
    calls: int | None = Field(
        default=None,
        ge=1,
        description="API calls that may be used for this pass (refused ones cost none); never "
        "exceeded",
    )

    @model_validator(mode="after")
    def _budget_needs_prices(self) -> Spending:
        if self.budget is not None and (self.price_in is None or self.price_out is None):
            raise ValueError(
                "a budget needs the prices of a million tokens read and written, for example "
                "--price-in 0.15 --price-out 0.60"
            )
        return self


class OrderConfig(Settings):
    """In which order texts go to the teacher.

    ``need`` labels in rounds: after each one the probe scores the texts not yet labelled, and the
    next are those with the greatest information need, a share of them drawn at random.
    """

    order: Literal["random", "need"] = Field(
        default="random", description="which texts come first: random, or need (in rounds)"
    )
    rounds: int = Field(default=8, ge=2, le=100, description="rounds of the order 'need'")
    explore: Unit = Field(default=0.2, description="share of a round that is drawn at random")


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


class TrainingConfig(Settings):
    """How a student is trained.

    ``reference_run`` names the run whose per-step counts the random strategies copy, so that
    samples per step and optimiser steps match.
    """

    student: str = Field(
        default="embedded", min_length=1, description="embedded, a folder or a hub id"
    )
    selection: SelectionConfig = SelectionConfig()
    reference_run: int | None = Field(
        default=None, description="run whose counts per step a random strategy copies"
    )
    epochs: int = Field(default=3, ge=1, le=1000, description="passes over the pool")
    batch_size: int = Field(default=32, ge=1, le=4096, description="texts per step")
    learning_rate: float = Field(default=1e-4, gt=0.0, le=1.0, description="of the encoder")
    head_learning_rate: float = Field(default=1e-3, gt=0.0, le=1.0, description="of the new head")
    weight_decay: float = Field(default=0.01, ge=0.0, le=1.0, description="of AdamW")
    warmup_share: Unit = Field(default=0.1, description="of the steps, rate rising to its peak")
    max_tokens: int = Field(default=64, ge=4, le=8192, description="of a text the student sees")
    max_gradient_norm: float = Field(default=1.0, gt=0.0, description="clips the gradient")
    precision: Precision = Field(default="auto", description="auto, fp32 or bf16")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="of order, head and dropout")
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
        description="whose labels judge the student: gold (of held-out texts), people (the labels "
        "they gave, which then do not train) or teacher (agreement on a tenth of the texts, which "
        "do not train)",
    )

    @model_validator(mode="after")
    def _strategy_has_what_it_needs(self) -> TrainingConfig:
        chosen = self.selection
        if chosen.strategy == "saved" and chosen.saved is None:
            raise ValueError(
                "the strategy 'saved' needs the name of a selection that was saved on Curate"
            )
        if chosen.strategy in {"random", "teacher_then_random"}:
            if chosen.share is None and self.reference_run is None:
                raise ValueError(
                    f"the strategy {chosen.strategy!r} needs a share (0 to 1) or a reference run "
                    "whose share it copies"
                )
        return self


S = TypeVar("S", bound=Settings)


def build(kind: type[S], /, *args: Mapping[str, Any], **values: Any) -> S:
    """Make settings of ``kind``, turning a validation error into one sentence.

    Raises ConfigError naming the setting, the rule and the value.
    """
    merged: dict[str, Any] = {}
    for mapping in args:
        merged.update(mapping)
    merged.update(values)
    try:
        return kind.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"] if not str(part).startswith("function"))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        return f"Unknown setting {where!r}."
    if first["type"] == "value_error":
        return message[:1].upper() + message[1:] + "."
    shown = repr(first.get("input"))
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    return f"Setting {where!r}: {message[:1].lower() + message[1:]}, but it was {shown}."
