"""What answers told of the tokens in the fixed part of a request, kept to bound the next ones."""

from __future__ import annotations

import threading


class LearntTokens:
    """The smallest number of tokens that requests with one fixed part were told to hold.

    Used by many threads. A fixed part whose answers told more than they could is not to be
    believed (a server that leaves out cached tokens, say), and has no number from then on.
    """

    def __init__(self) -> None:
        self._least: dict[str, int] = {}
        self._unsure: set[str] = set()
        self._lock = threading.Lock()

    def least(self, key: str) -> int | None:
        """The smallest number told of the fixed part ``key``; None where nothing bounds it."""
        with self._lock:
            return None if key in self._unsure else self._least.get(key)

    def note(self, key: str, tokens: int, most: int) -> None:
        """An answer told ``tokens`` where ``most`` were taken to be the most there could be."""
        with self._lock:
            if tokens > most:
                self._unsure.add(key)
            self._least[key] = min(tokens, self._least.get(key, tokens))
