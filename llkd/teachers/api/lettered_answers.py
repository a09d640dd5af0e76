"""Classes asked for by letters: up to 20 at once, more in two stages (a group, then a class)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llkd.teachers.api import two_stage
from llkd.teachers.api.answers import Answer, FirstWord
from llkd.teachers.api.completions import Reply
from llkd.teachers.api.first_words import FirstWords
from llkd.teachers.api.options import Question, Questions
from llkd.teachers.api.replies import letter_scores
from llkd.teachers.api.retries import Caller
from llkd.teachers.base import Floats

Unread = Callable[[FirstWord, list[Reply], bool], Answer | None]
"""What becomes of a text whose first words are no letters: an answer, or None to ask in words."""


class LetteredAnswers:
    """Asks for the letter of a class; safe to use from several threads."""

    def __init__(
        self,
        questions: Questions,
        stages: Sequence[Question],
        groups: Sequence[Sequence[int]],
        first_words: FirstWords,
        unread: Unread,
        note_read: Callable[[bool], None],
    ) -> None:
        """``stages``: the one question, or with ``groups`` that of the groups and each one's.

        ``note_read`` is told of each text that was answered with letters, and whether it counts.
        """
        self._questions = questions
        self._stages = list(stages)
        self._groups = groups
        self._first = first_words
        self._unread = unread
        self._note_read = note_read

    def ask(self, caller: Caller, text: str, *, counted: bool) -> Answer | None:
        """The answer about one text; None where another way of asking is to be taken."""
        if self._groups:
            return self._two_stages(caller, text, counted)
        first = self._letters(caller, text, self._stages[0])
        if first is None:
            return None
        if not first.read:
            return self._unread(first, [first.reply], counted)
        self._note_read(counted)
        raw = first.reply.text + first.remarks
        return Answer([raw], [first.reply], scores=first.scores, source="logprob", mass=first.mass)

    def _two_stages(self, caller: Caller, text: str, counted: bool) -> Answer | None:
        groups, (outer, *inner) = self._groups, self._stages
        first = self._letters(caller, text, outer)
        if first is None:
            return None
        if not first.read:
            return self._unread(first, [first.reply], counted)
        replies, raw = [first.reply], [f"group {first.reply.text}{first.remarks}"]
        inside: dict[int, Floats] = {}
        mass = first.mass
        for g in two_stage.to_open(first.scores):
            second = self._letters(caller, text, inner[g])
            if second is None:
                return None
            replies.append(second.reply)
            raw.append(f"in {outer.marks[g]}: {second.reply.text}{second.remarks}")
            if second.read:
                mass = mass if inside else min(mass, second.mass)
                inside[g] = second.scores
            elif not inside:  # the best group: what the others hold would be a guess
                return self._unread(second, replies, counted)
        self._note_read(counted)
        closed = [outer.marks[g] for g in range(len(groups)) if g not in inside]
        if closed:
            raw.append(f"[not opened: {', '.join(closed)}]")
        scores = two_stage.combine(groups, first.scores, inside)
        return Answer(raw, replies, scores=scores, source="logprob", mass=mass)

    def _letters(self, caller: Caller, text: str, question: Question) -> FirstWord | None:
        reply = self._first.ask(caller, self._questions.query(question, text))
        if reply is None:
            return None
        marks = question.marks
        listed = [] if reply.refused else reply.listed or []
        return FirstWord(reply, *letter_scores(listed, len(marks), marks), marks)
