"""How a pass over texts goes: what ends it, and whether it yields anything at all."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from llkd.errors import ModelError
from llkd.teachers.api.server_errors import one_line
from llkd.teachers.base import ScoredBatch
from llkd.teachers.calls.metered import Stopped, Unavailable

IN_A_ROW = 3
HEARTBEAT_SECONDS = 1.0
# How long a stopped pass waits for calls on their way: what they answer is paid, so it is kept.
LAST_SECONDS = 20.0
USELESS_TEXTS = 20  # texts without a usable answer, and none with one, that end a pass
SHOWN_ANSWERS = 2


def useless(number: int, answers: list[str]) -> str:
    """The sentence for a pass in which ``number`` texts got no usable answer; shows ``answers``."""
    shown = " and ".join(f"\u201c{one_line(a, 120).rstrip('.')}\u201d" for a in answers)
    return (
        f"None of the {number:,} texts asked about got a usable answer, so no more are asked. "
        f"The answers were, for example, {shown}. Try the question on five texts, and change the "
        "question, the model, or where its confidence comes from."
    )


class UsabilityCheck:
    """Whether any answer was usable; ``proven`` where it is known that some are."""

    def __init__(self) -> None:
        self.proven = False
        self._texts = 0
        self._answers: list[str] = []

    def note(self, batch: ScoredBatch) -> ModelError | None:
        """Count the texts of a batch; the failure that ends the pass once too many were useless."""
        usable = (batch.answer >= 0) | np.isfinite(batch.scores).all(axis=1)
        self.proven = self.proven or bool(usable.any())
        self._texts += len(usable)
        for words in (batch.raw or [])[: SHOWN_ANSWERS - len(self._answers)]:
            self._answers.append(words)
        if self.proven or self._texts < USELESS_TEXTS:
            return None
        return ModelError(useless(self._texts, self._answers))


class FailureTracker:
    """How a pass goes: the failure that ends it, and the texts that the server failed on."""

    def __init__(self) -> None:
        self.failure: BaseException | None = None
        self._left_out = 0
        self._in_a_row = 0
        self._why = ""
        self._beaten = time.monotonic()
        self._end: float | None = None

    def note(self, error: BaseException | None) -> None:
        """A text came back, with this error or none."""
        if error is None:
            self._in_a_row = 0
        elif isinstance(error, Unavailable):
            self._left_out += 1
            self._in_a_row += 1
            self._why = str(error)
            if self._in_a_row >= IN_A_ROW and self.failure is None:
                self.failure = ModelError(
                    f"{self._left_out} texts, {IN_A_ROW} of them in a row, got no answer. "
                    f"{self._why}"
                )
        elif not isinstance(error, Stopped) and self.failure is None:
            self.failure = error

    def end_with(self, failure: BaseException | None) -> None:
        """End the pass with this, where it is one and nothing else has ended it."""
        if self.failure is None:
            self.failure = failure

    def beat(self, heartbeat: Callable[[], None] | None) -> None:
        """Call the heartbeat where it is due; what it raises is the failure."""
        now = time.monotonic()
        if heartbeat is None or self.failure is not None or now - self._beaten < HEARTBEAT_SECONDS:
            return
        self._beaten = now
        try:
            heartbeat()
        except Exception as error:
            self.failure, self._end = error, now + LAST_SECONDS

    def over(self) -> bool:
        """Whether a stopped pass has waited long enough."""
        return self._end is not None and time.monotonic() > self._end

    def raise_failure(self) -> None:
        """Raise what ended the pass, or ModelError where texts were left out."""
        if self.failure is not None:
            raise self.failure
        if self._left_out:
            texts = "1 text" if self._left_out == 1 else f"{self._left_out:,} texts"
            raise ModelError(f"{texts} got no answer. {self._why}")
