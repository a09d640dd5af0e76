"""Linear position biases (ALiBi) of Bloom and MPT, at positions that are not the keys' places.

Both models add slope × position of the key to each head's attention scores and take a key's place
for its position. Behind blind keys and an answer tree places are others, so the bias is made here;
softmax does not see a constant, so only differences of positions count (Press, Smith and Lewis
2022, ICLR).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

if TYPE_CHECKING:
    import torch

BLOOM, MPT = "build_alibi_tensor", "build_mpt_alibi_tensor"
"""The methods by which the decoders make their biases."""


class Alibi:
    """The biases of one decoder. Rows of one batch must have their keys at the same positions."""

    def __init__(self, decoder: Any, method: str) -> None:
        self._decoder, self._method = decoder, method

    @classmethod
    def of(cls, decoder: Any) -> Alibi | None:
        """The decoder's biases; None where it has none that are known here."""
        method = next((name for name in (BLOOM, MPT) if hasattr(decoder, name)), None)
        return None if method is None else cls(decoder, method)

    @contextmanager
    def at(self, positions: npt.ArrayLike) -> Iterator[None]:
        """While it lasts, key k of every row stands at ``positions[k]``."""
        import torch

        original = getattr(self._decoder, self._method)
        places = torch.as_tensor(positions, device=self._decoder.device)
        biases = self._bloom if self._method == BLOOM else self._mpt
        setattr(self._decoder, self._method, biases(original, places))
        try:
            yield
        finally:
            delattr(self._decoder, self._method)

    @staticmethod
    def _bloom(original: Callable[..., Any], places: torch.Tensor) -> Callable[..., Any]:
        """Of shape [b x heads, 1, S], as Bloom's own of a mask of ``b`` rows."""

        def biases(mask: torch.Tensor, heads: int, dtype: torch.dtype) -> torch.Tensor:
            # Its bias of the second of two places is the slope.
            slopes = original(mask.new_ones(1, 2), heads, dtype=mask.dtype)[:, :, 1:]
            return (slopes * places).repeat(mask.shape[0], 1, 1).to(dtype)

        return biases

    @staticmethod
    def _mpt(original: Callable[..., Any], places: torch.Tensor) -> Callable[..., Any]:
        """Of shape [heads, 1, S]; MPT's own end at 0."""

        def biases(heads: int, length: int, *rest: Any, **options: Any) -> torch.Tensor:
            slopes: torch.Tensor = -original(heads, 2, *rest, **options)[:, :, :1]
            return slopes * places

        return biases
