"""A decision server as a teacher: one call a text, a probability for every class.

Up to MOST_OPTIONS classes are the options of one question; more are asked in two stages, first for
a group of classes. A server that takes fewer options says so, and is then asked in two stages from
fewer on. Whatever a server says of its ``confidence`` is not used: each computes another one.
"""

from __future__ import annotations

import json
import threading
from functools import partial
from pathlib import Path
from typing import Any

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ConfigError, ModelError
from llkd.teachers.api import two_stage
from llkd.teachers.api.answers import NO_ANSWER, Answer
from llkd.teachers.api.chat_server import open_client
from llkd.teachers.api.notices import Notices
from llkd.teachers.api.server_errors import one_line
from llkd.teachers.base import CONTENT_FREE, NO_EXAMPLES, FewShot, Floats, Meter, ScoredBatch
from llkd.teachers.calls import concurrent_pass
from llkd.teachers.calls.metered import Unavailable, Unreadable
from llkd.teachers.calls.server_teacher import ServerTeacher
from llkd.teachers.calls.tries import RequestRefused
from llkd.teachers.decisions.calls import DecisionCalls, TokenBound
from llkd.teachers.decisions.probabilities import Scored, scored
from llkd.teachers.decisions.questions import MOST_OPTIONS, DecisionQuestions, Option
from llkd.teachers.decisions.server import (
    DecisionServer,
    Interface,
    NoInterface,
    TooManyOptions,
    base_of,
    sentence_of,
)
from llkd.teachers.decisions.wire import DecisionReply

# Tried in turn where a server says that there are too many options, but not how many it takes.
FEWER = (208, 128, 64, 26, 10)


