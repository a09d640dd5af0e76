"""Train on labels that the nearest texts bear out: a random share of them, or the neediest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from llkd.errors import ConfigError
from llkd.selection import signals
from llkd.selection.batch import labels_of
from llkd.selection.inputs import StrategyInputs
from llkd.selection.signals import Bools, Floats, Ints
from llkd.selection.strategy import SelectionResult
from llkd.selection.strategy_spec import DEFAULT_SHARE, StrategySpec

LEFT_OUT = 0.3
"""Of the labels of each class that are not outvoted, the share with the least support."""
VOTE_DAMPING = 0.5
"""The power of a class's share that its votes are divided by, where nobody sets one.

``benchmarks/damping.py`` measures it: 1 starves a common class, 0 a rare one.
"""
EVERY_LABEL_THAT_PASSES = 1.0
"""The share of a batch that may be taken, where nobody sets one: no label that passes is left out.

A run of before 0.9 that names no share takes ``DEFAULT_SHARE``."""
NEIGHBOUR_RULE = 2
"""Counts the changes of what passes; runs of before 0.4 had the first rule and do not say so."""


class Support(NamedTuple):
    """What the nearest texts say of each label of a pool.

    ``passes [n]`` and ``rank [n]`` in [0, 1] are kept apart: a label passes or does not, however
    much speaks for it.
    """

    passes: Bools
    rank: Floats


def label_support(
    votes: Floats,
    neighbour_probs: Floats,
    teacher_probs: Floats,
    label: Ints,
    base: Floats,
    damping: float = VOTE_DAMPING,
) -> Support:
    """Which labels ``[n]`` the nearest texts bear out, and how much speaks for each.

    ``votes [n, C]`` are the neighbours' labels as shares, ``neighbour_probs [n, C]`` the mean of
    their probabilities, ``base`` the share of each class among all who could vote, ``[C]`` or
    ``[n, C]``. A label passes that is not outvoted, but for the :data:`LEFT_OUT` of its class with
    the lowest rank. Where ``teacher_probs [n, C]`` are NaN only the neighbours speak.
    """
    rank = support_rank(teacher_probs, neighbour_probs, label, base, damping)
    passes = knn_agrees(votes, label, base, damping)
    for k in range(votes.shape[1]):
        of_class = passes & (label == k)
        if of_class.any():
            passes &= ~of_class | (rank >= np.quantile(rank[of_class], LEFT_OUT))
    return Support(passes, rank)


@dataclass(frozen=True)
class Neighbours:
    """A text passes where its nearest texts bear out its label (:func:`label_support`).

    Of those that pass, ``share`` of the batch is drawn at random, rounded at random so that the
    share is met on average; fewer where fewer pass. With ``count`` (of a reference run's step) so
    many are taken: where too few pass, those of the highest rank come next. The student is not
    asked, so nothing is spent on scoring. With ``needed`` it is: not chance decides between those
    that pass but the student's information need, the highest first (LLKD's two questions, with the
    neighbours' word in place of the teacher's threshold). Needs ``rng`` and ``positions``; what the
    neighbours say comes with ``prepare``.
    """

    classes: int
    share: float
    needed: bool = False
    support: Support | None = field(default=None, repr=False)
    """Of each text of the pool."""

    @property
    def needs_student(self) -> bool:
        """Only where it decides between those that pass."""
        return self.needed

    @property
    def needs_confidence(self) -> bool:
        """Never: a label is borne out by its neighbours, with a confidence or without."""
        return False

    def prepare(self, inputs: StrategyInputs) -> Neighbours:
        """Know the pool. Raises ConfigError where nothing is known of the neighbours.

        Runs of before 0.4 kept the votes and not what followed from them: then the class shares are
        those of all labels, undamped.
        """
        if inputs.support is not None and inputs.passes is not None:
            return replace(self, support=Support(inputs.passes, inputs.support))
        if inputs.oof_probs is None or inputs.knn_mean_probs is None:
            raise ConfigError(
                "The strategy 'neighbours' needs the texts' embeddings. Run: llkd probe"
            )
        label = labels_of(inputs.teacher_probs, inputs.label)
        shares = class_shares(label, self.classes)
        support = label_support(
            inputs.oof_probs, inputs.knn_mean_probs, inputs.teacher_probs, label, shares, 1.0
        )
        return replace(self, support=support)

    def selectable(self, label: Ints, confidence: Floats) -> Bools:
        """Texts that pass."""
        return np.zeros(len(label), np.bool_) if self.support is None else self.support.passes

    def step(
        self,
        teacher_probs: npt.ArrayLike,
        student_probs: npt.ArrayLike | None = None,
        *,
        rng: np.random.Generator | None = None,
        count: int | None = None,
        positions: Ints | None = None,
        label: Ints | None = None,
    ) -> tuple[Neighbours, SelectionResult]:
        """Choose from one batch; ``positions`` say which texts of the pool it holds."""
        if self.support is None or positions is None or rng is None:
            raise ConfigError("The strategy 'neighbours' must be told of the pool first.")
        label = labels_of(teacher_probs, label)
        need = np.full(len(label), np.nan)
        if self.needed:
            if student_probs is None:
                raise ConfigError(
                    "This strategy needs the student's probabilities for every batch."
                )
            need = signals.information_need(student_probs)
        passes, rank = (values[positions] for values in self.support)
        # All that pass are alike: chance decides between them, or the student's need.
        order = rng.permutation(len(label))
        order = order[np.argsort(-np.nan_to_num(need)[order], kind="stable")]
        if count is None:
            order = order[passes[order]]
            count = int(np.floor(self.share * len(label) + rng.random()))
        else:
            order = order[np.argsort(-np.where(passes, np.inf, rank)[order], kind="stable")]
        selected = np.zeros(len(label), dtype=bool)
        selected[order[:count]] = True
        selected &= label >= 0
        thresholds = np.zeros(self.classes)
        return self, SelectionResult(
            label,
            signals.confidence(teacher_probs),
            need,
            thresholds,
            thresholds,
            selected,
            selected.astype(np.float64),
        )

    def state(self) -> dict[str, Any]:
        """Nothing moves."""
        return {}

    def restored(self, state: Mapping[str, Any]) -> Neighbours:
        """Nothing moves."""
        return self


def knn_agrees(votes: Floats, label: Ints, base: Floats, damping: float = VOTE_DAMPING) -> Bools:
    """Whether no class has more votes ``[n, C]`` than the label ``[n]``, each for its share.

    Votes are divided by ``base ** damping``: with 1 a common class does not win by being common,
    with 0 the plain majority decides. False without a label (-1) or a vote for it.
    """
    lift = votes / _divisor(base, damping)
    own = lift[np.arange(len(label)), np.maximum(label, 0)]
    return (label >= 0) & (own > 0) & (own >= lift.max(axis=1, initial=0.0))


def support_rank(
    teacher_probs: Floats,
    neighbour_probs: Floats,
    label: Ints,
    base: Floats,
    damping: float = VOTE_DAMPING,
) -> Floats:
    """What speaks for each label in [0, 1], ``[n]``: q x the neighbours' mean q / base ** damping.

    Normalised over the classes; 0 where nothing is known. Without a confidence (NaN) q is left out.
    """
    own_probs = np.asarray(teacher_probs, dtype=np.float64)
    missing = np.isnan(own_probs).any(axis=1) & (label >= 0)
    joint = np.where(missing[:, None], 1.0, own_probs) * neighbour_probs
    joint = joint / _divisor(base, damping)
    own = joint[np.arange(len(label)), np.maximum(label, 0)]
    total = joint.sum(axis=1)
    known = (label >= 0) & np.isfinite(total) & (total > 0)
    return np.where(known, own / np.where(known, total, 1.0), 0.0)


def class_shares(label: Ints, classes: int) -> Floats:
    """Each class's share of the labels ``[C]``; 0 for a class without any."""
    counts = np.bincount(label[label >= 0], minlength=classes).astype(np.float64)
    return np.asarray(counts / max(counts.sum(), 1.0))


