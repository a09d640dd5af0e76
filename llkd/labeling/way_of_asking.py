"""Which way a server is asked in: what an earlier pass did, else what a few texts speak for.

The texts are asked in each way that is in question; the answers are kept in the cache, so that the
pass does not pay for those of its own way again. What is chosen is kept for all passes of the home.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from llkd.config import LabelSet, Spending, TeacherConfig
from llkd.curation import development_rows, random_order
from llkd.errors import BudgetSpent
from llkd.jobs.progress import Progress
from llkd.labeling.cached_scoring import cache_key, keep, watch_heartbeat, writable
from llkd.labeling.metering import DeferredMeter
from llkd.labeling.run_identity import run_fingerprint
from llkd.selection.signals import Ints
from llkd.store import Answer, Ledger, Project, Store
from llkd.store.files.permissions import make_folder
from llkd.teachers.api.names.evidence import (
    FEWEST_KNOWN,
    WAYS,
    Evidence,
    best_way,
    evidence,
    letters_stay,
    sentence,
)
from llkd.teachers.base import ScoredBatch, Teacher
from llkd.teachers.registry import TRIED_TEXTS, chooses_way

FEWEST_TEXTS = 48  # of fewer nothing is tried: trying would be a good part of the pass
_CHOICE = "way of asking"
_TRIED = "tried"
Make = Callable[[TeacherConfig], Teacher]


class WayOfAsking:
    """Finds the way for one pass; ``make`` makes a teacher that asks in the way of its settings."""

    def __init__(
        self,
        store: Store,
        project: Project,
        config: TeacherConfig,
        label_set: LabelSet,
        make: Make,
        meter: DeferredMeter,
    ) -> None:
        """``meter`` is that of every teacher that ``make`` makes."""
        self._store, self._project, self._config = store, project, config
        self._label_set, self._make, self._meter = label_set, make, meter
        self._asked_now: set[str] = set()

    def teacher(self, job: Progress, spending: Spending | None, limit: int | None) -> Teacher:
        """The teacher that asks in the way that is set, known, or chosen now.

        ``limit`` bounds the pass. What is asked to choose is metered and bounded by ``spending``,
        in an account of its own (:func:`account_of_trial`) that the pass's takes over
        (:func:`take_over`). Raises what the teacher raises; where the budget is spent meanwhile,
        letters are asked for.
        """
        if not chooses_way(self._config):
            return self._make(self._config)
        teacher = self._teacher_for(WAYS[0])
        key = cache_key(teacher, self._label_set)
        way = self._way_of_earlier_pass(teacher) or self._choice(key)
        asked_about = min(limit or self._project.rows, self._project.rows)
        if way is None and key is not None and asked_about >= FEWEST_TEXTS:
            way = self._choose(teacher, key, job, spending)
        if way is None or way == WAYS[0]:
            way_teacher = teacher
        else:
            teacher.close()
            way_teacher = self._teacher_for(way)
        self._tell(way_teacher, way, key)
        if self._asked_now:
            setattr(way_teacher, "tried_texts", frozenset(self._asked_now))  # noqa: B010 (of servers alone)
        return way_teacher

    def _teacher_for(self, way: str) -> Teacher:
        return self._make(self._config.model_copy(update={"ask": way}))

    def _way_of_earlier_pass(self, letters: Teacher) -> str | None:
        """The way of the newest pass of this project that would go on: it goes on as it began."""
        kind = letters.describe()["kind"]
        runs = self._store.labeling_runs.all(self._project.id)
        runs = [run for run in runs if run.teacher.get("kind") == kind]
        if not runs:
            return None
        prints: dict[str, str] = {}
        for way in WAYS:
            teacher = letters if way == WAYS[0] else self._teacher_for(way)
            prints[run_fingerprint(teacher.describe(), self._label_set)] = way
            if teacher is not letters:
                teacher.close()
        same = [run for run in runs if run.fingerprint in prints]
        newest = max(same, key=lambda run: run.id, default=None)
        return None if newest is None else prints[newest.fingerprint]

    def _choice(self, key: str | None) -> str | None:
        record = _record(self._store, key)
        return None if record is None else str(record["way"])

    def _tell(self, teacher: Teacher, way: str | None, key: str | None) -> None:
        record = _record(self._store, key)
        note: Callable[[str], None] | None = getattr(teacher, "note", None)
        if record is not None and record["way"] == way and note is not None:
            words = sentence(record["way"], record["evidence"])
            if words:
                note(words)

    def _choose(
        self, letters: Teacher, key: str, job: Progress, spending: Spending | None
    ) -> str | None:
        """The way that a few texts speak for; None where the server offers no log-probabilities."""
        rows, known = self._rows()
        texts = self._store.projects.texts(self._project, ["text"])["text"].to_numpy()[rows]
        account = account_of_trial(self._store, self._project.id)
        make_folder(account.parent)
        with FileLock(account.with_suffix(".lock")), self._metered(account, spending):
            way = self._choice(key)  # perhaps by a job that was waited for
            if way is not None:
                return way
            tried: list[Evidence] = []
            try:
                for way in WAYS:
                    teacher = letters if way == WAYS[0] else self._teacher_for(way)
                    try:
                        job.progress(0, None, f"Trying to ask by {way}", always=True)
                        watch_heartbeat(teacher, job.check)
                        each = self._tried(teacher, way, [str(text) for text in texts], known)
                    finally:
                        if teacher is not letters:
                            teacher.close()
                    if each is not None:
                        tried.append(each)
                    if way == WAYS[0] and (each is None or letters_stay(each)):
                        break
            except BudgetSpent:
                return None
            if not tried:
                return None
            way = best_way(tried)
            if any(each.way == way and each.usable for each in tried):
                self._keep_unread(letters if way == WAYS[0] else None, way, texts)
            record = {"way": way, "evidence": [each.document() for each in tried]}
            choice = Answer(np.empty(0, np.float32), -1, "none", json.dumps(record))
            self._store.answers.save(f"{key} {_CHOICE}", [_CHOICE], [choice])
            return way

    @contextmanager
    def _metered(self, account: Path, spending: Spending | None) -> Iterator[None]:
        ledger = Ledger(account, spending)
        before, self._meter.target = self._meter.target, ledger
        try:
            yield
        finally:
            self._meter.target = before
            ledger.close()

    def _rows(self) -> tuple[Ints, Ints]:
        """The texts to try [n], and their classes [n], -1 where one is not known.

        They are those that labelling asks first, or, where there are enough, texts of known class
        that judge nothing else.
        """
        order = random_order(self._project.stages)
        for kind in development_rows(self._store, self._project):
            if len(kind.rows) >= FEWEST_KNOWN:
                place = np.full(self._project.rows, -1, dtype=np.int64)
                place[kind.rows] = kind.gold
                rows = order[place[order] >= 0][:TRIED_TEXTS]
                return rows, place[rows]
        rows = order[:TRIED_TEXTS]
        return rows, np.full(len(rows), -1, dtype=np.int64)

    def _tried(
        self, teacher: Teacher, way: str, texts: Sequence[str], known: Ints
    ) -> Evidence | None:
        """What the texts say of one way; None where the server lists no first words for it."""
        key = cache_key(teacher, self._label_set) or ""
        holds: Callable[[str], bool] = getattr(teacher, "holds", lambda text: False)
        places = [place for place, text in enumerate(texts) if not holds(text)]
        scores, masses, apart = [], [], True
        for place in places:
            tried = self._known(key, texts[place]) or self._ask(teacher, key, texts[place])
            if tried is None:
                return None
            scores.append(tried.scores)
            facts = json.loads(tried.raw or "{}")
            masses.append(float(facts["mass"]))
            apart &= bool(facts["apart"])
        if not places:
            return None
        return evidence(way, np.stack(scores), masses, known[places], apart=apart)

    def _keep_unread(self, teacher: Teacher | None, way: str, texts: Sequence[str]) -> None:
        """Keep the way's answers that say nothing, as its pass would have: they are paid for."""
        asking = teacher or self._teacher_for(way)
        key = cache_key(asking, self._label_set) or ""
        tried = {str(text): self._known(key, str(text)) for text in texts}
        for text, each in tried.items():
            if each is None or not _unread(each):
                continue
            raw = json.loads(each.raw or "{}").get("raw")
            batch = ScoredBatch(
                index=np.zeros(1, np.int64),
                scores=each.scores[None],
                answer=np.full(1, -1, np.int64),
                source="none",
                raw=None if raw is None else [raw],
                tokens_in=each.tokens_in,
                tokens_out=each.tokens_out,
            )
            keep(self._store, asking, self._label_set, [text], batch)
        if teacher is None:
            asking.close()

    def _known(self, key: str, text: str) -> Answer | None:
        return self._store.answers.find(f"{key} {_TRIED}", [text]).get(0)

    def _ask(self, teacher: Teacher, key: str, text: str) -> Answer | None:
        try_out = getattr(teacher, "try_out")  # noqa: B009 (only servers are asked in ways)
        outcome = try_out(text)
        if outcome is None:
            return None
        self._asked_now.add(text)
        answered, mass, apart = outcome
        batch = writable(answered)
        if np.isfinite(batch.scores).all():
            keep(self._store, teacher, self._label_set, [text], batch)
        facts = {"mass": mass, "apart": apart, "raw": batch.raw[0] if batch.raw else None}
        read, written = batch.tokens_in, batch.tokens_out
        tried = Answer(batch.scores[0], -1, batch.source, json.dumps(facts), read, written)
        self._store.answers.save(f"{key} {_TRIED}", [text], [tried])
        return tried


