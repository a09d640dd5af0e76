"""Token ids of many texts, kept flat and padded only batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.selection.signals import Ints

TOKENISE_AT_ONCE = 10_000


@dataclass(frozen=True)
class Encoded:
    """Token ids of ``n`` texts laid end to end: text i is ``ids[offsets[i]:offsets[i + 1]]``."""

    ids: npt.NDArray[np.int32]
    offsets: Ints

    @classmethod
    def of_nothing(cls) -> Encoded:
        """No text."""
        return cls(np.zeros(0, dtype=np.int32), np.zeros(1, dtype=np.int64))

    def __len__(self) -> int:
        """How many texts."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Ints:
        """Tokens of each text, ``[n]``, at least 1."""
        return np.diff(self.offsets)

    def subset(self, positions: npt.ArrayLike) -> Encoded:
        """The texts at ``positions``, in that order."""
        places = np.asarray(positions, dtype=np.int64)
        none: npt.NDArray[np.int32] = np.zeros(0, dtype=np.int32)
        ids = [none, *(self.ids[self.offsets[i] : self.offsets[i + 1]] for i in places)]
        lengths = self.lengths[places]
        return Encoded(np.concatenate(ids), np.concatenate([[0], np.cumsum(lengths)]))

    def padded(self, positions: npt.ArrayLike, pad: int) -> tuple[Ints, Ints]:
        """Ids and attention mask ``[b, longest]`` of the texts at ``positions``."""
        places = np.asarray(positions, dtype=np.int64)
        lengths = self.lengths[places]
        mask = np.arange(lengths.max()) < lengths[:, None]
        ids = np.full(mask.shape, pad, dtype=np.int64)
        ids[mask] = np.concatenate(
            [self.ids[self.offsets[i] : self.offsets[i + 1]] for i in places]
        )
        return ids, mask.astype(np.int64)


def tokenise(tokenizer: Any, texts: Sequence[str], max_tokens: int) -> Encoded:
    """Token ids of each text, special tokens included, cut to ``max_tokens``."""
    ids: list[npt.NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
    lengths: list[int] = []
    for start in range(0, len(texts), TOKENISE_AT_ONCE):
        # A lone surrogate is no Unicode text and the tokenizer would refuse it.
        part = [
            text.encode("utf-8", "replace").decode("utf-8")
            for text in texts[start : start + TOKENISE_AT_ONCE]
        ]
        rows = tokenizer(
            part,
            truncation=True,
            max_length=max_tokens,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )["input_ids"]
        # Without special tokens an empty text has none at all, and a mean over none is undefined.
        rows = [row or [tokenizer.pad_token_id] for row in rows]
        lengths.extend(map(len, rows))
        ids.append(np.fromiter((token for row in rows for token in row), dtype=np.int32))
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    return Encoded(np.concatenate(ids), offsets)


def unknown_share(encoded: Encoded, tokenizer: Any) -> float:
    """The share (0 to 1) of the texts' tokens that the tokenizer does not know."""
    unknown = tokenizer.unk_token_id
    if unknown is None:
        return 0.0
    special = [number for number in tokenizer.all_special_ids if number != unknown]
    words = encoded.ids[~np.isin(encoded.ids, special)]
    return float((words == unknown).mean()) if len(words) else 0.0
