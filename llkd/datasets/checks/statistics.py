"""What a text set is like, before anything is stored: lengths, languages, what models will cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from llkd.config import LONGEST_USUAL_WINDOW, TeacherConfig
from llkd.datasets.checks.text_language import shares
from llkd.datasets.readers.tables import Column
from llkd.datasets.readers.temp_buffer import steps

CHARACTERS_PER_TOKEN = 4  # of alphabets; a character of Chinese, Japanese, Korean or Thai is one
SAMPLE = 2_000  # texts, spread evenly, by which languages are guessed
BINS = 24
_QUANTILES = {"least": 0, "5 %": 5, "25 %": 25, "median": 50, "75 %": 75, "95 %": 95, "most": 100}
_DENSE = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}]"

_SPACE = np.zeros(256, dtype=bool)
_SPACE[list(b" \t\n\r\x0b\x0c")] = True


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


def measure(series: pd.Series) -> Statistics:
    """Measure every text of a column; languages are guessed from 2,000 of them."""
    texts = pa.array(series, type=pa.string())
    column = Column([texts if isinstance(texts, pa.ChunkedArray) else pa.chunked_array([texts])])
    characters, words, tokens = _lengths(column)
    sample = np.unique(np.linspace(0, len(column) - 1, min(SAMPLE, len(column))).astype(np.int64))
    limits = (
        ("teacher", TeacherConfig.model_fields["max_text_tokens"].default),
        ("student", LONGEST_USUAL_WINDOW),
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


def token_estimates(texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """About how many tokens each text has, ``[n]``, from its characters."""
    column = Column([pa.chunked_array([pa.array(list(texts), type=pa.string())])])
    return np.asarray(_lengths(column)[2], dtype=np.float64)


def _lengths(column: Column) -> tuple[npt.NDArray[Any], ...]:
    """Characters, words and (about) tokens of each text."""
    characters, words = np.empty((2, len(column)), dtype=np.int32)
    dense = np.zeros(len(column), dtype=np.int32)
    done = 0
    for chunk in steps(column.chunks):
        here = slice(done, done + len(chunk))
        done += len(chunk)
        characters[here] = pc.utf8_length(chunk).to_numpy(zero_copy_only=False)
        words[here] = _words(chunk)
        if not np.array_equal(pc.binary_length(chunk).to_numpy(False), characters[here]):
            dense[here] = pc.count_substring_regex(chunk, _DENSE).to_numpy(zero_copy_only=False)
    tokens = dense + (characters - dense) / np.float32(CHARACTERS_PER_TOKEN)
    return characters, words, tokens


def _words(texts: pa.StringArray) -> npt.NDArray[np.int64]:
    """How many runs of bytes that are no white space each text has."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    if data is None or ends[-1] == ends[0]:
        return np.zeros(len(texts), dtype=np.int64)
    letters = ~_SPACE[np.frombuffer(data, dtype=np.uint8)[ends[0] : ends[-1]]]
    begins = letters.copy()
    begins[1:] &= ~letters[:-1]
    first = (ends[:-1] - ends[0])[ends[:-1] < ends[-1]]
    begins[first] = letters[first]  # a text's first letter, whatever the text before ends with
    before = np.r_[0, np.cumsum(begins, dtype=np.int32)]
    return np.asarray(before[ends[1:] - ends[0]] - before[ends[:-1] - ends[0]])


def _quantiles(values: npt.NDArray[np.int32]) -> dict[str, int]:
    quantiles = np.percentile(values, list(_QUANTILES.values()), method="nearest")
    return {name: int(value) for name, value in zip(_QUANTILES, quantiles, strict=True)}


def _histogram(characters: npt.NDArray[np.int32]) -> Histogram:
    """Equal bins up to the length that 99 % of the texts do not exceed."""
    top = max(int(np.percentile(characters, 99, method="higher")) + 1, BINS)
    width = -(-top // BINS)
    edges = np.arange(BINS + 1) * width
    place = np.minimum(characters // width, BINS - 1)
    counts = np.bincount(place, minlength=BINS)
    last = int(np.flatnonzero(counts)[-1]) + 1
    return Histogram(tuple(edges[: last + 1].tolist()), tuple(counts[:last].tolist()))
