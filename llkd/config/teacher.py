"""How a teacher is asked: the model, the prompt, its calibration, the money, the order."""

from __future__ import annotations

import csv
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from llkd.config.addresses import clean_base_url
from llkd.config.base import Settings, TeacherPrecision, Unit

Calibration = Literal[
    "none",
    "batch",
    "contextual",
    "none+temperature",
    "batch+temperature",
    "contextual+temperature",
    "fitted",
    "none+refined",
    "batch+refined",
    "contextual+refined",
    "none+temperature+refined",
    "batch+temperature+refined",
    "contextual+temperature+refined",
    "fitted+refined",
]
VerbaliserScore = Literal["sum", "mean", "first_token"]
ExampleKind = Literal["none", "fixed", "balanced", "nearest"]
MemberWeights = Literal["equal", "fitted"]
ConfidenceKind = Literal["auto", "logprob", "self_consistency", "verbalized", "none"]
AskKind = Literal["auto", "letters", "names", "prefilled"]

USUAL_MEMBERS = ("similarity", "embedded")

DEFAULT_INSTRUCTION = "Read the text and decide which of these categories it belongs to."
# What begins a local model's answer. A sentence serves a small model better than "Category:" does.
DEFAULT_LEAD = "The category of this text is"
PLACEHOLDERS = ("{labels}", "{descriptions}", "{examples}", "{text}")


class TeacherConfig(Settings):
    """Who labels, and how the question is put.

    ``teacher`` is a kind of ``teachers.registry.TEACHERS`` with its argument: ``embedded``,
    ``api:<model>``.
    """

    teacher: str = Field(default="embedded", description="who labels: a kind, and its argument")
    members: tuple[str, ...] = Field(
        default=USUAL_MEMBERS,
        min_length=2,
        max_length=8,
        description="of a committee, with commas between them: teachers, or the numbers of "
        "labelling runs",
    )
    weights: MemberWeights = Field(
        default="equal", description="of a committee's members: equal, or fitted to known classes"
    )
    base_url: str | None = Field(
        default=None, description="of the server that the teacher is behind"
    )
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
    lead: str = Field(default=DEFAULT_LEAD, max_length=1000, description="begins a model's answer")
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
    precision: TeacherPrecision = Field(
        default="auto",
        description="auto, fp32, bf16 or fp16; int8 or nf4 for weights of 8 or 4 bits",
    )
    text_column: str | None = Field(default=None, description="of a file of labels [found]")
    label_column: str | None = Field(default=None, description="of a file of labels [found]")
    confidence_column: str | None = Field(default=None, description="of a file of labels [found]")
    concurrency: int = Field(
        default=16,
        ge=1,
        le=64,
        description="most API requests at a time; fewer where the server bears fewer",
    )
    confidence: ConfidenceKind = Field(
        default="auto",
        description="where an API's confidence comes from: auto, logprob, self_consistency, "
        "verbalized, none",
    )
    ask: AskKind = Field(
        default="auto",
        description="what an API's log-probabilities are read of: letters, names, prefilled (names "
        "behind a begun answer), auto (what a few texts speak for)",
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
    def _kind_and_argument(cls, value: str) -> str:
        """Whether there is such a kind, and what it needs, is known to ``teachers.registry``."""
        kind, colon, argument = value.partition(":")
        if not kind.isidentifier() or (colon and not argument.strip()):
            raise ValueError(
                "a teacher is the name of a kind, and what it needs after a colon, such as "
                f"'embedded' or 'local:<folder or hub id>', but it was {value!r}"
            )
        return value

    @field_validator("members", mode="before")
    @classmethod
    def _one_by_one(cls, value: Any) -> Any:
        """From one line with commas between them, as it is typed; numbers as words."""
        if isinstance(value, str):
            value = next(csv.reader([value], skipinitialspace=True), [])
        if isinstance(value, list | tuple):
            value = [str(member).strip() for member in value]
            twice = [member for member in value if value.count(member) > 1]
            if twice:
                raise ValueError(f"a committee has each member once, but {twice[0]!r} stands twice")
        return value

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
    def _one_address(cls, value: str | None) -> str | None:
        return None if value is None else clean_base_url(value) or None


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

    batch_discount: float = Field(
        default=0.5,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="share of the price that a call in a batch is cheaper by",
    )

    @model_validator(mode="after")
    def _budget_needs_prices(self) -> Spending:
        if self.budget is not None and (self.price_in is None or self.price_out is None):
            raise ValueError(
                "a budget needs the prices of a million tokens read and written, for example "
                "--price-in 0.15 --price-out 0.60 (of a decision model --price-in alone)"
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
