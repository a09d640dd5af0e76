"""Student-first labelling: the teacher's calls go to the texts that a small student needs most.

Texts are labelled in rounds. After each, a probe on the frozen student's embeddings learns the
labels so far, and the next texts are those between whose two likeliest classes it wavers most
(the smallest margin), with a share at random. Only pool texts are asked about: held-out texts
have their gold. ``benchmarks/student_first.py`` holds what was compared for these choices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from llkd import curation, signals
from llkd.config import OrderConfig
from llkd.curation.order import SEED, random_order
from llkd.errors import BudgetSpent, JobCancelled, ModelError
from llkd.jobs import JobContext
from llkd.pipeline.probing import kept_embeddings
from llkd.probing import fit_probe, probe
from llkd.signals import Floats, Ints
from llkd.store import Labelling, Project, Store
from llkd.store.home import atomic_file

# Of the first round: with 4 to 20 texts in all, what a probe found hard was worse than random.
FIRST_PER_CLASS = 8
BLOCK = 50_000


@dataclass(frozen=True)
class Plan:
    """What one round asks about; on disk before the first call, so that a killed job keeps to it.

    ``at_random[i]`` tells whether ``rows[i]`` was drawn at random. ``shuffled``: so many texts of
    the pool's fixed shuffle are labelled once this round is; they are the random sample.
    """

    number: int
    rows: Ints
    at_random: np.ndarray
    shuffled: int


def label_in_rounds(
    store: Store,
    project: Project,
    labelling: Labelling,
    job: JobContext,
    *,
    limit: int | None,
    order: OrderConfig,
    label_rows: Callable[[np.ndarray], None],
    student: str = "embedded",
    embeddings: np.ndarray | None = None,
) -> ModelError | None:
    """Label pool texts by need until ``limit`` of them are labelled in all (default: every one).

    ``label_rows(rows)`` asks the teacher and stores its answers. What each round reached is kept
    with the pass (``Labelling.rounds``), also where ``label_rows`` raises BudgetSpent or
    JobCancelled, which go on to the caller. A later call finishes the round that was broken off.
    ``embeddings [n, d]`` of all texts may be handed in; otherwise they are read or made now, and
    held whole: 1.5 GB for a million texts of 384 dimensions. Texts that the teacher failed on do
    not stand in the way of later rounds: what it said of them is returned at the end.
    """
    if embeddings is None:
        embeddings = kept_embeddings(store, project, student, job)
    rounds = _Rounds(store, project, labelling, order, embeddings, label_rows)
    total = min(len(rounds.shuffle), len(rounds.shuffle) if limit is None else limit)
    plans = planned(store, labelling)
    if plans:
        before = plans[-2].shuffled if len(plans) > 1 else 0
        # It may hold nothing more than a text that the teacher fails on each time.
        rounds.carry_out(plans[-1], total, earlier=before, leftover=True)
    shuffled = plans[-1].shuffled if plans else 0
    number = len(plans)
    for target in schedule(total, order.rounds, len(labelling.label_set.labels)):
        size = target - int(rounds.labelled().sum())
        if size <= 0:
            continue
        job.check()
        number += 1
        plan = rounds.plan(number, size, shuffled)
        _write(_folder(store, labelling) / f"round-{number:04d}.parquet", plan)
        rounds.carry_out(plan, total, earlier=shuffled)
        shuffled = plan.shuffled
    return rounds.failure


def schedule(total: int, rounds: int, classes: int) -> list[int]:
    """How many texts are labelled after each round: growing by one factor up to ``total``.

    Early rounds are small, since a new fit is worth most there and a budget may end early. The
    first has ``FIRST_PER_CLASS`` texts a class.
    """
    if total <= 0:
        return []
    first = min(total, FIRST_PER_CLASS * classes)
    return sorted({int(round(target)) for target in np.geomspace(first, total, rounds)})


def planned(store: Store, labelling: Labelling) -> list[Plan]:
    """The rounds of a pass that were begun, in order."""
    return [_read(path) for path in sorted(_folder(store, labelling).glob("round-*.parquet"))]


@dataclass
class _Rounds:
    """One pass at work: what is known of its texts, and how a round is chosen and judged."""

    store: Store
    project: Project
    labelling: Labelling
    order: OrderConfig
    points: np.ndarray
    label_rows: Callable[[np.ndarray], None]
    failure: ModelError | None = None

    def __post_init__(self) -> None:
        texts = self.store.projects.texts(self.project.id, ["gold", "split"])
        self.names = self.labelling.label_set.names
        self.pool = (texts["split"] != "eval").to_numpy()
        # The order in which a random pass asks: what it labelled before is a random sample too.
        self.shuffle = random_order(self.project.rows, self.pool)
        gold = curation.gold_indices(texts, self.labelling.label_set)
        self.judged = np.flatnonzero(~self.pool & (gold >= 0))
        self.gold = gold[self.judged]

    def labelled(self) -> np.ndarray:
        """Which rows ``[n]`` are pool texts that need not be asked about again."""
        done = np.zeros(self.project.rows, dtype=bool)
        done[self.store.labellings.done(self.labelling)] = True
        return done & self.pool

    def labels(self, shuffled: int) -> Ints:
        """The teacher's label of each row ``[n]``; -1 where there is none, or not in the pool.

        Batch calibration takes its mean over the random sample as it stands in this round.
        """
        current = self.store.labellings.get(self.labelling.id)
        bias = None
        if signals.split_calibration(current.calibration)[0] == "batch":
            evidence = self.store.labellings.scores(current)
            bias = curation.batch_bias(evidence, self.shuffle[:shuffled]).tolist()
        known = curation.teacher_labels(self.store, current, bias=bias)
        label = np.full(self.project.rows, -1, dtype=np.int64)
        label[known.row] = known.label
        return np.where(self.pool, label, -1)

    def plan(self, number: int, size: int, shuffled: int) -> Plan:
        """Choose ``size`` texts; all at random while the probe has nothing to tell apart."""
        done = self.labelled()
        left = self.shuffle[~done[self.shuffle]]
        label = self.labels(shuffled)
        able = _learnable(label)
        drawn = left[: round(self.order.explore * size) if able else size]
        rest = left[len(drawn) :]
        count = size - len(drawn)
        needy = rest[np.argsort(self.margin(label, rest), kind="stable")[:count]] if count else []
        rows = np.concatenate([drawn, np.asarray(needy, dtype=np.int64)])
        done[rows] = True
        # Up to the next text not labelled: those that need took before are in the sample too, as
        # they would be had only the shuffle been followed. Leaving them out would bias it.
        waiting = np.flatnonzero(~done[self.shuffle])
        reached = int(waiting[0]) if len(waiting) else len(self.shuffle)
        # Mixed, so that a round that breaks off has some of both.
        mixed = np.random.default_rng([SEED, number]).permutation(len(rows))
        return Plan(number, rows[mixed], np.isin(rows, drawn)[mixed], max(shuffled, reached))

    def margin(self, label: Ints, rows: Ints) -> Floats:
        """How far apart the two likeliest classes of each text are; small is great need."""
        model = fit_probe(self.points[label >= 0], label[label >= 0], len(self.names))
        found = np.empty(len(rows))
        for low in range(0, len(rows), BLOCK):  # a copy of a million embeddings would be too much
            block = slice(low, low + BLOCK)
            found[block] = signals.margin(model.probabilities(self.points[rows[block]]))
        return found

    def carry_out(self, plan: Plan, total: int, earlier: int, leftover: bool = False) -> None:
        """Label what is left of a round, at most ``total`` texts in all, and keep the outcome.

        A failure of the teacher is kept in ``failure`` where it answered other texts of the round.
        """
        done = self.labelled()
        todo = plan.rows[~done[plan.rows]][: max(0, total - int(done.sum()))]
        try:
            if len(todo):
                self.label_rows(todo)
        except (BudgetSpent, JobCancelled):
            # Which texts of a broken round are labelled may depend on their length: the random
            # sample stays that of the rounds before.
            self.record(plan, earlier)
            raise
        except ModelError as failure:
            if not leftover and not self.labelled()[todo].any():
                raise
            self.failure = failure
        finished = bool(self.labelled()[plan.rows].all())
        self.record(plan, plan.shuffled if finished else earlier)

    def record(self, plan: Plan, shuffled: int) -> None:
        """Keep what the labels so far are worth, in place of what this round had before."""
        done, label = self.labelled(), self.labels(shuffled)
        if not done[plan.rows].any():
            return
        sample = self.shuffle[:shuffled]
        sample = sample[done[sample]]
        only = np.full(len(label), -1)
        only[sample] = label[sample]
        agreement, measured = self.agreement(label, sample)
        accuracy = self.accuracy(label)
        entry: dict[str, Any] = {
            "round": plan.number,
            "shuffled": shuffled,
            "labelled": int(done.sum()),
            "drawn_at_random": int(plan.at_random[done[plan.rows]].sum()),
            "accuracy": accuracy,
            "agreement": agreement,
            "random_labelled": len(sample),
            "random_accuracy": self.accuracy(only),
            "random_agreement": self.agreement(only, sample)[0],
            "measured_on": measured if accuracy is None else len(self.judged),
        }
        kept = self.store.labellings.get(self.labelling.id).rounds or []
        others = [one for one in kept if one["round"] != plan.number]
        self.store.labellings.set_rounds(
            self.labelling.id, sorted([*others, entry], key=lambda one: one["round"])
        )

    def accuracy(self, label: Ints) -> float | None:
        """Share of held-out gold texts that a probe fitted on these labels gets right."""
        if not len(self.judged) or not _learnable(label):
            return None
        model = fit_probe(self.points[label >= 0], label[label >= 0], len(self.names))
        found = model.probabilities(self.points[self.judged]).argmax(axis=1)
        return float((found == self.gold).mean())

    def agreement(self, label: Ints, sample: Ints) -> tuple[float | None, int]:
        """Share of the random sample where the probe says what the teacher said; on how many.

        Cross-fitted: each text is judged by a probe that learnt from the other labels, those
        chosen by need among them, but not from its own.
        """
        sample = sample[label[sample] >= 0]
        if not len(sample) or not _learnable(label):
            return None, 0
        known = np.flatnonzero(label >= 0)
        found = probe(self.points[known], label[known], len(self.names)).argmax(axis=1)
        said = found[np.searchsorted(known, sample)]
        return float((said == label[sample]).mean()), len(sample)


def _learnable(label: Ints) -> bool:
    """Whether there are two classes to tell apart."""
    return len(np.unique(label[label >= 0])) > 1


def _folder(store: Store, labelling: Labelling) -> Path:
    return store.home.labelling(labelling.project_id, labelling.id)


def _write(path: Path, plan: Plan) -> None:
    facts = {"number": str(plan.number), "shuffled": str(plan.shuffled)}
    table = pa.table({"row": plan.rows, "at_random": plan.at_random})
    with atomic_file(path) as temporary:
        pq.write_table(table.replace_schema_metadata(facts), temporary, compression="zstd")


def _read(path: Path) -> Plan:
    table = pq.read_table(path)
    facts = {key.decode(): int(value) for key, value in table.schema.metadata.items()}
    return Plan(
        facts["number"],
        table["row"].to_numpy().astype(np.int64),
        table["at_random"].to_numpy(zero_copy_only=False).astype(bool),
        facts["shuffled"],
    )
