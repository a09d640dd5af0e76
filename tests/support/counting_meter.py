"""A meter in memory that counts what happens to it."""

import threading
from collections import Counter

from llkd.errors import BudgetSpent


class CountingMeter:
    """Allows ``calls`` paid or lost calls; keeps reservations, and what became of them."""

    def __init__(self, calls=10**9):
        self._turn = threading.Condition()
        self._calls, self._used = calls, 0
        self.open, self.counts = {}, Counter()
        self.reserved, self.settled, self.lost = [], [], []

    def reserve(self, tokens_in, tokens_out):
        with self._turn:
            while self._used + len(self.open) >= self._calls:
                if not self.open:
                    raise BudgetSpent("All calls are used.")
                self._turn.wait(10)
            self.counts["reserve"] += 1
            number = self.counts["reserve"]
            self.open[number] = (tokens_in, tokens_out)
            self.reserved.append((tokens_in, tokens_out))
            return number

    def settle(self, reservation, tokens_in, tokens_out):
        most = self._end(reservation, "settle")
        self.settled.append((most, (tokens_in, tokens_out)))

    def release(self, reservation):
        self._end(reservation, "release")

    def mark_unknown(self, reservation):
        self.lost.append(self._end(reservation, "lose"))

    @property
    def tokens(self):
        """All that is paid or may be: (in, out)."""
        used = [used for _, used in self.settled] + self.lost
        return sum(u[0] for u in used), sum(u[1] for u in used)

    def _end(self, reservation, what):
        with self._turn:
            most = self.open.pop(reservation)
            self.counts[what] += 1
            self._used += what != "release"
            self._turn.notify_all()
            return most
