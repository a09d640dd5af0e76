"""The texts of a benchmark of labels: two halves of each set, one to tune on, one to confirm on.

The halves share no text. Within a half some texts are held out to judge students; the rest are
there to draw pools from, natural ones and such with much of one class.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from llkd.config import Label, LabelSet
from llkd.selection.signals import Ints

ROOT = Path(__file__).resolve().parents[2]
SETS = ("ag_news", "tweet_emotion", "emotions", "clinc_domains", "csabstruct")
SAMPLE = "sample"
HALVES = ("tune", "confirm")
NATURAL, HELD_OUT, COMMON = 1200, 700, 500


@dataclass(frozen=True)
class TextSet:
    """One half of a set: ``m`` texts, their gold ``[m]`` and whether each is held out ``[m]``.

    ``natural [m]`` are the texts to draw natural pools from; ``common``: the two classes of which
    there are enough texts for unbalanced pools.
    """

    name: str
    half: str
    labels: LabelSet
    texts: list[str]
    gold: Ints
    held_out: np.ndarray
    natural: np.ndarray
    common: tuple[int, ...]


def text_set(folder: Path, name: str, half: str) -> TextSet:
    """A half of a set of the folder, or the sample that comes along (the same in both halves)."""
    if name == SAMPLE:
        return _sample(half)
    frame = all_texts(folder, name)
    names = sorted(frame["label"].unique())
    gold = frame["label"].map({label: k for k, label in enumerate(names)}).to_numpy()
    mine = _half(len(frame), half)
    held, rest = mine[:HELD_OUT], mine[HELD_OUT:]
    natural, further = rest[:NATURAL], rest[NATURAL:]
    common = tuple(int(k) for k in np.argsort(-np.bincount(gold[mine]), kind="stable")[:2])
    extra = [
        further[gold[further] == k][: max(0, COMMON - int((gold[natural] == k).sum()))]
        for k in common
    ]
    rows = np.concatenate([held, natural, *(extra if len(names) <= 10 else [])])
    position = np.arange(len(rows))
    return TextSet(
        name,
        half,
        LabelSet.of(names),
        frame["text"].iloc[rows].tolist(),
        gold[rows],
        position < len(held),
        (position >= len(held)) & (position < len(held) + len(natural)),
        common,
    )


def text_rows(folder: Path, name: str, half: str) -> pd.DataFrame:
    """All texts of a half of a set, columns ``text`` and ``label``, in the order of its draws."""
    frame = all_texts(folder, name)
    return frame.iloc[_half(len(frame), half)]


def _half(texts: int, half: str) -> Ints:
    """The row numbers of one half of so many texts, in random order."""
    order = np.random.default_rng(20261129).permutation(texts)
    middle = texts // 2
    return order[:middle] if half == "tune" else order[middle:]


def all_texts(folder: Path, name: str) -> pd.DataFrame:
    """Every text of a set once, from all its files."""
    files = sorted(folder.glob(f"{name}_*.csv.gz"))
    if not files:
        sys.exit(f"{folder} holds no file {name}_….csv.gz: name a folder that has the text sets.")
    parts = [pd.read_csv(file, keep_default_na=False) for file in files]
    return pd.concat(parts, ignore_index=True).drop_duplicates("text", ignore_index=True)


def _sample(half: str) -> TextSet:
    """Our own sample: two fifths held out, another draw in each half."""
    data = ROOT / "sample_data"
    texts = pd.read_csv(data / "city_messages.csv", keep_default_na=False)
    gold = pd.read_csv(data / "city_messages_gold.csv", keep_default_na=False)
    frame = texts.merge(gold, on="id", validate="one_to_one")
    known = json.loads((data / "labels.json").read_text("utf-8"))
    labels = LabelSet(labels=tuple(Label(**fields) for fields in known))
    classes = {label: k for k, label in enumerate(labels.names)}
    rng = np.random.default_rng(HALVES.index(half))
    held_out = np.zeros(len(frame), dtype=bool)
    held_out[rng.permutation(len(frame))[: int(0.4 * len(frame))]] = True
    return TextSet(
        SAMPLE,
        half,
        labels,
        frame["text"].tolist(),
        frame["label"].map(classes).to_numpy(),
        held_out,
        ~held_out,
        (),
    )
