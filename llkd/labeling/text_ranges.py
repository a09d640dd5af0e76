"""Ranges of texts for a cluster: fixed when labelling begins and the same after every restart.

A text's scores may depend in their last digits on the texts that are scored beside it. So a range
is scored by one worker, from the same texts, whoever that is and however often work was broken off.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llkd.errors import StoreError
from llkd.store.home import atomic_file


@dataclass(frozen=True)
class TextRange:
    """Positions of its texts in those that are asked about, and the digest of the texts."""

    positions: tuple[int, ...]
    sha256: str


def range_digest(texts: Sequence[str]) -> str:
    """The SHA-256 of texts in their order."""
    digest = hashlib.sha256()
    for text in texts:
        words = text.encode("utf-8", "surrogatepass")
        digest.update(len(words).to_bytes(8, "big"))
        digest.update(words)
    return digest.hexdigest()


def text_ranges(texts: Sequence[str], size: int, plan: Path | None) -> list[TextRange]:
    """The ranges of ``texts``, all of them different, in the order in which they are to be done.

    ``plan`` is the file in which they are written down, None where there is no second attempt.
    Texts that an earlier attempt planned stay in their range; those that it did not know follow in
    ranges of ``size``. Raises StoreError for a plan that cannot be read.
    """
    keys = [_key(text) for text in texts]
    planned = _read(plan)
    members: dict[int, list[int]] = {}
    further: list[int] = []
    for position, key in enumerate(keys):
        number = planned.get(key)
        if number is None:
            further.append(position)
        else:
            members.setdefault(number, []).append(position)
    groups = [members[number] for number in sorted(members)]
    added = [further[start : start + size] for start in range(0, len(further), size)]
    if added and plan is not None:
        first = max(planned.values(), default=-1) + 1
        new = {keys[k]: first + number for number, group in enumerate(added) for k in group}
        _write(plan, planned | new)
    return [
        TextRange(tuple(group), range_digest([texts[position] for position in group]))
        for group in [*groups, *added]
    ]


def _key(text: str) -> int:
    words = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(words, digest_size=8).digest(), "big")


def _read(plan: Path | None) -> dict[int, int]:
    """The range of every text that is planned, by the text's key."""
    if plan is None or not plan.exists():
        return {}
    try:
        with np.load(plan, allow_pickle=False) as arrays:
            keys, numbers = arrays["text"].tolist(), arrays["range"].tolist()
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(
            f"{plan} cannot be read ({error}). Remove it: ranges are then made anew, and texts "
            "that are labelled stay so."
        ) from error
    return dict(zip(keys, numbers, strict=True))


def _write(plan: Path, planned: dict[int, int]) -> None:
    texts = np.fromiter(planned, np.uint64, len(planned))
    numbers = np.fromiter(planned.values(), np.int64, len(planned))
    with atomic_file(plan) as temporary, temporary.open("wb") as file:
        np.savez(file, text=texts, range=numbers)
