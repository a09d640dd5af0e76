"""The browser's half, as Streamlit takes it: one string of each kind.

The scripts are ES modules of their own, to be read and checked one by one. Components of a project
that is not an installed package are given as text, so their imports are cut and the rest joined.
"""

from __future__ import annotations

import re
from pathlib import Path

from ui.shell.front import LEAVING

_HERE = Path(__file__).parent
# Each after those it imports.
_MODULES = (
    "columns",
    "colours",
    "words",
    "counting",
    "grid",
    "brush",
    "figure",
    "names",
    "gestures",
    "lines",
    "panel",
    "compare",
    "surface",
    "plane",
)


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def joined(modules: tuple[str, ...] = _MODULES) -> str:
    """One module from several: without imports and exports, but for the default one."""
    text = "\n".join([LEAVING, *(_read(f"{name}.js") for name in modules)])
    text = re.sub(r"^import .*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"^export (?!default)", "", text, flags=re.MULTILINE)


SCRIPT = joined()
LINK = _read("link.js")
BITS = _read("bits.js")
HTML = _read("plane.html")
CSS = _read("plane.css")
