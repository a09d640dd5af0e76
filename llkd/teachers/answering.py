"""How one text is asked about: letters with logprobs, votes, a stated confidence, or one answer.

What a server has been found not to offer (logprobs, so many listed words, structured output) is
remembered and not asked for again.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ConfigError, ModelError
from llkd.teachers import two_stage
from llkd.teachers.base import CONTENT_FREE, Floats
from llkd.teachers.chat_server import Reply, RequestRefused
from llkd.teachers.options import Question, Questions
from llkd.teachers.replies import (
    LETTERS,
    fold,
    letter_scores,
    read_reply,
    stated_confidence,
    stated_scores,
    vote_scores,
)
from llkd.teachers.retrying import Caller, Sent

# Servers allow different numbers of listed words; the first that is accepted is kept.
LISTED_WORDS = (20, 5)
NO_ANSWER = "[no usable answer]"
FEW_LETTERS = 0.5  # below this share of the first word's probability it is said in the raw answer


@dataclass(frozen=True)
class Answer:
    """What became of one text: as a ScoredBatch has it, without its place."""

    raw: list[str]
    replies: list[Reply] = field(default_factory=list)
    scores: Floats | None = None
    answer: int = -1
    source: str = "none"


class FirstWord(NamedTuple):
    """Scores of letters by the first word's logprobs; all NaN where none is listed."""

    reply: Reply
    scores: Floats
    missing: list[int]

    @property
    def read(self) -> bool:
        """Whether any letter has a score."""
        return not np.isnan(self.scores).any()


