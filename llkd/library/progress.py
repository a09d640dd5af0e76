"""Bars in a script or a notebook, or nothing, as a call wishes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from llkd.jobs.progress import Progress, ProgressBars, SilentProgress


@contextmanager
def shown_progress(progress: bool) -> Iterator[Progress]:
    """What a workflow tells its progress to; bars are closed at the end, however it ends."""
    if not progress:
        yield SilentProgress()
        return
    with ProgressBars(leave=False) as bars:
        yield bars
