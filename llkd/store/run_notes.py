"""What a run is called, and what people write of it: titles and notes, as they are stored."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from llkd.config import TrainingConfig
from llkd.errors import UserError
from llkd.selection.registry import label_of

LONGEST_TITLE = 100
LONGEST_NOTE = 2000
JOINERS = "\u200c\u200d"
"""Characters without a picture of their own that some scripts and emoji cannot do without."""


def clean_words(what: str, text: str, longest: int, also: str = "") -> str:
    """A person's words as they are stored. Raises UserError for what cannot be shown."""
    cleaned = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if len(cleaned) > longest or not all(c.isprintable() or c in JOINERS + also for c in cleaned):
        shown = cleaned if len(cleaned) <= 40 else cleaned[:40] + "…"
        raise UserError(
            f"A {what} has at most {longest:,} printable characters, but it was {shown!r}"
            + (f" ({len(cleaned):,} characters)." if len(cleaned) > longest else ".")
        )
    return cleaned


def saved_selection(labels: Mapping[str, Any]) -> str | None:
    """The saved selection that a run's ``labels`` name, with its texts; None where they do not."""
    saved = labels.get("saved")
    if not saved:
        return None
    name, certified = str(saved["name"]), ""
    if saved["view"].get("kind") == "certified" and "certified" not in name:
        certified = ", certified"
    return f"'{name}'{certified} ({saved['texts']:,} texts)"


def usual_name(config: TrainingConfig, labels: Mapping[str, Any]) -> str:
    """What a run without a title is called: the saved selection it trained on, or its strategy."""
    saved = saved_selection(labels)
    if saved is None and config.selection.saved is not None:
        saved = f"'{config.selection.saved}'"
    return label_of(config.selection.strategy) if saved is None else f"trained on {saved}"
