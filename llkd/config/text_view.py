"""A way to look at the texts of a project: filters, words and the order, as a view is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self, get_args

from pydantic import Field

from llkd.config.base import Settings, build
from llkd.config.text_filters import NO_FILTERS, TextFilters

Order = Literal[
    "row", "random", "text", "label", "by", "gold", "confidence", "uncertainty", "student",
    "disagreement", "length", "flag", "note", "why", "meaning",
]  # fmt: skip
"""What the whole list can be sorted by; ``row`` is the order of the data."""
ORDERS: tuple[str, ...] = get_args(Order)
LONGEST_WORDS = 1000
ADDRESS = ("filter", "words", "like", "sort")
"""The parts of an address that :meth:`TextView.to_address` writes."""


class TextView(Settings):
    """Which texts are listed, and in which order.

    ``words`` as ``curation.word_query`` reads it. With a ``meaning`` those texts are listed that
    are nearest to it, of those that pass the rest; the order ``meaning`` has the nearest first.
    """

    filters: TextFilters = NO_FILTERS
    words: str = Field(default="", max_length=LONGEST_WORDS)
    meaning: str = Field(default="", max_length=LONGEST_WORDS)
    order: Order = "row"
    descending: bool = False

    @property
    def narrows(self) -> bool:
        """Whether any text may be left out."""
        return bool(self.filters or self.words.strip() or self.meaning.strip())

    def changed(self, **values: Any) -> TextView:
        """The same with these fields set, which are known to be good."""
        return self.model_copy(update=values)

    def to_address(self) -> dict[str, str]:
        """As parts of an address; what is at its default is left out."""
        sort = "" if self.order == "row" and not self.descending else self.order
        parts = {
            "filter": self.filters.to_address(),
            "words": self.words,
            "like": self.meaning,
            "sort": f"-{sort}" if self.descending else sort,
        }
        return {name: value for name, value in parts.items() if value}

    @classmethod
    def from_address(cls, parts: Mapping[str, str]) -> Self:
        """From an address that anybody may have typed: what makes no sense is left out."""
        sort = parts.get("sort", "")
        order = sort.removeprefix("-")
        return cls(
            filters=TextFilters.from_address(parts.get("filter", "")),
            words=parts.get("words", "")[:LONGEST_WORDS],
            meaning=parts.get("like", "")[:LONGEST_WORDS],
            order=order if order in ORDERS else "row",  # type: ignore[arg-type]
            descending=sort.startswith("-") and order in ORDERS,
        )


EVERY_TEXT = TextView()


def read_view(document: Mapping[str, Any]) -> TextView:
    """A view from its JSON, as it was saved. Raises ConfigError."""
    return build(TextView, document)
