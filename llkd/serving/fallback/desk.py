"""What a teacher needs while a server asks it: its account, its calibration, the inbox."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from filelock import FileLock, Timeout

from llkd import curation
from llkd.config import LabelSet, Spending, TeacherConfig, build
from llkd.errors import LLKDError, UserError
from llkd.jobs.progress import SilentProgress
from llkd.labeling.cached_scoring import LabeledBatch, score_cached
from llkd.labeling.metering import DeferredMeter
from llkd.labeling.run_identity import run_fingerprint
from llkd.labeling.setup import prepare_teacher
from llkd.labeling.way_of_asking import take_over
from llkd.selection import signals
from llkd.serving.fallback.measures import Costs
from llkd.serving.fallback.teacher_calls import LEAST_SILENCE, SentText, TeacherCalls
from llkd.store import LabelingRun, Ledger, Project, Run, Store
from llkd.store.cost_ledger import read_usage
from llkd.store.files.permissions import mode_in
from llkd.store.inbox import Inbox, InboxEntry, inbox_of
from llkd.teachers.base import ScoredBatch, Teacher
from llkd.teachers.registry import checked, kind_of

BILL_SECONDS = 2.0
SERVER_WORKERS = 4
"""Threads that ask a teacher behind a server, each with its share of the requests at a time."""


class TeacherDesk:
    """What teachers need while they answer: account, calibration, inbox."""

    def __init__(
        self,
        store: Store,
        project: Project,
        run: Run,
        label_set: LabelSet,
        config: TeacherConfig,
        spending: Spending,
        make: Callable[[], Teacher] | None,
        patience: float = LEAST_SILENCE,
    ) -> None:
        """``patience``: seconds that callers wait."""
        self._store, self._project, self._run = store, project, run
        self._labels, self._config = label_set, config
        self._places = _places(run, label_set)
        self._keys = tuple(label_set.keys)
        self._inbox: Inbox = inbox_of(store.home, project.id)
        self._spending = spending
        self._meter = DeferredMeter()
        self._ledger: Ledger | None = None
        self._calibrated: CalibratedScores | None = None
        self._fingerprint = ""
        self._handed_over = make
        workers = SERVER_WORKERS if make is None and kind_of(config).metered else 1
        self._share = max(1, config.concurrency // workers)
        self.calls = TeacherCalls(
            self._make,
            self._score,
            self._read,
            self.record,
            workers=workers,
            silence=max(patience, LEAST_SILENCE),
        )
        self._first = True
        self._seed: float | None = None
        self._spent_before = 0.0
        # What runs on this machine costs nothing.
        self._costs = (float("-inf"), Costs(0.0, 0.0))
        self._alone: FileLock | None = None

    def _make(self) -> Teacher:
        """One of the teachers; the first opens the account and reads the calibration."""
        if self._handed_over is not None:
            teacher = self._handed_over()
        else:
            config = build(TeacherConfig, self._config.model_dump(), concurrency=self._share)
            teacher = prepare_teacher(
                self._store,
                self._project,
                checked(config),
                SilentProgress(),
                self._labels,
                meter=self._meter,
                finished_too=True,
                spending=self._spending,
            )
        if self._first:
            self._first = False
            self._fingerprint = run_fingerprint(teacher.describe(), self._labels)
            labeling_run = self._store.labeling_runs.find(self._project.id, self._fingerprint)
            self._calibrated = CalibratedScores.of(self._store, labeling_run, len(self._keys))
            if self._handed_over is not None or kind_of(self._config).metered:
                path = self._store.home.served_calls(self._project.id, self._fingerprint)
                self._alone = _alone_with(self._store, self._project, self._fingerprint)
                self._ledger = self._meter.target = Ledger(path, self._spending)
                take_over(self._store, self._project.id, self._ledger)
                self._seed = _mean_cost(self._store, labeling_run)
                usage = self._ledger.usage()
                self._spent_before = usage.money or 0.0
        return teacher

    def _score(self, teacher: Teacher, texts: Sequence[str]) -> Iterator[LabeledBatch]:
        return score_cached(self._store, teacher, self._labels, texts)

    def _read(self, batch: ScoredBatch, place: int) -> np.ndarray | None:
        """The student's classes' probabilities, of a usable answer of the teacher that was made."""
        if self._calibrated is None:
            return None
        p = self._calibrated.probabilities(batch, place)
        return None if p is None else p[self._places]

    def record(self, sent: SentText, batch: ScoredBatch | None, place: int) -> None:
        """Keep a text for the project, with the teacher's answer where there is one."""
        keys = self._run.classes.keys
        label = None
        scores = None
        if batch is not None and self._calibrated is not None:
            p = self._calibrated.probabilities(batch, place)
            label = None if p is None else self._keys[int(p.argmax())]
            scores = batch.scores[place]
        self._inbox.record(
            counted=sent.in_inbox,
            entry=InboxEntry(
                text=sent.text,
                reason=sent.reason,
                run=self._run.id,
                student_label=keys[sent.label],
                confidence=sent.confidence,
                teacher=self._fingerprint or None,
                teacher_label=label,
                scores=scores,
                classes=self._keys,
            ),
        )

    def kept_counts(self) -> tuple[int, bool]:
        """Texts in the inbox, and whether it is full."""
        counts = self._inbox.counts()
        return counts.texts, counts.full

    def costs(self) -> Costs:
        """Spent by all starts; per text by this one's calls, else by the labelling run's.

        As it was a moment ago: adding up every call for each that asks would take long.
        """
        if self._ledger is not None and time.monotonic() - self._costs[0] >= BILL_SECONDS:
            self._costs = (time.monotonic(), self._added_up(self._ledger))
        return self._costs[1]

    def _added_up(self, ledger: Ledger) -> Costs:
        try:
            money = ledger.usage().money
        except LLKDError:
            return self._costs[1]
        if money is None or not self._priced:
            return Costs(None, None)
        sent = self.calls.sent
        return Costs(money, (money - self._spent_before) / sent if sent else self._seed)

    @property
    def _priced(self) -> bool:
        return self._spending.price_in is not None and self._spending.price_out is not None

    def close(self) -> None:
        """Let go of account and inbox."""
        if self._ledger is not None:
            self._costs = (time.monotonic(), self._added_up(self._ledger))
            self._ledger.close()
            self._ledger = None
        if self._alone is not None:
            self._alone.release()
        self._inbox.close()