def _divisor(base: Floats, damping: float) -> Floats:
    """What votes are divided by; 1 for a class that nobody could vote for."""
    return np.asarray(np.where(base > 0, base, 1.0) ** damping)


_NOTHING = (
    "The strategy {name!r} takes labels that the most similar texts bear out, and none of the "
    "{texts:,} labels is, so it would train on nothing. Train with 'all', or label more texts."
)
NEIGHBOURS = StrategySpec(
    name="neighbours",
    make=lambda config, names: Neighbours(len(names), config.share or DEFAULT_SHARE),
    label="Neighbour agreement",
    summary="Texts whose label the texts most like them carry too, thinned at random where a share "
    "is set; no scoring pass. Its rule was tuned on five public sets, so try it on your own data.",
    colour="#D55E00",
    needs=frozenset({"embeddings"}),
    takes=frozenset({"share", "reference_counts"}),
    default_share=EVERY_LABEL_THAT_PASSES,
    epochs=1,
    skip_reason="its neighbours have another label, or it was not drawn",
    arm="labels that the nearest texts share",
    nothing_reason=_NOTHING,
)
NEEDED_NEIGHBOURS = StrategySpec(
    name="needed_neighbours",
    make=lambda config, names: Neighbours(len(names), config.share or DEFAULT_SHARE, needed=True),
    label="Neighbour agreement + uncertainty",
    summary="Texts whose label the texts most like them carry too, and of these, in each batch, "
    "those the student is least sure of.",
    colour="#117733",
    needs=frozenset({"embeddings", "student"}),
    takes=frozenset({"share", "reference_counts"}),
    default_share=DEFAULT_SHARE,
    skip_reason="its neighbours have another label, or the student needs others more",
    arm="of those, the most needed",
    nothing_reason=_NOTHING,
)
