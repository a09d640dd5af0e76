"""Before the start: a few texts asked for real, and what the rest would take, with a range."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from llkd import curation
from llkd.config import LabelSet, Spending, TeacherConfig
from llkd.errors import UserError
from llkd.jobs.progress import Progress, work_folder
from llkd.labeling.cached_scoring import cache_key, score_cached, watch_heartbeat
from llkd.labeling.cost_ranges import ROUGH, Range, many, scaled, spread_total
from llkd.labeling.interfaces import settled
from llkd.labeling.metering import DeferredMeter, usage_document
from llkd.labeling.run_identity import run_fingerprint
from llkd.labeling.setup import prepare_teacher
from llkd.labeling.way_of_asking import take_over
from llkd.selection import signals
from llkd.store import Ledger, Project, Store
from llkd.store.cost_ledger import FILE_NAME as LEDGER
from llkd.store.cost_ledger import MILLION
from llkd.teachers.base import ScoredBatch, Teacher
from llkd.teachers.registry import kind_of
from llkd.workflows.relabeling import asked_rows, touched_rows

CHARACTERS_PER_TOKEN = 4
SURE_AT_ONCE = 4  # requests that most servers bear at a time


def dry_run(
    store: Store,
    project: Project,
    config: TeacherConfig,
    job: Progress,
    *,
    count: int = 5,
    rows: Sequence[int] | None = None,
    limit: int | None = None,
    teacher: Teacher | None = None,
    spending: Spending | None = None,
    batch: bool = False,
    about: str | None = None,
) -> dict[str, Any]:
    """Ask about a few texts, label none: prompt, answer, confidence, and what the rest would take.

    ``rows`` names the texts; else the ``count`` that labelling would ask first. The answers are
    kept in the cache, so labelling does not pay for them again; they are not calibrated, which
    needs the pool's scores. What they cost is in the document and in no pass's account;
    ``spending`` bounds it (BudgetSpent). ``limit``, ``batch`` and ``about`` (the key of a class, of
    whose likely texts the sample is taken) are those of the labelling to be estimated. Raises
    UserError for a row that is none. :func:`estimated` explains the estimate.
    """
    label_set = curation.label_set_of(project)
    texts = store.projects.texts(project, ["text"])["text"].to_numpy()
    touched = None
    if about is not None:
        likely = touched_rows(store, project, about, job)
        touched = asked_rows(project, config, likely)
    sample_rows = _rows(project, count, rows, touched)
    interface = settled(store, project, config, job, spending)
    config = interface.config
    meter = DeferredMeter()
    active_teacher = teacher or prepare_teacher(
        store, project, config, job, label_set, meter=meter, spending=spending, limit=limit
    )
    try:
        with (
            work_folder(store, job) as folder,
            closing(Ledger(folder / LEDGER, spending)) as ledger,
        ):
            meter.target = ledger
            take_over(store, project.id, ledger)
            sample = Sample(store, active_teacher, label_set, job, ledger, config)
            sample.ask({int(row): str(texts[row]) for row in sample_rows})
            waiting_rows = _waiting_rows(
                store, project, label_set, active_teacher, texts, limit, touched
            )
            pace = _pace(store, project, sample, waiting_rows, texts)
            cost = ledger.usage()
    finally:
        if teacher is None:
            active_teacher.close()
    lengths = np.array([len(str(texts[row])) for row in waiting_rows])
    estimate = estimated(sample, lengths, config, spending or Spending(), pace)
    if batch and estimate["money"] is not None:
        share = 1.0 - (spending or Spending()).batch_discount
        estimate["money"] = [share * money for money in estimate["money"]]
    if batch:
        estimate["batch"] = True  # its time is the server's: up to a day
    answered = max(1, len(sample.examples))
    middle = estimate["seconds"][1]
    return {
        "examples": [
            sample.examples[int(row)] for row in sample_rows if int(row) in sample.examples
        ],
        "estimate": estimate,
        "pace": pace,
        "key": sample.key,
        "notices": [
            *([] if interface.sentence is None else [interface.sentence]),
            *getattr(active_teacher, "notices", ()),
        ],
        "texts": project.rows,
        **({} if touched is None else {"touched": len(likely)}),
        "seconds_per_text": middle / max(1, len(waiting_rows)),
        "estimated_seconds": middle,
        "tokens_per_text": float(sum(sample.tokens_in) + sum(sample.tokens_out)) / answered,
        "tokens_in": cost.tokens_in or sample.fresh_in,
        "tokens_out": cost.tokens_out or sample.fresh_out,
        **usage_document(cost),
    }


@dataclass
class Sample:
    """What was asked and what it took: one entry for each text, and the time of the fresh ones."""

    store: Store
    teacher: Teacher
    label_set: LabelSet
    job: Progress
    ledger: Ledger
    config: TeacherConfig
    examples: dict[int, dict[str, Any]] = field(default_factory=dict)
    characters: list[int] = field(default_factory=list)
    tokens_in: list[int] = field(default_factory=list)
    tokens_out: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    fresh_in: int = 0
    fresh_out: int = 0

    def __post_init__(self) -> None:
        """Name the teacher as the cache does."""
        self.key = cache_key(self.teacher, self.label_set)
        self.metered = kind_of(self.config).metered
        watch_heartbeat(self.teacher, self.job.check)

    def ask(self, texts: dict[int, str]) -> None:
        """Ask about these rows. A server gets one text at a time, so that each has its own time."""
        total = len(self.examples) + len(texts)
        self.job.begin(len(self.examples), total)
        for part in [{row: text} for row, text in texts.items()] if self.metered else [texts]:
            self._ask(part)
            self.job.progress(len(self.examples), total, "Dry run")
            self.job.check()

    def _ask(self, texts: dict[int, str]) -> None:
        rows, words = list(texts), list(texts.values())
        calls, began, fresh = self._calls_so_far(), time.monotonic(), 0
        used: dict[int, tuple[int, int]] = {}
        for answered in score_cached(self.store, self.teacher, self.label_set, words):
            batch = answered.batch
            fresh += 0 if answered.cached else len(batch.index)
            self.fresh_in += batch.tokens_in
            self.fresh_out += batch.tokens_out
            probabilities = signals.softmax(batch.scores)
            for place, index in enumerate(batch.index):
                row, text = rows[int(index)], words[int(index)]
                self.examples[row] = {
                    "row": row,
                    "text": text,
                    "prompt": self.teacher.prompt(text),
                    "cached": answered.cached,
                    **_answer(batch, place, probabilities[place], self.label_set.names),
                }
                number = len(batch.index)
                used[int(index)] = (batch.tokens_in // number, batch.tokens_out // number)
        if self.key is not None:  # what a known answer took when it was paid
            cached = self.store.answers.find(self.key, words)
            used |= {i: (answer.tokens_in, answer.tokens_out) for i, answer in cached.items()}
        for index, (read, written) in used.items():
            self.examples[rows[index]].update(tokens_in=read, tokens_out=written)
            self.characters.append(len(words[index]))
            self.tokens_in.append(read)
            self.tokens_out.append(written)
        if fresh:
            self.seconds += [(time.monotonic() - began) / fresh] * fresh
            if self.metered:
                self.calls.append(self._calls_so_far() - calls)

    def _calls_so_far(self) -> int:
        usage = self.ledger.usage()
        return usage.calls + usage.lost


def estimated(
    sample: Sample,
    lengths: np.ndarray,
    config: TeacherConfig,
    spending: Spending,
    pace: dict[str, Any] | None,
) -> dict[str, Any]:
    """What the texts of these ``lengths`` (in characters) would take: [low, middle, high] each.

    Only texts that are neither labelled in this teacher's pass nor known from another are counted.
    Tokens read are a straight line in a text's characters, fitted to the sample, for each text
    that is left (as far as the teacher reads it); tokens written, calls and seconds are their mean
    on the sample times the number of texts. Low and high are the 95 % prediction interval for the
    total (Student's t). Two texts or fewer, and one measured batch of a local model, allow no such
    interval: half and double are given, its tokens read in proportion to the characters. Seconds
    of a server are divided by the requests at a time: at best by ``concurrency``, else by no more
    than SURE_AT_ONCE, because nobody knows before how many it bears. Money is tokens times prices,
    None without them.
    """
    number = len(lengths)
    reach = config.max_text_tokens * CHARACTERS_PER_TOKEN
    measured_lengths, new_lengths = np.minimum(sample.characters, reach), np.minimum(lengths, reach)
    if sample.metered:
        read = spread_total(measured_lengths, sample.tokens_in, new_lengths)
    else:
        # A local model's batch knows its sum alone: no line can be fitted to equal shares of it.
        read = scaled(
            ROUGH, sum(sample.tokens_in) * float(new_lengths.sum()) / max(1, measured_lengths.sum())
        )
    written = many(sample.tokens_out, number)
    measured = pace or {"seconds": [], "calls": []}
    calls = many(measured["calls"], number, 1.0) if sample.metered else (0.0, 0.0, 0.0)
    if sample.metered:
        low, middle, high = many(measured["seconds"], number)
        best = max(1, min(config.concurrency, number))
        sure = min(best, SURE_AT_ONCE)
        seconds = (low / best, middle / sure, high / sure)
    else:
        mean = number * float(np.mean(measured["seconds"])) if measured["seconds"] else 0.0
        seconds = scaled(ROUGH, mean)
    return {
        "texts": number,
        "calls": list(calls),
        "tokens_in": list(read),
        "tokens_out": list(written),
        "seconds": list(seconds),
        "money": _money(read, written, spending),
    }


def _money(read: Range, written: Range, spending: Spending) -> list[float] | None:
    if spending.price_in is None and spending.price_out is None:
        return None
    prices = (spending.price_in or 0.0, spending.price_out or 0.0)
    return [(a * prices[0] + b * prices[1]) / MILLION for a, b in zip(read, written, strict=True)]


def _rows(
    project: Project, count: int, rows: Sequence[int] | None, touched: np.ndarray | None
) -> list[int]:
    if rows is None:
        order = curation.random_order(project.stages)
        if touched is not None:
            order = order[np.isin(order, touched)]
        return [int(row) for row in order[:count]]
    wrong = [row for row in rows if not 0 <= row < project.rows]
    if wrong or not rows:
        which = f"{wrong[0]} is none" if wrong else "none was named"
        raise UserError(
            f"The texts of {project.name!r} are rows 0 to {project.rows - 1:,}; {which}."
        )
    return list(dict.fromkeys(rows))


def _waiting_rows(
    store: Store,
    project: Project,
    label_set: LabelSet,
    teacher: Teacher,
    texts: np.ndarray,
    limit: int | None,
    touched: np.ndarray | None,
) -> list[int]:
    """Rows that a pass of this teacher would have to ask about, each text once."""
    labeling_run = store.labeling_runs.find(
        project.id, run_fingerprint(teacher.describe(), label_set)
    )
    rows = curation.random_order(project.stages)
    rows = rows[:limit] if touched is None else rows[np.isin(rows, touched)]
    if labeling_run is not None:
        rows = rows[~np.isin(rows, store.labeling_runs.done(labeling_run))]
    key = cache_key(teacher, label_set)
    if key is None:
        return [int(row) for row in rows]
    missing = store.answers.missing(key, [str(texts[row]) for row in rows])
    return [int(rows[place]) for place in missing]


def _pace(
    store: Store, project: Project, sample: Sample, waiting_rows: list[int], texts: np.ndarray
) -> dict[str, Any] | None:
    """Seconds and calls of each text that was asked afresh, now or in an earlier dry run.

    Where all were known and nothing was measured, one more text is asked: its answer is kept for
    the labelling, so it is paid for once like the others.
    """
    if not sample.seconds and waiting_rows:
        for job in store.jobs.all(project.id):
            earlier = job.result if job.kind == "dry-run" else None
            if earlier and earlier.get("pace") and earlier.get("key") == sample.key:
                earlier_pace: dict[str, Any] = earlier["pace"]
                return earlier_pace
        row = waiting_rows.pop()
        sample.ask({row: str(texts[row])})
    if not sample.seconds:
        return None
    return {"seconds": sample.seconds, "calls": sample.calls}


def _answer(
    batch: ScoredBatch, place: int, probabilities: np.ndarray, names: list[str]
) -> dict[str, Any]:
    answer = int(batch.answer[place])
    has_scores = bool(np.isfinite(probabilities).all())
    best = int(probabilities.argmax()) if has_scores else answer
    return {
        "label": names[best] if best >= 0 else None,
        "confidence": float(probabilities[best]) if has_scores else None,
        "source": batch.source,
        "raw": batch.raw[place] if batch.raw is not None else None,
        "scores": (
            {name: float(score) for name, score in zip(names, batch.scores[place], strict=True)}
            if has_scores
            else None
        ),
    }