def _alone_with(store: Store, project: Project, fingerprint: str) -> FileLock:
    """One server at a time counts a teacher's calls: two would not hold one budget."""
    locks = store.home.locks
    lock = FileLock(
        locks / f"served-{project.id}-{fingerprint[:16]}.lock",
        timeout=0,
        mode=mode_in(locks),
        thread_local=False,  # taken by the thread that starts, let go by the one that stops
    )
    try:
        lock.acquire()
    except Timeout:
        raise UserError(
            f"Another server already asks this teacher for {project.name!r}; its budget is one. "
            "Stop that one first."
        ) from None
    return lock


def _places(run: Run, label_set: LabelSet) -> np.ndarray:
    """The teacher's place of each of the student's classes. Raises UserError where they differ."""
    places = label_set.places
    keys = run.classes.keys
    lost = [name for key, name in zip(keys, run.classes.names, strict=True) if key not in places]
    own = {places[key] for key in keys if key in places}
    later = [name for place, name in enumerate(label_set.names) if place not in own]
    if lost or later:
        raise UserError(
            f"The classes changed after run {run.id} was trained ({', '.join([*lost, *later])}): "
            "its student and the teacher no longer tell the same classes apart. Train again."
        )
    return np.array([places[key] for key in keys], dtype=np.int64)


def _mean_cost(store: Store, labeling_run: LabelingRun | None) -> float | None:
    """Money per text of a labelling run, by what it asked itself."""
    if labeling_run is None:
        return None
    usage = read_usage(store.labeling_runs.account(labeling_run))
    texts = len(store.labeling_runs.done(labeling_run)) - labeling_run.cached
    return None if usage is None or usage.money is None or texts <= 0 else usage.money / texts


@dataclass(frozen=True)
class CalibratedScores:
    """From a teacher's scores to probabilities, as its labelling run has them."""

    bias: np.ndarray
    temperature: float

    @classmethod
    def of(cls, store: Store, labeling_run: LabelingRun | None, classes: int) -> CalibratedScores:
        """Those of the run; without one the scores as they are."""
        if labeling_run is not None and len(store.labeling_runs.done(labeling_run)):
            labels = curation.teacher_labels(store, labeling_run)
            if len(labels.bias) == classes:
                return cls(labels.bias, labels.temperature)
            print(  # noqa: T201
                "The teacher's calibration is of other classes and is left out.", file=sys.stderr
            )
        return cls(np.zeros(classes), 1.0)

    def probabilities(self, batch: ScoredBatch, place: int) -> np.ndarray | None:
        """``[C]`` in the order of the label set; one class alone where it was named outright."""
        scores = np.asarray(batch.scores[place], dtype=np.float64)
        if np.isfinite(scores).all():
            measured = signals.is_measured(np.array([batch.source]))[0]
            bias = self.bias if measured else 0.0
            return np.asarray(
                signals.teacher_probabilities(scores[None], bias, self.temperature)[0]
            )
        named = int(batch.answer[place])
        return np.eye(len(scores))[named] if named >= 0 else None
