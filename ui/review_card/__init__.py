"""A card that shows one text after the other and takes single keys as decisions.

A Streamlit component. The browser holds the next texts and shows one at once after each decision;
every press carries the row of the text that was on the screen and a name of its own, and is sent
until the page confirms it. What the page does with a press it must do once, however often it comes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui.review_card.front import CSS, HTML, SCRIPT

NONE, UNDOES = "none", "undo"
_MOST = 5_000
_ID, _TARGET = re.compile(r"[0-9a-f]{20}"), re.compile(r"[0-9a-f]{20}|[0-9a-f]{32}")

# In the page's own tree, not in a shadow of its own: what is read there is the page's text.
_card = st.components.v2.component(
    "llkd_review_card", html=HTML, css=CSS, js=SCRIPT, isolate_styles=False
)


@dataclass(frozen=True)
class Press:
    """One press of a key: on the text of which row, and what it is to do.

    ``id`` is 20 hexadecimal letters, given once. ``action`` is label (with the name that was on the
    screen, and the key of its class where the browser knew it), exclude, none (in an audit: none of
    the classes) or undo (of the act that ``target`` names).
    """

    id: str
    row: int
    action: str
    label: str | None = None
    target: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class Report:
    """What the browser says: which list it shows, at which place, and what waits, oldest first."""

    list: str | None
    at: int
    presses: tuple[Press, ...]


def review_card(
    data: Mapping[str, Any],
    *,
    key: str,
    on_report: Callable[[Report], None],
    on_rest: Callable[[], None],
) -> Report:
    """Show the card and return what the browser says.

    The callbacks run before the page does: ``on_report`` at every press, ``on_rest`` when nothing
    was pressed for a moment and every press is confirmed.
    """

    def reported() -> None:
        on_report(read_report(st.session_state.get(key)))

    _card(
        key=key,
        data=dict(data),
        on_told_change=reported,
        on_rest_change=on_rest,
    )
    return read_report(st.session_state.get(key))


def read_report(state: object) -> Report:
    """What a browser said, which anybody may have made up: what is unsound is left out."""
    reported = state.get("told") if isinstance(state, Mapping) else None
    if not isinstance(reported, Mapping):
        return Report(None, 0, ())
    held = reported.get("presses")
    presses = [_read_press(press) for press in held[:_MOST]] if isinstance(held, list) else []
    shown = reported.get("list")
    return Report(
        shown if isinstance(shown, str) else None,
        _whole(reported.get("at")) or 0,
        tuple(press for press in presses if press is not None),
    )


def _read_press(reported: object) -> Press | None:
    if not isinstance(reported, Mapping):
        return None
    name, row, action = reported.get("id"), _whole(reported.get("row")), reported.get("do")
    if not isinstance(name, str) or not _ID.fullmatch(name) or row is None:
        return None
    label, target = reported.get("label"), reported.get("target")
    if action == "label" and isinstance(label, str):
        key = reported.get("key")
        return Press(name, row, action, label, key=key if isinstance(key, str) else None)
    if action in ("exclude", NONE):
        return Press(name, row, str(action))
    if action == UNDOES and isinstance(target, str) and _TARGET.fullmatch(target):
        return Press(name, row, action, target=target)
    return None


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return None
    return int(value) if 0 <= value < 2**31 else None
