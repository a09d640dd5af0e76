"""How long work tells how far it is, and learns that it is to stop, with or without a job.

Workflows take a :class:`Progress`. In a job it is the job's (``running.JobContext``); in a script
or a notebook it is :class:`ProgressBars`, which Ctrl-C ends as it ends any Python program; where
nobody looks it is :class:`SilentProgress`.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from llkd.jobs.locks import AtHome

Part = tuple[int, int, str]
"""Which part (from 0) of how many equal ones, and its name."""


class Progress(Protocol):
    """What a workflow needs of whoever runs it."""

    facts: dict[str, Any]
    """What :meth:`remember` kept, in a job also that of its earlier attempts."""

    @property
    def job_id(self) -> int | None:
        """The number of the job that this work is; None where it is none."""

    def remember(self, **facts: Any) -> None:
        """Keep facts (JSON) that a resumed attempt needs, such as which run it works on."""

    def begin(self, done: int, total: int) -> None:
        """Say how much there is, and how much of it earlier attempts have done."""

    def begin_part(self, part: int, parts: int, name: str) -> None:
        """From now on progress is that of one of ``parts`` equal parts (from 0), and named so."""

    def progress(
        self, done: int, total: int | None = None, message: str = "", always: bool = False
    ) -> None:
        """Tell how far the work is; ``always``: also where it was told a moment ago."""

    def should_stop(self) -> bool:
        """Whether a person asked the work to stop."""

    def check(self) -> None:
        """Raise JobCancelled where a person asked the work to stop."""


def within(
    part: Part | None, done: int, total: int | None, message: str
) -> tuple[int, int | None, str]:
    """Done, total and message of the whole, from those of a part; unchanged without parts."""
    if part is None:
        return done, total, message
    number, parts, name = part
    message = f"{name}, {message}" if message else name
    if total is None:
        return done, None, message
    return number * total + done, parts * total, message


@contextmanager
def work_folder(store: AtHome, progress: Progress) -> Iterator[Path]:
    """A folder for what attempts share, such as the account of calls: the job's, which stays.

    Without a job there is no second attempt, and the folder goes when the work ends.
    """
    if progress.job_id is not None:
        yield store.home.job(progress.job_id)
        return
    with tempfile.TemporaryDirectory(prefix="llkd-work-") as folder:
        yield Path(folder)


class SilentProgress:
    """Shows nothing and is never asked to stop; remembers for as long as it lives."""

    job_id: int | None = None

    def __init__(self) -> None:
        """Nothing is remembered yet: use one for each piece of work."""
        self.facts: dict[str, Any] = {}

    def remember(self, **facts: Any) -> None:
        """Keep facts until the work ends."""
        self.facts.update(facts)

    def begin(self, done: int, total: int) -> None:
        """Nobody counts."""

    def begin_part(self, part: int, parts: int, name: str) -> None:
        """Nobody counts."""

    def progress(
        self, done: int, total: int | None = None, message: str = "", always: bool = False
    ) -> None:
        """Nobody looks."""

    def should_stop(self) -> bool:
        """Nobody stops it."""
        return False

    def check(self) -> None:
        """Nobody stops it."""


class Bar:
    """One tqdm bar at a time on standard error, or as a widget in a notebook."""

    def __init__(self, leave: bool = False) -> None:
        """``leave``: finished bars stay to be read."""
        self._leave = leave
        self._bar: Any = None

    def show(self, done: int, total: int | None, message: str) -> None:
        """Show ``done`` of ``total``; another total is another bar."""
        if self._bar is None or (total is not None and self._bar.total != total):
            self.close()
            self._bar = _tqdm()(total=total, initial=done, leave=self._leave, dynamic_ncols=True)
        self._bar.set_description_str(message, refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """End the bar; the next call of :meth:`show` opens a new one."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class ProgressBars(SilentProgress):
    """Progress bars for a script or a notebook. A context manager: it closes its bar at the end.

    No signal handler is set: Ctrl-C is a KeyboardInterrupt, and what was done until then is kept.
    """

    def __init__(self, leave: bool = True) -> None:
        """``leave``: finished bars stay to be read."""
        super().__init__()
        self._bar = Bar(leave)
        self._part: Part | None = None

    def __enter__(self) -> Self:
        """This."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the bar, however the work ended."""
        self._bar.close()

    def begin(self, done: int, total: int) -> None:
        """Open a bar."""
        self.progress(done, total)

    def begin_part(self, part: int, parts: int, name: str) -> None:
        """The bar is that of the whole, and names the part."""
        self._part = (part, parts, name)

    def progress(
        self, done: int, total: int | None = None, message: str = "", always: bool = False
    ) -> None:
        """Move the bar."""
        self._bar.show(*within(self._part, done, total, message))


def _tqdm() -> Any:
    with warnings.catch_warnings():
        # A notebook without ipywidgets gets a bar of characters, which is all it can show.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm
    return tqdm
