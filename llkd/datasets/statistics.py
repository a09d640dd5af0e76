"""What a text set is like, before anything is stored: lengths, languages, what models will cut."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llkd.config import TeacherConfig, TrainingConfig
from llkd.datasets.scratch import steps
from llkd.datasets.tables import Column
from llkd.datasets.text_language import shares
from llkd.datasets.texts import TextSet

CHARACTERS_PER_TOKEN = 4  # of alphabets; a character of Chinese, Japanese, Korean or Thai is one
SAMPLE = 2_000  # texts, spread evenly, by which languages are guessed
BINS = 24
_QUANTILES = {"least": 0, "5 %": 5, "25 %": 25, "median": 50, "75 %": 75, "95 %": 95, "most": 100}
_DENSE = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}]"


@dataclass(frozen=True)
class Histogram:
    """How many texts have how many characters: ``counts[k]`` from ``edges[k]`` to the next edge.

    The last bin holds all that are longer.
    """

    edges: tuple[int, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Cut:
    """Texts longer than what a model reads, which are kept whole and cut only for that model.

    ``tokens`` is the model's usual limit; ``share`` (0 to 1) is estimated from characters.
    """

    model: str
    tokens: int
    share: float


@dataclass(frozen=True)
class Statistics:
    """Lengths in characters and words (by spaces) as quantiles, guessed languages as shares."""

    texts: int
    characters: dict[str, int]
    words: dict[str, int]
    histogram: Histogram
    languages: dict[str, float]
    languages_from: int
    cut: tuple[Cut, ...]

    def document(self) -> dict[str, Any]:
        """As plain lists and numbers, for JSON."""
        return asdict(self)


def statistics(texts: TextSet) -> Statistics:
    """Measure every text; languages are guessed from 2,000 of them."""
    series = texts.texts["text"]
    made = pa.array(series, type=pa.string())
    column = Column([made if isinstance(made, pa.ChunkedArray) else pa.chunked_array([made])])
    characters, words, tokens = _lengths(column)
    sample = np.unique(np.linspace(0, len(column) - 1, min(SAMPLE, len(column))).astype(np.int64))
    limits = (
        ("teacher", TeacherConfig.model_fields["max_text_tokens"].default),
        ("student", TrainingConfig.model_fields["max_tokens"].default),
    )
    return Statistics(
        texts=len(column),
        characters=_quantiles(characters),
        words=_quantiles(words),
        histogram=_histogram(characters),
        languages=shares(column.take(sample)),
        languages_from=len(sample),
        cut=tuple(Cut(who, limit, float((tokens > limit).mean())) for who, limit in limits),
    )


def _lengths(column: Column) -> tuple[npt.NDArray[np.int64], ...]:
    characters, words, dense = [], [], []
    for chunk in steps(column.chunks):
        characters.append(pc.utf8_length(chunk).to_numpy(zero_copy_only=False))
        words.append(pc.count_substring_regex(chunk, r"\S+").to_numpy(zero_copy_only=False))
        dense.append(pc.count_substring_regex(chunk, _DENSE).to_numpy(zero_copy_only=False))
    many, few = np.concatenate(characters).astype(np.int64), np.concatenate(dense)
    tokens = few + (many - few) / CHARACTERS_PER_TOKEN
    return many, np.concatenate(words).astype(np.int64), tokens


def _quantiles(values: npt.NDArray[np.int64]) -> dict[str, int]:
    found = np.percentile(values, list(_QUANTILES.values()), method="nearest")
    return {name: int(value) for name, value in zip(_QUANTILES, found, strict=True)}


def _histogram(characters: npt.NDArray[np.int64]) -> Histogram:
    """Equal bins up to the length that 99 % of the texts do not exceed."""
    top = max(int(np.percentile(characters, 99, method="higher")) + 1, BINS)
    width = -(-top // BINS)
    edges = np.arange(BINS + 1) * width
    place = np.minimum(characters // width, BINS - 1)
    counts = np.bincount(place, minlength=BINS)
    last = int(np.flatnonzero(counts)[-1]) + 1
    return Histogram(tuple(edges[: last + 1].tolist()), tuple(counts[:last].tolist()))
