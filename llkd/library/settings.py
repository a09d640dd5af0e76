"""Further settings of a call, sorted into the objects that hold them; unknown ones are named."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from llkd.config import Settings
from llkd.errors import ConfigError


def sorted_settings(
    call: str, settings: Mapping[str, Any], kinds: Iterable[type[Settings]], own: Iterable[str]
) -> list[dict[str, Any]]:
    """The settings of each kind. ``own`` are arguments of the call itself, for the hint.

    Raises ConfigError for one that no kind has.
    """
    kinds = list(kinds)
    fields = [set(kind.model_fields) for kind in kinds]
    known = set().union(*fields)
    for name in settings:
        if name not in known:
            close = difflib.get_close_matches(name, [*known, *own], n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ConfigError(
                f"{call}() has no setting {name!r}.{hint} Its settings are "
                f"{', '.join(sorted(known | set(own)))}."
            )
    return [{name: settings[name] for name in settings if name in mine} for mine in fields]
