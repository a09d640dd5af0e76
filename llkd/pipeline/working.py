"""Labelling rows in a pass: answers into parts, costs into the pass, progress into the job."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Sequence

import numpy as np

from llkd.errors import BudgetSpent
from llkd.jobs import JobContext
from llkd.pipeline.asking import Asked, ask, watched
from llkd.store import Labelling, Ledger, Project, Scores, Store
from llkd.store.labellings import usable
from llkd.store.spending import Bill
from llkd.teachers.base import Teacher

CHUNK = 4096
FLUSH_SECONDS = 2.0
BILL_SECONDS = 1.0
_LOG = logging.getLogger(__name__)


class Labelled:
    """What one attempt at a pass has done so far. The caller holds the pass for itself."""

    def __init__(
        self,
        store: Store,
        project: Project,
        labelling: Labelling,
        teacher: Teacher,
        job: JobContext,
    ) -> None:
        self.store, self.project, self.labelling = store, project, labelling
        self.teacher, self.job = teacher, job
        self.ledger: Ledger | None = None
        self.total = self.finished = self.asked = self.cached = 0
        self.stopped: str | None = None
        self.notices: list[str] = []
        self._texts = store.projects.texts(project.id, ["text"])["text"].to_numpy()
        self._began = time.monotonic()
        self._cut = teacher.cut
        self._bill: tuple[float, Bill | None] = (float("-inf"), None)
        self._looks_itself = watched(teacher, job.check)
        trust = getattr(teacher, "trust", None)
        self._in_use = False
        labelled = self.usable()
        if trust is not None and labelled:
            trust()
        if labelled:
            self.take_into_use()

    def texts(self, rows: np.ndarray) -> list[str]:
        """The texts of these rows."""
        return [str(text) for text in self._texts[rows]]

    def begin(self, finished: int, total: int) -> None:
        """Say how much there is, and how much earlier attempts have done."""
        self.finished, self.total = finished, total
        self._began = time.monotonic()
        self.job.begin(finished, total)

    def rows(self, rows: np.ndarray) -> None:
        """Label exactly these rows. What was answered is kept, also when this raises.

        Raises BudgetSpent, JobCancelled, and what the teacher raises.
        """
        # A server that fails on a text says so at the end: it must not stand in others' way.
        size = max(1, len(rows)) if self._looks_itself else CHUNK
        for start in range(0, len(rows), size):
            part = np.asarray(rows[start : start + size], dtype=np.int64)
            buffer = _Buffer(self, part)
            answers = ask(self.store, self.teacher, self.labelling.label_set, self.texts(part))
            try:
                for answered in answers:
                    buffer.add(answered)
                    self._count(answered)
            except BudgetSpent as spent:
                self.stopped = str(spent)
                raise
            finally:
                answers.close()
                buffer.flush()
                self.tell()

    def usable(self) -> int:
        """How many texts of the pass have a usable answer by now."""
        done = self.store.labellings.done(self.labelling)
        return len(np.setdiff1d(done, self.store.labellings.unusable(self.labelling)))

    def take_into_use(self) -> None:
        """Make this the project's pass, once: what a person chooses meanwhile stands.

        Only a pass that holds a label: one that fails before must not hide those there are.
        """
        if not self._in_use:
            self._in_use = True
            self.store.projects.use_labelling(self.project.id, self.labelling.id)

    def tell(self) -> None:
        """Pass on what the teacher has newly found out about the server, once each."""
        known = list(getattr(self.teacher, "notices", ()))
        for sentence in known[len(self.notices) :]:
            _LOG.warning("%s", sentence)
        if len(known) > len(self.notices):
            self.notices = known
            self.job.remember(notices=known)

    def newly_cut(self) -> int:
        """How many texts were cut since this was asked last."""
        before, self._cut = self._cut, self.teacher.cut
        return self._cut - before

    def _count(self, answered: Asked) -> None:
        number = len(answered.batch.index)
        self.finished += number
        if answered.cached:
            self.cached += number
        else:
            self.asked += number
        self.tell()
        self.job.progress(self.finished, self.total, self._message())
        if answered.cached or not self._looks_itself:
            self.job.check()

    def _message(self) -> str:
        said = ["Labelling"]
        if self.asked:
            pace = self.asked / max(1e-9, time.monotonic() - self._began)
            said.append(f"{pace:,.1f} texts/s")
        if self.cached:
            said.append(f"{self.cached:,} known already")
        bill = self._recent_bill()
        if bill is not None:
            said.append(f"{bill.tokens_in + bill.tokens_out:,} tokens")
            if bill.money is not None:
                said.append(f"{bill.money:,.4f} spent")
        return ", ".join(said)

    def _recent_bill(self) -> Bill | None:
        """The bill as it was a moment ago: adding it up for every answer would take long."""
        if self.ledger is None:
            return None
        if time.monotonic() - self._bill[0] >= BILL_SECONDS:
            self._bill = (time.monotonic(), self.ledger.bill())
        return self._bill[1]


class _Buffer:
    """Answers on their way to a part: written every few seconds, and at the end."""

    def __init__(self, work: Labelled, rows: np.ndarray) -> None:
        self._work, self._rows = work, rows
        self._answers: deque[Asked] = deque()
        self._flushed = time.monotonic()

    def add(self, answered: Asked) -> None:
        self._answers.append(answered)
        if time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        seconds, self._flushed = time.monotonic() - self._flushed, time.monotonic()
        if not self._answers:
            return
        answers, self._answers = list(self._answers), deque()
        work = self._work
        scores = _scores(answers, self._rows)
        work.store.labellings.append(work.labelling, scores)
        if usable(scores.scores, scores.answer).any():
            work.take_into_use()
        work.store.labellings.add_cost(
            work.labelling.id,
            sum(one.batch.tokens_in for one in answers),
            sum(one.batch.tokens_out for one in answers),
            seconds,
            cached=sum(len(one.batch.index) for one in answers if one.cached),
            cut=work.newly_cut(),
        )


def _scores(answers: Sequence[Asked], rows: np.ndarray) -> Scores:
    batches = [one.batch for one in answers]
    raw = [list(b.raw) if b.raw is not None else [None] * len(b.index) for b in batches]
    return Scores(
        row=np.concatenate([rows[b.index] for b in batches]),
        scores=np.concatenate([b.scores for b in batches]),
        answer=np.concatenate([b.answer for b in batches]),
        source=np.concatenate([np.full(len(b.index), b.source, object) for b in batches]),
        raw=np.array([answer for part in raw for answer in part], dtype=object),
    )
