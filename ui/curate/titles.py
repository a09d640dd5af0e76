"""What lists of texts are called: the only titles that an address may name."""

from __future__ import annotations

from collections.abc import Sequence

from llkd.curation import cartography
from ui.shell.wording import shortened

NEAREST, UNDONE, LINKED = "nearest in meaning", "just undone", "texts of a link"
AROUND = "around the dot"
SPLIT = "texts of a class that was split"
LIKELY = "texts that could be of a new class"
MARKED = "marked on the map"
PARTS = {"first": "Only in the first", "both": "In both", "other": "Only in the second"}
CELLS = ("taught as", "truly")
_LONGEST_NAME = 30
_PLAIN = {
    NEAREST,
    UNDONE,
    LINKED,
    MARKED,
    AROUND,
    SPLIT,
    LIKELY,
    *cartography.REGIONS,
    *(t.lower() for t in PARTS.values()),
}


def cell(whose: str, known: str, answer: str) -> str:
    """Texts of one class that the student takes for another; ``whose`` is one of CELLS."""
    return f"{whose} {_short(known)}, student says {_short(answer)}"


def is_title(text: str, names: Sequence[str]) -> bool:
    """Whether a list of a project with these classes may be called so."""
    if text in _PLAIN:
        return True
    short = {_short(name) for name in names}
    return any(
        text.removeprefix(start) in short
        for whose in CELLS
        for name in short
        if text.startswith(start := f"{whose} {name}, student says ")
    )


def _short(name: str) -> str:
    return shortened(name, _LONGEST_NAME)
