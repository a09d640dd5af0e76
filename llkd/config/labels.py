"""The classes of a project: names, meanings, and the words that stand for them."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator

from llkd.config.base import Settings, build


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
