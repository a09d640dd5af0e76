r"""JSON values in the form in which PostgreSQL's jsonb gives back exactly what was stored.

jsonb forgets the order of an object's keys, writes 1e16 as a whole number, and has no word for NaN,
the infinities, -0.0, NUL characters and half surrogate pairs. What it would lose is said beside
it, under keys that begin with ``~``; everything else stands there as it is, so that SQL reads it:

    {"~number": "nan"}                           a number, as Python writes it
    {"~text": "a\\u0000b"}                       a text, as JSON writes it between quotes
    {"run": 3, "kind": "x", "~order": [1, 0]}    kind came first: where each key stands in jsonb

A key that begins with ``~`` itself gets one more, and one with characters that jsonb refuses is
``~`` and the key as JSON.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

MARK, NUMBER, TEXT, ORDER = "~", "~number", "~text", "~order"
_REFUSED = re.compile("[\0\ud800-\udfff]")
_WHOLE_FROM = 1e16
"""From here on Python writes a float with an exponent, and jsonb without."""


def encoded(value: Any) -> Any:
    """A JSON value as it is handed to jsonb; :func:`decoded` gives back the same."""
    if isinstance(value, str):
        return {TEXT: json.dumps(value)[1:-1]} if _REFUSED.search(value) else value
    if isinstance(value, float):
        plain = abs(value) < _WHOLE_FROM and not (value == 0 and math.copysign(1, value) < 0)
        return value if plain else {NUMBER: float.__repr__(value)}
    if isinstance(value, dict):
        return _object(value)
    return [encoded(item) for item in value] if isinstance(value, list | tuple) else value


def decoded(value: Any) -> Any:
    """What was handed to :func:`encoded`. Raises ValueError for a mark that says nothing."""
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and NUMBER in value:
        return float(value[NUMBER])
    if len(value) == 1 and TEXT in value:
        return json.loads(f'"{value[TEXT]}"')
    items = [(_key_of(key), decoded(item)) for key, item in value.items() if key != ORDER]
    order = value.get(ORDER)
    if isinstance(order, list) and sorted(order) == list(range(len(items))):
        items = [items[place] for place in order]  # else somebody added a key by SQL
    return dict(items)


def _object(value: dict[Any, Any]) -> dict[str, Any]:
    keys = [_stored_key(key) for key in value]
    document = {key: encoded(item) for key, item in zip(keys, value.values(), strict=True)}
    order = _places(list(document))
    return document if order is None else {**document, ORDER: order}


def _places(keys: Sequence[str]) -> list[int] | None:
    """Where each key stands in jsonb's order (shorter first, then by bytes); None: as it is."""
    written = [key.encode() for key in keys]
    stored = sorted(range(len(keys)), key=lambda place: (len(written[place]), written[place]))
    if stored == list(range(len(keys))):
        return None
    places = [0] * len(keys)
    for place, key in enumerate(stored):
        places[key] = place
    return places


def _stored_key(key: Any) -> str:
    if not isinstance(key, str):
        (key,) = json.loads(json.dumps({key: None}))  # as JSON writes a number as a key
    if _REFUSED.search(key):
        return MARK + json.dumps(key)
    return MARK + key if key.startswith(MARK) else key


def _key_of(stored: str) -> str:
    if stored.startswith(MARK + '"'):
        return str(json.loads(stored[1:]))
    return stored[1:] if stored.startswith(MARK + MARK) else stored
