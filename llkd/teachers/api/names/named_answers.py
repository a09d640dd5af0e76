"""Classes asked for by name: the listed words that begin their names score them.

Names that go on from the same token are told apart by a further question, whose answer is begun
with that token, where the server goes on from a begun answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from llkd.errors import ModelError
from llkd.teachers.api.answers import Answer, reply_words
from llkd.teachers.api.completions import Reply
from llkd.teachers.api.first_words import FirstWords
from llkd.teachers.api.names.prefill import Prefill, without_beginning
from llkd.teachers.api.names.tokens import (
    MOST_PARTS,
    Begun,
    Reading,
    behind_a_space,
    class_scores,
    forms_of,
    read_names,
)
from llkd.teachers.api.notices import Notices
from llkd.teachers.api.options import Question, Questions
from llkd.teachers.api.replies import SPACES
from llkd.teachers.api.retries import Caller, Query
from llkd.teachers.api.two_stage import MOST_OPENED, OPENED_SHARE
from llkd.teachers.base import CONTENT_FREE

LISTED_NAMES = (1000, 20, 5)
"""How many words to have listed: what servers list is 20 by the interface, and more in some."""


class CannotContinue(ModelError):
    """The server does not go on from a begun answer, and this way of asking begins them."""


@dataclass
class _TextState:
    """What was asked about one text so far."""

    query: Query
    replies: list[Reply] = field(default_factory=list)
    shut: list[Begun] = field(default_factory=list)


class NamedAnswers:
    """Asks for classes by name; safe to use from several threads."""

    def __init__(
        self,
        questions: Questions,
        question: Question,
        names: list[str],
        first_words: FirstWords,
        notices: Notices,
        lead: str,
    ) -> None:
        """``lead`` is the beginning of each answer; empty: answers are not begun."""
        self._questions = questions
        self._question = question
        self._names = names
        # Behind a begun answer a name comes as it is written, as on this machine.
        self._forms = {k: (n,) for k, n in enumerate(names)} if lead else forms_of(names)
        self._first = first_words
        self._notices = notices
        self._lead = lead
        self._prefill = Prefill(lead)

    def ask(self, caller: Caller, text: str) -> Answer | None:
        """The answer about one text; None where the server lists no words.

        Raises what ``Caller.ask`` raises, and CannotContinue where answers are to be begun and the
        server does not go on from them.
        """
        if self._lead and not self._continues(caller):
            raise CannotContinue(
                "The server does not go on from a begun answer, which this way of asking needs. "
                "Choose to ask by names or by letters (--ask names, --ask letters)."
            )
        state = _TextState(self._questions.query(self._question, text))
        reading = self._read(caller, state, self._lead, self._forms)
        if reading is None:
            return None
        first = state.replies[0]
        if first.refused or not reading.mass:
            return Answer([reply_words(first)], state.replies, mass=reading.mass)
        mass = reading.mass
        reading = self._opened(caller, state, reading, self._lead, MOST_PARTS)
        scores, missing = class_scores(reading, len(self._names))
        shut = {self._names[k] for begun in state.shut for k in begun.forms}
        raw = [without_beginning(first.text, self._lead).strip() or first.text]
        raw[0] += f" [names: {math.floor(100 * mass)} %]"
        if missing:
            raw[0] += f" [not listed: {', '.join(self._names[k] for k in missing)}]"
        if shut:
            raw[0] += f" [not told apart: {', '.join(sorted(shut))}]"
        return Answer(raw, state.replies, scores=scores, source="logprob", mass=mass,
                      apart=not self._shut_matters(state, mass))  # fmt: skip

    def _continues(self, caller: Caller) -> bool:
        return self._prefill.continues(
            caller, self._questions.query(self._question, CONTENT_FREE[0])
        )

    def _read(
        self, caller: Caller, state: _TextState, begun: str, forms: Mapping[int, tuple[str, ...]]
    ) -> Reading | None:
        """What the words that may follow ``begun`` say of the classes in ``forms``."""
        query = state.query
        options: dict[str, Any] = {}
        if begun:
            query, options = self._prefill.begun(query, begun)
        reply = self._first.ask(caller, query, begun=bool(begun), **options)
        if reply is None:
            return None
        state.replies.append(reply)
        listed = reply.first if begun else reply.listed
        if begun and begun == self._lead and listed:
            listed = behind_a_space(listed)
        return read_names([] if reply.refused else listed or [], forms)

    def _opened(
        self, caller: Caller, state: _TextState, reading: Reading, begun: str, parts: int
    ) -> Reading:
        """The reading with its shared tokens told apart, as far as they weigh something."""
        if not reading.shared:
            return reading
        logs = {k: [value] for k, value in reading.logs.items()}
        mass, closed = reading.mass, []
        by_weight = sorted(reading.shared, key=lambda each: -each.log)
        for place, each in enumerate(by_weight):
            weighs = place < MOST_OPENED and math.exp(each.log) >= OPENED_SHARE * mass
            inner = None
            if weighs and parts > 1 and self._continues(caller):
                inner = self._inside(caller, state, each, begun, parts - 1)
            if inner is None:
                closed.append(each)
                if weighs:
                    state.shut.append(each)
                continue
            for k, value in inner.items():
                logs.setdefault(k, []).append(each.log + value)
        sums = {k: float(np.logaddexp.reduce(values)) for k, values in logs.items()}
        return Reading(sums, tuple(closed), reading.least)

    def _inside(
        self, caller: Caller, state: _TextState, each: Begun, begun: str, parts: int
    ) -> dict[int, float] | None:
        """Each class's ln P(class | token), of those that go on from it; None where none is listed.

        Only their own shares count: what else might follow must not weigh one token against
        another.
        """
        further = begun + _as_written(each.token, begun, first=begun == self._lead)
        reading = self._read(caller, state, further, each.forms)
        if reading is None or not reading.mass:
            return None
        reading = self._opened(caller, state, reading, further, parts)
        scores, _ = class_scores(reading, len(self._names))
        classes = sorted(each.forms)
        own = scores[classes].astype(np.float64)
        own -= np.logaddexp.reduce(own)
        return dict(zip(classes, own.tolist(), strict=True))

    def _shut_matters(self, state: _TextState, mass: float) -> bool:
        """Whether names that were not told apart hold a good part of the names' probability."""
        shut = [each for each in state.shut if math.exp(each.log) >= OPENED_SHARE * mass]
        if shut:
            names = sorted({self._names[k] for each in shut for k in each.forms})[:4]
            self._notices.add(
                "not told apart",
                f"The names {', '.join(names)} begin alike, and the server does not go on from a "
                "begun answer, so that they share their probability evenly. Give them other "
                "verbalisers, or ask by letters (--ask letters).",
            )
        return bool(shut)


def _as_written(token: str, begun: str, *, first: bool) -> str:
    """A listed token as it stands in the text; at the first place of a name behind a space."""
    words = token.replace("▁", " ").replace("Ġ", " ").rstrip()
    bare = words.lstrip(SPACES)
    if not first:
        return words
    return f" {bare}" if begun and not begun[-1].isspace() else bare
