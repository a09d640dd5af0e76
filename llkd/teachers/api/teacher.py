"""Any OpenAI-compatible server as a teacher.

Up to 20 classes are lettered, and the first token's ``top_logprobs`` give a score for each; up to
400 are asked in two stages. Where the server gives no logprobs, several answers are drawn and
their votes counted, or the model states its confidence. Every answer is yielded as soon as it is
there. :mod:`llkd.store.keys.server_keys` says which key the server gets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ModelError
from llkd.teachers.api.answers import NO_ANSWER, Answer
from llkd.teachers.api.chat_server import ChatServer, open_server
from llkd.teachers.api.completions import Reply
from llkd.teachers.api.elicitation import Elicitation
from llkd.teachers.api.names.named_answers import CannotContinue
from llkd.teachers.api.options import Questions, shown
from llkd.teachers.api.retries import Caller, TokenBound
from llkd.teachers.base import CONTENT_FREE, NO_EXAMPLES, FewShot, Meter, ScoredBatch
from llkd.teachers.batch.batch_pass import Batches, BatchPass
from llkd.teachers.batch.batch_server import BatchServer
from llkd.teachers.batch.batch_steps import BatchSteps
from llkd.teachers.batch.callers import Replayer, UnsentRequest, unsent_request
from llkd.teachers.calls import concurrent_pass
from llkd.teachers.calls.metered import Unavailable, Unreadable
from llkd.teachers.calls.server_teacher import ServerTeacher
from llkd.teachers.calls.tries import RequestRefused


class ApiTeacher(ServerTeacher[Caller]):
    """Asks a chat server, several texts at a time."""

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
        self._bounds = TokenBound()
        self._questions = Questions(config, labels, examples)
        self._elicitation = Elicitation(self._questions, labels, config)
        super().__init__(server.url, len(labels.labels), config, examples, meter)
        self.batches: Batches | None = None
        """Set where texts are asked in batches, or an earlier attempt has sent some."""
        self._told_of_batches: list[str] = []
        self._steps: BatchSteps | None = None

    @property
    def notices(self) -> list[str]:
        """What a person should know about how the server answers, each told once."""
        notices = [*self._server.remarks, *self._elicitation.notices.sentences]
        return [*notices, *self._told_of_batches]

    @property
    def status(self) -> str:
        """What is waited for, in a few words; empty where answers come one by one."""
        return "" if self._steps is None else self._steps.status

    def describe(self) -> dict[str, Any]:
        """Model, server, prompts and rules; never the key."""
        return {
            "kind": "api",
            "model": self._server.model,
            "base_url": self._server.url,
            "prompt": [self._questions.template(q) for q in self._elicitation.questions],
            "question": self._config.question,
            "classes": self._labels.asked_names,
            "examples": self._examples.identity,
            "max_text_characters": self._questions.longest,
            **self._elicitation.describe(),
        }

    def score(self, texts: Sequence[str]) -> Iterator[ScoredBatch]:
        """As :meth:`ServerTeacher.score`; at the end it is said what only all texts show."""
        try:
            if self.batches is None:
                yield from super().score(texts)
            else:
                yield from self._in_batches(self.batches, texts)
        finally:
            self._elicitation.finish()

    def try_out(self, text: str) -> tuple[ScoredBatch, float, bool] | None:
        """The answer by first words alone, the probability on the options, whether all are apart.

        None where the server gives no log-probabilities. The text counts for nothing that a pass
        concludes.
        """
        caller = self._caller = self._new_caller()
        work = partial(self._tried_out, caller, text)
        return concurrent_pass.alone(work, caller, lambda: self.heartbeat)

    def _tried_out(self, caller: Caller, text: str) -> tuple[ScoredBatch, float, bool] | None:
        try:
            answer = self._elicitation.by_logprobs(caller, text, counted=False)
        except (RequestRefused, Unreadable) as error:
            answer = Answer([f"{NO_ANSWER} {error}"])
        except CannotContinue as error:
            answer = Answer([f"{NO_ANSWER} {error}"], apart=False)
        except Unavailable as error:
            raise ModelError(str(error)) from None
        if answer is None:
            return None
        return self._batch(0, answer), answer.mass or 0.0, answer.apart

    #: Texts that were asked for this pass before it began, to choose how to ask.
    tried_texts: frozenset[str] = frozenset()

    def note(self, sentence: str) -> None:
        """Tell this among the notices."""
        self._elicitation.notices.add("way of asking", sentence)

    def _in_batches(self, batches: Batches, texts: Sequence[str]) -> Iterator[ScoredBatch]:
        journal, pause = batches.journal, self._config.retry_seconds
        self._steps = BatchSteps(self, BatchServer(self._server), journal, pause)
        work = BatchPass(self, self._steps, journal, batches.ledger, texts, send=batches.send)
        self._told_of_batches = work.notices
        yield from work.answers()

    @property
    def chat(self) -> ChatServer:
        """The server."""
        return self._server

    def new_caller(self) -> Caller:
        """What tries a call until it is answered."""
        return self._new_caller()

    def one_by_one(self, texts: Sequence[str]) -> Iterator[ScoredBatch]:
        """As :meth:`score` without batches."""
        yield from super().score(texts)

    def answered_calls(self) -> int:
        """How many calls of the last pass over texts were answered."""
        return self._caller.answered

    def learn(self) -> None:
        """Ask about a text without content where the way of asking hangs on what the server has."""
        self.try_out(CONTENT_FREE[0])

    def unsent(self, text: str) -> UnsentRequest:
        """The request for a text, as a single call would send it."""
        ask = partial(self._elicitation.ask, text=text)
        return unsent_request(self._server, self._bounds, ask)

    def read_reply(
        self,
        text: str,
        request: dict[str, object],
        outcome: Reply | RequestRefused,
        follow_up: Callable[[], None],
    ) -> ScoredBatch:
        """The answer about a text (index 0) from its reply, by the rules of a single call."""
        with self._lock:  # the server answers others: a refusal is about this text
            self._answered, self._useless = True, 0
        replayer = Replayer(self._new_caller(), self._server, request, outcome, follow_up)
        return self._ask(replayer, 0, text)

    def prompt(self, text: str) -> str:
        """The messages as the server gets them; of two stages, the first."""
        return shown(self._questions.query(self._elicitation.questions[0], text))

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
            concurrency=self._concurrency,
        )

    def _answer(self, caller: Caller, text: str) -> Answer:
        return self._elicitation.ask(caller, text)

    def _free_answer(self, caller: Caller, text: str) -> Answer | None:
        return self._elicitation.by_logprobs(caller, text, counted=False)

    def _ask_plainly(self, caller: Caller) -> None:
        query = self._questions.query(self._elicitation.plain, CONTENT_FREE[0])
        caller.ask(query, max_tokens=1)

    def _shorten(self, text: str) -> tuple[str, bool]:
        return self._questions.shorten(text)


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
