"""Which texts are listed: filters as settings, as part of an address, and as a person types them.

Filters of several kinds must all hold; of the values of one kind any may. One type serves page,
address, command line, Python and saved views.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import quote, unquote

from pydantic import Field, field_validator, model_validator

from llkd.config.base import Settings, build
from llkd.errors import ConfigError, LLKDError, UserError

TEACHER, NOBODY, PERSON = "teacher", "nobody", "@"
"""Who gave a label: the teacher, nobody, or (after the sign) a person of that name."""
MOST_VALUES = 200
LONGEST_ADDRESS = 6000
_DOTS = ".."
_UNQUOTED = "@ !*()'"

Agreement = Literal["agrees", "differs", "unknown"]
YesNo = Literal["yes", "no"]
Part = Literal["pool", "held-out"]


class Range(Settings):
    """Numbers from ``low`` to ``high``, both included; None: no limit on that side."""

    low: float | None = Field(default=None, allow_inf_nan=False)
    high: float | None = Field(default=None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("a range needs a least or a greatest number, such as 0.5.. or ..0.9")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"a range goes upwards, but it was {self.low:g}{_DOTS}{self.high:g}")
        return self

    def __str__(self) -> str:
        """As it is typed: ``0.5..0.8``, ``0.5..``, ``..0.8``."""
        ends = ("" if end is None else repr(end) for end in (self.low, self.high))
        return _DOTS.join(end.removesuffix(".0") for end in ends)


class _Filter(Settings):
    """Values without repeats, in the order in which they were added."""

    @field_validator("values", check_fields=False)
    @classmethod
    def _distinct(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(values))


class AgreementFilter(_Filter):
    """The teacher's label against the student's, or a person's; the label shown against gold."""

    kind: Literal["student", "people", "gold"]
    values: tuple[Agreement, ...] = Field(min_length=1, max_length=MOST_VALUES)


class MarkFilter(_Filter):
    """Whether a text is flagged, noted on, excluded, or its label was changed by refinement."""

    kind: Literal["flag", "note", "excluded", "refined"]
    values: tuple[YesNo, ...] = Field(min_length=1, max_length=MOST_VALUES)


class LabelFilter(_Filter):
    """The label shown (a person's, else the teacher's), by the key of its class."""

    kind: Literal["label"]
    values: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = Field(
        min_length=1, max_length=MOST_VALUES
    )


class AuthorFilter(_Filter):
    """Who gave the label shown: ``teacher``, ``nobody``, or ``@`` and a person's name."""

    kind: Literal["by"]
    values: tuple[Annotated[str, Field(min_length=1, max_length=201)], ...] = Field(
        min_length=1, max_length=MOST_VALUES
    )

    @field_validator("values")
    @classmethod
    def _people(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        signed = (v if v in (TEACHER, NOBODY) or v[:1] == PERSON else PERSON + v for v in values)
        return tuple(dict.fromkeys(signed))


class RangeFilter(_Filter):
    """A number of each text: its signals (0 to 1; disagreement in nats) or its characters."""

    kind: Literal["confidence", "uncertainty", "disagreement", "length"]
    values: tuple[Range, ...] = Field(min_length=1, max_length=MOST_VALUES)


class PartFilter(_Filter):
    """Texts of the pool, or held out to evaluate on."""

    kind: Literal["split"]
    values: tuple[Part, ...] = Field(min_length=1, max_length=MOST_VALUES)


class AdditionFilter(_Filter):
    """With which import a text came: 0 the project's own, 1 the first addition, and so on."""

    kind: Literal["added"]
    values: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=1, max_length=MOST_VALUES)


TextFilter = Annotated[
    AgreementFilter
    | MarkFilter
    | LabelFilter
    | AuthorFilter
    | RangeFilter
    | PartFilter
    | AdditionFilter,
    Field(discriminator="kind"),
]


@dataclass(frozen=True)
class FilterKind:
    """One kind of filter: its type, what people call it, and how a typed value is read."""

    model: type[Any]
    title: str
    read: Callable[[str], Any]
    values: str

    @property
    def options(self) -> tuple[str, ...]:
        """The values there are, where they are few and the same everywhere."""
        return tuple(self.values.split(", ")) if self.read is str and "@" not in self.values else ()


def _range(text: str) -> Range:
    low, dots, high = text.partition(_DOTS)
    if not dots:
        return build(Range, low=_number(low), high=_number(low))
    return build(Range, low=_number(low), high=_number(high))


def _number(text: str) -> float | None:
    text = text.strip()
    if not text:
        return None
    try:
        scale = 0.01 if text.endswith("%") else 1.0
        value = float(text.removesuffix("%")) * scale
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"A range is written as 0.5..0.8, 0.5.. or ..0.8, not {text[:40]!r}.")
    return value


def _whole(text: str) -> int:
    if not (text.isdecimal() and len(text) <= 9):
        raise UserError(f"An addition is a number from 0 (the import), not {text[:40]!r}.")
    return int(text)


