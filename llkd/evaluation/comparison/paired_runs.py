"""One run and its other seeds against a rival: paired differences on the same texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llkd.evaluation.comparison.arms import RIVALS
from llkd.evaluation.comparison.rivals import rival_run, runs_by_seed
from llkd.evaluation.differences import paired_difference
from llkd.evaluation.intervals import Difference
from llkd.evaluation.predictions import paired_predictions
from llkd.selection.registry import weights_of
from llkd.store import Project, Run, Store

MIN_SEEDS = 2
"""From one seed nothing is said of a way to train, only of two students."""


@dataclass(frozen=True)
class RivalComparison:
    """``llkd`` minus one rival on the same held-out texts; ``seeds`` pairs of runs behind it."""

    rival: str
    seeds: int
    texts: int
    accuracy: Difference
    macro_f1: Difference
    same_weights: bool = True

    @property
    def differ(self) -> bool:
        """Whether the interval of accuracy holds no 0: of one seed, that two students differ."""
        return self.accuracy.differs

    @property
    def verdict(self) -> int:
        """1: better, -1: worse, 0: not clear, or from one seed, which says nothing."""
        if self.seeds < MIN_SEEDS:
            return 0
        return int(self.accuracy.low > 0) - int(self.accuracy.high < 0)


def compare(
    store: Store, project: Project, run: Run, runs: Sequence[Run], rival: str
) -> RivalComparison | None:
    """``run`` and its other seeds against the rival, paired; None without pair or held-out gold.

    The interval is one of those against all RIVALS, which hold together at 95 %.
    """
    pairs = ((own, rival_run(own, runs, rival)) for own in runs_by_seed(run, runs))
    paired = paired_predictions(store, project, pairs)
    if paired is None:
        return None
    weights = {weights_of(member.config.selection) for pair in paired.pairs for member in pair}
    accuracy, macro_f1 = [
        paired_difference(
            paired.first,
            paired.second,
            paired.gold,
            metric=metric,
            classes=len(run.class_names),
            among=len(RIVALS),
        )
        for metric in ("accuracy", "macro_f1")
    ]
    seeds, texts = paired.first.shape
    return RivalComparison(rival, seeds, texts, accuracy, macro_f1, len(weights) == 1)
