"""What a person should know about how a server answers, each told once in a pass."""

from __future__ import annotations

import threading


class Notices:
    """Sentences in the order in which they came up; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sentences: dict[str, str] = {}

    def add(self, key: str, sentence: str) -> None:
        """Tell this, unless something was told under the same ``key``."""
        with self._lock:
            self._sentences.setdefault(key, sentence)

    @property
    def sentences(self) -> list[str]:
        """All of them so far."""
        with self._lock:
            return list(self._sentences.values())
