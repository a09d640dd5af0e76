"""Pools to learn from, texts that judge and texts that simulated teachers learn from.

Two halves of each set share no text: ``tune`` is there to look at, ``confirm`` to be looked at
once. In ``confirm`` texts come first that no earlier benchmark has used, so they judge.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from filelock import FileLock

from benchmarks.distillation import texts_of
from benchmarks.label_evidence import cache as kept_values
from benchmarks.label_evidence.texts import SETS, TextSet, text_rows, text_set
from llkd.config import LabelSet
from llkd.curation.knn import NEIGHBOURS, nearest_voters, voting_groups
from llkd.datasets.checks.near_duplicates import near_groups
from llkd.selection.signals import Floats, Ints

HELD_OUT, FIT, LARGEST = 800, 500, 3000
USED_POOL, USED_TEST = 2000, 1000
"""What ``benchmarks/selections.py`` drew, by which the neighbour rules were tuned."""
UNBALANCED, UNBALANCED_HELD_OUT, COMMON_SHARE = 600, 500, 0.8
JOINED = "joined"
LLM_TEXTS = 1200
DRAWS = ("1200", "300", "3000", "80%")


@dataclass(frozen=True)
class Problem:
    """A pool of ``n`` texts, ``m`` held-out ones, ``f`` with gold that fit simulated teachers.

    ``points [n, d]`` are embeddings of length 1 by the untrained embedded student; ``nearest
    [n, k]``, ``voter [n]`` and ``own [n]`` the search for similar texts as ``curation.knn`` makes
    it; ``new`` the share of the held-out texts that no earlier benchmark has used.
    """

    set_name: str
    draw: str
    half: str
    labels: LabelSet
    texts: list[str]
    points: Floats
    gold: Ints
    held_texts: list[str]
    held_points: Floats
    held_gold: Ints
    fit_texts: list[str]
    fit_points: Floats
    fit_gold: Ints
    new: float
    nearest: Ints = field(repr=False)
    voter: Ints = field(repr=False)
    own: Ints = field(repr=False)

    @property
    def classes(self) -> int:
        """How many there are."""
        return len(self.labels.names)

    @property
    def lengths(self) -> Ints:
        """Characters of each text of the pool, ``[n]``."""
        return np.array([len(text) for text in self.texts])

    @property
    def seed(self) -> int:
        """Of what is random in its teachers: the same for a pool wherever it is made."""
        digest = hashlib.sha256(f"{self.set_name} {self.half} {self.draw}".encode()).hexdigest()
        return int(digest[:8], 16)

    def as_text_set(self) -> TextSet:
        """The pool as a set whose texts all are there to be labelled."""
        everything = np.ones(len(self.texts), dtype=bool)
        name = f"strength-{self.set_name}-{self.draw}"
        return TextSet(
            name, self.half, self.labels, self.texts, self.gold, ~everything, everything, ()
        )


def problem_of(
    set_name: str,
    draw: str,
    half: str,
    labels: LabelSet,
    parts: dict[str, tuple[list[str], Floats, Ints]],
    new: float = 1.0,
) -> Problem:
    """From texts, embeddings and gold of ``pool``, ``held`` and ``fit``; searches the nearest."""
    texts, points, gold = parts["pool"]
    group = near_groups(iter([texts]), len(texts), lambda rows: [texts[row] for row in rows])
    voter, own = voting_groups(np.zeros(len(texts), dtype=np.int64), group)
    nearest = nearest_voters(points, voter, own, NEIGHBOURS)
    held, fit = parts["held"], parts["fit"]
    return Problem(
        set_name, draw, half, labels, texts, points, gold, *held, *fit, new, nearest, voter, own
    )


@dataclass(frozen=True)
class Half:
    """A half of a set: its texts in the order in which they are dealt out, embedded when asked."""

    name: str
    half: str
    labels: LabelSet
    texts: list[str]
    gold: Ints
    used: Ints
    """How many earlier benchmarks have used a text, ``[t]``."""

    def part(self, cache: Path, rows: Ints) -> tuple[list[str], Floats, Ints]:
        """Texts, embeddings and gold of some rows."""
        everything = embedded(cache, self.name, self.half, tuple(self.texts))
        return [self.texts[row] for row in rows], everything[rows], self.gold[rows]


@lru_cache(maxsize=4)
def embedded(cache: Path, name: str, half: str, texts: tuple[str, ...]) -> Floats:
    """Embeddings ``[t, d]`` of a half's texts, by the untrained embedded student."""
    empty = np.zeros(len(texts), dtype=np.int64)
    data = TextSet(
        f"strength-{name}", half, LabelSet.of(["a", "b"]), list(texts), empty, empty > 0,
        empty == 0, (),
    )  # fmt: skip
    with one_at_a_time(cache, f"{data.name}-{half}"):
        return kept_values.embeddings(cache, data).astype(np.float64)


