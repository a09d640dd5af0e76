"""New texts held against those of a project: which repeat them, under which ids they may stand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from llkd.datasets.checks.near_duplicates import normal
from llkd.datasets.checks.near_known import near_known
from llkd.datasets.readers.temp_buffer import release
from llkd.datasets.wording import count, quoted

Rows = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_CHUNK = 4096
_SALT = b"llkd hold-out\0"


@dataclass(frozen=True)
class Likeness:
    """Which of ``m`` new texts nearly repeat a text of the pool, and which a held-out one."""

    pool: Bools
    held_out: Bools

    @property
    def any(self) -> Bools:
        """Which nearly repeat a text that is there."""
        return self.pool | self.held_out


def equal_rows(texts: Sequence[str], known: pd.Series) -> Rows:
    """For each of ``texts [m]`` the row of the first known one that is equal to it, else -1.

    Outer spaces do not count.
    """
    places: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        places.setdefault(text.strip(), []).append(place)
    same = np.full(len(texts), -1, dtype=np.int64)
    for row, text in enumerate(known):
        for place in places.pop(str(text).strip(), ()):
            same[place] = row
        if not places:
            break
    return same


def likeness(texts: Sequence[str], known: pd.DataFrame) -> Likeness:
    """Which of ``texts [m]`` nearly repeat one of ``known`` (text, split), equal ones included."""

    def chunks() -> Iterator[tuple[list[str], Bools]]:
        held_out = (known["split"] == "eval").to_numpy()
        column = known["text"].to_numpy()
        for start in range(0, len(known), _CHUNK):
            here = slice(start, start + _CHUNK)
            yield [str(text) for text in column[here]], held_out[here]
            if start % (16 * _CHUNK) == 0:
                release()

    if not len(texts):
        return Likeness(np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))
    return Likeness(*near_known(texts, chunks()))


def split_by_hash(
    texts: Sequence[str],
    gold: Sequence[str | None],
    groups: Rows,
    like: Likeness,
    share: float,
) -> npt.NDArray[np.object_]:
    """``"pool"`` or ``"eval"`` for each of ``m`` new texts: what is held out depends on it alone.

    Of the texts with gold about ``share`` (0 to 0.9) are held out, by a hash of their words. A
    group (``groups [m]`` has the position of its first text), such as near-duplicates, stays
    together: it is held out where one of it is like a held-out text that is there, in the pool
    where one is like a text of the pool or has no gold, and else where its hash says so.
    """
    _, group = np.unique(groups, return_inverse=True)
    number = int(group.max(initial=-1)) + 1
    known = np.array([isinstance(label, str) for label in gold], dtype=bool)

    def with_any(which: Bools) -> Bools:
        marked = np.zeros(number, dtype=bool)
        marked[group[which]] = True
        return marked

    to_pool = with_any(like.pool) | with_any(~known)
    lowest: list[bytes | None] = [None] * number
    for place, of in enumerate(group.tolist()):
        if not to_pool[of]:
            mark = hashlib.sha256(normal(texts[place]).encode("utf-8", "surrogatepass")).digest()
            before = lowest[of]
            lowest[of] = mark if before is None else min(before, mark)
    below = np.array([mark is not None and _fraction(mark) < share for mark in lowest], dtype=bool)
    held_out = with_any(like.held_out) | (below & ~to_pool)
    return np.where(held_out[group], "eval", "pool").astype(object)


def _fraction(mark: bytes) -> float:
    """A number from 0 to 1, as good as drawn at random, and always the same."""
    return int.from_bytes(hashlib.sha256(_SALT + mark).digest()[:8], "big") / 2.0**64


def free_ids(
    ids: Sequence[str], known: pd.Series, names: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Ids of new texts that no known text has, and what to tell.

    An id that is not free is put after the name of its file (``names [m]``); all of them, where
    most are not free, as numbers of records are.
    """
    there = set(known)
    clashing = np.array([ident in there for ident in ids], dtype=bool)
    if not clashing.any():
        return list(ids), []
    changed = clashing if clashing.mean() <= 0.5 else np.ones(len(ids), dtype=bool)
    attempt = 1
    while True:
        turn = "" if attempt == 1 else f" ({attempt})"
        free = [
            f"{name}{turn}:{ident}" if change else ident
            for ident, name, change in zip(ids, names, changed.tolist(), strict=True)
        ]
        if len(set(free)) == len(free) and not any(ident in there for ident in free):
            break
        attempt += 1
    example = free[int(np.flatnonzero(changed)[0])]
    number = int(clashing.sum())
    return free, [
        f"{count(number, 'id')} {'is' if number == 1 else 'are'} taken by other texts of the "
        f"project, so {'it' if changed.sum() == 1 else f'{int(changed.sum()):,} ids'} "
        f"{'was' if changed.sum() == 1 else 'were'} put after the name of the file (such as "
        f"{quoted(example)})."
    ]