class Answering:
    """Asks about texts in the way the settings say; safe to use from several threads."""

    def __init__(self, questions: Questions, labels: LabelSet, config: TeacherConfig) -> None:
        """Raises ConfigError where logprobs are demanded for too many classes."""
        classes = len(labels.labels)
        if config.confidence == "logprob" and classes > two_stage.MOST_CLASSES:
            raise ConfigError(
                f"The confidence 'logprob' takes up to {two_stage.MOST_CLASSES} classes, but there "
                f"are {classes}. Choose 'self_consistency', 'verbalized' or 'none'."
            )
        self._questions = questions
        self._kind = config.confidence
        self._samples = config.samples
        # The prompt shows the words: a name that is another class's words is not read as this one.
        words = {fold(label.words) for label in labels.labels}
        self._names = [
            (label.words,) if fold(label.name) in words else (label.name, label.words)
            for label in labels.labels
        ]
        self._lock = threading.Lock()
        scored = self._kind in {"auto", "logprob"} and classes <= two_stage.MOST_CLASSES
        self._listed: int | None = LISTED_WORDS[0] if scored else None
        self._gave_logprobs = False
        self._structured = True
        self._few = classes <= len(LETTERS)
        self._groups = two_stage.split(classes) if scored and not self._few else []
        if self._kind == "verbalized":
            self.plain = questions.stated()
        else:
            self.plain = questions.letters() if self._few else questions.names()
        # All that can be asked about a text: of two stages the groups, then the inside of each.
        inner = [questions.members(g, group) for g, group in enumerate(self._groups)]
        outer = [questions.groups(self._groups)] if self._groups else []
        self.questions: list[Question] = [*outer, *inner, self.plain]

    def describe(self) -> dict[str, Any]:
        """The rules that change answers."""
        votes = self._kind in {"auto", "self_consistency"}
        return {
            "confidence": self._kind,
            "answers": "letters" if self._few and self._kind != "verbalized" else "names",
            "groups": self._groups,
            "top_logprobs": LISTED_WORDS[0] if self._kind in {"auto", "logprob"} else None,
            "samples": self._samples if votes else 1,
            "structured_output": "wanted" if self.plain.key in {"names", "stated"} else "never",
            "rules": 3,
        }

    def ask(self, caller: Caller, text: str) -> Answer:
        """The answer about one text. Raises what ``Caller.ask`` raises."""
        found = self.by_logprobs(caller, text)
        if found is not None:
            return found
        if self._kind == "logprob":
            raise ModelError(
                "The server gives no logprobs, but the confidence 'logprob' needs them. Choose "
                "'self_consistency' (several answers a text), 'verbalized' or 'none'."
            )
        sent = self._questions.sent(self.plain, text)
        if self._kind == "verbalized":
            return self._stated(caller, sent)
        if self._kind == "none":
            return self._one(self._plain(caller, sent))
        return self._votes(caller, sent)

    def by_logprobs(self, caller: Caller, text: str) -> Answer | None:
        """Scores from first words; None where the server gives no logprobs or none are wanted."""
        if self._listed is None:
            return None
        if self._groups:
            return self._two_stages(caller, text)
        first = self._first_word(caller, self._questions.sent(self.plain, text), len(self._names))
        if first is None:
            return None
        if not first.read:
            return _unread([first.reply])
        raw = first.reply.text
        if first.missing:
            raw += f" [not listed: {', '.join(LETTERS[k] for k in first.missing)}]"
        raw += _few_letters(first.scores)
        return Answer([raw], [first.reply], scores=first.scores, source="logprob")

    def _two_stages(self, caller: Caller, text: str) -> Answer | None:
        groups, (outer, *inner) = self._groups, self.questions
        sent = self._questions.sent(outer, text)
        first = self._first_word(caller, sent, len(groups))
        if first is None:
            return None
        if not first.read:
            return _unread([first.reply])
        replies, raw = [first.reply], [f"group {first.reply.text}{_few_letters(first.scores)}"]
        inside: dict[int, Floats] = {}
        for g in two_stage.to_open(first.scores):
            sent = self._questions.sent(inner[g], text)
            second = self._first_word(caller, sent, len(groups[g]))
            if second is None:
                return None
            replies.append(second.reply)
            raw.append(f"in {LETTERS[g]}: {second.reply.text}")
            if second.read:
                inside[g] = second.scores
            elif not inside:  # the best group: what the others hold would be a guess
                return _unread(replies)
            if second.missing:
                raw[-1] += f" [not listed: {', '.join(LETTERS[k] for k in second.missing)}]"
        closed = [LETTERS[g] for g in range(len(groups)) if g not in inside]
        if closed:
            raw.append(f"[not opened: {', '.join(closed)}]")
        scores = two_stage.combine(groups, first.scores, inside)
        return Answer(raw, replies, scores=scores, source="logprob")

    def _first_word(self, caller: Caller, sent: Sent, options: int) -> FirstWord | None:
        while (asked := self._listed) is not None:
            try:
                reply = caller.ask(sent, max_tokens=1, logprobs=True, top_logprobs=asked)
            except RequestRefused as refusal:
                if "logprob" not in refusal.reason.lower():
                    raise
                self._list_fewer(asked, next((n for n in LISTED_WORDS if n < asked), None))
                continue
            if reply.listed is None and not self._gave_logprobs:
                if not self._gives_logprobs(caller, reply, asked):
                    self._list_fewer(asked, None)
                    return None
            self._gave_logprobs = True
            if reply.listed is None or reply.refused:
                return FirstWord(reply, np.full(options, np.nan, np.float32), list(range(options)))
            return FirstWord(reply, *letter_scores(reply.listed, options))
        return None

    def _gives_logprobs(self, caller: Caller, reply: Reply, asked: int) -> bool:
        """Whether only this reply came without: empty ones and refusals do not tell."""
        if reply.text and not reply.refused:
            return False
        sent = self._questions.sent(self.plain, CONTENT_FREE[0])
        other = caller.ask(sent, max_tokens=1, logprobs=True, top_logprobs=asked)
        return other.listed is not None

    def _list_fewer(self, asked: int, fewer: int | None) -> None:
        with self._lock:
            if self._listed == asked:
                self._listed = fewer

    def _votes(self, caller: Caller, sent: Sent) -> Answer:
        replies = [self._plain(caller, sent, temperature=1.0) for _ in range(self._samples)]
        if len(replies) == 1:
            return self._one(replies[0])
        scores = vote_scores([self._class_of(reply) for reply in replies], len(self._names))
        if np.isnan(scores).any():
            return _unread(replies)
        raw = [_words(reply) for reply in replies]
        return Answer(raw, replies, scores=scores, source="self_consistency")

    def _one(self, reply: Reply) -> Answer:
        answer = self._class_of(reply)
        return Answer([_words(reply)], [reply], answer=answer)

    def _stated(self, caller: Caller, sent: Sent) -> Answer:
        reply = self._plain(caller, sent)
        answer, share = self._class_of(reply), stated_confidence(reply.text)
        if answer < 0 or share is None:
            return self._one(reply)
        scores = stated_scores(answer, share, len(self._names))
        return Answer([reply.text], [reply], scores=scores, source="verbalized")

    def _class_of(self, reply: Reply) -> int:
        if reply.refused:
            return -1
        return read_reply(reply.text, self._names, letters=self.plain.key == "letters")

    def _plain(self, caller: Caller, sent: Sent, **options: Any) -> Reply:
        """The words of an answer, as structured output where the server takes it."""
        longest = max(len(words.encode()) for names in self._names for words in names)
        most = 16 + longest // 2
        if self.plain.key == "letters":
            return caller.ask(sent, max_tokens=most, **options)
        most += 32  # the form around the name
        if self._structured:
            try:
                return caller.ask(sent, max_tokens=most, response_format=self._form(), **options)
            except RequestRefused:
                # Raised again below where it was the text that was refused, and not the form.
                reply = caller.ask(sent, max_tokens=most, **options)
                self._structured = False
                return reply
        return caller.ask(sent, max_tokens=most, **options)

    def _form(self) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "label": {"type": "string", "enum": [names[-1] for names in self._names]}
        }
        if self.plain.key == "stated":
            fields["confidence"] = {"type": "integer", "minimum": 0, "maximum": 100}
        schema = {
            "type": "object",
            "properties": fields,
            "required": list(fields),
            "additionalProperties": False,
        }
        return {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": schema},
        }


def _words(reply: Reply) -> str:
    """What a reply says, or why it says nothing."""
    if reply.refused:
        return f"{NO_ANSWER} refused: {reply.text}"
    return reply.text if reply.text.strip() else f"{NO_ANSWER} it was empty"


def _unread(replies: list[Reply]) -> Answer:
    return Answer([_words(reply) for reply in replies], replies)


def _few_letters(scores: Floats) -> str:
    share = float(np.exp(scores.astype(np.float64)).sum())
    return f" [letters: {math.floor(100 * share)} %]" if share < FEW_LETTERS else ""
