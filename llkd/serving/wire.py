"""From bytes to checked requests, and from JSON values to the text that they are about."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from llkd.serving.questions import Place, RequestRefused

Content = str | dict[str, Any] | list[Any]
"""Words, or structured data that is read as JSON."""
MOST_OPTIONS = 255
MOST_QUESTIONS = 400


class Wire(BaseModel):
    """Base of what is read: a key that is not known is ignored, as both interfaces ask."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


W = TypeVar("W", bound=Wire)


def parse(body: bytes, kind: type[W]) -> W:
    """A checked request. Raises RequestRefused (422) saying what is wrong and where."""
    try:
        values = from_json(body, allow_inf_nan=False)
    except (ValueError, RecursionError) as error:
        raise RequestRefused(
            f"The body is not JSON: {error}.", place=("body",), kind="json_invalid"
        ) from None
    if not isinstance(values, dict):
        raise RequestRefused(
            "The body must be a JSON object.", place=("body",), kind="model_attributes_type"
        )
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        sentence = first["msg"].removeprefix("Value error, ")
        raise RequestRefused(
            f"{where}: {sentence}." if where else f"{sentence}.",
            place=("body", *first["loc"]),
            kind=first["type"],
        ) from None
    except RecursionError:
        raise RequestRefused("The body is nested too deeply.", place=("body",)) from None


def words_of(content: Content | None) -> str:
    """The words of an instruction or a description; structured data as compact JSON."""
    if content is None:
        return ""
    return content if isinstance(content, str) else as_json(content)


def text_of(state: Content) -> str:
    """The text that a state is: itself, the only string of an object, or compact JSON."""
    if isinstance(state, str):
        return state
    if isinstance(state, dict) and len(state) == 1:
        only = next(iter(state.values()))
        if isinstance(only, str):
            return only
    return as_json(state)


def as_json(value: Any) -> str:
    """Compact JSON, as written by any program."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise RequestRefused("The body is nested too deeply.", place=("body",)) from None


def check_length(text: str, longest: int, place: Place) -> None:
    """Raise RequestRefused (413) for a text of more than ``longest`` characters."""
    if len(text) > longest:
        raise RequestRefused(
            f"A text has {len(text):,} characters; at most {longest:,} are taken. Send its "
            "beginning: a student reads only so many tokens anyway.",
            413,
            place,
            "too_large",
        )


def without_surrogates(text: str) -> str:
    """The text as Unicode: a lone surrogate, which no tokenizer takes, becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")
