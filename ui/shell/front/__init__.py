"""What the browser's halves of several components share."""

from __future__ import annotations

from pathlib import Path

LEAVING = (Path(__file__).parent / "leaving.js").read_text(encoding="utf-8")
