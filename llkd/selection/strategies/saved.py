"""Train on the very texts that a person kept on the plane and saved under a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.errors import ConfigError
from llkd.selection import signals
from llkd.selection.batch import labels_of
from llkd.selection.inputs import StrategyInputs
from llkd.selection.signals import Bools, Floats, Ints
from llkd.selection.strategy import SelectionResult
from llkd.selection.strategy_spec import StrategySpec


@dataclass(frozen=True)
class SavedSelection:
    """In each batch the texts that the selection holds, weights 1; the student is not asked.

    With ``count`` (of a reference run's step) so many are drawn: from what it holds, and where that
    is too little, from the rest of the batch. Then ``rng`` is needed. Which texts it holds comes
    with ``prepare``.
    """

    classes: int
    in_saved: Bools | None = field(default=None, repr=False)

    @property
    def needs_student(self) -> bool:
        """Never."""
        return False

    @property
    def needs_confidence(self) -> bool:
        """Never: what a person kept trains."""
        return False

    def selectable(self, label: Ints, confidence: Floats) -> Bools:
        """What the selection holds."""
        return np.zeros(len(label), np.bool_) if self.in_saved is None else self.in_saved

    def prepare(self, inputs: StrategyInputs) -> SavedSelection:
        """Know what is kept of the pool. Raises ConfigError where nothing is known of it."""
        if inputs.in_saved is None:
            raise ConfigError("The strategy 'saved' needs a selection that was saved on Curate.")
        return replace(self, in_saved=np.asarray(inputs.in_saved, dtype=np.bool_))

    def step(
        self,
        teacher_probs: npt.ArrayLike,
        student_probs: npt.ArrayLike | None = None,
        *,
        rng: np.random.Generator | None = None,
        count: int | None = None,
        positions: Ints | None = None,
        label: Ints | None = None,
    ) -> tuple[SavedSelection, SelectionResult]:
        """Take from one batch; ``positions`` say which texts of the pool it holds."""
        if self.in_saved is None or positions is None:
            raise ConfigError("The strategy 'saved' must be told of the pool first.")
        selected = self.in_saved[positions].copy()
        if count is not None:
            if rng is None:
                raise ConfigError("Drawing a given number of texts needs a random generator.")
            order = rng.permutation(len(selected))
            order = order[np.argsort(~selected[order], kind="stable")]
            selected = np.zeros(len(selected), dtype=np.bool_)
            selected[order[:count]] = True
        thresholds = np.zeros(self.classes)
        return self, SelectionResult(
            labels_of(teacher_probs, label),
            signals.confidence(teacher_probs),
            np.full(len(selected), np.nan),
            thresholds,
            thresholds,
            selected,
            selected.astype(np.float64),
        )

    def state(self) -> dict[str, Any]:
        """Nothing moves."""
        return {}

    def restored(self, state: Mapping[str, Any]) -> SavedSelection:
        """Nothing moves."""
        return self


SAVED = StrategySpec(
    name="saved",
    make=lambda config, names: SavedSelection(len(names)),
    label="My selection",
    summary="The very texts that you kept on Curate and saved under a name.",
    colour="#CC6677",
    takes=frozenset({"saved", "reference_counts"}),
    skip_reason="not in the saved selection",
    arm="what was kept on Curate",
)
