"""The present moment as a database keeps it."""

import time


def present() -> float:
    """Seconds since 1970 in UTC, to the microsecond: what is read again is equal to it."""
    return round(time.time() * 1e6) / 1e6
