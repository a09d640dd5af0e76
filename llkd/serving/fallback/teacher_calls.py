"""A teacher that answers single texts while others wait: threads, one account, nothing paid twice.

Each thread has a teacher of its own and takes whatever waits. What is known is taken from the cache
of answers; a text that is being asked about is not asked about again. An answer is in the cache,
and the text in the project's inbox, before anybody is told.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np

from llkd.errors import BudgetSpent, LLKDError
from llkd.labeling.cached_scoring import LabeledBatch, watch_heartbeat
from llkd.serving.questions import Floats
from llkd.teachers.base import ScoredBatch, Teacher

Refusal = Literal["budget", "failure", "busy", "no_answer", "late"]
BATCH = 16
"""Most texts that a thread takes at once."""
MOST_WAITING = 256
"""Texts that are being asked about, or in the queue for it."""
LONGEST_PAUSE = 60.0
LEAST_SILENCE = 10.0
"""Seconds without any answer after which a teacher hangs, where callers wait no longer."""
CLOSING_SECONDS = 10.0
_LOG = logging.getLogger("llkd.serving")


@dataclass(frozen=True)
class TeacherAnswer:
    """Probabilities ``[C]`` over the student's classes; ``cached`` where it cost nothing now."""

    probabilities: Floats
    tokens: int
    cached: bool


@dataclass
class SentText:
    """A text that is sent on, and what the student said of it: its class index and confidence.

    ``reason``: why it is sent on. ``handed_over``: it waits for its answer and is recorded with
    it. ``in_inbox``: it was recorded.
    """

    text: str
    label: int
    confidence: float
    reason: str
    handed_over: bool = False
    in_inbox: bool = False


class NoTeacherAnswer(LLKDError):
    """The teacher gives no answer now; ``reason`` is a word for metrics, the message for people."""

    def __init__(self, reason: Refusal, sentence: str) -> None:
        super().__init__(sentence)
        self.reason: Refusal = reason


class Stopping(LLKDError):
    """Ends a teacher's work when the server stops."""


Waiting = tuple[SentText, Future[TeacherAnswer]]
Score = Callable[[Teacher, Sequence[str]], Iterator[LabeledBatch]]
"""Asks through the cache of answers."""
Read = Callable[[ScoredBatch, int], Floats | None]
"""From the answer at a place of a batch to probabilities; None where it cannot be used."""
Record = Callable[[SentText, ScoredBatch | None, int], None]
"""Keeps a text with the answer at a place of a batch; None where there is none."""


