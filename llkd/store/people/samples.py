"""Blind samples: labelled texts drawn at random, for a second person who sees no label of them.

A second label is a decision like any other, kept with who and when and undone by its author; it
never takes the place of the first.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from llkd.config import ClassKey
from llkd.config.base import Document
from llkd.errors import ConfigError, NotFound, UserError
from llkd.store import schema
from llkd.store.damaged import DamagedRecord, documents, read_record, read_records
from llkd.store.decisions import LONGEST_BATCH
from llkd.store.engine.database import can_be, new_id
from llkd.store.people.class_keys import stored_key
from llkd.store.people.standing import SECOND, SOMEBODY

NONE = "none"
"""The action of a second label that says: none of the classes, or cannot tell."""


class AlreadyLabelled(UserError):
    """This person labelled the text before, by another press."""


class FirstLabel(Document):
    """The label that a text of the sample had when it was drawn: its key, and who gave it."""

    row: int
    key: str
    who: str


class SampleDesign(Document):
    """How a sample was drawn; it never changes.

    Simple random sampling without replacement from ``population`` labelled texts, by the sample's
    seed. ``texts`` are in the order of drawing; ``of`` is whose labels it was drawn from, None for
    everybody's.
    """

    design: str = "simple random sampling without replacement"
    population: int
    of: str | None = None
    texts: tuple[FirstLabel, ...]
    population_sha256: str


@dataclass(frozen=True)
class LabelSample:
    """A blind sample; ``created`` is in seconds since 1970, ``who`` drew it."""

    id: int
    project_id: int
    created: float
    who: str
    seed: int
    design: SampleDesign

    @property
    def rows(self) -> list[int]:
        """The rows in the order of drawing."""
        return [text.row for text in self.design.texts]

    def rows_for(self, who: str) -> list[int]:
        """Those that this person can label blindly: whose first label is somebody else's."""
        return [text.row for text in self.design.texts if text.who != who]


@dataclass(frozen=True)
class SecondLabel:
    """What a second person says of a text: a class by its key, or None for none of them."""

    id: int
    row: int
    key: ClassKey | None
    who: str
    created: float
    batch: str
    undone: bool


