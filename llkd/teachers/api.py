"""Any OpenAI-compatible server as a teacher.

Up to 20 classes are lettered, and the first token's ``top_logprobs`` give a score for each; up to
400 are asked in two stages. Where the server gives no logprobs, several answers are drawn and
their votes counted, or the model states its confidence. Every answer is yielded as soon as it is
there. The key comes from OPENAI_API_KEY and goes nowhere but to the server.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ModelError
from llkd.teachers.answering import NO_ANSWER, Answer, Answering
from llkd.teachers.base import CONTENT_FREE, NO_EXAMPLES, FewShot, Floats, Meter, ScoredBatch
from llkd.teachers.chat_server import ChatServer, RequestRefused, open_server
from llkd.teachers.course import HEARTBEAT_SECONDS, IN_A_ROW, Course, Usefulness
from llkd.teachers.options import Questions, shown
from llkd.teachers.retrying import Bounds, Caller, Unavailable, Unmetered, Unreadable


class ApiTeacher:
    """Asks a server, several texts at a time; ``cut`` counts texts shortened so far.

    ``heartbeat`` is called about once a second while :meth:`score` or :meth:`content_free` waits,
    by the thread that called it. What it raises ends the pass after the calls on their way are
    yielded; a consumer that wants to stop does it there, and nothing that was paid is lost.
    """

    def __init__(
        self,
        server: ChatServer,
        labels: LabelSet,
        config: TeacherConfig,
        examples: FewShot = NO_EXAMPLES,
        meter: Meter | None = None,
    ) -> None:
        """``meter`` watches every try of a call. Raises ConfigError for settings that clash."""
        self._server = server
        self._labels = labels
        self._config = config
        self._examples = examples
        self._meter = meter or Unmetered()
        self._bounds = Bounds()
        self._questions = Questions(config, labels, examples)
        self._answering = Answering(self._questions, labels, config)
        self._lock = threading.Lock()
        self._answered = False
        self._useless = 0  # refused or unreadable texts since the last answer
        self._caller = self._new_caller()
        self._usefulness = Usefulness()
        self.cut = 0
        self.heartbeat: Callable[[], None] | None = None

    @property
    def notices(self) -> list[str]:
        """What a person should know about how the server answers, each told once."""
        return [*self._server.remarks, *self._answering.notices.sentences]

    def trust(self) -> None:
        """The pass has usable answers already: texts without one do not end it."""
        self._usefulness.proven = True

    def describe(self) -> dict[str, Any]:
        """Model, server, prompts and rules; never the key."""
        return {
            "kind": "api",
            "model": self._server.model,
            "base_url": self._server.url,
            "prompt": [self._questions.template(q) for q in self._answering.questions],
            "question": self._config.question,
            "classes": self._labels.asked_names,
            "examples": self._examples.identity,
            "max_text_characters": self._questions.longest,
            **self._answering.describe(),
        }

    def score(self, texts: Sequence[str]) -> Iterator[ScoredBatch]:
        """Yield each text's answer as it comes; a failure is raised after what was answered.

        A text that the server failed on is left out, and ModelError says at the end how many
        were; IN_A_ROW of them end the pass.
        """
        todo = iter(enumerate(texts))
        running: set[Future[ScoredBatch]] = set()
        course = Course()
        caller = self._caller = self._new_caller()
        pool = ThreadPoolExecutor(self._config.concurrency, thread_name_prefix="llkd-api")
        try:
            while True:
                while course.failure is None and len(running) < self._config.concurrency:
                    item = next(todo, None)
                    if item is None:
                        break
                    running.add(pool.submit(self._ask, caller, *item))
                if not running or course.over():
                    break
                done, running = wait(running, HEARTBEAT_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    error = future.exception()
                    course.note(error)
                    if error is None:
                        batch = future.result()
                        course.end_with(self._usefulness.note(batch))
                        yield batch
                course.beat(self.heartbeat)
                if course.failure is not None:
                    caller.stop()
        finally:
            caller.end()
            pool.shutdown(wait=False, cancel_futures=True)
        self._answering.finish()
        course.raise_failure()

    def content_free(self) -> Floats | None:
        """Scores of texts without content, where the server gives logprobs; else None.

        Those the server gives no letters for are left out.
        """
        course, caller = Course(), self._new_caller()
        self._caller = caller
        pool = ThreadPoolExecutor(1, thread_name_prefix="llkd-api")
        try:
            # In a thread of its own: a long pause must not keep a job from being stopped.
            found = pool.submit(self._without_content, caller)
            while not wait([found], HEARTBEAT_SECONDS).done and not course.over():
                course.beat(self.heartbeat)
                if course.failure is not None:
                    caller.stop()
        finally:
            caller.end()
            pool.shutdown(wait=False, cancel_futures=True)
        course.raise_failure()
        return found.result()

    def _without_content(self, caller: Caller) -> Floats | None:
        found: list[Floats] = []
        for text in CONTENT_FREE:
            try:
                answer = self._answering.by_logprobs(caller, text, counted=False)
            except (RequestRefused, Unreadable):
                continue
            except Unavailable as error:
                raise ModelError(str(error)) from None
            if answer is None:
                return None
            if answer.scores is not None:
                found.append(answer.scores)
        return np.stack(found) if found else None

    def holds(self, text: str) -> bool:
        """Whether the text is itself an example of the prompt, and so is asked about without it."""
        return self._examples.holds(text)

    def prompt(self, text: str) -> str:
        """The messages as the server gets them; of two stages, the first."""
        return shown(self._questions.sent(self._answering.questions[0], text))

    def close(self) -> None:
        """End pauses and close the connections."""
        self._caller.end()
        self._server.close()

    def _new_caller(self) -> Caller:
        return Caller(
            self._server,
            self._meter,
            self._bounds,
            retries=self._config.retries,
            first_pause=self._config.retry_seconds,
        )

    def _ask(self, caller: Caller, index: int, text: str) -> ScoredBatch:
        with self._lock:
            self.cut += self._questions.shorten(text)[1]
        try:
            answer = self._answering.ask(caller, text)
        except RequestRefused as refusal:
            if self._doubtful() and not self._answers_others(caller):
                raise ModelError(
                    f"The server {self._server.url} refuses the request: {refusal.reason} Check "
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

    def _answers_others(self, caller: Caller) -> bool:
        """Whether the server answers a plain text: then a refusal was about the text itself."""
        sent = self._questions.sent(self._answering.plain, CONTENT_FREE[0])
        try:
            caller.ask(sent, max_tokens=1)
        except RequestRefused:
            return False
        with self._lock:
            self._answered, self._useless = True, 0
        return True

    def _batch(self, index: int, answer: Answer) -> ScoredBatch:
        scores = answer.scores
        if scores is None:
            scores = np.full(len(self._labels.labels), np.nan, dtype=np.float32)
        return ScoredBatch(
            index=np.array([index], dtype=np.int64),
            scores=scores[None],
            answer=np.array([answer.answer], dtype=np.int64),
            source=answer.source,
            raw=[" | ".join(answer.raw)],
            tokens_in=sum(reply.tokens_in or 0 for reply in answer.replies),
            tokens_out=sum(reply.tokens_out or 0 for reply in answer.replies),
        )


def api_teacher(
    config: TeacherConfig,
    labels: LabelSet,
    home: Path,
    examples: FewShot = NO_EXAMPLES,
    meter: Meter | None = None,
) -> ApiTeacher:
    """The teacher ``api:<model>`` at ``config.base_url``.

    Raises ConfigError for a bad URL, one with a password, or settings that clash.
    """
    model = config.teacher.partition(":")[2].strip()
    server = open_server(model, config.base_url or "", config.timeout, home)
    return ApiTeacher(server, labels, config, examples, meter)
