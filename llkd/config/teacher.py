"""How a teacher is asked: the model, the prompt, its calibration, the money, the order."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from llkd.config.addresses import clean_base_url
from llkd.config.base import Precision, Settings, Unit

Calibration = Literal[
    "none",
    "batch",
    "contextual",
    "none+temperature",
    "batch+temperature",
    "contextual+temperature",
    "fitted",
]
VerbaliserScore = Literal["sum", "mean", "first_token"]
ExampleKind = Literal["none", "fixed", "balanced", "nearest"]
ConfidenceKind = Literal["auto", "logprob", "self_consistency", "verbalized", "none"]

DEFAULT_INSTRUCTION = "Read the text and decide which of these categories it belongs to."
# What begins a local model's answer. A sentence serves a small model better than "Category:" does.
DEFAULT_LEAD = "The category of this text is"
PLACEHOLDERS = ("{labels}", "{descriptions}", "{examples}", "{text}")


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
    def _one_address(cls, value: str | None) -> str | None:
        return None if value is None else clean_base_url(value) or None

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
