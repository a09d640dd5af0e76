"""Which rows of a curated set are for validation: decided by the text alone, never by its place.

Each text has a number from 0 to 1, made from its words and the seed. Below the wanted share it is a
validation text. So each class gives about its share, texts that read the same stay together, and
rows that come later move no other: with one exception, that a class of two or more texts has one on
either side (the nearest to the line).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from llkd.errors import ConfigError

RULE = (
    "A text is for validation if the first 8 bytes of SHA-256(seed, line end, text), as a share of "
    "all such numbers, lie below the wanted share; the text in NFKC, case folded, white space as "
    "single spaces. A class of two or more different texts has at least one on either side."
)
Places = npt.NDArray[np.uint64]


def checked_share(share: float) -> float:
    """A share of validation texts, 0 (none) to 0.5. Raises ConfigError."""
    if not 0.0 <= share <= 0.5:
        raise ConfigError(f"The validation share is from 0 to 0.5, but it was {share}.")
    return share


def normalised(text: str) -> str:
    """What two texts that read the same have in common: words, whatever their case and spacing."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())


def places(texts: Iterable[str], seed: int) -> Places:
    """Where each text stands in the draw of a seed, ``[n]``; equal for texts that read the same."""
    head = f"{seed}\n".encode()
    sums = (
        hashlib.sha256(head + normalised(text).encode("utf-8", "surrogatepass")).digest()[:8]
        for text in texts
    )
    return np.frombuffer(b"".join(sums), dtype=">u8").astype(np.uint64)


def validation_rows(where: Places, label: npt.ArrayLike, share: float) -> npt.NDArray[np.bool_]:
    """Which rows are for validation ``[n]``, by their places and their labels (class indices)."""
    if not share:
        return np.zeros(len(where), dtype=np.bool_)
    line = np.uint64(int(share * 2**64))
    held_out = where < line
    labels = np.asarray(label)
    for value in np.unique(labels):
        own = np.unique(where[labels == value])
        if len(own) < 2:
            continue
        if own[0] >= line:
            held_out |= where == own[0]
        elif own[-1] < line:
            held_out &= where != own[-1]
    return held_out
