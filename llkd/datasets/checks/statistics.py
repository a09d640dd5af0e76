"""What a text set is like, before anything is stored: lengths, languages, what models will cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from llkd.config import LONGEST_USUAL_WINDOW, TeacherConfig
from llkd.datasets.checks.text_bytes import TextBytes
from llkd.datasets.checks.text_language import shares
from llkd.datasets.readers.tables import Column
from llkd.datasets.readers.temp_buffer import steps

CHARACTERS_PER_TOKEN = 4  # of alphabets; a character of Chinese, Japanese, Korean or Thai is one
SAMPLE = 2_000  # texts, spread evenly, by which languages are guessed
BINS = 24
_QUANTILES = {"least": 0, "5 %": 5, "25 %": 25, "median": 50, "75 %": 75, "95 %": 95, "most": 100}
_DENSE = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}]"

_LETTERS = bytes(code not in b" \t\n\r\x0b\x0c" for code in range(256))


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
        dense[here] = _dense(chunk)
    tokens = dense + (characters - dense) / np.float32(CHARACTERS_PER_TOKEN)
    return characters, words, tokens


def _dense(texts: pa.StringArray) -> npt.NDArray[np.int32]:
    """How many characters each text has of which one is about a token."""
    content = TextBytes.of(texts)
    wide = np.flatnonzero(content.data >= 0xE0)  # first bytes of characters from U+0800 on
    beyond = content.texts_at(wide[content.data[wide] >= 0xF0])
    wide = wide[content.data[wide] < 0xF0]
    first, second, third = (content.data[wide + k].astype(np.int32) for k in range(3))
    code = (first & 0x0F) << 12 | (second & 0x3F) << 6 | third & 0x3F
    counts = content.counts(wide[_dense_characters()[code]]).astype(np.int32)
    if len(beyond):  # characters of four bytes: emoji, and seldom Chinese ones
        counted = pc.count_substring_regex(texts.take(pa.array(beyond)), _DENSE)
        counts[beyond] = counted.to_numpy(zero_copy_only=False)
    return counts


@lru_cache(maxsize=1)
def _dense_characters() -> npt.NDArray[np.bool_]:
    """Of every character below U+10000 whether one is about a token."""
    codes = [code for code in range(0x10000) if not 0xD800 <= code < 0xE000]
    dense = np.zeros(0x10000, dtype=bool)
    dense[codes] = pc.match_substring_regex(pa.array(map(chr, codes)), _DENSE).to_numpy(False)
    return dense


def _words(texts: pa.StringArray) -> npt.NDArray[np.int64]:
    """How many runs of bytes that are no white space each text has."""
    content = TextBytes.of(texts)
    letters = content.kinds(_LETTERS).view(np.bool_)
    begins = letters.copy()
    begins[1:] &= ~letters[:-1]
    first = content.ends[:-1][content.ends[:-1] < content.ends[1:]]
    begins[first] = letters[first]  # a text's first letter, whatever the text before ends with
    return content.counts(np.flatnonzero(begins))


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