_AGREEMENT, _YES_NO = ", ".join(get_args(Agreement)), ", ".join(get_args(YesNo))
_RANGE = "a range such as 0.5..0.8, 0.5.. or ..0.8"
FILTER_KINDS: dict[str, FilterKind] = {
    "label": FilterKind(LabelFilter, "Label", str, "@class"),
    "by": FilterKind(AuthorFilter, "Labelled by", str, "teacher, nobody, @NAME"),
    "student": FilterKind(AgreementFilter, "Teacher against student", str, _AGREEMENT),
    "people": FilterKind(AgreementFilter, "Teacher against people", str, _AGREEMENT),
    "gold": FilterKind(AgreementFilter, "Label against gold", str, _AGREEMENT),
    "confidence": FilterKind(RangeFilter, "Teacher confidence", _range, _RANGE),
    "uncertainty": FilterKind(RangeFilter, "Student uncertainty", _range, _RANGE),
    "disagreement": FilterKind(RangeFilter, "Committee's disagreement", _range, _RANGE),
    "refined": FilterKind(MarkFilter, "Changed by refinement", str, _YES_NO),
    "flag": FilterKind(MarkFilter, "Flag", str, _YES_NO),
    "note": FilterKind(MarkFilter, "Note", str, _YES_NO),
    "excluded": FilterKind(MarkFilter, "Excluded", str, _YES_NO),
    "length": FilterKind(RangeFilter, "Length in characters", _range, "a range such as 10..200"),
    "added": FilterKind(AdditionFilter, "Came with", _whole, "0 (the import), 1, 2 (additions)"),
    "split": FilterKind(PartFilter, "Split", str, ", ".join(get_args(Part))),
}
"""Every kind, in the order in which pages and help list them."""


class TextFilters(Settings):
    """Filters of different kinds, each once. Without any, every text passes."""

    filters: tuple[TextFilter, ...] = ()

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        kinds = [each.kind for each in self.filters]
        if len(set(kinds)) < len(kinds):
            raise ValueError("filters of one kind are one filter with several values")
        return self

    def __bool__(self) -> bool:
        """Whether anything is filtered."""
        return bool(self.filters)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds there are."""
        return tuple(each.kind for each in self.filters)

    def values(self, kind: str) -> tuple[Any, ...]:
        """The values of one kind; none where it is not filtered by."""
        return next((each.values for each in self.filters if each.kind == kind), ())

    def with_values(self, kind: str, values: Iterable[Any]) -> TextFilters:
        """The same with exactly these values of one kind; without any the kind goes.

        Raises ConfigError for a value that the kind does not have.
        """
        wanted = tuple(values)
        new = [] if not wanted else [build(_model(kind), kind=kind, values=wanted)]
        there = [each.kind for each in self.filters]
        if kind not in there:
            return TextFilters(filters=(*self.filters, *new))
        place = there.index(kind)
        return TextFilters(filters=(*self.filters[:place], *new, *self.filters[place + 1 :]))

    def with_value(self, kind: str, value: Any) -> TextFilters:
        """The same with one value more."""
        return self.with_values(kind, (*self.values(kind), value))

    def without(self, kind: str, value: Any) -> TextFilters:
        """The same with one value less."""
        return self.with_values(kind, (each for each in self.values(kind) if each != value))

    def without_kind(self, kind: str) -> TextFilters:
        """The same without any value of one kind."""
        return TextFilters(filters=tuple(each for each in self.filters if each.kind != kind))

    def to_address(self) -> str:
        """As one part of an address; empty without filters."""
        parts = (
            f"{each.kind}=" + ",".join(quote(str(value), safe=_UNQUOTED) for value in each.values)
            for each in self.filters
        )
        return ";".join(parts)

    @classmethod
    def from_address(cls, text: str) -> TextFilters:
        """From an address that anybody may have typed: what makes no sense is left out."""
        filters = cls()
        for part in text[:LONGEST_ADDRESS].split(";"):
            kind, _, written = part.partition("=")
            for value in written.split(",")[:MOST_VALUES]:
                try:
                    filters = filters.with_typed(kind, unquote(value, errors="strict"))
                except (LLKDError, UnicodeDecodeError):
                    continue
        return filters

    def with_typed(self, kind: str, value: str) -> TextFilters:
        """The same with one value more, as a person types it. Raises UserError or ConfigError."""
        if kind not in FILTER_KINDS:
            raise UserError(
                f"There is no filter {kind[:40]!r}. There are: {', '.join(FILTER_KINDS)}."
            )
        of_kind = FILTER_KINDS[kind]
        if of_kind.options and value not in of_kind.options:
            raise UserError(f"The filter {kind} takes {of_kind.values}, not {value[:40]!r}.")
        return self.with_value(kind, of_kind.read(value))


NO_FILTERS = TextFilters()


def read_filters(document: Mapping[str, Any]) -> TextFilters:
    """Filters from their JSON. Raises ConfigError."""
    return build(TextFilters, document)


def _model(kind: str) -> type[Any]:
    if kind not in FILTER_KINDS:
        raise ConfigError(f"There is no filter {kind!r}.")
    return FILTER_KINDS[kind].model
