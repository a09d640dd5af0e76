"""Which interface a server speaks: found out by asking about the first text, in each until one.

A server that lacks an interface says so, and that costs nothing; the one that answers is asked one
text, whose answer is kept for the labelling like any other. So nothing is paid that is not used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from llkd import curation
from llkd.config import LabelSet, Spending, TeacherConfig, build
from llkd.jobs.progress import Progress, work_folder
from llkd.labeling.cached_scoring import score_cached, watch_heartbeat
from llkd.labeling.metering import DeferredMeter
from llkd.labeling.setup import prepare_teacher
from llkd.store import Ledger, Project, Store
from llkd.store.cost_ledger import FILE_NAME as LEDGER
from llkd.teachers.base import Meter, ScoredBatch
from llkd.teachers.registry import TEACHERS, argument_of, kind_of

_CHAT = "api"


@dataclass
class PaidCalls:
    """A meter that passes everything on and remembers what was, or may have been, paid."""

    target: Meter | None = None
    calls: list[tuple[int, int, bool]] = field(default_factory=list)
    _most: dict[int, tuple[int, int]] = field(default_factory=dict)

    def reserve(self, tokens_in: int, tokens_out: int) -> int:
        """Set the most that a call can use aside."""
        number = self._meter.reserve(tokens_in, tokens_out)
        self._most[number] = (tokens_in, tokens_out)
        return number

    def settle(self, reservation: int, tokens_in: int, tokens_out: int) -> None:
        """The call was answered and used this much."""
        self._meter.settle(reservation, tokens_in, tokens_out)
        self.calls.append((tokens_in, tokens_out, True))

    def release(self, reservation: int) -> None:
        """The call cost nothing."""
        self._meter.release(reservation)

    def mark_unknown(self, reservation: int) -> None:
        """Nobody knows whether the call was paid."""
        self._meter.mark_unknown(reservation)
        self.calls.append((*self._most[reservation], False))

    def enter_into(self, ledger: Meter) -> None:
        """Count these calls in another account, too. Raises BudgetSpent where they exceed it."""
        for tokens_in, tokens_out, answered in self.calls:
            number = ledger.reserve(tokens_in, tokens_out)
            if answered:
                ledger.settle(number, tokens_in, tokens_out)
            else:
                ledger.mark_unknown(number)
        self.calls = []

    @property
    def _meter(self) -> Meter:
        if self.target is None:
            raise RuntimeError("a call was about to be sent without an account")
        return self.target


@dataclass(frozen=True)
class Settled:
    """The settings under the kind that was found, what to say of it, and what it took."""

    config: TeacherConfig
    sentence: str | None = None
    paid: PaidCalls | None = None


def settled(
    store: Store,
    project: Project,
    config: TeacherConfig,
    job: Progress,
    spending: Spending | None = None,
) -> Settled:
    """The settings with a kind whose interface the server speaks; unchanged for any other kind.

    The calls are counted in the account of the job, within ``spending``, and returned as ``paid``
    for that of the labelling run. Raises BudgetSpent, JobCancelled, ConfigError, and ModelError
    where the server cannot be reached.
    """
    if not kind_of(config).settles:
        return Settled(config)
    model = argument_of(config)
    known = job.facts.get("interface")
    if known in TEACHERS:  # an earlier attempt of the job has found out
        paid_calls = [(int(a), int(b), bool(c)) for a, b, c in job.facts.get("tried") or []]
        return Settled(_as(config, str(known)), paid=PaidCalls(calls=paid_calls))
    label_set = curation.label_set_of(project)
    row = int(curation.random_order(project.stages[:1])[0])
    text = str(store.projects.texts(project, ["text"])["text"].iloc[row])
    with (
        work_folder(store, job) as folder,
        closing(Ledger(folder / LEDGER, spending)) as ledger,
    ):
        paid = PaidCalls(ledger)
        for name, kind in TEACHERS.items():
            if not kind.decides:
                continue
            job.progress(0, None, f"Asking the server: {kind.label}", always=True)
            if _speaks(store, project, _as(config, name), job, label_set, text, paid):
                break
        else:
            name, kind = _CHAT, TEACHERS[_CHAT]
    # With the calls: a killed attempt may not have entered them into the run's account.
    job.remember(interface=name, tried=paid.calls)
    sentence = (
        f"The server answers as {kind.label[:1].lower()}{kind.label[1:]}: this is labelled as "
        f"{name}:{model}."
        if name != _CHAT
        else f"The server is no decision model, so it is asked as a chat model ({name}:{model})."
    )
    return Settled(_as(config, name), sentence, paid)


def _as(config: TeacherConfig, kind: str) -> TeacherConfig:
    return build(TeacherConfig, config.model_dump() | {"teacher": f"{kind}:{argument_of(config)}"})


class _OneText:
    """A decision teacher that is asked about one text, to see whether it answers at all."""

    def __init__(self, teacher: Any) -> None:
        self._teacher = teacher
        self.answered = True

    @property
    def cut(self) -> int:
        """How many texts were too long."""
        return int(self._teacher.cut)

    def describe(self) -> dict[str, Any]:
        """As the teacher, so that the answer is kept as its own."""
        return dict(self._teacher.describe())

    def holds(self, text: str) -> bool:
        """Whether the text is an example of the prompt."""
        return bool(self._teacher.holds(text))

    def score(self, texts: Sequence[str]) -> Iterator[ScoredBatch]:
        """Yield the answer to the one text, where the server answers in this interface."""
        batch = self._teacher.tried(texts[0])
        self.answered = batch is not None
        if batch is not None:
            yield batch


def _speaks(
    store: Store,
    project: Project,
    config: TeacherConfig,
    job: Progress,
    label_set: LabelSet,
    text: str,
    paid: PaidCalls,
) -> bool:
    """Whether the server answers in this interface. An answer is kept."""
    meter = DeferredMeter()
    meter.target = paid
    teacher: Any = prepare_teacher(store, project, config, job, label_set, meter=meter)
    try:
        watch_heartbeat(teacher, job.check)
        first: Any = _OneText(teacher)
        for _ in score_cached(store, first, label_set, [text]):
            pass
        return bool(first.answered)
    finally:
        teacher.close()
