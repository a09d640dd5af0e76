"""What a strategy is: a batch in, the next state and a decision out.

Pure: a strategy's state goes in, the next state and a :class:`SelectionResult` come out, so the
trainer, a replay and a what-if view call the same function. The formulas are in docs/method.md,
section 3 (after Li et al. 2025, arXiv 2411.08028). ``B`` is the batch, ``C`` the classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from llkd.selection.signals import Bools, Floats, Ints


@dataclass(frozen=True)
class SelectionResult:
    """What one step decided. Arrays of length B, but for the two thresholds of length C."""

    pseudo_label: Ints
    confidence: Floats
    information_need: Floats
    teacher_threshold: Floats
    student_threshold: Floats
    selected: Bools
    weight: Floats


class Strategy(Protocol):
    """State in, new state out.

    ``needs_student`` says whether a scoring pass is required. ``needs_confidence`` says that a text
    whose label has no confidence can never be selected: such texts are then not handed to ``step``.
    """

    @property
    def needs_confidence(self) -> bool:
        """Whether a label without a confidence is passed over."""
        ...

    @property
    def needs_student(self) -> bool:
        """Whether ``student_probs`` must be given."""
        ...

    def step(
        self,
        teacher_probs: npt.ArrayLike,
        student_probs: npt.ArrayLike | None = None,
        *,
        rng: np.random.Generator | None = None,
        count: int | None = None,
        positions: Ints | None = None,
        label: Ints | None = None,
    ) -> tuple[Any, SelectionResult]:
        """Decide one batch; see :class:`AdaptiveSelection`.

        ``count`` fixes how many are selected, ``positions [B]`` are the texts' places in the pool.
        ``label [B]`` is needed where a text has a label without a confidence: its row of
        ``teacher_probs`` is NaN.
        """
        ...

    def state(self) -> dict[str, Any]:
        """The moving part as JSON values, for a checkpoint."""
        ...

    def restored(self, state: Mapping[str, Any]) -> Any:
        """The same strategy with the moving part of ``state()``."""
        ...
