"""A student that answers questions about its own classes, and refuses all others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from llkd.serving.micro_batches import MicroBatches
from llkd.serving.onnx_classifier import OnnxClassifier, StudentFiles
from llkd.serving.questions import Floats, Question, Reply, RequestRefused

BATCH = 64
WAITING = 2048


class StudentDecider:
    """An ONNX student behind a queue; see :class:`llkd.serving.decider.Decider`.

    ``waiting`` texts wait at most. Probabilities are softmax(logits / T) with the temperature T
    that held-out labels gave, 1 without one.
    """

    def __init__(
        self,
        files: StudentFiles,
        *,
        waiting: int = WAITING,
        workers: int | None = None,
        threads: int = 1,
    ) -> None:
        """``workers`` batches run at once, each on ``threads`` processors.

        By default there is a worker for each processor. Raises NotFound and ModelError as
        :class:`OnnxClassifier`.
        """
        self.files = files
        self.classifier = OnnxClassifier(files.graph, files.tokenizer, threads)
        self.model = files.name
        self.classes: tuple[str, ...] | None = self.classifier.classes
        self.temperature = float((files.calibration or {}).get("temperature") or 1.0)
        self.batches: MicroBatches[str, tuple[Floats, int]] = MicroBatches(
            self.classifier.logits,
            waiting=waiting,
            batch=BATCH,
            workers=processors() if workers is None else workers,
        )
        self._columns = {name: k for k, name in enumerate(self.classifier.classes)}
        self._folded = _unambiguous(self.classifier.classes)

    async def start(self) -> None:
        """Begin to take questions."""
        self.batches.start()

    async def close(self) -> None:
        """Answer what waits, then stop."""
        await self.batches.close()

    def check_room(self) -> None:
        """Raise RequestRefused where nothing more can wait."""
        self.batches.check_room()

    async def classify(self, texts: Sequence[str]) -> list[Reply]:
        """Probabilities over the student's classes for each text."""
        return [self._reply(*result) for result in await self.batches.submit(texts)]

    async def decide(self, text: str, questions: Sequence[Question]) -> list[Reply]:
        """A reply for each question: the student's probabilities over the options it offers.

        Raises RequestRefused for a question that offers what is no class of the student.
        """
        columns = [self.columns_of(question) for question in questions]
        whole = (await self.classify([text]))[0]
        replies = []
        for place, selected in enumerate(columns):
            p = whole.probabilities[selected]
            # A text is read once, however many questions are about it.
            tokens = 0 if place else whole.tokens
            mass = None if len(selected) == len(whole.probabilities) else float(p.sum())
            replies.append(Reply(normalised(p), tokens, whole.confidence, mass=mass))
        return replies

    def card(self) -> str:
        """The student's model card."""
        return self.files.card

    def facts(self) -> dict[str, Any]:
        """Model, classes, longest text and calibration."""
        return {
            "model": self.model,
            "classes": list(self.classifier.classes),
            "max_tokens": self.classifier.max_tokens,
            "temperature": self.temperature,
            "calibrated": self.files.calibration is not None,
            "waiting": self.batches.waiting,
        }

    def _reply(self, logits: Floats, tokens: int) -> Reply:
        raw = _softmax(logits)
        served = raw if self.temperature == 1.0 else _softmax(logits / self.temperature)
        return Reply(served, tokens, float(raw.max()))

    def columns_of(self, question: Question) -> list[int]:
        """The student's class for each option of a question, ``[n]``.

        Raises RequestRefused for a question that it cannot answer.
        """
        if question.kind == "score":
            raise self._refused(question, "It has no scale to rate a text on")
        columns = []
        for option in question.options:
            name = option.value if isinstance(option.value, str) else str(option.value).lower()
            column = self._columns.get(name, self._folded.get(_fold(name)))
            if column is None:
                what = (
                    "It does not judge statements"
                    if question.kind == "noul"
                    else (f"{name[:80]!r} is none of its classes")
                )
                raise self._refused(question, what)
            if column in columns:
                raise self._refused(question, f"{name[:80]!r} names one of its classes twice")
            columns.append(column)
        return columns

    def _refused(self, question: Question, what: str) -> RequestRefused:
        names = ", ".join(self.classifier.classes[:30])
        more = "" if len(self.classifier.classes) <= 30 else ", …"
        return RequestRefused(
            f"{what}. This is a student: it answers choice questions whose options are among its "
            f"classes, {names}{more}.",
            place=question.place,
            kind="unsupported_question",
        )


def processors() -> int:
    """The processors that this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def normalised(p: Floats) -> Floats:
    """Probabilities of some classes as those of a question that offers only these, summing to 1."""
    total = p.sum()
    # Where all the mass lies on classes that are no options, the options are equally unlikely.
    return p / total if total > 0 else np.full(len(p), 1 / len(p))


def _fold(name: str) -> str:
    return " ".join(name.split()).casefold()


def _unambiguous(classes: Sequence[str]) -> dict[str, int]:
    """Classes by their folded names, where no two fold to the same."""
    folded = [_fold(name) for name in classes]
    return {name: k for k, name in enumerate(folded) if folded.count(name) == 1}
