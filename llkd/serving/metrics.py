"""What a server counts, for Prometheus: never a text, a key or an address."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from llkd.errors import LLKDError

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
OTHER = "other"


class Metrics:
    """Counters of one server. ``registry`` takes those of others, too."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        """``paths`` are those that are told apart; any other is counted as ``other``."""
        self.registry = CollectorRegistry()
        self._paths = {*paths}
        self._requests = Counter(
            "llkd_requests", "Requests by path and status", ["path", "status"],
            registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "llkd_request_seconds", "Time to answer", ["path"], buckets=SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self.texts = Counter("llkd_texts", "Texts answered", registry=self.registry)
        self.tokens = Counter("llkd_tokens", "Tokens read", registry=self.registry)

    def count(self, path: str, status: int, seconds: float) -> None:
        """A request was answered."""
        name = path if path in self._paths else OTHER
        self._requests.labels(name, str(status)).inc()
        self._seconds.labels(name).observe(seconds)

    def watch(self, name: str, what: str, value: Callable[[], float]) -> None:
        """A gauge that is read whenever somebody looks; NaN where it cannot be read."""

        def read() -> float:
            try:
                return value()
            except LLKDError:
                return float("nan")

        Gauge(name, what, registry=self.registry).set_function(read)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)
