"""A pass over texts by batches: send, wait, collect; whatever an earlier attempt has sent first.

A few texts are asked one by one before: they show that server, key, model and options work, in
which form the server takes a request, and that one answer settles a text. What a batch leaves open
(expired, missing, failed) is sent in the next one, in at most MOST_TRIES.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from llkd.errors import BudgetSpent, ConfigError, ModelError
from llkd.store.cost_ledger import Ledger
from llkd.store.files.batch_journal import UNSETTLED, BatchCall, BatchJournal, BatchRecord, Settled
from llkd.teachers.api.chat_server import ChatServer
from llkd.teachers.api.completions import Reply
from llkd.teachers.base import ScoredBatch
from llkd.teachers.batch.batch_files import (
    Oddities,
    Outcome,
    SentRequests,
    custom_id,
    outcomes,
    request_line,
)
from llkd.teachers.batch.batch_steps import BatchSteps
from llkd.teachers.batch.callers import UnsentRequest
from llkd.teachers.calls.tries import RequestRefused

MOST_REQUESTS = 50_000
MOST_BYTES = 200_000_000
"""Of one batch, as OpenAI limits them."""
FIRST_TEXTS = 4
"""Asked one by one at most, until one answer has settled a text."""
MOST_TRIES = 3
LEAST_SHARE = 0.1
"""Of the largest batch of a pass: for fewer requests nobody waits another day."""
FEWEST_FOLLOW_UPS = 20
FOLLOW_UP_SHARE = 0.05
"""Of a pass's texts, at most so many may need a further question after the batch's answer."""


@dataclass(frozen=True)
class Batches:
    """The batches of a pass. ``send``: whether new ones are begun, or only old ones collected."""

    journal: BatchJournal
    ledger: Ledger
    send: bool


class BatchTeacher(Protocol):
    """What a pass by batches needs of a teacher behind a server."""

    heartbeat: Callable[[], None] | None

    @property
    def chat(self) -> ChatServer:
        """The server."""
        ...

    def one_by_one(self, texts: Sequence[str]) -> Iterator[ScoredBatch]:
        """Ask without a batch."""
        ...

    def answered_calls(self) -> int:
        """How many calls of the last :meth:`one_by_one` were answered."""
        ...

    def learn(self) -> None:
        """Ask about a text without content, so that the way of asking is settled."""
        ...

    def unsent(self, text: str) -> UnsentRequest:
        """The request for a text."""
        ...

    def read_reply(
        self,
        text: str,
        request: dict[str, object],
        outcome: Reply | RequestRefused,
        follow_up: Callable[[], None],
    ) -> ScoredBatch:
        """The answer about a text (index 0) from its reply; ``follow_up``: before further calls."""
        ...


class BatchPass:
    """One pass: ``answers`` yields each text's answer once."""

    def __init__(
        self,
        teacher: BatchTeacher,
        steps: BatchSteps,
        journal: BatchJournal,
        ledger: Ledger,
        texts: Sequence[str],
        *,
        send: bool = True,
    ) -> None:
        """Without ``send`` what is not in a batch yet is asked one by one."""
        self._teacher = teacher
        self._steps = steps
        self._journal = journal
        self._ledger = ledger
        self._texts = texts
        self._send = send
        self._open = {custom_id(text): index for index, text in enumerate(texts)}
        self._learnt = False
        self._tries: Counter[str] = Counter()
        self._follow_ups = 0
        self._largest = 0
        self._most_requests = MOST_REQUESTS
        self._why = ""
        self._cancelled = False
        self.notices: list[str] = []

    def answers(self) -> Iterator[ScoredBatch]:
        """Yield each answer as it is read; what the texts cost is settled before.

        Raises BudgetSpent, ModelError where texts stay without an answer, ConfigError for a way of
        asking that takes several answers, and what the heartbeat raises.
        """
        for record in self._journal.records(("ended",)):
            yield from self._read(record)
        yield from self._collect()
        while self._open:
            self._raise_cancelled()
            if not self._send:
                yield from self._one_by_one(list(self._open.values()))
                return
            left = [name for name in self._open if self._tries[name] < MOST_TRIES]
            if not left:
                texts = "1 text" if len(self._open) == 1 else f"{len(self._open):,} texts"
                raise ModelError(f"{texts} got no answer in {MOST_TRIES} batches. {self._why}")
            yield from self._first_ones()
            left = [name for name in left if name in self._open]
            if left:
                self._submit(left)
            yield from self._collect()

    def _collect(self) -> Iterator[ScoredBatch]:
        """Wait for every batch that is at the server, and read what it says."""
        for record in self._journal.records(UNSETTLED):
            ended = self._settled(record)
            if ended.state == "ended":
                yield from self._read(ended)

    def _settled(self, record: BatchRecord) -> BatchRecord:
        """The batch once it is over, its calls settled."""
        finished = self._steps.finished(record)
        if finished is None:  # the server refused it as a whole
            self._why = self._steps.why
            for name in self._journal.calls(record.name):
                self._tries[name] += 1
            ended = self._journal.settle(record.name, [], "dropped")
            self._ledger.count_batches()
            self._after_refusal(record)
            return ended
        sent, oddities = SentRequests(self._journal.requests(record.name)), Oddities()
        lines = outcomes(self._journal.answers(record.name), sent, self._teacher.chat, oddities)
        ended = self._journal.settle(record.name, self._entries(record, lines))
        self._ledger.count_batches()
        for name, state in self._journal.calls(record.name).items():
            if state in {"free", "lost"}:
                self._tries[name] += 1
        if oddities.sentence is not None:
            self.notices.append(oddities.sentence)
        self._cancelled = self._cancelled or finished.status == "cancelled"
        return ended

    def _entries(self, record: BatchRecord, lines: Iterator[Outcome]) -> Iterator[Settled]:
        bounds = self._journal.bounds(record.name)
        for line in lines:
            self._why = line.reason or self._why
            if line.fatal is not None:
                self._steps.fatal = line.fatal
            reply = line.outcome
            if not isinstance(reply, Reply):
                yield Settled(line.name, line.state)
                continue
            most_in, most_out = bounds[line.name]
            read = most_in if reply.tokens_in is None else reply.tokens_in
            written = most_out if reply.tokens_out is None else reply.tokens_out
            yield Settled(line.name, "paid", read, written)

    def _after_refusal(self, record: BatchRecord) -> None:
        """Go on with smaller batches where this one was too much at once; else raise."""
        if self._steps.too_much and record.size > 1:
            self._most_requests = min(self._most_requests, (record.size + 1) // 2)
            for name in self._journal.calls(record.name):
                self._tries[name] -= 1
            return
        raise ModelError(f"The server refuses the batch: {self._why} What was answered is kept.")

    def _read(self, record: BatchRecord) -> Iterator[ScoredBatch]:
        """The answers of a batch that lie here, for the texts that are still open."""
        wanted = {
            name
            for name, state in self._journal.calls(record.name).items()
            if name in self._open and state in {"paid", "refused"}
        }
        if not wanted or not self._journal.answers(record.name).exists():
            return
        if not self._learnt:
            self._teacher.learn()
            self._learnt = True
        sent = SentRequests(self._journal.requests(record.name))
        path = self._journal.answers(record.name)
        for line in outcomes(path, sent, self._teacher.chat, Oddities()):
            if line.name not in wanted or line.name not in self._open or line.outcome is None:
                continue
            index = self._open[line.name]
            answer = self._teacher.read_reply(
                self._texts[index], sent.body(line.name) or {}, line.outcome, self._follow_up
            )
            del self._open[line.name]
            yield _at(index, answer)
        if self._steps.fatal is not None:
            raise self._steps.fatal

    def _follow_up(self) -> None:
        """Count a text that the batch's answer did not settle; raise where that is no exception."""
        self._follow_ups += 1
        if self._follow_ups > max(FEWEST_FOLLOW_UPS, FOLLOW_UP_SHARE * len(self._texts)):
            raise ModelError(
                f"{self._follow_ups} texts need a further question after the answer of the batch, "
                "which costs the full price: the server answers batches otherwise than single "
                "requests. What was answered is kept; label the rest without --batch."
            )

    def _first_ones(self) -> Iterator[ScoredBatch]:
        """Ask a few texts one by one, until one answer has settled a text."""
        if self._learnt:
            return
        first = list(self._open.values())[:FIRST_TEXTS]
        for index in first:
            yield from self._one_by_one([index])
            if self._teacher.answered_calls() <= 1:
                self._learnt = True
                return
        if self._open:
            raise ConfigError(
                "A batch asks one question a text, but this way of asking takes several "
                f"({self._teacher.answered_calls()} for the last text tried). Choose the "
                "confidence 'logprob' where the server gives log-probabilities, else 'verbalized' "
                "or 'none', or label without --batch."
            )

    def _one_by_one(self, indices: Sequence[int]) -> Iterator[ScoredBatch]:
        texts = [self._texts[index] for index in indices]
        for batch in self._teacher.one_by_one(texts):
            for place in batch.index:
                self._open.pop(custom_id(texts[int(place)]), None)
            batch.index[:] = [indices[int(place)] for place in batch.index]
            yield batch

    def _submit(self, names: Sequence[str]) -> None:
        """Send these texts in as many batches as they need and can be afforded."""
        calls: list[BatchCall] = []
        lines: list[bytes] = []
        size = 0
        for name in names:
            request = self._teacher.unsent(self._texts[self._open[name]])
            line = request_line(name, request.body)
            if calls and (len(calls) >= self._most_requests or size + len(line) > MOST_BYTES):
                if not self._begin(calls, lines):
                    return
                calls, lines, size = [], [], 0
            calls.append(BatchCall(name, request.most_in, request.most_out))
            lines.append(line)
            size += len(line)
        self._begin(calls, lines)

    def _begin(self, calls: list[BatchCall], lines: list[bytes]) -> bool:
        """Set the money of a batch aside and send it; False where it did not reach for all of it.

        Raises BudgetSpent where it does not reach for one call, and nothing else is on its way.
        """
        prices = [self._journal.price(call) for call in calls]
        number = self._ledger.affordable(prices)
        small = number < len(calls) and number < LEAST_SHARE * self._largest
        if number == 0 or small:
            if self._journal.records(UNSETTLED):
                return False  # what is on its way may cost less than was set aside
            raise BudgetSpent(self._ledger.refusal(sum(prices) if small else prices[0]))
        self._largest = max(self._largest, number)
        record = self._journal.prepare(uuid4().hex, calls[:number], lines[:number])
        self._ledger.count_batches()
        try:
            self._steps.begun(record)
        except (ModelError, RequestRefused) as error:
            if self._journal.record(record.name).state not in {"creating", "submitted"}:
                self._journal.settle(record.name, [], "dropped")
                self._ledger.count_batches()
            if isinstance(error, RequestRefused):
                raise ModelError(f"The server refuses the batch: {error.reason}") from None
            raise
        return number == len(calls)

    def _raise_cancelled(self) -> None:
        if self._cancelled:
            raise ModelError(
                "The batch was cancelled at the server. What it had answered is kept; resume asks "
                "about the rest."
            )


def _at(index: int, batch: ScoredBatch) -> ScoredBatch:
    """The answer about one text, at its place."""
    batch.index[:] = index
    return batch
