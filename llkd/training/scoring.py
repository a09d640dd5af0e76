"""What the student thinks of the coming texts, asked no more often than the settings want.

With ``score_every`` = k an answer holds for k steps: where one is missing, this batch and the next
k - 1 are scored in one large pass, and the reading of the whole pool at an epoch's end counts, too.
With k = 1 every batch is scored right before its step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from llkd.selection.signals import Floats, Ints

if TYPE_CHECKING:
    import torch


class Scorer:
    """Answers ``[n, C]`` of the pool with the step that each was given at.

    ``now(positions)`` scores one batch, ``many(positions)`` several at once; both return
    probabilities ``[b, C]``.
    """

    def __init__(
        self,
        n: int,
        classes: int,
        every: int,
        now: Callable[[Ints], Floats],
        many: Callable[[Ints], Floats],
    ) -> None:
        self.every, self._now, self._many = every, now, many
        rows = n if every > 1 else 0
        self._answers = np.zeros((rows, classes), dtype=np.float32)
        self._answered_at = np.full(rows, -every, dtype=np.int64)

    def probabilities(self, batches: Sequence[Ints], batch: int, step: int) -> Floats:
        """The student's probabilities ``[b, C]`` of ``batches[batch]``, at most k steps old."""
        positions = batches[batch]
        if self.every == 1:
            return self._now(positions)
        if self._stale(positions, step).any():
            coming = np.concatenate(batches[batch : batch + self.every])
            wanted = coming[self._stale(coming, step)]
            self.remember(wanted, self._many(wanted), step)
        return self._answers[positions].astype(np.float64)

    def remember(self, positions: Ints, probabilities: Floats, step: int) -> None:
        """Keep answers that hold from ``step`` on."""
        if self.every > 1:
            self._answers[positions] = probabilities
            self._answered_at[positions] = step

    def _stale(self, positions: Ints, step: int) -> np.ndarray:
        return step - self._answered_at[positions] >= self.every

    def state(self) -> dict[str, torch.Tensor]:
        """Tensors for a checkpoint; none where nothing is kept."""
        import torch

        if self.every == 1:
            return {}
        return {
            "answers": torch.from_numpy(self._answers.copy()),
            "answers_given_at": torch.from_numpy(self._answered_at.copy()),
        }

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take the tensors of :meth:`state`."""
        if self.every > 1:
            self._answers = tensors["answers"].numpy().copy()
            self._answered_at = tensors["answers_given_at"].numpy().copy()
