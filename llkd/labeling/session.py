"""Labelling rows in a pass: answers into parts, costs into the pass, progress into the job."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Generator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np

from llkd.errors import BudgetSpent
from llkd.jobs.progress import Progress
from llkd.labeling.cached_scoring import LabeledBatch, score_cached, watch_heartbeat
from llkd.labeling.look_up import looked_up
from llkd.store import LabelingRun, Ledger, Project, Scores, Store
from llkd.store.cost_ledger import Usage
from llkd.store.derived.embeddings import read_rows
from llkd.store.files.score_files import usable
from llkd.teachers.base import Teacher
from llkd.teachers.imported.teacher import ImportedTeacher

CHUNK = 4096
FLUSH_SECONDS = 2.0
BILL_SECONDS = 1.0
_LOG = logging.getLogger(__name__)


class LabelingSession:
    """What one attempt at a pass has done so far. The caller holds the pass for itself."""

    def __init__(
        self,
        store: Store,
        project: Project,
        labeling_run: LabelingRun,
        teacher: Teacher,
        job: Progress,
        *,
        in_use: bool = True,
    ) -> None:
        """Unless ``in_use`` the pass that is in use stays."""
        self.store, self.project, self.labeling_run = store, project, labeling_run
        self.teacher, self.job = teacher, job
        self.ledger: Ledger | None = None
        self.embeddings: Path | None = None  # of all texts, for a teacher that compares them
        self.total = self.finished = self.answered = self.cached = 0
        self.stopped: str | None = None
        self.notices: list[str] = []
        self._sentences: list[str] = []
        self._column = store.projects.texts(project, ["text"])["text"]
        self._began = time.monotonic()
        self._cut = teacher.cut
        self._usage: tuple[float, Usage | None] = (float("-inf"), None)
        self._status = ""
        self._looks_itself = watch_heartbeat(teacher, self._look)
        trust = getattr(teacher, "trust", None)
        self._in_use = not in_use
        labelled = self.usable()
        if trust is not None and labelled:
            trust()
        if labelled:
            self.take_into_use()

    def _look(self) -> None:
        """About once a second: what is waited for is told, and a wish to stop is heard."""
        status = str(getattr(self.teacher, "status", ""))
        if status and status != self._status:
            self.report_notices()
            self.job.progress(self.finished, self.total, status)
        self._status = status
        self.job.check()

    @cached_property
    def _texts(self) -> np.ndarray:
        return self._column.to_numpy()

    def texts(self, rows: np.ndarray) -> list[str]:
        """The texts of these rows."""
        texts: list[str] = self._texts[rows].tolist()
        return texts

    def _answers(self, rows: np.ndarray) -> Generator[LabeledBatch]:
        if isinstance(self.teacher, ImportedTeacher):
            return looked_up(self.teacher, self._column, rows)
        return score_cached(
            self.store,
            self.teacher,
            self.labeling_run.label_set,
            self.texts(rows),
            paid_now=getattr(self.teacher, "tried_texts", ()),
        )

    def begin(self, finished: int, total: int) -> None:
        """Say how much there is, and how much earlier attempts have done."""
        self.finished, self.total = finished, total
        self._began = time.monotonic()
        self.job.begin(finished, total)

    def label_rows(self, rows: np.ndarray) -> None:
        """Label exactly these rows. What was answered is kept, also when this raises.

        Raises BudgetSpent, JobCancelled, and what the teacher raises.
        """
        # A server that fails on a text says so at the end: it must not stand in others' way.
        size = getattr(self.teacher, "at_once", CHUNK)
        size = max(1, len(rows)) if self._looks_itself else size
        for start in range(0, len(rows), size):
            part = np.asarray(rows[start : start + size], dtype=np.int64)
            if self.embeddings is not None:
                expect = getattr(self.teacher, "expect")  # noqa: B009 (not every teacher has it)
                expect(self.texts(part), read_rows(self.embeddings, part))
            buffer = _Buffer(self, part)
            answers = self._answers(part)
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
                self.report_notices()

    def usable(self) -> int:
        """How many texts of the pass have a usable answer by now."""
        labelled = self.store.labeling_runs.done(self.labeling_run)
        return len(np.setdiff1d(labelled, self.store.labeling_runs.unusable(self.labeling_run)))

    def take_into_use(self) -> None:
        """Make this the project's pass, once: what a person chooses meanwhile stands.

        Only a pass that holds a label: one that fails before must not hide those there are.
        """
        if not self._in_use:
            self._in_use = True
            self.store.projects.use_labelling(self.project.id, self.labeling_run.id)

    def say(self, sentence: str | None) -> None:
        """Tell this before anything the teacher finds out; None tells nothing."""
        if sentence is not None:
            self._sentences.append(sentence)
            self.report_notices()

    def report_notices(self) -> None:
        """Pass on what the teacher has newly found out about the server, once each."""
        sentences = [*self._sentences, *getattr(self.teacher, "notices", ())]
        for sentence in sentences[len(self.notices) :]:
            _LOG.warning("%s", sentence)
        if len(sentences) > len(self.notices):
            self.notices = sentences
            self.job.remember(notices=sentences)

    def newly_cut(self) -> int:
        """How many texts were cut since this was asked last."""
        before, self._cut = self._cut, self.teacher.cut
        return self._cut - before

    def _count(self, answered: LabeledBatch) -> None:
        number = len(answered.batch.index)
        self.finished += number
        if answered.cached:
            self.cached += number
        else:
            self.answered += number
        self.report_notices()
        self.job.progress(self.finished, self.total, self._message())
        if answered.cached or not self._looks_itself:
            self.job.check()

    def _message(self) -> str:
        parts = ["Labelling"]
        if self.answered:
            pace = self.answered / max(1e-9, time.monotonic() - self._began)
            parts.append(f"{pace:,.1f} texts/s")
        if self.cached:
            parts.append(f"{self.cached:,} from cache")
        usage = self._recent_usage()
        if usage is not None:
            parts.append(f"{usage.tokens_in + usage.tokens_out:,} tokens")
            if usage.money is not None:
                parts.append(f"{usage.money:,.4f} spent")
        return ", ".join(parts)

    def _recent_usage(self) -> Usage | None:
        """The usage as it was a moment ago: adding it up for every answer would take long."""
        if self.ledger is None:
            return None
        if time.monotonic() - self._usage[0] >= BILL_SECONDS:
            self._usage = (time.monotonic(), self.ledger.usage())
        return self._usage[1]


class _Buffer:
    """Answers on their way to a part: written every few seconds, and at the end."""

    def __init__(self, work: LabelingSession, rows: np.ndarray) -> None:
        self._work, self._rows = work, rows
        self._answers: deque[LabeledBatch] = deque()
        self._flushed = time.monotonic()

    def add(self, answered: LabeledBatch) -> None:
        self._answers.append(answered)
        # What is looked up is there within seconds, and one part is what is read fastest.
        at_once = isinstance(self._work.teacher, ImportedTeacher)
        if not at_once and time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        seconds, self._flushed = time.monotonic() - self._flushed, time.monotonic()
        if not self._answers:
            return
        answers, self._answers = list(self._answers), deque()
        work = self._work
        scores = _scores(answers, self._rows)
        work.store.labeling_runs.append(work.labeling_run, scores)
        if usable(scores.scores, scores.answer).any():
            work.take_into_use()
        work.store.labeling_runs.add_cost(
            work.labeling_run.id,
            sum(answer.batch.tokens_in for answer in answers),
            sum(answer.batch.tokens_out for answer in answers),
            seconds,
            cached=sum(len(answer.batch.index) for answer in answers if answer.cached),
            cut=work.newly_cut(),
        )


def _scores(answers: Sequence[LabeledBatch], rows: np.ndarray) -> Scores:
    batches = [answer.batch for answer in answers]
    raw = [list(b.raw) if b.raw is not None else [None] * len(b.index) for b in batches]
    return Scores(
        row=np.concatenate([rows[b.index] for b in batches]),
        scores=np.concatenate([b.scores for b in batches]),
        answer=np.concatenate([b.answer for b in batches]),
        source=np.concatenate([np.full(len(b.index), b.source, object) for b in batches]),
        raw=np.array(list(chain.from_iterable(raw)), dtype=object),
    )
