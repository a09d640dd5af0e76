"""The table of the rule: at which teachers and pools which strategy trains. Change it here alone.

The first line that fits a project advises. The evidence for each stands in docs/results.md under
"What trains where nobody chooses", which a test holds against this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from llkd.selection.registry import EVERYTHING
from llkd.selection.strategies.neighbours import NEIGHBOURS

ANY = (0.0, float("inf"))
"""No edge: of every size, or every accuracy, also one that is not known."""

LARGE_POOL = 20_000
"""Texts from which on training on all of them takes long enough to be a reason of its own.

Time alone: docs/results.md, "What trains where nobody chooses"."""
LEAST_WITH_CONFIDENCE = 0.9
"""Of the labels; with fewer, strategies that pass over labels without one are not proposed."""


@dataclass(frozen=True)
class Line:
    """What is advised where all its edges hold; each is a pair, from the first up to the second.

    ``accuracy`` of the teacher, ``classes`` and ``texts`` of the pool; ``refined``: only where
    labels are refined, or only where they are not (None: both). ``selection`` and ``training`` are
    settings beside the strategy. ``arms`` are worth comparing. ``reason`` and ``question`` (what
    the comparison answers) are parts of sentences, with ``{texts}``, ``{labels}``, ``{share}``.
    """

    name: str
    strategy: str
    arms: tuple[str, ...]
    reason: str
    question: str
    accuracy: tuple[float, float] = ANY
    classes: tuple[float, float] = ANY
    texts: tuple[float, float] = ANY
    refined: bool | None = None
    selection: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    training: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


SELECTS_FROM, SELECTS_BELOW = 0.4, 0.85
"""Accuracy of refined labels between which chosen ones did as well as all of them or better.

From pools of 1,200 texts whose refined labels were right in 49 to 81 %, and from real students on
fresh texts; at 90 % all did better, and near chance every choice did worse (docs/results.md, same
place)."""
SELECTS_TEXTS = 800
"""The least texts at which real students bore that out."""

TABLE = (
    Line(
        name="large pool",
        texts=(LARGE_POOL, float("inf")),
        strategy=NEIGHBOURS.name,
        arms=(EVERYTHING, NEIGHBOURS.name),
        reason="training on all {texts} {labels} would take long, so those that the most similar "
        "texts bear out train",
        question="whether all {labels} are worth their time",
    ),
    Line(
        name="refined labels",
        accuracy=(SELECTS_FROM, SELECTS_BELOW),
        texts=(SELECTS_TEXTS, float("inf")),
        refined=True,
        strategy=NEIGHBOURS.name,
        arms=(EVERYTHING, NEIGHBOURS.name),
        reason="at such {labels} those that the most similar texts bear out did as well as all of "
        "them or better, in less time, so they train",
        question="whether all {labels} do better",
    ),
    Line(
        name="middling labels",
        accuracy=(SELECTS_FROM, SELECTS_BELOW),
        texts=(SELECTS_TEXTS, float("inf")),
        strategy=EVERYTHING,
        training={"epochs": 1},
        arms=(EVERYTHING, NEIGHBOURS.name),
        reason="no choice of texts is known to do better than all of them at such {labels}, and "
        "further passes over them brought nothing, so all {texts} train once",
        question="whether labels that the most similar texts bear out do better",
    ),
    Line(
        name="otherwise",
        strategy=EVERYTHING,
        arms=(EVERYTHING, NEIGHBOURS.name),
        reason="no choice of texts is known to do better than all of them, so all {texts} {labels} "
        "train",
        question="whether labels that the most similar texts bear out would do, in less time",
    ),
)
"""The last line has no edge, so one always fits."""