class DecisionTeacher(ServerTeacher[DecisionCalls]):
    """Asks a decision server, several texts at a time."""

    def __init__(
        self,
        server: DecisionServer,
        labels: LabelSet,
        config: TeacherConfig,
        examples: FewShot = NO_EXAMPLES,
        meter: Meter | None = None,
    ) -> None:
        """``meter`` watches every try of a call. Raises ConfigError for too many classes."""
        classes = len(labels.labels)
        if classes > MOST_OPTIONS**2:
            raise ConfigError(
                f"A decision model takes up to {MOST_OPTIONS**2:,} classes, but there are "
                f"{classes:,}."
            )
        self._server = server
        self._labels = labels
        self._questions = DecisionQuestions(config, labels, examples)
        self._bounds = TokenBound()
        self._notices = Notices()
        self._options_lock = threading.Lock()
        self._most_options = MOST_OPTIONS
        super().__init__(server.url, classes, config, examples, meter)

    @property
    def notices(self) -> list[str]:
        """What a person should know about how the server answers, each told once."""
        return [*self._server.remarks, *self._notices.sentences]

    def describe(self) -> dict[str, Any]:
        """Model, server, question and rules; never the key."""
        return {
            "kind": self._server.interface.name,
            "model": self._server.model,
            "base_url": self._server.url,
            "prompt": self._questions.template(),
            "question": self._config.question,
            "classes": self._labels.asked_names,
            "options": [[option.name, option.description] for option in self._questions.options()],
            "most_options": MOST_OPTIONS,
            "examples": self._examples.identity,
            "max_text_characters": self._questions.longest,
            "rules": 1,
        }

    def prompt(self, text: str) -> str:
        """The request as the server gets it; of two stages, the first."""
        key, options = self._first()
        body = self._server.body(self._questions.about(key, options, text))
        return json.dumps(body, ensure_ascii=False, indent=2)

    def close(self) -> None:
        """End pauses and close the connections."""
        self._caller.end()
        self._server.close()

    def tried(self, text: str) -> ScoredBatch | None:
        """The answer about one text; None where the server does not answer in this interface.

        A body that cannot be read may have been paid, so it is not asked for again. Raises
        ModelError where the server cannot be reached, or takes no request at all.
        """
        caller = self._caller = self._new_caller(reread=False)
        return concurrent_pass.alone(
            partial(self._try_out, caller, text), caller, lambda: self.heartbeat
        )

    def _try_out(self, caller: DecisionCalls, text: str) -> ScoredBatch | None:
        try:
            return self._batch(0, self._answer(caller, text))
        except (NoInterface, Unreadable):
            return None
        except Unavailable as error:
            raise ModelError(str(error)) from None
        except RequestRefused as refusal:
            # Of this text, or of every request: then it is not the interface of this model.
            try:
                self._ask_plainly(caller)
            except (NoInterface, Unreadable, RequestRefused):
                return None
            return self._batch(0, Answer([f"[refused] {refusal.reason}"]))

    def _new_caller(self, *, reread: bool = True) -> DecisionCalls:
        return DecisionCalls(
            self._server,
            self._meter,
            self._bounds,
            retries=self._config.retries,
            first_pause=self._config.retry_seconds,
            concurrency=self._concurrency,
            reread=reread,
        )

    def _answer(self, caller: DecisionCalls, text: str) -> Answer:
        while True:
            most = self._most_options
            try:
                if self._classes <= most:
                    return self._one_stage(caller, text)
                return self._two_stages(caller, text, most)
            except TooManyOptions as refusal:
                self._take_fewer(most, refusal)

    def _free_answer(self, caller: DecisionCalls, text: str) -> Answer | None:
        return self._answer(caller, text)

    def _ask_plainly(self, caller: DecisionCalls) -> None:
        self._answer(caller, CONTENT_FREE[0])

    def _shorten(self, text: str) -> tuple[str, bool]:
        return self._questions.shorten(text)

    def _first(self) -> tuple[str, tuple[Option, ...]]:
        """The options of the first question about a text, and their name."""
        most = self._most_options
        if self._classes <= most:
            return "classes", self._questions.options()
        return f"groups of {most}", self._questions.groups(two_stage.split(self._classes, most))

    def _take_fewer(self, most: int, refusal: TooManyOptions) -> None:
        """Ask with fewer options from now on. Raises the refusal where that cannot be."""
        with self._options_lock:
            if self._most_options < most:
                return  # another text has found out
            sizes = min(most, self._classes)
            fewer = refusal.most or next((size for size in FEWER if size < sizes), 0)
            if fewer >= sizes or fewer**2 < self._classes:
                raise refusal
            self._most_options = fewer
        self._notices.add(
            "options",
            f"The server takes {fewer} options in a question, so the {self._classes} classes are "
            "asked in two stages: first for a group of classes, then for a class of it.",
        )

    def _one_stage(self, caller: DecisionCalls, text: str) -> Answer:
        reply = self._reply_to(caller, "classes", self._questions.options(), text)
        names = self._questions.names
        result = scored(reply, names)
        if reply.refusal is not None or (result.scores is None and result.choice < 0):
            return Answer([_unread(reply, result)], [reply])
        words = " ".join([names[result.choice], *result.remarks])
        if result.scores is None:
            self._notices.add(
                "no probabilities",
                "The server names a class and gives no probabilities, so its answers have no "
                "confidence.",
            )
            return Answer([f"{words} [no probabilities]"], [reply], answer=result.choice)
        return Answer([words], [reply], scores=result.scores, source="probability")

    def _two_stages(self, caller: DecisionCalls, text: str, most: int) -> Answer:
        groups = two_stage.split(self._classes, most)
        options = self._questions.groups(groups)
        names = [option.name for option in options]
        reply = self._reply_to(caller, f"groups of {most}", options, text)
        outer = scored(reply, names)
        replies, raw = [reply], [" ".join([names[outer.choice], *outer.remarks])]
        if reply.refusal is not None or outer.scores is None:
            return Answer([_unread(reply, outer)], replies)
        inside: dict[int, Floats] = {}
        for g in two_stage.to_open(outer.scores):
            key = f"group {g + 1} of {most}"
            reply = self._reply_to(caller, key, self._questions.options(groups[g]), text)
            members = [self._questions.names[k] for k in groups[g]]
            inner = scored(reply, members)
            replies.append(reply)
            if reply.refusal is not None or inner.scores is None:
                raw.append(f"in {names[g]}: {_unread(reply, inner)}")
                if not inside:  # the best group: what the others hold would be a guess
                    return Answer(raw, replies)
                continue
            inside[g] = inner.scores
            raw.append(f"in {names[g]}: {' '.join([members[inner.choice], *inner.remarks])}")
        scores = two_stage.combine(groups, outer.scores, inside)
        return Answer(raw, replies, scores=scores, source="probability")

    def _reply_to(
        self, caller: DecisionCalls, key: str, options: tuple[Option, ...], text: str
    ) -> DecisionReply:
        reply = caller.ask(self._questions.about(key, options, text))
        if reply.model is not None and reply.model != self._server.model:
            self._notices.add(
                f"model {reply.model}",
                f"Asked for the model {self._server.model!r}, the server answers as "
                f"{one_line(reply.model, 80).rstrip('.')!r}.",
            )
        return reply


def _unread(reply: DecisionReply, result: Scored) -> str:
    """Why an answer cannot be used, and what it named."""
    if reply.refusal is not None:
        return f"{NO_ANSWER} refused: {sentence_of(reply)}"
    if result.choice >= 0:
        return f"{NO_ANSWER} it gave no probabilities"
    named = "" if reply.choice is None else f" [choice: {one_line(str(reply.choice), 60)}]"
    return f"{NO_ANSWER} {result.why}{named}"


def decision_teacher(
    interface: Interface,
    config: TeacherConfig,
    labels: LabelSet,
    home: Path,
    examples: FewShot = NO_EXAMPLES,
    meter: Meter | None = None,
) -> DecisionTeacher:
    """The teacher of this interface at ``config.base_url``.

    Raises ConfigError for a bad URL, or too many classes.
    """
    model = config.teacher.partition(":")[2].strip()
    base_url = base_of(config.base_url or "")
    client, connection = open_client(base_url, config.timeout, home)
    server = DecisionServer(client, interface, model, base_url, config.timeout, connection)
    return DecisionTeacher(server, labels, config, examples, meter)
