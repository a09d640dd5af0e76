"""What teachers behind servers share, whatever interface the server speaks.

A text is asked about until it is answered, refused or given up; many at a time, as many as the
server bears. A refusal, or a reply that cannot be read, is one text's answer only as long as the
server answers others.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Generic, TypeVar

import numpy as np

from llkd.config import TeacherConfig
from llkd.errors import ModelError
from llkd.teachers.api.answers import NO_ANSWER, Answer
from llkd.teachers.base import CONTENT_FREE, FewShot, Floats, Meter, ScoredBatch
from llkd.teachers.calls import concurrent_pass
from llkd.teachers.calls.concurrency import Concurrency
from llkd.teachers.calls.metered import MeteredCalls, Unavailable, Unmetered, Unreadable
from llkd.teachers.calls.tries import RequestRefused
from llkd.teachers.failures import IN_A_ROW, UsabilityCheck

K = TypeVar("K", bound=MeteredCalls)


class ServerTeacher(ABC, Generic[K]):
    """Asks a server, several texts at a time; ``cut`` counts texts shortened so far.

    ``heartbeat`` is called about once a second while :meth:`score` or :meth:`content_free` waits,
    by the thread that called it. What it raises ends the pass after the calls on their way are
    yielded; a consumer that wants to stop does it there, and nothing that was paid is lost.
    """

    def __init__(
        self, url: str, classes: int, config: TeacherConfig, examples: FewShot, meter: Meter | None
    ) -> None:
        """``url`` is shown in messages; ``meter`` watches every try of a call."""
        self._url = url
        self._classes = classes
        self._config = config
        self._examples = examples
        self._meter = meter or Unmetered()
        self._lock = threading.Lock()
        self._answered = False
        self._useless = 0  # refused or unreadable texts since the last answer
        self._concurrency = Concurrency(config.concurrency)
        self._usability = UsabilityCheck()
        self._caller = self._new_caller()
        self.cut = 0
        self.heartbeat: Callable[[], None] | None = None

    @abstractmethod
    def _new_caller(self) -> K:
        """What makes the calls of one pass over texts."""

    @abstractmethod
    def _answer(self, caller: K, text: str) -> Answer:
        """The answer about one text. Raises what ``MeteredCalls.until_answered`` raises."""

    @abstractmethod
    def _free_answer(self, caller: K, text: str) -> Answer | None:
        """The answer about a text without content; None where its scores make no sense."""

    @abstractmethod
    def _ask_plainly(self, caller: K) -> None:
        """Ask about a harmless text in the plainest way. Raises RequestRefused."""

    @abstractmethod
    def _shorten(self, text: str) -> tuple[str, bool]:
        """A text that is too long without its middle, and whether it was."""

    def trust(self) -> None:
        """The pass has usable answers already: texts without one do not end it."""
        self._usability.proven = True

    def score(self, texts: Sequence[str]) -> Iterator[ScoredBatch]:
        """Yield each text's answer as it comes; a failure is raised after what was answered.

        A text that the server failed on is left out, and ModelError says at the end how many
        were; IN_A_ROW of them end the pass.
        """
        caller = self._caller = self._new_caller()
        yield from concurrent_pass.answers(
            texts,
            partial(self._ask, caller),
            caller,
            self._concurrency,
            self._usability,
            lambda: self.heartbeat,
        )

    def content_free(self) -> Floats | None:
        """Scores of texts without content, where the server gives scores; else None.

        Those the server gives none for are left out.
        """
        caller = self._caller = self._new_caller()
        return concurrent_pass.alone(
            partial(self._without_content, caller), caller, lambda: self.heartbeat
        )

    def _without_content(self, caller: K) -> Floats | None:
        scores: list[Floats] = []
        for text in CONTENT_FREE:
            try:
                answer = self._free_answer(caller, text)
            except (RequestRefused, Unreadable):
                continue
            except Unavailable as error:
                raise ModelError(str(error)) from None
            if answer is None:
                return None
            if answer.scores is not None:
                scores.append(answer.scores)
        return np.stack(scores) if scores else None

    def holds(self, text: str) -> bool:
        """Whether the text is itself an example of the prompt, and so is asked about without it."""
        return self._examples.holds(text)

    def _ask(self, caller: K, index: int, text: str) -> ScoredBatch:
        with self._lock:
            self.cut += self._shorten(text)[1]
        try:
            answer = self._answer(caller, text)
        except RequestRefused as refusal:
            if self._doubtful() and not self._answers_others(caller):
                raise ModelError(
                    f"The server {self._url} refuses the request: {refusal.reason} Check "
                    "the model's name and the settings."
                ) from None
            answer = Answer([f"[refused] {refusal.reason}"])
        except Unreadable as error:
            # Of a server that answers other texts it is this text's; else it is the server's.
            if self._doubtful():
                raise Unavailable(str(error)) from None
            answer = Answer([f"{NO_ANSWER} {error}"])
        else:
            with self._lock:
                self._answered, self._useless = True, 0
        return self._batch(index, answer)

    def _doubtful(self) -> bool:
        """Whether a useless reply may mean that the server answers nothing (any more)."""
        with self._lock:
            self._useless += 1
            return not self._answered or self._useless >= IN_A_ROW

    def _answers_others(self, caller: K) -> bool:
        """Whether the server answers a plain text: then a refusal was about the text itself."""
        try:
            self._ask_plainly(caller)
        except RequestRefused:
            return False
        with self._lock:
            self._answered, self._useless = True, 0
        return True

    def _batch(self, index: int, answer: Answer) -> ScoredBatch:
        scores = answer.scores
        if scores is None:
            scores = np.full(self._classes, np.nan, dtype=np.float32)
        return ScoredBatch(
            index=np.array([index], dtype=np.int64),
            scores=scores[None],
            answer=np.array([answer.answer], dtype=np.int64),
            source=answer.source,
            raw=[" | ".join(answer.raw)],
            tokens_in=sum(reply.tokens_in or 0 for reply in answer.replies),
            tokens_out=sum(reply.tokens_out or 0 for reply in answer.replies),
        )
