"""Train on labels that the nearest texts bear out: a random share of them, or the neediest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd import signals
from llkd.errors import ConfigError
from llkd.selection import SelectionResult
from llkd.signals import Floats, Ints
from llkd.strategies.inputs import StrategyInputs

LEFT_OUT = 0.3
"""Of the labels of each class that are not outvoted, the share with the least behind them."""


@dataclass(frozen=True)
class Neighbours:
    """A text passes where its nearest texts bear out its label, and where most speaks for it.

    Not outvoted: no other class has a larger share of the votes, each measured against its share of
    the pool's labels. Of these, class by class, the :data:`LEFT_OUT` with the least evidence do not
    pass: q[label] times the neighbours' mean probability, again against the pool's share,
    normalised over the classes. Of those that pass, ``share`` of the batch is drawn at random,
    rounded at random so that the share is met on average; fewer where fewer pass. With ``count``
    (of a reference run's step) so many are taken: where too few pass, those with the most evidence
    come next. The student is not asked, so nothing is spent on scoring. With ``needed`` it is:
    not chance decides between those that pass but the student's information need, the highest
    first (LLKD's two questions, with the neighbours' word in place of the teacher's threshold).
    Needs ``rng`` and ``positions``; the neighbours' votes and probabilities come with ``prepare``
    (``curation.neighbour_opinions``).
    """

    classes: int
    share: float
    needed: bool = False
    standing: Floats | None = field(default=None, repr=False)
    """Evidence in [0, 1] of each text of the pool ``[n]``, plus 1 for those that pass."""

    @property
    def needs_student(self) -> bool:
        """Only where it decides between those that pass."""
        return self.needed

    def prepare(self, inputs: StrategyInputs) -> Neighbours:
        """Weigh the pool. Raises ConfigError where nothing is known of the neighbours."""
        if inputs.out_of_sample is None or inputs.nearby is None:
            raise ConfigError(
                "The strategy 'neighbours' needs the texts' embeddings. Run: llkd probe"
            )
        label = signals.pseudo_label(inputs.teacher_probs)
        told = evidence(inputs.teacher_probs, inputs.nearby, label)
        passed = not_outvoted(inputs.out_of_sample, label)
        for own in range(self.classes):
            mine = passed & (label == own)
            if mine.any():
                passed &= ~mine | (told >= np.quantile(told[mine], LEFT_OUT))
        return replace(self, standing=told + passed)

    def step(
        self,
        teacher_probs: npt.ArrayLike,
        student_probs: npt.ArrayLike | None = None,
        *,
        rng: np.random.Generator | None = None,
        count: int | None = None,
        positions: Ints | None = None,
    ) -> tuple[Neighbours, SelectionResult]:
        """Choose from one batch; ``positions`` say which texts of the pool it holds."""
        if self.standing is None or positions is None or rng is None:
            raise ConfigError("The strategy 'neighbours' must be told of the pool first.")
        label = signals.pseudo_label(teacher_probs)
        need = np.full(len(label), np.nan)
        if self.needed:
            if student_probs is None:
                raise ConfigError(
                    "This strategy needs the student's probabilities for every batch."
                )
            need = signals.information_need(student_probs)
        standing = self.standing[positions]
        # All that pass are alike: chance decides between them, or the student's need.
        order = rng.permutation(len(label))
        order = order[np.argsort(-np.nan_to_num(need)[order], kind="stable")]
        if count is None:
            order = order[standing[order] >= 1]
            count = int(np.floor(self.share * len(label) + rng.random()))
        else:
            order = order[np.argsort(-np.minimum(standing, 1.0)[order], kind="stable")]
        selected = np.zeros(len(label), dtype=bool)
        selected[order[:count]] = True
        selected &= label >= 0
        nothing = np.zeros(self.classes)
        return self, SelectionResult(
            label,
            signals.confidence(teacher_probs),
            need,
            nothing,
            nothing,
            selected,
            selected.astype(np.float64),
        )

    def state(self) -> dict[str, Any]:
        """Nothing moves."""
        return {}

    def restored(self, state: Mapping[str, Any]) -> Neighbours:
        """Nothing moves."""
        return self


def not_outvoted(votes: Floats, label: Ints) -> npt.NDArray[np.bool_]:
    """Whether no class has more votes ``[n, C]`` than the label ``[n]``, each for its share.

    A class's votes count against its share of the pool's labels, so that a common class does not
    win by being common. False without a label (-1) or a vote for it.
    """
    lift = votes / _shares(label, votes.shape[1])
    own = lift[np.arange(len(label)), np.maximum(label, 0)]
    return (label >= 0) & (own > 0) & (own >= lift.max(axis=1, initial=0.0))


def evidence(probabilities: Floats, nearby: Floats, label: Ints) -> Floats:
    """What speaks for each label in [0, 1], ``[n]``: q · nearby / share, normalised; 0 without."""
    joint = np.asarray(probabilities) * nearby / _shares(label, nearby.shape[1])
    own = joint[np.arange(len(label)), np.maximum(label, 0)]
    total = joint.sum(axis=1)
    known = (label >= 0) & np.isfinite(total) & (total > 0)
    return np.where(known, own / np.where(known, total, 1.0), 0.0)


def _shares(label: Ints, classes: int) -> Floats:
    """Each class's share of the labels ``[C]``; 1 for a class without any."""
    counts = np.bincount(label[label >= 0], minlength=classes).astype(np.float64)
    return np.where(counts > 0, counts / max(counts.sum(), 1.0), 1.0)
