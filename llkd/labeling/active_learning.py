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

from llkd import curation
from llkd.config import OrderConfig
from llkd.curation.probe import fit_probe, probe
from llkd.curation.random_order import SEED, random_order, stage_of_round
from llkd.embedding.pool import kept_embeddings
from llkd.errors import BudgetSpent, JobCancelled, ModelError
from llkd.jobs.progress import Progress
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints
from llkd.store import LabelingRun, Project, Store
from llkd.store.home import atomic_file

# Of the first round: with 4 to 20 texts in all, what a probe found hard was worse than random.
FIRST_PER_CLASS = 8
BLOCK = 50_000


@dataclass(frozen=True)
class RoundPlan:
    """What one round asks about; on disk before the first call, so that a killed job keeps to it.

    ``at_random[i]`` tells whether ``rows[i]`` was drawn at random. ``shuffled``: so many texts of
    the pool's fixed shuffle are labelled once this round is; they are the random sample. ``texts``:
    how many the project had, held-out ones included; None in rounds of before any could be added.
    """

    number: int
    rows: Ints
    at_random: np.ndarray
    shuffled: int
    texts: int | None = None


def label_in_rounds(
    store: Store,
    project: Project,
    labeling_run: LabelingRun,
    job: Progress,
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
    rounds = _Rounds(store, project, labeling_run, order, embeddings, label_rows)
    total = min(len(rounds.shuffle), len(rounds.shuffle) if limit is None else limit)
    plans = planned(store, labeling_run)
    if plans:
        before = plans[-2].shuffled if len(plans) > 1 else 0
        # It may hold nothing more than a text that the teacher fails on each time.
        rounds.carry_out(plans[-1], total, earlier=before, leftover=True)
    shuffled = rounds.reached(plans[-1]) if plans else 0
    number = len(plans)
    for target in schedule(total, order.rounds, len(labeling_run.label_set.labels)):
        size = target - int(rounds.labelled().sum())
        if size <= 0:
            continue
        job.check()
        number += 1
        plan = rounds.plan(number, size, shuffled)
        _write(store.labeling_runs.files(labeling_run).round(number), plan)
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


def planned(store: Store, labeling_run: LabelingRun) -> list[RoundPlan]:
    """The rounds of a pass that were begun, in order."""
    return [_read(path) for path in store.labeling_runs.files(labeling_run).rounds()]


@dataclass
class _Rounds:
    """One pass at work: what is known of its texts, and how a round is chosen and judged."""

    store: Store
    project: Project
    labeling_run: LabelingRun
    order: OrderConfig
    points: np.ndarray
    label_rows: Callable[[np.ndarray], None]
    failure: ModelError | None = None

    def __post_init__(self) -> None:
        texts = self.store.projects.texts(self.project, ["gold", "split"])
        self.names = self.labeling_run.label_set.names
        self.pool = (texts["split"] != "eval").to_numpy()
        # The order in which a random pass asks: what it labelled before is a random sample too.
        self.shuffle = random_order(self.project.stages, self.pool)
        gold = curation.gold_indices(texts, self.labeling_run.label_set)
        self.judged = np.flatnonzero(~self.pool & (gold >= 0))
        self.gold = gold[self.judged]

    def labelled(self) -> np.ndarray:
        """Which rows ``[n]`` are pool texts that need not be asked about again."""
        mask = np.zeros(self.project.rows, dtype=bool)
        mask[self.store.labeling_runs.done(self.labeling_run)] = True
        return mask & self.pool

    def reached(self, plan: RoundPlan) -> int:
        """How far the random sample goes in the shuffle of today's pool.

        As far as the last round took it; where texts were added since, up to the first of them
        that is not labelled.
        """
        if self.knew(plan).rows == self.project.rows:
            return plan.shuffled
        return self.waiting(self.labelled())

    def knew(self, plan: RoundPlan) -> Project:
        """The project as a round knew it."""
        return stage_of_round(self.project, plan.texts)

    def waiting(self, labelled: np.ndarray) -> int:
        """The place in the shuffle of the first text that is not ``labelled [n]``."""
        places = np.flatnonzero(~labelled[self.shuffle])
        return int(places[0]) if len(places) else len(self.shuffle)

    def sample(self, plan: RoundPlan, shuffled: int) -> Ints:
        """The rows of the random sample of a round: a beginning of the shuffle that it knew."""
        known = self.knew(plan)
        return random_order(known.stages, self.pool[: known.rows])[:shuffled]

    def labels(self, sample: Ints) -> Ints:
        """The teacher's label of each row ``[n]``; -1 where there is none, or not in the pool.

        Batch calibration takes its mean over the random sample as it stands in this round.
        """
        current = self.store.labeling_runs.get(self.labeling_run.id)
        bias = None
        if signals.split_calibration(current.calibration)[0] == "batch":
            evidence = self.store.labeling_runs.scores(current)
            bias = curation.batch_bias(evidence, sample).tolist()
        # Not refined: a round looks for texts to ask about, and would search anew each time.
        calibration: Any = signals.with_refinement(current.calibration, False)
        labels = curation.teacher_labels(self.store, current, calibration, bias)
        label = np.full(self.project.rows, -1, dtype=np.int64)
        label[labels.row] = labels.label
        return np.where(self.pool, label, -1)

    def plan(self, number: int, size: int, shuffled: int) -> RoundPlan:
        """Choose ``size`` texts; all at random while the probe has nothing to tell apart."""
        labelled = self.labelled()
        unlabelled = self.shuffle[~labelled[self.shuffle]]
        label = self.labels(self.shuffle[:shuffled])
        able = _learnable(label)
        random_rows = unlabelled[: round(self.order.explore * size) if able else size]
        rest = unlabelled[len(random_rows) :]
        count = size - len(random_rows)
        needy = rest[np.argsort(self.margin(label, rest), kind="stable")[:count]] if count else []
        rows = np.concatenate([random_rows, np.asarray(needy, dtype=np.int64)])
        labelled[rows] = True
        # Up to the next text not labelled: those that need took before are in the sample too, as
        # they would be had only the shuffle been followed. Leaving them out would bias it.
        reached = self.waiting(labelled)
        # Mixed, so that a round that breaks off has some of both.
        mixed = np.random.default_rng([SEED, number]).permutation(len(rows))
        return RoundPlan(
            number,
            rows[mixed],
            np.isin(rows, random_rows)[mixed],
            max(shuffled, reached),
            self.project.rows,
        )

    def margin(self, label: Ints, rows: Ints) -> Floats:
        """How far apart the two likeliest classes of each text are; small is great need."""
        model = fit_probe(self.points[label >= 0], label[label >= 0], len(self.names))
        margins = np.empty(len(rows))
        for low in range(0, len(rows), BLOCK):  # a copy of a million embeddings would be too much
            block = slice(low, low + BLOCK)
            margins[block] = signals.margin(model.probabilities(self.points[rows[block]]))
        return margins

    def carry_out(self, plan: RoundPlan, total: int, earlier: int, leftover: bool = False) -> None:
        """Label what is left of a round, at most ``total`` texts in all, and keep the outcome.

        A failure of the teacher is kept in ``failure`` where it answered other texts of the round.
        """
        labelled = self.labelled()
        todo = plan.rows[~labelled[plan.rows]][: max(0, total - int(labelled.sum()))]
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

    def record(self, plan: RoundPlan, shuffled: int) -> None:
        """Keep what the labels so far are worth, in place of what this round had before."""
        sample = self.sample(plan, shuffled)
        labelled, label = self.labelled(), self.labels(sample)
        if not labelled[plan.rows].any():
            return
        sample = sample[labelled[sample]]
        only = np.full(len(label), -1)
        only[sample] = label[sample]
        agreement, measured = self.agreement(label, sample)
        accuracy = self.accuracy(label)
        entry: dict[str, Any] = {
            "round": plan.number,
            "shuffled": shuffled,
            "texts": self.knew(plan).rows,
            "labelled": int(labelled.sum()),
            "drawn_at_random": int(plan.at_random[labelled[plan.rows]].sum()),
            "accuracy": accuracy,
            "agreement": agreement,
            "random_labelled": len(sample),
            "random_accuracy": self.accuracy(only),
            "random_agreement": self.agreement(only, sample)[0],
            "measured_on": measured if accuracy is None else len(self.judged),
        }
        entries = self.store.labeling_runs.get(self.labeling_run.id).rounds or []
        others = [
            earlier_entry for earlier_entry in entries if earlier_entry["round"] != plan.number
        ]
        self.store.labeling_runs.set_rounds(
            self.labeling_run.id,
            sorted([*others, entry], key=lambda earlier_entry: earlier_entry["round"]),
        )

    def accuracy(self, label: Ints) -> float | None:
        """Share of held-out gold texts that a probe fitted on these labels gets right."""
        if not len(self.judged) or not _learnable(label):
            return None
        model = fit_probe(self.points[label >= 0], label[label >= 0], len(self.names))
        predicted = model.probabilities(self.points[self.judged]).argmax(axis=1)
        return float((predicted == self.gold).mean())

    def agreement(self, label: Ints, sample: Ints) -> tuple[float | None, int]:
        """Share of the random sample where the probe says what the teacher said; on how many.

        Cross-fitted: each text is judged by a probe that learnt from the other labels, those
        chosen by need among them, but not from its own.
        """
        sample = sample[label[sample] >= 0]
        if not len(sample) or not _learnable(label):
            return None, 0
        labelled = np.flatnonzero(label >= 0)
        predicted = probe(self.points[labelled], label[labelled], len(self.names)).argmax(axis=1)
        of_sample = predicted[np.searchsorted(labelled, sample)]
        return float((of_sample == label[sample]).mean()), len(sample)


def _learnable(label: Ints) -> bool:
    """Whether there are two classes to tell apart."""
    return len(np.unique(label[label >= 0])) > 1


def _write(path: Path, plan: RoundPlan) -> None:
    facts = {"number": str(plan.number), "shuffled": str(plan.shuffled)}
    if plan.texts is not None:
        facts["texts"] = str(plan.texts)
    table = pa.table({"row": plan.rows, "at_random": plan.at_random})
    with atomic_file(path) as temporary:
        pq.write_table(table.replace_schema_metadata(facts), temporary, compression="zstd")


def _read(path: Path) -> RoundPlan:
    table = pq.read_table(path)
    facts = {key.decode(): int(value) for key, value in table.schema.metadata.items()}
    return RoundPlan(
        facts["number"],
        table["row"].to_numpy().astype(np.int64),
        table["at_random"].to_numpy(zero_copy_only=False).astype(bool),
        facts["shuffled"],
        facts.get("texts"),
    )