class TeacherCalls:
    """Asks a teacher about single texts; safe between threads.

    After a failure nothing is asked for a while: 1 s, doubled up to a minute by each further one;
    nor while it has said nothing for ``silence`` seconds about any of the texts that wait.
    """

    def __init__(
        self,
        make: Callable[[], Teacher],
        score: Score,
        read: Read,
        record: Record,
        *,
        workers: int = 1,
        most_waiting: int = MOST_WAITING,
        silence: float = LEAST_SILENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``make`` is called once for each of the ``workers``, by :meth:`prepare`."""
        self._make, self._score, self._read, self._record = make, score, read, record
        self._workers, self._most_waiting, self._clock = workers, most_waiting, clock
        self._silence = silence
        self._last_sign = clock()
        self._silence_logged = False
        self._queue: queue.Queue[Waiting | None] = queue.Queue()
        self._lock = threading.Lock()
        self._flying: dict[str, Waiting] = {}
        self._threads: list[threading.Thread] = []
        self._teachers: list[Teacher] = []
        self._stopping = False
        self._failures = 0
        self._paused_until = float("-inf")
        self.sent = self.cached = 0
        """Texts that the teacher was asked about, and texts that were known."""

    @property
    def waiting(self) -> int:
        """Texts without an answer so far."""
        return len(self._flying)

    def prepare(self) -> None:
        """Make the teachers, once. Raises what making one raises."""
        while len(self._teachers) < self._workers:
            teacher = self._make()
            watch_heartbeat(teacher, self._check)
            self._teachers.append(teacher)

    def start(self) -> None:
        """Begin, with the teachers made. Raises what making one raises."""
        self.prepare()
        for number, teacher in enumerate(self._teachers):
            thread = threading.Thread(
                target=self._work, args=(teacher,), name=f"llkd-teacher-{number}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def ask(self, sent: SentText) -> Future[TeacherAnswer]:
        """The answer to come; it fails with NoTeacherAnswer. Raises that at once where it can.

        A text that another caller waits for is not ``handed_over``: who asked keeps it.
        """
        with self._lock:
            if not self._flying:
                self._last_sign = self._clock()
            silent = self._clock() - self._last_sign
            if silent > self._silence:
                if not self._silence_logged:
                    self._silence_logged = True
                    _LOG.warning("The teacher has said nothing for %.0f s; nobody waits.", silent)
                raise NoTeacherAnswer(
                    "late", f"The teacher has said nothing for {silent:.0f} seconds."
                )
            flying = self._flying.get(sent.text)
            if flying is not None:
                return flying[1]
            if self._stopping or len(self._flying) >= self._most_waiting:
                raise NoTeacherAnswer("busy", "Too many texts wait for the teacher.")
            if self._clock() < self._paused_until:
                raise NoTeacherAnswer("failure", "The teacher failed a moment ago.")
            future: Future[TeacherAnswer] = Future()
            sent.handed_over = True
            self._flying[sent.text] = (sent, future)
            self._queue.put((sent, future))
        return future

    def keep(self, sent: SentText) -> None:
        """Keep a text without an answer; one that cannot be kept is a line in the log."""
        self._keep(sent, None, 0)

    def close(self) -> None:
        """End what is asked: calls in flight are answered and kept, where they come in time."""
        with self._lock:
            self._stopping = True
        for _ in self._threads:
            self._queue.put(None)
        until = time.monotonic() + CLOSING_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        with self._lock:
            left = list(self._flying.values())
        self._fail(left, NoTeacherAnswer("busy", "The server stops."))
        for teacher in self._teachers:
            with suppress(LLKDError, OSError):
                teacher.close()

    def _check(self) -> None:
        if self._stopping:
            raise Stopping("The server stops.")

    def _work(self, teacher: Teacher) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                return
            batch = [first]
            while len(batch) < BATCH:
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
                if item is None:
                    self._queue.put(None)
                    break
                batch.append(item)
            if self._stopping:
                self._fail(batch, NoTeacherAnswer("busy", "The server stops."))
                continue
            self._answer(teacher, batch)

    def _answer(self, teacher: Teacher, batch: list[Waiting]) -> None:
        """Answer a batch; whatever happens, everybody who waits is told."""
        open_places = set(range(len(batch)))
        error: NoTeacherAnswer | None = None
        try:
            answers = self._score(teacher, [sent.text for sent, _ in batch])
            for answered in answers:
                for place, index in enumerate(answered.batch.index.tolist()):
                    if index in open_places:
                        open_places.discard(index)
                        self._settle(batch[index], answered, place)
            with self._lock:
                self._failures = 0
        except BudgetSpent as spent:
            error = NoTeacherAnswer("budget", str(spent))
        except Exception as failure:  # whatever a server or a model can do must not end the thread
            error = NoTeacherAnswer("failure", str(failure) or type(failure).__name__)
            if not isinstance(failure, Stopping):
                self._pause(failure)
        left = [batch[place] for place in sorted(open_places)]
        self._fail(left, error or NoTeacherAnswer("no_answer", "The teacher left the text out."))

    def _settle(self, item: Waiting, answered: LabeledBatch, place: int) -> None:
        sent, future = item
        if answered.cached:
            self.cached += 1
        else:
            self.sent += 1
        probabilities = self._read(answered.batch, place)
        self._keep(sent, answered.batch if probabilities is not None else None, place)
        if probabilities is None:
            self._end(sent, future, NoTeacherAnswer("no_answer", "Its answer names no class."))
            return
        number = max(1, len(answered.batch.index))
        tokens = (answered.batch.tokens_in + answered.batch.tokens_out) // number
        self._end(
            sent,
            future,
            TeacherAnswer(probabilities, 0 if answered.cached else tokens, answered.cached),
        )

    def _fail(self, items: list[Waiting], error: NoTeacherAnswer) -> None:
        for sent, future in items:
            self._keep(sent, None, 0)
            self._end(sent, future, error)

    def _keep(self, sent: SentText, batch: ScoredBatch | None, place: int) -> None:
        if sent.in_inbox and batch is None:
            return
        try:
            self._record(sent, batch, place)
            sent.in_inbox = True
        except LLKDError as error:
            _LOG.warning("A text was not kept for the project: %s", error)

    def _end(
        self, sent: SentText, future: Future[TeacherAnswer], result: TeacherAnswer | NoTeacherAnswer
    ) -> None:
        with self._lock:
            self._flying.pop(sent.text, None)
            self._last_sign, self._silence_logged = self._clock(), False
        if future.cancelled():
            return
        with suppress(Exception):  # cancelled in this very moment
            if isinstance(result, TeacherAnswer):
                future.set_result(result)
            else:
                future.set_exception(result)

    def _pause(self, failure: Exception) -> None:
        with self._lock:
            pause = min(LONGEST_PAUSE, 2.0**self._failures)
            self._failures += 1
            self._paused_until = self._clock() + pause
        _LOG.warning("The teacher failed and is left alone for %.0f s: %s", pause, failure)


def columns(probabilities: Floats, places: np.ndarray) -> Floats:
    """Probabilities of the teacher's classes in the order of the student's."""
    return np.asarray(probabilities, dtype=np.float64)[places]