class LabelSamples:
    """The blind samples of one home."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def create(self, project_id: int, who: str, seed: int, design: SampleDesign) -> LabelSample:
        """Keep a sample that was drawn."""
        values = {"project_id": project_id, "created": time.time(), "who": who, "seed": seed}
        with self._engine.begin() as connection:
            insertion = sa.insert(schema.label_samples).values(
                **values, document=design.model_dump(mode="json")
            )
            number = new_id(connection.execute(insertion))
        return self.get(project_id, number)

    def get(self, project_id: int, number: int) -> LabelSample:
        """One sample of a project. Raises NotFound, naming those there are."""
        table = schema.label_samples
        query = sa.select(table).where((table.c.id == number) & (table.c.project_id == project_id))
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none() if can_be(number) else None
        if row is None:
            known = ", ".join(str(sample.id) for sample in self.all(project_id)) or "none yet"
            raise NotFound(f"There is no blind sample {number} here. The samples: {known}.")
        return read_record(row, "label sample", _sample)

    def all(self, project_id: int) -> list[LabelSample]:
        """The samples of a project, newest first."""
        return read_records(self._rows(project_id), "label sample", _sample)[0]

    def damaged(self, project_id: int) -> list[DamagedRecord]:
        """Samples whose record cannot be read; :meth:`all` leaves them out."""
        return read_records(self._rows(project_id), "label sample", _sample)[1]

    def _rows(self, project_id: int) -> list[Any]:
        table = schema.label_samples
        query = sa.select(table).where(table.c.project_id == project_id)
        with self._engine.connect() as connection:
            return list(connection.execute(query.order_by(table.c.id.desc())))

    def labels(
        self, sample: LabelSample, who: str | None = None, *, undone: bool = False
    ) -> list[SecondLabel]:
        """The second labels (of ``who``) that stand, oldest first; with ``undone`` all."""
        with self._engine.connect() as connection:
            return _labels(connection, sample, who, undone)

    def label(
        self, sample: LabelSample, row: int, key: ClassKey | None, who: str, batch: str
    ) -> SecondLabel:
        """Store what a second person says of a text: a class, or None for none of them.

        A ``batch`` that was recorded before changes nothing. Raises AlreadyLabelled where this
        person labelled the text before; UserError for a text that is not of the sample or whose
        first label is this person's, for nobody's name and for a class that is not there.
        """
        with self._engine.begin() as connection:
            return _store(connection, sample, row, key, who, batch)

    def label_all(
        self, sample: LabelSample, labels: Iterable[tuple[int, ClassKey | None, str, str]]
    ) -> list[SecondLabel]:
        """Store many labels, each ``(row, key, who, batch)``, all of them or none."""
        with self._engine.begin() as connection:
            return [_store(connection, sample, *entry) for entry in labels]

    def undo(self, sample: LabelSample, who: str, batch: str | None = None) -> SecondLabel | None:
        """Take back the last second label of ``who`` in this sample, or that ``batch``.

        One that was taken back before is returned again; None where there is none.
        """
        table = schema.human_labels
        with self._engine.begin() as connection:
            entries = _labels(connection, sample, who, batch is not None)
            wanted = [e for e in entries if batch in (None, e.batch)]
            if not wanted or wanted[-1].undone:
                return wanted[-1] if wanted else None
            connection.execute(
                sa.update(table).where(table.c.id == wanted[-1].id).values(undone=time.time())
            )
        return wanted[-1]


def population_sha256(rows: Sequence[int]) -> str:
    """The digest of the rows that a sample was drawn from, ascending."""
    return hashlib.sha256(np.asarray(rows, dtype="<i8").tobytes()).hexdigest()


def _store(
    connection: sa.Connection,
    sample: LabelSample,
    row: int,
    key: ClassKey | None,
    who: str,
    batch: str,
) -> SecondLabel:
    if not 1 <= len(batch) <= LONGEST_BATCH:
        raise ConfigError(f"A batch is named by 1 to {LONGEST_BATCH} characters: {batch!r}.")
    if who == SOMEBODY:
        raise UserError("A second label needs a name: without one nobody knows whose it is.")
    first = next((text for text in sample.design.texts if text.row == row), None)
    if first is None:
        raise UserError(f"The text of row {row} is not among those of blind sample {sample.id}.")
    if first.who == who:
        raise UserError(
            f"{who} gave this text its first label, so a label of {who} is no second one."
        )
    mine = [e for e in _labels(connection, sample, who, True) if e.row == row or e.batch == batch]
    again = next((entry for entry in mine if entry.batch == batch), None)
    if again is not None:
        return again
    if any(not entry.undone for entry in mine):
        raise AlreadyLabelled("You labelled this text already. Undo that label to change it.")
    stored = None if key is None else stored_key(connection, sample.project_id, None, key)
    connection.execute(
        sa.insert(schema.human_labels).values(
            project_id=sample.project_id,
            row=row,
            action=NONE if stored is None else "label",
            label=stored,
            who=who,
            created=time.time(),
            batch=batch,
            kind=SECOND,
            sample_id=sample.id,
        )
    )
    return next(e for e in _labels(connection, sample, who, False) if e.batch == batch)


def _labels(
    connection: sa.Connection, sample: LabelSample, who: str | None, undone: bool
) -> list[SecondLabel]:
    table = schema.human_labels
    query = sa.select(table).where(
        (table.c.project_id == sample.project_id)
        & (table.c.sample_id == sample.id)
        & (table.c.kind == SECOND)
    )
    if who is not None:
        query = query.where(table.c.who == who)
    if not undone:
        query = query.where(table.c.undone.is_(None))
    return [
        SecondLabel(
            row.id, row.row, row.label, row.who, row.created, row.batch, row.undone is not None
        )
        for row in connection.execute(query.order_by(table.c.id))
    ]


def _sample(values: dict[str, Any]) -> LabelSample:
    documents(values, "document")
    design = SampleDesign.read(values.pop("document"))
    return LabelSample(**values, design=design)
