"""The browser's half of the card, as Streamlit takes it: one string of each kind."""

from __future__ import annotations

import re
from pathlib import Path

from ui.shell.front import LEAVING

_HERE = Path(__file__).parent
# Each after those it imports.
_MODULES = ("queue", "keys", "audit", "texts", "card")


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _joined() -> str:
    text = "\n".join([LEAVING, *(_read(f"{name}.js") for name in _MODULES)])
    text = re.sub(r"^import .*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"^export (?!default)", "", text, flags=re.MULTILINE)


SCRIPT = _joined()
HTML = _read("card.html")
CSS = _read("card.css")
