"""What all settings share: frozen, unknown keys refused, and one sentence for a bad value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from llkd.errors import ConfigError

Precision = Literal["auto", "fp32", "bf16", "fp16"]
TeacherPrecision = Literal["auto", "fp32", "bf16", "fp16", "int8", "nf4"]
Share = Annotated[float, Field(gt=0.0, le=1.0)]
Unit = Annotated[float, Field(ge=0.0, le=1.0)]


class Settings(BaseModel):
    """Base of all settings: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Document(BaseModel):
    """Base of what is stored or printed as JSON: immutable, and read as any version wrote it.

    A key that an older version did not write has its default; one that this version does not know
    is kept, so that :meth:`document` gives back what was read.
    """

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        """From JSON values. Raises ConfigError naming the key, the rule and the value."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError(_sentence(error)) from None

    def document(self) -> dict[str, Any]:
        """As JSON values, under the keys in which it is stored and printed."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


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
