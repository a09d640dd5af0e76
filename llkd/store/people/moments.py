"""Moments in words, for sentences about what somebody else did."""

from __future__ import annotations

import time

_STEPS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def ago(moment: float, now: float | None = None) -> str:
    """How long ago a moment (seconds since 1970) was: just now, 2 minutes ago, 3 days ago."""
    seconds = (time.time() if now is None else now) - moment
    for length, name in _STEPS:
        number = int(seconds // length)
        if number >= 1:
            return f"{number:,} {name}{'' if number == 1 else 's'} ago"
    return "just now"
