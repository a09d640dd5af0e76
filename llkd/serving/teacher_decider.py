"""A local language model that answers any question of the decision interfaces. Needs torch.

Each question becomes a prompt of a local teacher (:mod:`llkd.serving.teacher_prompts`), and the
log-probabilities of the options' words become probabilities, as they were measured.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ConfigError
from llkd.selection import signals
from llkd.serving.micro_batches import MicroBatches
from llkd.serving.questions import Floats, Question, Reply, RequestRefused
from llkd.serving.teacher_prompts import posed
from llkd.teachers.base import Teacher

BATCH = 64
PROMPTS = 16
"""Prompts of which the shared beginning is kept read; the one that was used longest ago goes."""

MakeTeacher = Callable[[TeacherConfig, LabelSet], Teacher]


@dataclass(frozen=True)
class _Item:
    """One question about one text."""

    text: str
    question: Question


class TeacherDecider:
    """A teacher behind a queue; see :class:`llkd.serving.decider.Decider`.

    ``make`` gives the teacher of settings and classes over one loaded model; ``config`` is what is
    not in a question: lead, rule of scoring, longest text.
    """

    classes: tuple[str, ...] | None = None

    def __init__(
        self, make: MakeTeacher, config: TeacherConfig, name: str, *, waiting: int = 2048
    ) -> None:
        self.model = name
        self._make, self._config = make, config
        self._teachers: OrderedDict[tuple[Any, ...], Teacher] = OrderedDict()
        # One worker: the model uses all processors itself.
        self._batches: MicroBatches[_Item, Reply] = MicroBatches(
            self._work, waiting=waiting, batch=BATCH
        )

    async def start(self) -> None:
        """Begin to take questions."""
        self._batches.start()

    async def close(self) -> None:
        """Answer what waits, then stop."""
        await self._batches.close()

    def check_room(self) -> None:
        """Raise RequestRefused where nothing more can wait."""
        self._batches.check_room()

    async def decide(self, text: str, questions: Sequence[Question]) -> list[Reply]:
        """A reply for each question.

        Raises RequestRefused for a question that no prompt can put, before any is asked.
        """
        for question in questions:
            if len(question.options) > 1:
                posed(question, self._config)
        return await self._batches.submit([_Item(text, question) for question in questions])

    async def classify(self, texts: Sequence[str]) -> list[Reply]:
        """Always refused: only a question says what the classes are."""
        raise RequestRefused("This server has no classes of its own.", 404, kind="no_classes")

    def card(self) -> str:
        """What answers here."""
        return (
            f"# {self.model}\n\nA language model that answers questions at `/v1/decisions` and "
            "`/v1/systemone`. Its probabilities are those of the options' words as its answer, "
            "not calibrated.\n"
        )

    def facts(self) -> dict[str, Any]:
        """The model, and the longest text it reads."""
        return {
            "model": self.model,
            "max_text_tokens": self._config.max_text_tokens,
            "calibrated": False,
            "waiting": self._batches.waiting,
        }

    def _work(self, items: Sequence[_Item]) -> list[Reply | Exception]:
        """Items of one prompt are scored together."""
        groups: dict[tuple[Any, ...], list[int]] = {}
        for place, item in enumerate(items):
            groups.setdefault(_prompt_key(item.question), []).append(place)
        replies: dict[int, Reply | Exception] = {}
        for key, places in groups.items():
            question = items[places[0]].question
            texts = [items[place].text for place in places]
            try:
                scored: Sequence[Reply | Exception] = self._score(key, question, texts)
            except Exception as error:
                scored = [error] * len(texts)  # of others in the batch nothing is lost
            replies.update(zip(places, scored, strict=True))
        return [replies[place] for place in range(len(items))]

    def _score(self, key: tuple[Any, ...], question: Question, texts: Sequence[str]) -> list[Reply]:
        if len(question.options) == 1:
            return [Reply(np.ones(1), 0) for _ in texts]
        teacher = self._teacher(key, question)
        probabilities: dict[int, tuple[Floats, int]] = {}
        for batch in teacher.score(texts):
            tokens = batch.tokens_in // max(1, len(batch.index))
            for place, scores in zip(batch.index, batch.scores, strict=True):
                probabilities[int(place)] = (signals.softmax(scores.astype(np.float64)), tokens)
        return [
            Reply(p, tokens, float(p.max()))
            for p, tokens in (probabilities[place] for place in range(len(texts)))
        ]

    def _teacher(self, key: tuple[Any, ...], question: Question) -> Teacher:
        teacher = self._teachers.get(key)
        if teacher is None:
            asked_as = posed(question, self._config)
            try:
                teacher = self._make(asked_as.config, asked_as.labels)
            except ConfigError as error:
                raise RequestRefused(
                    str(error), place=question.place, kind="unusable_question"
                ) from None
            self._teachers[key] = teacher
            while len(self._teachers) > PROMPTS:
                self._teachers.popitem(last=False)
        self._teachers.move_to_end(key)
        return teacher


def _prompt_key(question: Question) -> tuple[Any, ...]:
    """What makes two questions the same prompt; where they stood in a request does not."""
    options = tuple((type(o.value), o.value, o.description) for o in question.options)
    return (question.kind, question.instructions, options)