def one_at_a_time(cache: Path, name: str) -> FileLock:
    """For what takes a model minutes, and what the other part of a run may want, too."""
    cache.mkdir(parents=True, exist_ok=True)
    return FileLock(cache / f"{name}.lock")


@lru_cache(maxsize=16)
def half_of(folder: Path, name: str, half: str) -> Half:
    """Those texts of a half that any draw may take, new ones first in ``confirm``."""
    frame = text_rows(folder, name, half)
    names = sorted(frame["label"].unique())
    gold = frame["label"].map({label: k for k, label in enumerate(names)}).to_numpy()
    mine = np.arange(len(frame))
    used = np.zeros(len(frame), dtype=np.int64)
    used += frame["text"].isin(texts_of(folder, name, USED_POOL, USED_TEST)["text"]).to_numpy()
    used += frame["text"].isin(text_set(folder, name, half).texts).to_numpy()
    if half == "confirm":
        mine = mine[np.argsort(used[mine], kind="stable")]
    # The common class of an unbalanced pool, and what natural ones take: the rest is not embedded.
    common = np.bincount(gold[mine]).argmax()
    wanted = int(COMMON_SHARE * (UNBALANCED + UNBALANCED_HELD_OUT))
    head = mine[: HELD_OUT + FIT + LARGEST]
    rest = mine[len(head) :]
    missing = max(0, wanted - int((gold[head] == common).sum()))
    rows = np.concatenate([head, rest[gold[rest] == common][:missing]])
    texts = frame["text"].iloc[rows].tolist()
    return Half(name, half, LabelSet.of(names), texts, gold[rows], used[rows])


def problem(folder: Path, cache: Path, name: str, draw: str, half: str) -> Problem | None:
    """A pool of a set; None where the half has too few texts for it.

    Draws: a number of texts as they come, or ``80%``: 600 with so much of the commonest class, and
    held-out texts with the same shares. ``joined`` is all sets' classes together.
    """
    if name == JOINED:
        return _joined(folder, cache, draw, half)
    data = half_of(folder, name, half)
    parts = _unbalanced(data) if draw == "80%" else _natural(data, int(draw))
    if parts is None:
        return None
    new = float((data.used[parts["held"]] == 0).mean())
    dealt = {part: data.part(cache, rows) for part, rows in parts.items()}
    return problem_of(name, draw, half, data.labels, dealt, new)


def _natural(data: Half, size: int) -> dict[str, Ints] | None:
    rows = np.arange(len(data.texts))[: HELD_OUT + FIT + LARGEST]
    pool = rows[HELD_OUT + FIT :]
    # 2,500 of AG News stand for 3,000: there are no more.
    if len(pool) < 0.8 * size:
        return None
    return {"held": rows[:HELD_OUT], "fit": rows[HELD_OUT : HELD_OUT + FIT], "pool": pool[:size]}


def _unbalanced(data: Half) -> dict[str, Ints] | None:
    common = int(np.bincount(data.gold).argmax())
    mine, others = np.flatnonzero(data.gold == common), np.flatnonzero(data.gold != common)
    parts: dict[str, Ints] = {}
    for part, size in (("held", UNBALANCED_HELD_OUT), ("pool", UNBALANCED)):
        many = round(COMMON_SHARE * size)
        parts[part] = np.concatenate([mine[:many], others[: size - many]])
        if len(parts[part]) < size:
            return None
        mine, others = mine[many:], others[size - many :]
    parts["fit"] = np.sort(np.concatenate([mine, others]))[:FIT]
    return parts


def _joined(folder: Path, cache: Path, draw: str, half: str) -> Problem | None:
    """All sets' classes as those of one set, as many texts of each set."""
    if draw == "80%":
        return None
    names: list[str] = []
    dealt: dict[str, list[tuple[list[str], Floats, Ints]]] = {"pool": [], "held": [], "fit": []}
    new = []
    for name in SETS:
        data = half_of(folder, name, half)
        sizes = {"held": HELD_OUT // 4, "fit": FIT // 2, "pool": int(draw) // len(SETS)}
        at = 0
        for part, size in sizes.items():
            rows = np.arange(at, at + size)
            if rows[-1] >= len(data.texts):
                return None
            texts, points, gold = data.part(cache, rows)
            dealt[part].append((texts, points, gold + len(names)))
            if part == "held":
                new.append((data.used[rows] == 0).mean())
            at += size
        names += [f"{label} ({name.replace('_', ' ')})" for label in data.labels.names]
    joined = {
        part: (sum((texts for texts, _, _ in pieces), []), *_stacked(pieces))
        for part, pieces in dealt.items()
    }
    return problem_of(JOINED, draw, half, LabelSet.of(names), joined, float(np.mean(new)))


def _stacked(pieces: list[tuple[list[str], Floats, Ints]]) -> tuple[Floats, Ints]:
    return (
        np.concatenate([points for _, points, _ in pieces]),
        np.concatenate([gold for _, _, gold in pieces]),
    )
