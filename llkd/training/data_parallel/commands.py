"""What rank 0 tells the other ranks, as two arrays of numbers: nothing of it is ever executed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.selection.signals import Floats, Ints
from llkd.students import Encoded

LOGITS, UPDATE, CHECKSUMS, END = range(4)
"""Answer with class logits; take a step; answer with checksums of the weights; end."""
HEADER = 7
"""Whole numbers in the first array."""
CLASSES = 0
"""In place of a number of classes: the targets are class numbers."""


@dataclass(frozen=True)
class Command:
    """What all ranks do next, with which ``texts``.

    ``number`` is the texts that a rank takes at once (logits) or the step of an update, which has a
    ``target`` (classes ``[m]`` or probabilities ``[m, C]``) and ``weight [m]``.
    """

    kind: int
    number: int = 0
    texts: Encoded = field(default_factory=Encoded.of_nothing)
    target: Ints | Floats = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    weight: Floats = field(default_factory=lambda: np.zeros(0))

    def packed(self) -> tuple[Ints, npt.NDArray[np.uint8]]:
        """The header ``[HEADER]`` and the rest as bytes."""
        columns = CLASSES if self.target.ndim == 1 else self.target.shape[1]
        raw = b"".join(
            (
                self.texts.lengths.astype(np.int64).tobytes(),
                self.texts.ids.astype(np.int32).tobytes(),
                self.weight.astype(np.float64).tobytes(),
                self.target.astype(np.int64 if columns == CLASSES else np.float32).tobytes(),
            )
        )
        counts = [len(self.texts), len(self.texts.ids), len(self.weight), columns, len(raw)]
        header = np.array([self.kind, self.number, *counts], dtype=np.int64)
        return header, np.frombuffer(raw, dtype=np.uint8)

    @classmethod
    def read(cls, header: Ints, payload: npt.NDArray[np.uint8]) -> Command:
        """The command of two arrays that :meth:`packed` made."""
        kind, number, texts, tokens, weights, columns, _ = (int(value) for value in header)
        sizes = [8 * texts, 4 * tokens, 8 * weights]
        lengths, ids, weight, target = np.split(payload, np.cumsum(sizes))
        targets: Any = target.view(np.int64 if columns == CLASSES else np.float32)
        return cls(
            kind,
            number,
            Encoded(ids.view(np.int32), np.concatenate([[0], np.cumsum(lengths.view(np.int64))])),
            targets if columns == CLASSES else targets.reshape(weights, columns),
            weight.view(np.float64),
        )


def share_of(lengths: Ints, rank: int, ranks: int) -> Ints:
    """The places of the texts that a rank computes: dealt out from the longest to the shortest.

    Every place falls to one rank, ranks differ by at most one text, and each gets about as many
    tokens; a rank gets none where there are fewer texts than ranks.
    """
    return np.argsort(-lengths, kind="stable")[rank::ranks]
