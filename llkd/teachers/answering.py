"""How one text is asked about: letters with logprobs, votes, a stated confidence, or one answer.

What a server has been found not to offer (logprobs, so many listed words, letters at the beginning
of an answer) is remembered and not asked for again.
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
from llkd.teachers.chat_server import RequestRefused
from llkd.teachers.class_names import class_names, fold
from llkd.teachers.completions import Reply
from llkd.teachers.notices import Notices
from llkd.teachers.options import Question, Questions
from llkd.teachers.replies import (
    LETTERS,
    letter_scores,
    read_reply,
    stated_confidence,
    stated_scores,
    vote_scores,
)
from llkd.teachers.request_form import about_logprobs, fewer_listed
from llkd.teachers.retrying import Caller, Sent
from llkd.teachers.server_errors import one_line
from llkd.teachers.written_answers import WrittenAnswers

# Servers allow different numbers of listed words; the first that is accepted is kept.
LISTED_WORDS = (20, 5)
NO_ANSWER = "[no usable answer]"
# Letters that hold less of the first word's probability are no answer: the model began to say
# something else, and what is left for them is chance.
LEAST_MASS = 0.1
FEW_LETTERS = 0.5  # below this share it is said in the raw answer
FIRST_TOKENS = 4  # asked for where an answer begins with white space or a quote
TO_DECIDE = 3  # texts without letters before the pass is asked in words
ALIKE_TEXTS = 10  # texts whose answers are all the same before that is said
FEWEST_ALIKE = 5  # the same for a pass of fewer texts, at its end


@dataclass(frozen=True)
class Answer:
    """What became of one text: as a ScoredBatch has it, without its place."""

    raw: list[str]
    replies: list[Reply] = field(default_factory=list)
    scores: Floats | None = None
    answer: int = -1
    source: str = "none"


class FirstWord(NamedTuple):
    """Scores of letters by the first word's logprobs; all NaN where none is listed.

    ``mass``: the probability of all listed letters together. ``marks``: the letters.
    """

    reply: Reply
    scores: Floats
    missing: list[int]
    mass: float
    marks: tuple[str, ...]

    @property
    def read(self) -> bool:
        """Whether the letters are what the model began to write."""
        return self.mass >= LEAST_MASS and not np.isnan(self.scores).any()

    @property
    def remarks(self) -> str:
        """What the raw answer says of letters that are not listed or hardly meant."""
        said = ""
        if self.missing and self.mass:
            said += f" [not listed: {', '.join(self.marks[k] for k in self.missing)}]"
        if 0 < self.mass < FEW_LETTERS:
            said += f" [letters: {math.floor(100 * self.mass)} %]"
        return said


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
        self.notices = Notices()
        scored = self._kind in {"auto", "logprob"} and classes <= two_stage.MOST_CLASSES
        self._listed: int | None = LISTED_WORDS[0] if scored else None
        self._gave_logprobs = False
        self._first_tokens = 1
        self._with_letters = self._without_letters = 0  # texts, by their first words
        self._voted = self._alike = 0
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
        self._written = WrittenAnswers(self.plain, self._names, self.notices)

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
            # Names that the rules of 0.3.0 mixed up: what was read by them is not taken over.
            **({"names": "exact first"} if class_names(self._names).confusable else {}),
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
            return self._one(self._written.ask(caller, sent))
        return self._votes(caller, sent)

    def finish(self) -> None:
        """All texts are answered: say what could only be seen of all of them."""
        with self._lock:
            few = self._voted < ALIKE_TEXTS
        if few:
            self._note_alike(FEWEST_ALIKE)

    def by_logprobs(self, caller: Caller, text: str, *, counted: bool = True) -> Answer | None:
        """Scores from first words; None where another way of asking is to be taken.

        That is where the server gives no logprobs, none are wanted, or, if the text is
        ``counted``, where no text of the pass has begun with a letter yet.
        """
        if self._listed is None:
            return None
        if self._groups:
            return self._two_stages(caller, text, counted)
        first = self._first_word(caller, self._questions.sent(self.plain, text), self.plain.marks)
        if first is None:
            return None
        if not first.read:
            return self._no_letters(first, [first.reply], counted)
        self._note_letters(counted)
        raw = first.reply.text + first.remarks
        return Answer([raw], [first.reply], scores=first.scores, source="logprob")

    def _note_letters(self, counted: bool) -> None:
        with self._lock:
            self._with_letters += counted

    def _no_letters(self, first: FirstWord, replies: list[Reply], counted: bool) -> Answer | None:
        """A text whose first words are no letters: None where it is to be asked in words."""
        unread = Answer([_words(reply) + first.remarks for reply in replies], replies)
        if first.reply.refused or first.reply.listed is None or not counted:
            return unread  # it would not be answered in words either
        with self._lock:
            self._without_letters += 1
            given, lacking = self._with_letters, self._without_letters
        words = one_line(first.reply.text, 30).rstrip(".")
        begun = f"“{words}”" if words else "white space"
        if lacking >= TO_DECIDE and lacking > given and self._kind == "auto":
            self._leave_logprobs(
                "The model does not begin its answers with the letter of a category (but, for "
                f"example, with {begun})"
            )
        return None if given == 0 and self._kind == "auto" else unread

    def _leave_logprobs(self, why: str) -> None:
        """Ask for no logprobs any more, and say why."""
        with self._lock:
            self._listed = None
        if self._kind == "auto" and self._samples > 1:
            self.notices.add(
                "no logprobs",
                f"{why}, so each text is asked {self._samples} times, and the share of the answers "
                "that agree is the confidence.",
            )

    def _two_stages(self, caller: Caller, text: str, counted: bool) -> Answer | None:
        groups, (outer, *inner) = self._groups, self.questions
        first = self._first_word(caller, self._questions.sent(outer, text), outer.marks)
        if first is None:
            return None
        if not first.read:
            return self._no_letters(first, [first.reply], counted)
        replies, raw = [first.reply], [f"group {first.reply.text}{first.remarks}"]
        inside: dict[int, Floats] = {}
        for g in two_stage.to_open(first.scores):
            sent = self._questions.sent(inner[g], text)
            second = self._first_word(caller, sent, inner[g].marks)
            if second is None:
                return None
            replies.append(second.reply)
            raw.append(f"in {outer.marks[g]}: {second.reply.text}{second.remarks}")
            if second.read:
                inside[g] = second.scores
            elif not inside:  # the best group: what the others hold would be a guess
                return self._no_letters(second, replies, counted)
        self._note_letters(counted)
        closed = [outer.marks[g] for g in range(len(groups)) if g not in inside]
        if closed:
            raw.append(f"[not opened: {', '.join(closed)}]")
        scores = two_stage.combine(groups, first.scores, inside)
        return Answer(raw, replies, scores=scores, source="logprob")

    def _first_word(self, caller: Caller, sent: Sent, marks: tuple[str, ...]) -> FirstWord | None:
        while (asked := self._listed) is not None:
            most = self._first_tokens
            try:
                reply = caller.ask(sent, max_tokens=most, logprobs=True, top_logprobs=asked)
            except RequestRefused as refusal:
                self._refused(caller, sent, refusal, asked)
                continue
            if reply.thinks and not reply.listed:
                self._thinks()
                return None
            if reply.listed is None and not self._gave_logprobs:
                if not self._gives_logprobs(caller, reply, asked):
                    self._leave_logprobs("The server gives no log-probabilities")
                    return None
            self._gave_logprobs = True
            if reply.listed == [] and reply.blank and most < FIRST_TOKENS:
                self._first_tokens = FIRST_TOKENS  # it began with white space: read on
                continue
            listed = [] if reply.refused else reply.listed or []
            return FirstWord(reply, *letter_scores(listed, len(marks), marks), marks)
        return None

    def _thinks(self) -> None:
        """What the model begins with is a thought: its answers are read as words, with room."""
        if self._kind == "logprob":
            raise ModelError(
                "The model thinks before it answers, so its first words' logprobs tell nothing, "
                "but the confidence 'logprob' needs them. Switch thinking off on the server, or "
                "choose 'self_consistency', 'verbalized' or 'none'."
            )
        self._written.expect_thoughts()
        self._leave_logprobs("The model begins with a thought, of which logprobs tell nothing")

    def _refused(self, caller: Caller, sent: Sent, refusal: RequestRefused, asked: int) -> None:
        """Ask for fewer listed words, or none, if that was refused. Raises where it was the text.

        A reason that names something else, or nothing, need not be the true one (gateways hide
        it): until logprobs have come, the text is asked about without them, and once more with.
        """
        if about_logprobs(refusal.words):
            fewer = fewer_listed(refusal.words, asked)
            fewer = fewer or next((n for n in LISTED_WORDS if n < asked), None)
            self._list_fewer(asked, fewer)
            return
        if self._gave_logprobs:
            raise refusal
        caller.ask(sent, max_tokens=1)
        try:
            caller.ask(sent, max_tokens=1, logprobs=True, top_logprobs=asked)
        except RequestRefused:
            self._list_fewer(asked, None)

    def _gives_logprobs(self, caller: Caller, reply: Reply, asked: int) -> bool:
        """Whether only this reply came without: empty ones and refusals do not tell."""
        if reply.text and not reply.refused:
            return False
        sent = self._questions.sent(self.plain, CONTENT_FREE[0])
        other = caller.ask(sent, max_tokens=1, logprobs=True, top_logprobs=asked)
        return other.listed is not None

    def _list_fewer(self, asked: int, fewer: int | None) -> None:
        if fewer is None:
            self._leave_logprobs("The server gives no log-probabilities")
            return
        with self._lock:
            if self._listed == asked:
                self._listed = fewer

    def _votes(self, caller: Caller, sent: Sent) -> Answer:
        replies: list[Reply] = []
        while len(replies) < self._samples:
            replies.append(self._written.ask(caller, sent, temperature=1.0))
            if replies[-1].thinks and not replies[-1].text:
                return _unread(replies)  # a thought without an end: others would be as long
        if len(replies) == 1:
            return self._one(replies[0])
        with self._lock:
            self._voted += 1
            self._alike += len({reply.text for reply in replies}) == 1
        self._note_alike(ALIKE_TEXTS)
        scores = vote_scores([self._class_of(reply) for reply in replies], len(self._names))
        if np.isnan(scores).any():
            return _unread(replies)
        raw = [_words(reply) for reply in replies]
        return Answer(raw, replies, scores=scores, source="self_consistency")

    def _note_alike(self, enough: int) -> None:
        """Say where all answers of each of the first texts were the same."""
        with self._lock:
            voted, alike = self._voted, self._alike
        if voted == alike >= enough:
            self.notices.add(
                "alike",
                f"All {self._samples} answers were the same for each of the first {alike} texts. "
                "Either the model is sure of all of them, or the server ignores the temperature or "
                "repeats what it has kept: then their agreement is no confidence. Confidence "
                "'verbalized' asks for a stated one, 'none' asks once.",
            )

    def _one(self, reply: Reply) -> Answer:
        answer = self._class_of(reply)
        return Answer([_words(reply)], [reply], answer=answer)

    def _stated(self, caller: Caller, sent: Sent) -> Answer:
        reply = self._written.ask(caller, sent)
        answer, share = self._class_of(reply), stated_confidence(reply.text)
        if answer < 0 or share is None:
            return self._one(reply)
        scores = stated_scores(answer, share, len(self._names))
        return Answer([reply.text], [reply], scores=scores, source="verbalized")

    def _class_of(self, reply: Reply) -> int:
        if reply.refused:
            return -1
        marks = self.plain.marks
        return read_reply(reply.text, self._names, letters=bool(marks), marks=marks or LETTERS)


def _words(reply: Reply) -> str:
    """What a reply says, or why it says nothing."""
    if reply.refused:
        return f"{NO_ANSWER} refused: {reply.text}"
    if reply.text.strip():
        return reply.text
    return f"{NO_ANSWER} {'its thought did not end' if reply.thinks else 'it was empty'}"


def _unread(replies: list[Reply]) -> Answer:
    return Answer([_words(reply) for reply in replies], replies)
