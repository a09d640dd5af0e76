"""What goes into training, what is heard of it, and what comes out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.errors import DataError
from llkd.selection.signals import Floats, Ints
from llkd.store.run_summary import EpochSummary


@dataclass(frozen=True)
class TrainingData:
    """The pool (``n`` texts with the teacher's probabilities ``[n, C]``) and evaluation texts.

    ``rows [n]`` are the pool's row numbers, each once. ``gold [n]`` (class index, -1 unknown) only
    counts how many selected labels are right; it never trains. ``eval_gold`` likewise holds class
    indices or -1.

    ``human [n]`` marks texts whose label a person gave (certain in ``teacher_probs``), ``own [n,
    C]`` what the teacher itself said of them (NaN: nothing), and ``out_of_sample [n, C]`` are
    probabilities by models that did not see the row (NaN: none), ``nearby [n, C]`` the mean of what
    the teacher said of the nearest texts, ``kept [n]`` what a saved selection holds; only selection
    looks at the last four. ``eval_source``: whose labels ``eval_gold`` are (``gold``, ``people``,
    or ``teacher``: then they are -1). ``without_confidence [n]`` marks labels that the teacher gave
    without one: certain in ``teacher_probs``, so that they can be trained on, and without a place
    on the plane. ``passes [n]`` and ``support [n]``: whether the nearest texts bear out a label,
    and how much speaks for it. ``stop_texts`` with ``stop_label`` judge epochs for early
    stopping; ``stop_source``: whose labels these are (``audit``, ``pool_gold`` or ``teacher``).
    None of them may be in the pool. ``unit_embeddings(positions)``: kept embeddings ``[m, d]`` of
    length 1 that the untrained student made of these pool texts; None: it makes them anew.
    """

    texts: Sequence[str]
    rows: Ints
    teacher_probs: Floats
    gold: Ints | None = None
    eval_texts: Sequence[str] = ()
    eval_gold: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    eval_source: str = "gold"
    human: npt.NDArray[np.bool_] | None = None
    teacher_raw_probs: Floats | None = None
    oof_probs: Floats | None = None
    knn_mean_probs: Floats | None = None
    in_saved: npt.NDArray[np.bool_] | None = None
    without_confidence: npt.NDArray[np.bool_] | None = None
    passes: npt.NDArray[np.bool_] | None = None
    support: Floats | None = None
    stop_texts: Sequence[str] = ()
    stop_label: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    stop_source: str = "audit"
    unit_embeddings: Callable[[Ints], Floats] | None = None

    def check(self, classes: int) -> None:
        """Raise DataError where the parts do not fit one another."""
        n, probs = len(self.texts), np.asarray(self.teacher_probs)
        if n == 0:
            raise DataError("There is no labelled text to train on. Label some texts first.")
        if probs.shape != (n, classes):
            raise DataError(
                f"Training on {n:,} texts and {classes} classes needs teacher probabilities of "
                f"shape [{n}, {classes}], but they are {list(probs.shape)}."
            )
        for name, values, wanted in (
            ("row numbers", self.rows, n),
            ("gold labels", self.gold, n),
            ("gold labels of the evaluation texts", self.eval_gold, len(self.eval_texts)),
            ("marks of people's labels", self.human, n),
            ("answers of the teacher itself", self.teacher_raw_probs, n),
            ("probabilities by models that did not see the row", self.oof_probs, n),
            ("probabilities of the nearest texts", self.knn_mean_probs, n),
            ("marks of a saved selection", self.in_saved, n),
            ("marks of labels without a confidence", self.without_confidence, n),
            ("marks of labels that neighbours bear out", self.passes, n),
            ("values of support by neighbours", self.support, n),
            ("labels of the texts to stop by", self.stop_label, len(self.stop_texts)),
        ):
            if values is not None and len(values) != wanted:
                raise DataError(f"There are {wanted:,} texts but {len(values):,} {name}.")
        if len(np.unique(self.rows)) != n:
            raise DataError("A pool row is given twice. Each row of the pool trains once an epoch.")
        missing = np.flatnonzero(~np.isfinite(probs).all(axis=1))
        if len(missing):
            raise DataError(
                f"{len(missing):,} of {n:,} texts have no teacher probabilities (the first is row "
                f"{int(self.rows[missing[0]])}). Leave them out or label them again."
            )
        for gold in (self.gold, self.eval_gold):
            if gold is not None and len(gold) and int(np.max(gold)) >= classes:
                raise DataError(
                    f"A gold label is class {int(np.max(gold))}, but there are {classes} classes."
                )

    def fingerprint(self) -> dict[str, str]:
        """Digests by part, so that a checkpoint of other data is known."""
        none = np.zeros(0)
        further = {
            "people's labels": self.human,
            "answers of the teacher itself": self.teacher_raw_probs,
            "out-of-sample probabilities": self.oof_probs,
            "probabilities of the nearest texts": self.knn_mean_probs,
            "saved selection": self.in_saved,
            "labels without a confidence": self.without_confidence,
            "labels that neighbours bear out": self.passes,
            "support by neighbours": self.support,
        }
        parts = {
            name: _digest(np.asarray(values, dtype=np.float64))
            for name, values in further.items()
            if values is not None
        }
        if len(self.stop_texts):
            parts["texts to stop by"] = _digest(
                *self.stop_texts, np.asarray(self.stop_label), self.stop_source
            )
        return {
            **parts,
            "texts": _digest(*self.texts),
            "rows": _digest(np.asarray(self.rows, dtype=np.int64)),
            "teacher labels": _digest(np.asarray(self.teacher_probs, dtype=np.float64)),
            "gold labels": _digest(none if self.gold is None else np.asarray(self.gold)),
            "evaluation texts": _digest(*self.eval_texts, np.asarray(self.eval_gold)),
        }


def _digest(*parts: str | npt.NDArray[Any]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part.tobytes()
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.hexdigest()


@dataclass(frozen=True)
class TrainingProgress:
    """How far training is; ``loss`` is that of the last step that trained."""

    step: int
    total_steps: int
    epoch: int
    loss: float | None
    selected_share: float
    message: str


@dataclass
class Tally:
    """Counts over some steps. ``known`` selected samples have gold, ``right`` of them agree."""

    per_class: list[int]
    steps: int = 0
    skipped: int = 0
    offered: int = 0
    right: int = 0
    known: int = 0
    loss: float = 0.0
    updates: int = 0

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Tally:
        """From JSON values; checkpoints of before 0.4 call ``offered`` ``seen``."""
        return cls(**{"offered" if name == "seen" else name: v for name, v in values.items()})

    @property
    def selected(self) -> int:
        """Samples that were trained on."""
        return sum(self.per_class)

    def add(
        self, label: Ints, offered: int, losses: list[float], right: int, known: int, selected: int
    ) -> None:
        """Count one step that trained on samples with these labels, of ``offered`` it looked at.

        ``losses`` are of the updates it made: one where it selected, none or more where samples
        are gathered; then it may train on others than the ``selected`` of its own.
        """
        self.steps += 1
        self.skipped += not selected
        self.updates += len(losses)
        self.offered += offered
        self.right += right
        self.known += known
        self.loss += sum(losses)
        counts = np.bincount(label, minlength=len(self.per_class))
        self.per_class = [int(a + b) for a, b in zip(self.per_class, counts, strict=True)]


@dataclass
class Position:
    """Where a run stands: batches done of ``epoch`` (from 0), steps done, and what it counted."""

    whole: Tally
    this_epoch: Tally
    epoch: int = 0
    batch: int = 0
    step: int = 0
    last_loss: float | None = None
    training_seconds: float = 0.0
    evaluation_seconds: float = 0.0
    logging_seconds: float = 0.0
    epochs: list[EpochSummary] = field(default_factory=list)
    best_epoch: int | None = None
    best_score: list[float] | None = None
    best_whole: Tally | None = None
    stopped: bool = False
    lacking: int = 0
    """Texts fewer than the reference run took, added up over steps."""

    @classmethod
    def start(cls, classes: int) -> Position:
        """Nothing done."""
        return cls(Tally([0] * classes), Tally([0] * classes))

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "epochs": [epoch.document() for epoch in self.epochs]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Position:
        """From the JSON values of :meth:`to_json`."""
        names = ("whole", "this_epoch", "best_whole")
        tallies = {name: Tally.read(values[name]) for name in names if values.get(name)}
        epochs = [EpochSummary.read(epoch) for epoch in values.get("epochs", [])]
        return cls(**{**values, **tallies, "epochs": epochs})
