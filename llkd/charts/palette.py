"""The Okabe-Ito palette, told apart with any colour vision, and what each colour stands for.

Kept is blue, not kept grey, wrong vermillion on every page; class k keeps its colour by index.
"""

from __future__ import annotations

KEPT_COLOUR = "#0072B2"
NOT_KEPT = "#999999"
WRONG = "#D55E00"
RIGHT = "#009E73"

# The colours that mean nothing else come first, so that few classes never look like a verdict.
_CLASSES = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#F0E442", "#0072B2", "#D55E00", "#8C8C8C")
_SHADES = (1.0, 0.62, 0.8, 0.45)


def class_colour(k: int) -> str:
    """Hex colour of class ``k``: eight colours, then darker shades of the same eight."""
    colour = _CLASSES[k % len(_CLASSES)]
    shade = _SHADES[(k // len(_CLASSES)) % len(_SHADES)]
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(part * shade):02X}" for part in parts)


def class_colours(n: int) -> list[str]:
    """Hex colours of ``n`` classes in order."""
    return [class_colour(k) for k in range(n)]
