"""What is stored of an audit: its settings, the texts it draws from, answers, certificates."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from llkd.config import Calibration, ClassKey
from llkd.config.base import Document
from llkd.config.selection_rule import StandaloneRule, read_standalone_rule
from llkd.errors import StoreError

POPULATION_COLUMNS = ("row", "label", "confidence", "level")
POPULATION_FILE = "population.parquet"
FIRST_STARTS = (1.0, 0.5, 0.25)
"""The starts of an audit that was stored without any: these were in use then. Never change them."""


class ChainSet(Document):
    """One of the nested sets: its texts, and the least confidence in it (None: no such line)."""

    size: int
    threshold: float | None = None


class AuditSettings(Document):
    """What was fixed when an audit began; it never changes.

    ``chain`` is strictest first, its last set is all that is drawn from. ``earlier_audits`` of the
    project were there already, and ``project_texts`` texts (None: those of the import, before any
    could be added). ``starts`` are the shares from which the certificate's error is
    spent (``llkd.evaluation.certificate.chain``).
    """

    rule: dict[str, Any]
    saved_as: str | None = None
    calibration: Calibration
    labeling_run: int
    target: float
    confidence_level: float
    people: int = 1
    chain: tuple[ChainSet, ...]
    starts: tuple[float, ...] = FIRST_STARTS
    order_sha256: str
    population_sha256: str
    earlier_audits: int = 0
    project_texts: int | None = None


class CertificateDocument(Document):
    """A certificate as it is stored and printed: what it says, and all that it rests on.

    ``labels`` is how many audited texts it rests on, ``labels_sha256`` the digest of their rows,
    answers and order; ``promise`` is its sentence. ``size`` is of the certified set, ``set`` its
    place in the chain, from 0. ``audit_target`` was fixed before the first answer; ``target``, what
    is promised, may be less. ``p_value`` is of the set at ``audit_target``. ``earlier_audits``
    counts all other audits of the project that had begun when it was given.
    """

    audit: int
    set: int
    size: int
    target: float
    audit_target: float
    confidence_level: float
    labels: int
    labels_in_set: int
    wrong_in_set: int
    cannot_tell: int
    p_value: float
    promise: str
    people: tuple[str, ...]
    two_people: bool = False
    kappa: float | None = None
    taken_back: int = 0
    chain: tuple[ChainSet, ...]
    starts: tuple[float, ...] = FIRST_STARTS
    seed: int
    order_sha256: str
    population_sha256: str
    labels_sha256: str
    rule: dict[str, Any]
    calibration: Calibration
    labeling_run: int
    teacher_fingerprint: str
    earlier_audits: int = 0


@dataclass(frozen=True)
class CertificateRecord:
    """A stored certificate; ``created`` is in seconds since 1970."""

    id: int
    audit_id: int
    created: float
    document: CertificateDocument


@dataclass(frozen=True)
class AuditAnswer:
    """What one person answered of one text: a class by its ``key``, None for "none of them".

    ``place`` counts from 0 in the audit's order; ``final`` is the answer that settles a
    disagreement of two people. ``undone`` answers count for nothing.
    """

    id: int
    place: int
    row: int
    key: ClassKey | None
    who: str
    created: float
    batch: str
    final: bool
    undone: bool


@dataclass(frozen=True)
class Audit:
    """One audit: which texts are drawn from, by which seed, and what is to be promised."""

    id: int
    project_id: int
    created: float
    who: str
    seed: int
    open: bool
    settings: AuditSettings

    @cached_property
    def rule(self) -> StandaloneRule:
        """Which texts it draws from, as the rule was when it began. Raises ConfigError."""
        return read_standalone_rule(self.settings.rule)

    @property
    def calibration(self) -> Calibration:
        """That of the labels it checks."""
        return self.settings.calibration

    @property
    def labeling_run(self) -> int:
        """The number of the labelling run whose labels it checks."""
        return self.settings.labeling_run

    @property
    def target(self) -> float:
        """The share of right labels that is to be promised, in (0, 1)."""
        return self.settings.target

    @property
    def confidence_level(self) -> float:
        """How sure the promise is to be, in (0, 1)."""
        return self.settings.confidence_level

    @property
    def people(self) -> int:
        """How many people label each text: 1 or 2."""
        return self.settings.people

    @property
    def chain(self) -> tuple[ChainSet, ...]:
        """The nested sets, strictest first."""
        return self.settings.chain

    @property
    def size(self) -> int:
        """How many texts it draws from: those of the widest set."""
        return self.settings.chain[-1].size


@dataclass(frozen=True)
class Population:
    """The texts ``[N]`` that an audit draws from, frozen, in the order in which they are drawn.

    ``label`` holds the key of the teacher's class, ``level`` the strictest set of the chain that
    holds the text; ``confidence`` is NaN where the teacher gave none.
    """

    row: np.ndarray
    label: np.ndarray
    confidence: np.ndarray
    level: np.ndarray

    @property
    def order_sha256(self) -> str:
        """The digest of the rows in their order."""
        return hashlib.sha256(self.row.astype("<i8").tobytes()).hexdigest()

    @property
    def sha256(self) -> str:
        """The digest of everything in it."""
        total = hashlib.sha256(self.row.astype("<i8").tobytes())
        total.update(self.confidence.astype("<f4").tobytes())
        total.update(self.level.astype("<i4").tobytes())
        for key in self.label.tolist():
            data = str(key).encode("utf-8", "surrogatepass")
            total.update(len(data).to_bytes(8, "little") + data)
        return total.hexdigest()

    def write(self, path: Path) -> None:
        """As a Parquet file."""
        table = pa.table(
            {
                "row": self.row.astype(np.int32),
                "label": pa.array(self.label.tolist(), pa.string()),
                "confidence": self.confidence.astype(np.float32),
                "level": self.level.astype(np.int32),
            }
        )
        pq.write_table(table, path)

    @classmethod
    def read(cls, path: Path) -> Population:
        """From its file. Raises StoreError where it is missing or damaged."""
        try:
            table = pq.read_table(path, columns=list(POPULATION_COLUMNS))
            arrays = [table[name].to_numpy() for name in POPULATION_COLUMNS]
        except (pa.ArrowException, OSError, ValueError) as error:
            raise StoreError(
                f"The texts that an audit draws from cannot be read: {path}. Put the file back "
                "from a backup, or start another audit; the labels given are kept."
            ) from error
        row, label, confidence, level = arrays
        population = cls(row.astype(np.int64), label, confidence, level.astype(np.int64))
        for array in (population.row, population.confidence, population.level):
            array.flags.writeable = False
        return population
