"""Filters as a person types them: ``KIND=VALUE``, classes by name."""

from __future__ import annotations

from collections.abc import Sequence

from llkd.config.text_filters import TextFilters
from llkd.errors import UserError
from llkd.store import Project


def with_typed_filters(project: Project, filters: TextFilters, typed: Sequence[str]) -> TextFilters:
    """The filters and those that were typed. Raises UserError for what is none."""
    for words in typed:
        kind, sign, value = words.partition("=")
        if not sign:
            raise UserError(
                f"A filter is written as KIND=VALUE, such as student=differs, not {words[:60]!r}."
            )
        filters = filters.with_typed(kind, _key(project, value) if kind == "label" else value)
    return filters


def _key(project: Project, name: str) -> str:
    key = None if project.label_set is None else project.label_set.find_key(name)
    if key is None:
        names = [] if project.label_set is None else project.label_set.names
        there = ", ".join(names) or "none"
        raise UserError(f"There is no class {name[:60]!r}. There are: {there}.")
    return key
