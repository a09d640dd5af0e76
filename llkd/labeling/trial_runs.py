"""Asking several teachers about the same texts within one budget, with what each one costs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from llkd.config import LabelSet, Spending, TeacherConfig
from llkd.errors import BudgetSpent, ConfigError, JobCancelled, LLKDError, ModelError
from llkd.jobs.progress import Progress, work_folder
from llkd.labeling.cached_scoring import cache_key, content_free, score_cached, watch_heartbeat
from llkd.labeling.way_of_asking import teacher_as_chosen
from llkd.selection.signals import Ints
from llkd.store import Scores, Store
from llkd.store.cost_ledger import FILE_NAME as LEDGER
from llkd.store.cost_ledger import MILLION, Ledger
from llkd.teachers.base import FewShot, Teacher
from llkd.teachers.registry import kind_of, price_name

COST = ("seconds", "texts_per_second", "tokens_in", "tokens_out", "calls", "money", "cached")


class Trials:
    """Asks one candidate after the other about the same texts, within one budget."""

    def __init__(
        self,
        store: Store,
        label_set: LabelSet,
        rows: Ints,
        texts: list[str],
        job: Progress,
        spending: Spending | None,
        base: str,
    ) -> None:
        """``spending`` holds the prices of the teacher ``base``."""
        self._store, self._label_set, self._job = store, label_set, job
        self._rows, self._texts = rows, texts
        self._spending, self._base = spending or Spending(), base
        self._prices = self._spending.price_in, self._spending.price_out
        self._numbers: dict[str, int] = {}
        self._ledger: Ledger
        self._looks_itself = False
        self.stopped: str | None = None

    @contextmanager
    def metered(self) -> Iterator[None]:
        """Hold the account of calls, which all attempts of the job share."""
        with work_folder(self._store, self._job) as folder:
            self._ledger = Ledger(folder / LEDGER, self._spending)
            try:
                yield
            finally:
                self._ledger.close()

    def usage(self) -> dict[str, Any]:
        """Calls and money of all attempts so far, lost calls in full."""
        usage = self._ledger.usage()
        return {"calls": usage.calls, "lost": usage.lost, "money": usage.money}

    def candidate(
        self,
        number: int,
        config: TeacherConfig,
        shot: FewShot | LLKDError,
        make: Callable[..., Teacher],
        entry: dict[str, Any],
    ) -> tuple[Scores, np.ndarray | None] | None:
        """The answers to all texts and those to texts without content; None where incomplete.

        What it cost, or why it is incomplete, goes into ``entry``.
        """
        if self.stopped is not None:
            entry["error"] = "Not asked: the budget was spent before."
            return None
        message = f"Trying {number + 1}: {entry['name']}"
        self._job.progress(number * len(self._texts), None, message, always=True)
        try:
            if isinstance(shot, LLKDError):
                raise shot
            self._use_prices_of(config)
            home = self._store.home.root
            maker = partial(self._make, make, shot, home)
            teacher = teacher_as_chosen(self._store, config, self._label_set, maker)
            self._looks_itself = watch_heartbeat(teacher, self._job.check)
            try:
                same = self._same(teacher, number)
                if same is not None:
                    entry["same_as"] = same
                    return None
                free = self._content_free(teacher)
                return self._answers(teacher, number, entry), free
            finally:
                teacher.close()
        except JobCancelled:
            raise
        except BudgetSpent as error:
            self.stopped = entry["error"] = str(error)
        except LLKDError as error:
            entry["error"] = str(error)
        return None

    def _make(
        self, make: Callable[..., Teacher], shot: FewShot, home: Path, config: TeacherConfig
    ) -> Teacher:
        return make(config, self._label_set, home, examples=shot, meter=self._ledger)

    def _content_free(self, teacher: Teacher) -> np.ndarray | None:
        """Scores of texts without content; None where they make no sense or cannot be had."""
        try:
            return content_free(self._store, teacher, self._label_set)
        except (BudgetSpent, ModelError):
            return None  # a calibration less; asking about the texts says what is wrong

    def _same(self, teacher: Teacher, number: int) -> int | None:
        """The earlier candidate that asks in just the same way, if there is one."""
        words = json.dumps(teacher.describe(), sort_keys=True)
        earlier = self._numbers.setdefault(words, number)
        return earlier if earlier != number else None

    def _answers(self, teacher: Teacher, number: int, entry: dict[str, Any]) -> Scores:
        n, classes = len(self._texts), len(self._label_set.labels)
        scores = Scores(
            self._rows,
            np.full((n, classes), np.nan, dtype=np.float32),
            np.full(n, -1, dtype=np.int64),
            np.full(n, "none", dtype=object),
            np.full(n, None, dtype=object),
        )
        calls, began = self._ledger.usage().calls, time.perf_counter()
        finished = cached = tokens_in = tokens_out = 0
        for scored in score_cached(self._store, teacher, self._label_set, self._texts):
            batch = scored.batch
            scores.scores[batch.index] = batch.scores
            scores.answer[batch.index] = batch.answer
            scores.source[batch.index] = batch.source
            finished += len(batch.index)
            cached += len(batch.index) if scored.cached else 0
            tokens_in, tokens_out = tokens_in + batch.tokens_in, tokens_out + batch.tokens_out
            self._job.progress(number * n + finished)
            if not self._looks_itself or scored.cached:
                self._job.check()
        seconds = time.perf_counter() - began
        key = cache_key(teacher, self._label_set)
        if key is not None:  # the cache knows what the known answers cost
            answers = self._store.answers.find(key, self._texts).values()
            tokens_in = sum(answer.tokens_in for answer in answers)
            tokens_out = sum(answer.tokens_out for answer in answers)
        entry.update(
            seconds=round(seconds, 3),
            texts_per_second=round((n - cached) / seconds, 3) if cached < n else None,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            calls=self._ledger.usage().calls - calls,
            money=self._price(tokens_in, tokens_out),
            cached=cached,
        )
        return scores

    def _use_prices_of(self, config: TeacherConfig) -> None:
        """Count calls at the prices of this candidate's model. Raises ConfigError without them.

        Prices that were given are those of ``base``; another model's stand in the price table.
        """
        prices = self._spending.price_in, self._spending.price_out
        if config.teacher != self._base and kind_of(config).metered:
            model = price_name(config)
            listed = self._store.prices.of(model)
            if listed is None and self._spending.budget is not None:
                raise ConfigError(
                    f"The price of {model!r} is not known, so that the budget cannot be kept: add "
                    "it to the price table, or bound the calls instead."
                )
            prices = (None, None) if listed is None else (listed.price_in, listed.price_out)
        self._prices = prices
        self._ledger.use_prices(*prices)

    def _price(self, tokens_in: int, tokens_out: int) -> float | None:
        price_in, price_out = self._prices
        if price_in is None or price_out is None:
            return None
        return (tokens_in * price_in + tokens_out * price_out) / MILLION
