"""The certificate by which a served student answers itself, with the sentence that it is told in.

The student answers the certifying texts as it would answer a caller: in the form that is served
(ONNX, 32-bit or 8-bit), by its raw confidence. The temperature by which shown probabilities are
calibrated is fitted on the same texts and has no say here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from llkd.config.base import Document
from llkd.errors import UserError
from llkd.evaluation.answering.labels import SOURCE_WORDS, CertifyingLabels, LabelSource
from llkd.evaluation.certificate.answer_threshold import AnswerThreshold, answer_threshold
from llkd.selection.signals import Floats, Ints


class StudentAnswers(NamedTuple):
    """Classes ``label [n]`` that a student answers and its raw confidence ``[n]`` in (0, 1]."""

    label: Ints
    confidence: Floats


class NotCertain(UserError):
    """No confidence is certified for the target; the message says what is, and how to go on."""


class AnswerCertificate(Document):
    """What is promised of a student's own answers, and what it rests on.

    ``threshold``: it answers where its raw confidence is at least this. ``texts`` evaluated it,
    ``wrong`` of the ``answered`` ones above the threshold were wrong. ``expected_share`` of texts
    like these is answered. ``confidences`` of all of them, rising: what a stream is held against.
    """

    run: int
    target: float
    confidence_level: float
    threshold: float
    source: LabelSource
    looks: int
    texts: int
    answered: int
    wrong: int
    confidences: tuple[float, ...]

    @property
    def expected_share(self) -> float:
        """Of texts like these, in (0, 1]."""
        return self.answered / self.texts

    @property
    def sentence(self) -> str:
        """The promise, with its condition and what it rests on."""
        among = (
            f" It was one of {self.looks:,} students that these texts evaluated, which is counted."
            if self.looks > 1
            else ""
        )
        return (
            f"At least {percent(self.target)} of what the student answers itself is right "
            f"({percent(self.confidence_level)} confidence), as long as texts are like the "
            f"{self.texts:,} {SOURCE_WORDS[self.source]}. It answers where its raw confidence is "
            f"{self.threshold:.4g} or more: {percent(self.expected_share)} of those texts, "
            f"{self.wrong:,} of these {self.answered:,} wrongly.{among}"
        )


def certify_answers(
    run: int,
    labels: CertifyingLabels,
    texts: Sequence[str],
    answers: Callable[[Sequence[str]], StudentAnswers],
    *,
    target: float,
    confidence_level: float = 0.95,
) -> AnswerCertificate:
    """The certificate for the student that ``answers`` asks; ``texts [m]`` are those of ``labels``.

    Raises NotCertain where no confidence is certified for the target, ConfigError for a target
    outside [0.5, 1).
    """
    replies = answers(texts)
    right = (labels.label >= 0) & (np.asarray(replies.label) == labels.label)
    outcome = answer_threshold(
        replies.confidence,
        right,
        target=target,
        confidence_level=confidence_level,
        looks=labels.looks,
    )
    best = outcome.certified
    if best is None:
        raise NotCertain(_refusal(outcome, labels.source))
    return AnswerCertificate(
        run=run,
        target=target,
        confidence_level=confidence_level,
        threshold=best.threshold,
        source=labels.source,
        looks=labels.looks,
        texts=outcome.texts,
        answered=best.texts,
        wrong=best.wrong,
        confidences=tuple(float(value) for value in np.sort(replies.confidence)),
    )


def percent(share: float) -> str:
    """A share in percent, at most two places."""
    return f"{round(100 * share, 2):g} %"


def _refusal(outcome: AnswerThreshold, source: LabelSource) -> str:
    words = (
        f"From no confidence on is it certain that at least {percent(outcome.target)} of the "
        f"student's answers are right, by {outcome.texts:,} {SOURCE_WORDS[source]}, of which it "
        f"answers {outcome.wrong:,} wrongly."
    )
    if outcome.looks > 1:
        words += (
            f" (They evaluated {outcome.looks:,} students, among which it may have been chosen; "
            "each has its part of the error.)"
        )
    if outcome.labels_to_go is not None:
        words += f" About {outcome.labels_to_go:,} more such texts would do, if answers stay so."
    else:
        words += " More of them would not do: its surest answers are not right so often."
    if outcome.best_target is not None:
        words += f" What they certify now: --answer-when {outcome.best_target:g}."
    return words
