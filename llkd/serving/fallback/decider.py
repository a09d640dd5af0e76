"""A student that answers what it is certified for, and asks its teacher about the rest."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

from llkd.serving.fallback.measures import BELOW, STUDENT, TEACHER, WAYS, Costs, Measures, Promise
from llkd.serving.fallback.stream import StreamMonitor
from llkd.serving.fallback.teacher_calls import (
    MOST_WAITING,
    NoTeacherAnswer,
    SentText,
    TeacherAnswer,
    TeacherCalls,
)
from llkd.serving.metrics import Metrics
from llkd.serving.questions import Question, Reply, RequestRefused
from llkd.serving.student_decider import StudentDecider, normalised

BELOW_THRESHOLD = "below threshold"
CLASS_NOT_OFFERED = "class not offered"
"""Why a text is sent on: the student is not sure, or of a class that is no option."""
MOST_IN_LINE = 4096
"""Texts that may wait for room at the teacher; beyond them it is busy."""
Otherwise = Literal["student", "refuse"]
_LOG = logging.getLogger("llkd.serving")


class FallbackDecider:
    """A student in front of a teacher; see :class:`llkd.serving.decider.Decider`.

    A text whose raw confidence reaches the promise's threshold is answered by the student; any
    other is sent to the teacher. Where the teacher has no answer within ``patience`` seconds (it
    failed, its budget is spent, too many wait), the student's own answer goes out, marked
    ``student_below_threshold``; or, with ``otherwise`` ``refuse``, nothing does (503).
    """

    def __init__(
        self,
        student: StudentDecider,
        promise: Promise,
        calls: TeacherCalls,
        *,
        teacher: str,
        costs: Callable[[], Costs],
        kept_counts: Callable[[], tuple[int, bool]] = lambda: (0, False),
        on_close: Callable[[], None] = lambda: None,
        otherwise: Otherwise = "student",
        patience: float = 30.0,
    ) -> None:
        """``teacher`` is what it is called; ``kept_counts``: texts in the inbox, full."""
        self._student, self.promise, self._calls = student, promise, calls
        self.model, self.classes = student.model, student.classes
        self._teacher, self.costs = teacher, costs
        self.kept_counts, self._on_close = kept_counts, on_close
        self._otherwise, self._patience = otherwise, patience
        self.monitor = StreamMonitor(promise.confidences)
        self.counts = dict.fromkeys(WAYS, 0)
        self._refused = 0
        self._room = asyncio.Semaphore(MOST_WAITING)
        self._in_line = 0
        self._measures: Measures | None = None

    def register(self, metrics: Metrics) -> None:
        """Add the counters of this to those of the server."""
        self._measures = Measures(metrics, self)

    @property
    def answered_share(self) -> float:
        """Of the texts so far, those that were refused too, in [0, 1]; 0 before any."""
        return self.counts[STUDENT] / max(1, sum(self.counts.values()) + self._refused)

    @property
    def waiting(self) -> int:
        """Texts that wait for the teacher."""
        return self._in_line

    @property
    def saved(self) -> float | None:
        """What the teacher would have cost for the texts that the student answered itself."""
        per_text = self.costs().per_text
        return None if per_text is None else per_text * self.counts[STUDENT]

    async def start(self) -> None:
        """Begin to take questions."""
        await self._student.start()
        await asyncio.to_thread(self._calls.start)

    async def close(self) -> None:
        """Answer what waits, then stop."""
        await self._student.close()
        await asyncio.to_thread(self._calls.close)
        await asyncio.to_thread(self._on_close)

    def check_room(self) -> None:
        """Raise RequestRefused where nothing more can wait."""
        self._student.check_room()

    async def classify(self, texts: Sequence[str]) -> list[Reply]:
        """A reply over the student's classes for each text."""
        began = time.monotonic()
        return await asyncio.gather(
            *(
                self._answer(text, reply, began, self._sure(reply))
                for text, reply in zip(texts, await self._student.classify(texts), strict=True)
            )
        )

    async def decide(self, text: str, questions: Sequence[Question]) -> list[Reply]:
        """A reply for each question: who answers for the text, restricted to its options.

        Where the class that the student is sure of is not among the options of some question, the
        teacher is asked: nothing is certified of the student's next best.
        """
        began = time.monotonic()
        offered = [self._student.columns_of(question) for question in questions]
        own = (await self._student.classify([text]))[0]
        within = all(own.best in each for each in offered)
        whole = await self._answer(text, own, began, self._sure(own) and within)
        replies = []
        for place, each in enumerate(offered):
            p = whole.probabilities[each]
            replies.append(
                replace(
                    whole,
                    probabilities=normalised(p),
                    tokens=0 if place else whole.tokens,
                    mass=None if len(each) == len(whole.probabilities) else float(p.sum()),
                )
            )
        return replies

    def card(self) -> str:
        """What is promised and who answers the rest, before the student's card."""
        lines = [
            "# A student in front of its teacher",
            "",
            self.promise.sentence,
            "",
            f"Everything else goes to the teacher {self._teacher}. An answer says who gave it; "
            + (
                "where the teacher has none, the student's own goes out, marked "
                f"`{BELOW}`, of which nothing is promised."
                if self._otherwise == "student"
                else "where the teacher has none, none goes out (503)."
            ),
            "",
        ]
        return "\n".join(lines) + "\n" + _without_front_matter(self._student.card())

    def facts(self) -> dict[str, Any]:
        """The student's, and who answered so far."""
        return {
            **self._student.facts(),
            "certificate": self.promise.sentence,
            "answer_threshold": self.promise.threshold,
            "answered": dict(self.counts),
            "teacher": self._teacher,
            "waiting_for_teacher": self.waiting,
            "stream_unlike": self.monitor.unlike,
            "money_spent": self.costs().spent,
            "money_saved": self.saved,
        }

    def _sure(self, reply: Reply) -> bool:
        """Whether the student answers itself; every text counts for the stream."""
        confidence = reply.confidence or 0.0
        change = self.monitor.add(confidence)
        if change is not None:
            _LOG.warning(
                "The last texts are %s (p = %.2g): the certificate %s.",
                "unlike those that certified the student" if change
                else "like those that certified the student again",
                self.monitor.p_value,
                "speaks of other texts" if change else "speaks of such texts",
            )  # fmt: skip
        return confidence >= self.promise.threshold

    async def _answer(self, text: str, own: Reply, began: float, sure: bool) -> Reply:
        if sure:
            self._count(STUDENT, began)
            return replace(own, answered_by=STUDENT)
        try:
            answer = await self._ask(text, own)
        except NoTeacherAnswer as error:
            if self._otherwise == "refuse":
                self._refused += 1
                raise RequestRefused(
                    f"The student is not sure enough of a text, and its teacher has no answer: "
                    f"{_plain(error)}",
                    503,
                    kind="teacher_unavailable",
                    retry_after=5.0,
                ) from None
            self._count(BELOW, began)
            return replace(own, answered_by=BELOW)
        self._count("cache" if answer.cached else TEACHER, began)
        return Reply(answer.probabilities, own.tokens + answer.tokens, None, TEACHER)

    async def _ask(self, text: str, own: Reply) -> TeacherAnswer:
        """The teacher's answer in time. Raises NoTeacherAnswer, counted.

        Before anything is told the text is kept: by the calls with what became of it, else here.
        """
        confidence = own.confidence or 0.0
        reason = BELOW_THRESHOLD if confidence < self.promise.threshold else CLASS_NOT_OFFERED
        sent = SentText(text, own.best, confidence, reason)
        try:
            answer = await self._in_time(sent)
        except NoTeacherAnswer as error:
            if not sent.handed_over or error.reason == "late":
                await asyncio.to_thread(self._calls.keep, sent)
            self._count_refused(error.reason)
            raise
        if not sent.handed_over:
            await asyncio.to_thread(self._calls.keep, sent)
        return answer

    async def _in_time(self, sent: SentText) -> TeacherAnswer:
        if self._in_line >= MOST_IN_LINE:
            raise NoTeacherAnswer("busy", "Too many texts wait for the teacher.")
        self._in_line += 1
        try:
            return await asyncio.wait_for(self._in_turn(sent), self._patience)
        except TimeoutError:
            raise NoTeacherAnswer(
                "late", f"It has not answered within {self._patience:g} seconds."
            ) from None
        finally:
            self._in_line -= 1

    async def _in_turn(self, sent: SentText) -> TeacherAnswer:
        async with self._room:
            waiting = asyncio.wrap_future(self._calls.ask(sent))
            waiting.add_done_callback(_looked_at)
            # Shielded: who gives up takes the answer neither from others nor from the cache.
            return await asyncio.shield(waiting)

    def _count(self, way: str, began: float) -> None:
        self.counts[way] += 1
        if self._measures is not None:
            self._measures.count(way, time.monotonic() - began)

    def _count_refused(self, why: str) -> None:
        if self._measures is not None:
            self._measures.count_unanswered(why)


def _looked_at(future: asyncio.Future[TeacherAnswer]) -> None:
    """An error that comes after everybody left is no error of the event loop."""
    if not future.cancelled():
        future.exception()


def _plain(error: Exception) -> str:
    """A sentence without what a server wrote beyond its first 200 characters."""
    return " ".join(str(error).split())[:200]


def _without_front_matter(card: str) -> str:
    lines = card.splitlines()
    if lines[:1] == ["---"] and "---" in lines[1:]:
        lines = lines[lines.index("---", 1) + 1 :]
    return "\n".join(lines)
