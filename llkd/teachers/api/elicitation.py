"""How one text is asked about: by letters or names with logprobs, by votes, or in words.

What a server has been found not to offer (logprobs, letters at the beginning of an answer) is
remembered and not asked for again.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ConfigError, ModelError
from llkd.teachers.api import two_stage
from llkd.teachers.api.answers import Answer, FirstWord, reply_words, unread
from llkd.teachers.api.class_names import class_names, fold
from llkd.teachers.api.completions import Reply
from llkd.teachers.api.first_words import FirstWords
from llkd.teachers.api.lettered_answers import LetteredAnswers
from llkd.teachers.api.names.named_answers import LISTED_NAMES, NamedAnswers
from llkd.teachers.api.notices import Notices
from llkd.teachers.api.options import Question, Questions
from llkd.teachers.api.replies import (
    LETTERS,
    read_reply,
    stated_confidence,
    stated_scores,
    vote_scores,
)
from llkd.teachers.api.retries import Caller, Query
from llkd.teachers.api.server_errors import one_line
from llkd.teachers.api.written_answers import WrittenAnswers
from llkd.teachers.base import CONTENT_FREE

# Servers allow different numbers of listed words; the first that is accepted is kept.
LISTED_WORDS = (20, 5)
TO_DECIDE = 3  # texts without letters before the pass is asked in words
ALIKE_TEXTS = 10  # texts whose answers are all the same before that is said
FEWEST_ALIKE = 5  # the same for a pass of fewer texts, at its end


class Elicitation:
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
        self._way = config.ask if scored and config.ask in {"names", "prefilled"} else "letters"
        self._lead = config.lead if self._way == "prefilled" else ""
        self._with_letters = self._without_letters = 0  # texts, by their first words
        self._voted = self._alike = 0
        self._few = classes <= len(LETTERS) and self._way == "letters"
        self._groups = two_stage.split(classes) if scored and self._lettered_groups(classes) else []
        if self._kind == "verbalized":
            self.plain = questions.stated()
        else:
            self.plain = questions.letters() if self._few else questions.names()
        # All that can be asked about a text: of two stages the groups, then the inside of each.
        inner = [questions.members(g, group) for g, group in enumerate(self._groups)]
        outer = [questions.groups(self._groups)] if self._groups else []
        begun = [questions.begun()] if self._way == "prefilled" else []
        self.questions: list[Question] = [*begun, *outer, *inner, self.plain]
        self._written = WrittenAnswers(self.plain, self._names, self.notices)
        self._first_words = FirstWords(
            () if not scored else LISTED_WORDS if self._way == "letters" else LISTED_NAMES,
            lambda: questions.query(self.plain, CONTENT_FREE[0]),
            self._told_why,
            self._thinks,
        )
        self._lettered = LetteredAnswers(
            questions,
            self.questions,
            self._groups,
            self._first_words,
            self._no_letters,
            self._note_letters,
        )
        self._named: NamedAnswers | None = None
        if self._way != "letters":
            self._named = NamedAnswers(
                questions,
                self.questions[0],
                labels.verbalisers,
                self._first_words,
                self.notices,
                self._lead,
            )

    def _lettered_groups(self, classes: int) -> bool:
        """Whether there are more classes than letters, and letters are asked for."""
        return self._way == "letters" and classes > len(LETTERS)

    def describe(self) -> dict[str, Any]:
        """The rules that change answers."""
        votes = self._kind in {"auto", "self_consistency"}
        return {
            "confidence": self._kind,
            "answers": "letters" if self._few and self._kind != "verbalized" else "names",
            "groups": self._groups,
            "top_logprobs": self._most_listed(),
            "samples": self._samples if votes else 1,
            "structured_output": "wanted" if self.plain.key in {"names", "stated"} else "never",
            "rules": 3,
            # Names that the rules of 0.3.0 mixed up: what was read by them is not taken over.
            **({"names": "exact first"} if class_names(self._names).confusable else {}),
            # Where letters are asked for the description is what it was before there were others.
            **({"asked_by": self._way, "lead": self._lead} if self._named is not None else {}),
        }

    def _most_listed(self) -> int | None:
        if self._kind not in {"auto", "logprob"}:
            return None
        return (LISTED_WORDS if self._named is None else LISTED_NAMES)[0]

    def ask(self, caller: Caller, text: str) -> Answer:
        """The answer about one text. Raises what ``Caller.ask`` raises."""
        answer = self.by_logprobs(caller, text)
        if answer is not None:
            return answer
        if self._kind == "logprob":
            raise ModelError(
                "The server gives no logprobs, but the confidence 'logprob' needs them. Choose "
                "'self_consistency' (several answers a text), 'verbalized' or 'none'."
            )
        query = self._questions.query(self.plain, text)
        if self._kind == "verbalized":
            return self._stated(caller, query)
        if self._kind == "none":
            return self._without_confidence(self._written.ask(caller, query))
        return self._votes(caller, query)

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
        if self._named is not None:
            return self._named.ask(caller, text)
        return self._lettered.ask(caller, text, counted=counted)

    def _note_letters(self, counted: bool) -> None:
        with self._lock:
            self._with_letters += counted

    def _no_letters(self, first: FirstWord, replies: list[Reply], counted: bool) -> Answer | None:
        """A text whose first words are no letters: None where it is to be asked in words."""
        raw = [reply_words(reply) + first.remarks for reply in replies]
        unread = Answer(raw, replies, mass=first.mass)
        if first.reply.refused or first.reply.listed is None or not counted:
            return unread  # it would not be answered in words either
        with self._lock:
            self._without_letters += 1
            lettered, lacking = self._with_letters, self._without_letters
        words = one_line(first.reply.text, 30).rstrip(".")
        begun = f"“{words}”" if words else "white space"
        if lacking >= TO_DECIDE and lacking > lettered and self._kind == "auto":
            self._first_words.stop()
            self._told_why(
                "The model does not begin its answers with the letter of a category (but, for "
                f"example, with {begun})"
            )
        return None if lettered == 0 and self._kind == "auto" else unread

    def _told_why(self, why: str) -> None:
        """No logprobs are asked for any more: say what is done instead."""
        if self._kind == "auto" and self._samples > 1:
            self.notices.add(
                "no logprobs",
                f"{why}, so each text is asked {self._samples} times, and the share of the answers "
                "that agree is the confidence.",
            )

    def _thinks(self) -> None:
        """What the model begins with is a thought: its answers are read as words, with room."""
        if self._kind == "logprob":
            raise ModelError(
                "The model thinks before it answers, so its first words' logprobs tell nothing, "
                "but the confidence 'logprob' needs them. Switch thinking off on the server, or "
                "choose 'self_consistency', 'verbalized' or 'none'."
            )
        self._written.expect_thoughts()
        self._first_words.stop()
        self._told_why("The model begins with a thought, of which logprobs tell nothing")

    def _votes(self, caller: Caller, query: Query) -> Answer:
        replies: list[Reply] = []
        while len(replies) < self._samples:
            replies.append(self._written.ask(caller, query, temperature=1.0))
            if replies[-1].thinks and not replies[-1].text:
                return unread(replies)  # a thought without an end: others would be as long
        if len(replies) == 1:
            return self._without_confidence(replies[0])
        with self._lock:
            self._voted += 1
            self._alike += len({reply.text for reply in replies}) == 1
        self._note_alike(ALIKE_TEXTS)
        scores = vote_scores([self._class_of(reply) for reply in replies], len(self._names))
        if np.isnan(scores).any():
            return unread(replies)
        raw = [reply_words(reply) for reply in replies]
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

    def _without_confidence(self, reply: Reply) -> Answer:
        answer = self._class_of(reply)
        return Answer([reply_words(reply)], [reply], answer=answer)

    def _stated(self, caller: Caller, query: Query) -> Answer:
        reply = self._written.ask(caller, query)
        answer, share = self._class_of(reply), stated_confidence(reply.text)
        if answer < 0 or share is None:
            return self._without_confidence(reply)
        scores = stated_scores(answer, share, len(self._names))
        return Answer([reply.text], [reply], scores=scores, source="verbalized")

    def _class_of(self, reply: Reply) -> int:
        if reply.refused:
            return -1
        marks = self.plain.marks
        return read_reply(reply.text, self._names, letters=bool(marks), marks=marks or LETTERS)
