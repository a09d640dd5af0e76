"""What a server with a teacher behind it tells Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import Counter, Histogram, Info

from llkd.serving.fallback.stream import StreamMonitor
from llkd.serving.metrics import SECONDS, Metrics

STUDENT = "student"
TEACHER = "teacher"
BELOW = "student_below_threshold"
"""``answered_by``: the last is the student's own answer where the teacher had none."""
WAYS = (STUDENT, TEACHER, "cache", BELOW)
WHY = ("budget", "failure", "busy", "no_answer", "late")


@dataclass(frozen=True)
class Promise:
    """What is certified of the student's own answers, as ``AnswerCertificate`` has it.

    It answers where its raw confidence is at least ``threshold``; ``expected_share`` of texts like
    those that certified it, whose confidences are ``confidences``.
    """

    threshold: float
    target: float
    expected_share: float
    sentence: str
    confidences: tuple[float, ...]


@dataclass(frozen=True)
class Costs:
    """What the teacher's calls cost so far, all starts of the server together, and per text.

    None where it is not known.
    """

    spent: float | None
    per_text: float | None


class Measured(Protocol):
    """What is looked at whenever somebody asks for the metrics."""

    promise: Promise
    monitor: StreamMonitor
    costs: Callable[[], Costs]
    kept_counts: Callable[[], tuple[int, bool]]

    @property
    def answered_share(self) -> float: ...  # noqa: D102
    @property
    def saved(self) -> float | None: ...  # noqa: D102
    @property
    def waiting(self) -> int: ...  # noqa: D102


class Measures:
    """The counters of one server."""

    def __init__(self, metrics: Metrics, source: Measured) -> None:
        registry = metrics.registry
        self._answers = Counter(
            "llkd_answers", "Texts by who answered them", ["by"], registry=registry
        )
        self._unanswered = Counter(
            "llkd_teacher_unanswered",
            "Texts sent on that the teacher had no answer for",
            ["why"],
            registry=registry,
        )
        self._seconds = Histogram(
            "llkd_answer_seconds",
            "Time to answer a text",
            ["by"],
            buckets=(*SECONDS, 30.0, 60.0),
            registry=registry,
        )
        for way in WAYS:
            self._answers.labels(way)
            self._seconds.labels(way)
        for why in WHY:
            self._unanswered.labels(why)
        what = "What is promised of the student's own answers"
        Info("llkd_certificate", what, registry=registry).info(
            {"sentence": source.promise.sentence}
        )
        for name, words, value in _gauges(source):
            metrics.watch(name, words, value)

    def count(self, way: str, seconds: float) -> None:
        """A text was answered."""
        self._answers.labels(way).inc()
        self._seconds.labels(way).observe(seconds)

    def count_unanswered(self, why: str) -> None:
        """The teacher had no answer for a text."""
        self._unanswered.labels(why).inc()


def _gauges(source: Measured) -> list[tuple[str, str, Callable[[], float]]]:
    promise, monitor = source.promise, source.monitor
    return [
        ("llkd_answer_threshold", "The student answers from this raw confidence on",
         lambda: promise.threshold),
        ("llkd_certified_precision", "At least this share of the student's answers is right",
         lambda: promise.target),
        ("llkd_answered_share", "Of the texts so far that the student answered itself",
         lambda: source.answered_share),
        ("llkd_answered_share_expected", "The same of the texts that certified it",
         lambda: promise.expected_share),
        ("llkd_stream_unlike", "1: the last texts are unlike those that certified",
         lambda: float(monitor.unlike)),
        ("llkd_stream_p_value", "Of that, in the last window (1 before there is one)",
         lambda: 1.0 if monitor.p_value is None else monitor.p_value),
        ("llkd_stream_windows", "Windows of the stream that were looked at",
         lambda: float(monitor.windows)),
        ("llkd_teacher_money_spent", "All starts together; NaN where prices are not known",
         lambda: _number(source.costs().spent)),
        ("llkd_teacher_money_saved", "Texts the student answered times the teacher's mean cost",
         lambda: _number(source.saved)),
        ("llkd_teacher_waiting", "Texts that wait for the teacher", lambda: float(source.waiting)),
        ("llkd_inbox_texts", "Texts kept for the project",
         lambda: float(source.kept_counts()[0])),
        ("llkd_inbox_full", "1: no more are kept", lambda: float(source.kept_counts()[1])),
    ]  # fmt: skip


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