def teacher_as_chosen(
    store: Store, config: TeacherConfig, label_set: LabelSet, make: Make
) -> Teacher:
    """The teacher that asks in the way that was chosen before, else by letters: nothing is tried.

    For those that compare ways to ask, where trying would be part of what is compared.
    """
    if not chooses_way(config):
        return make(config)
    teacher = make(config.model_copy(update={"ask": WAYS[0]}))
    record = _record(store, cache_key(teacher, label_set))
    if record is None or record["way"] == WAYS[0]:
        return teacher
    teacher.close()
    return make(config.model_copy(update={"ask": record["way"]}))


def _record(store: Store, key: str | None) -> dict[str, Any] | None:
    """What was chosen for a teacher that asks by letters, and its evidence; None where nothing."""
    if key is None:
        return None
    record = store.answers.find(f"{key} {_CHOICE}", [_CHOICE])
    return json.loads(record[0].raw or "null") if record else None


def account_of_trial(store: Store, project_id: int) -> Path:
    """Where the calls of choosing are counted until a pass takes them over."""
    return store.home.root / "cache" / f"asking-{project_id}.db"


def take_over(store: Store, project_id: int, ledger: Ledger) -> None:
    """Count what choosing the way cost as the pass's own; nothing is counted twice."""
    account = account_of_trial(store, project_id)
    if not account.exists():
        return
    with FileLock(account.with_suffix(".lock")):
        if account.exists():  # still: another may have been quicker
            ledger.adopt(account)
            for end in ("", "-wal", "-shm"):
                account.with_name(account.name + end).unlink(missing_ok=True)


def _unread(tried: Answer) -> bool:
    """Whether an answer was paid for that says nothing of the classes."""
    return not np.isfinite(tried.scores).all() and tried.tokens_in + tried.tokens_out > 0
