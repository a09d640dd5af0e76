"""What single runs say of a selection: the verdict of a comparison, from one run and its rivals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llkd.evaluation.comparison.arms import CONTROLS
from llkd.evaluation.comparison.conclusion import verdict_line
from llkd.evaluation.comparison.paired_runs import RivalComparison
from llkd.evaluation.comparison.verdicts import SelectionVerdict, selection_verdict
from llkd.selection.registry import METHOD


def verdict(
    comparisons: Mapping[Any, RivalComparison | None], arm: str = METHOD
) -> SelectionVerdict:
    """The verdict on ``arm``; ``comparisons`` by rival, None where one is missing."""
    by_rival = {name: of for name, of in comparisons.items() if of is not None}
    return selection_verdict(
        arm,
        {name: of.accuracy for name, of in by_rival.items()},
        seeds=min((of.seeds for of in by_rival.values()), default=0),
        texts=min((of.texts for of in by_rival.values()), default=0),
        same_weights=all(of.same_weights for name, of in by_rival.items() if name in CONTROLS),
    )


def sentence(comparisons: Mapping[Any, RivalComparison | None]) -> str:
    """What the LLKD selection is worth here, in the words of a comparison."""
    return verdict_line(verdict(comparisons))
