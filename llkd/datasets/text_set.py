"""Checked texts as an import gets them, and how files are to be read for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from llkd.datasets.annotations.judgements import PeopleLabels
from llkd.datasets.checks.repeats import NearDuplicates
from llkd.datasets.checks.statistics import Statistics, measure
from llkd.errors import ConfigError

NEAR = ("keep", "drop", "ignore")


@dataclass(frozen=True)
class Reading:
    """How files are read.

    Attributes:
        text_column: guessed when None and the guess is safe.
        label_column: None means that there is no gold.
        id_column: guessed when None; ids are numbers of records where it does not serve.
        keep_duplicates: keep a text (outer spaces aside) that came before.
        near: near-duplicates are counted and kept (``keep``), left out but for the first of each
            group (``drop``), or not looked for (``ignore``).
        blocks: in plain text a text is a block of lines up to a blank line, and not one line.
        near_later: near-duplicates that are only counted may wait where there are many texts and
            none of them has gold (see :func:`llkd.datasets.merge.may_wait`).
    """

    text_column: str | None = None
    label_column: str | None = None
    id_column: str | None = None
    keep_duplicates: bool = False
    near: Literal["keep", "drop", "ignore"] = "keep"
    blocks: bool = False
    near_later: bool = False

    def __post_init__(self) -> None:
        if self.near not in NEAR:
            raise ConfigError(
                f"Near-duplicates can be treated as {', '.join(NEAR)}, but it was {self.near!r}."
            )


@dataclass(frozen=True)
class FileCount:
    """One file of an import: how it was read, its records, and how many texts were kept."""

    name: str
    format: str
    encoding: str | None
    rows: int
    kept_count: int

    def document(self) -> dict[str, Any]:
        """As reports of imports store it."""
        values = asdict(self)
        return {**values, "kept": values.pop("kept_count")}


@dataclass(frozen=True)
class TextSet:
    """Texts that can be labelled.

    ``texts`` has the columns ``id`` (str, unique), ``text`` (str, as in the file) and ``gold``
    (str or None), in the order of the file; several files add ``source``, the file's name.
    ``rows`` counts the records. ``dropped`` says what was left out and why: ``blank``,
    ``duplicate``, ``near_duplicate``, ``malformed`` (lists in place of texts, rows with too many
    fields and, though they are no records, lines that cannot be read). ``labels`` are the gold
    labels, the most frequent first. ``near`` counts near-duplicates, None where nobody looked;
    ``groups`` holds for each text the position of the first one that it repeats or nearly repeats.
    ``near_later``: they are to be looked for once the texts are stored.
    ``measured`` are the texts' statistics where they are known already. ``label_column`` gave the
    gold labels; ``people`` are labels that people gave in an annotation tool, by position;
    ``unused_label`` is a sentence about a column that might have.
    """

    texts: pd.DataFrame
    rows: int
    dropped: dict[str, int]
    labels: tuple[str, ...]
    warnings: tuple[str, ...]
    files: tuple[FileCount, ...] = ()
    near: NearDuplicates | None = None
    groups: npt.NDArray[np.int64] | None = field(default=None, repr=False)
    measured: Statistics | None = field(default=None, repr=False)
    label_column: str | None = None
    unused_label: str | None = None
    people: PeopleLabels | None = field(default=None, repr=False)
    near_later: bool = False

    @property
    def kept_count(self) -> int:
        """How many texts there are."""
        return len(self.texts)

    @cached_property
    def statistics(self) -> Statistics:
        """Lengths and languages of the texts, measured once."""
        return self.measured or measure(self.texts["text"])


def frame(columns: dict[str, Any]) -> pd.DataFrame:
    """The frame of a text set; texts stay in Arrow, the rest are objects: a missing label is None.

    ``columns`` are sequences of equal length by name.
    """
    arrays = {}
    for key, values in columns.items():
        if isinstance(values, pa.ChunkedArray):
            arrays[key] = pd.Series(pd.arrays.ArrowExtensionArray(values))
        else:
            arrays[key] = pd.Series(list(values), dtype=object)
    return pd.DataFrame(arrays)
