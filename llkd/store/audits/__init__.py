"""Audits of one home: what is drawn from, what people answered, and what it certified.

An answer and the person's decision that follows from it are stored in one transaction, before
anybody is told that it is stored.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable
from typing import Any

import numpy as np
import sqlalchemy as sa

from llkd.config import ClassKey
from llkd.errors import NotFound, StoreError
from llkd.store import schema
from llkd.store.audits.answers import AlreadyAnswered, record_answer, standing_answers, take_back
from llkd.store.audits.records import (
    POPULATION_FILE,
    Audit,
    AuditAnswer,
    AuditSettings,
    CertificateDocument,
    CertificateRecord,
    ChainSet,
    Population,
)
from llkd.store.damaged import DamagedRecord, documents, read_record, read_records
from llkd.store.engine.database import can_be, new_id
from llkd.store.engine.moments import present
from llkd.store.home import Home, atomic_folder

__all__ = [
    "AlreadyAnswered",
    "Audit",
    "AuditAnswer",
    "AuditSettings",
    "Audits",
    "CertificateDocument",
    "CertificateRecord",
    "ChainSet",
    "Population",
]
OPEN, CLOSED = "open", "closed"
_MOST_REMEMBERED = 4


class Audits:
    """The audits of one home."""

    def __init__(self, engine: sa.Engine, home: Home) -> None:
        self._engine = engine
        self._home = home
        self._populations: dict[tuple[int, str], Population] = {}

    def create(
        self, project_id: int, who: str, seed: int, settings: AuditSettings, population: Population
    ) -> Audit:
        """A new, open audit with the texts that it draws from, all or nothing.

        Raises StoreError where the disk is full or cannot be written.
        """
        values = {"project_id": project_id, "created": present(), "who": who, "seed": seed}
        document = settings.model_dump(mode="json")
        folder = None
        try:
            with self._engine.begin() as connection:
                insertion = sa.insert(schema.audits).values(**values, state=OPEN, document=document)
                number = new_id(connection.execute(insertion))
                folder = self._home.audit(project_id, number)
                with atomic_folder(folder) as temporary:
                    population.write(temporary / POPULATION_FILE)
        except BaseException as error:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, OSError):
                raise StoreError(
                    f"The audit cannot be written ({error.strerror}). Nothing was changed."
                ) from error
            raise
        return self.get(project_id, number)

    def get(self, project_id: int, number: int) -> Audit:
        """One audit of a project. Raises NotFound, naming those there are."""
        table = schema.audits
        query = sa.select(table).where((table.c.id == number) & (table.c.project_id == project_id))
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none() if can_be(number) else None
        if row is None:
            known = ", ".join(str(audit.id) for audit in self.all(project_id)) or "none yet"
            raise NotFound(f"There is no audit {number} in this project. Its audits: {known}.")
        return read_record(row, "audit", _audit)

    def all(self, project_id: int) -> list[Audit]:
        """The audits of a project, newest first."""
        return read_records(self._rows(project_id), "audit", _audit)[0]

    def latest(self, project_id: int) -> Audit | None:
        """The newest open audit, else the newest; None where there was none."""
        audits = self.all(project_id)
        return next((audit for audit in audits if audit.open), audits[0] if audits else None)

    def damaged(self, project_id: int) -> list[DamagedRecord]:
        """Audits and certificates whose record cannot be read; lists leave them out."""
        table = schema.certificates
        query = sa.select(table).where(table.c.project_id == project_id)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [
            *read_records(self._rows(project_id), "audit", _audit)[1],
            *read_records(rows, "certificate", _certificate)[1],
        ]

    def _rows(self, project_id: int) -> list[Any]:
        table = schema.audits
        query = sa.select(table).where(table.c.project_id == project_id)
        with self._engine.connect() as connection:
            return list(connection.execute(query.order_by(table.c.id.desc())))

    def set_open(self, audit: Audit, is_open: bool) -> Audit:
        """End an audit, so that no answer is taken any more, or take it up again."""
        table = schema.audits
        state = OPEN if is_open else CLOSED
        with self._engine.begin() as connection:
            connection.execute(sa.update(table).where(table.c.id == audit.id).values(state=state))
        return self.get(audit.project_id, audit.id)

    def population(self, audit: Audit) -> Population:
        """The texts that it draws from, in the order of drawing.

        Raises StoreError where their file is missing, damaged or another.
        """
        key = (audit.id, audit.settings.population_sha256)
        if key not in self._populations:
            path = self._home.audit(audit.project_id, audit.id) / POPULATION_FILE
            population = Population.read(path)
            if population.sha256 != audit.settings.population_sha256:
                raise StoreError(
                    f"The texts that audit {audit.id} draws from are not those that were frozen: "
                    f"{path} was changed. Put the file back from a backup, or start another audit."
                )
            while len(self._populations) >= _MOST_REMEMBERED:
                self._populations.pop(next(iter(self._populations)))
            self._populations[key] = population
        return self._populations[key]

    def order(self, audit: Audit) -> np.ndarray:
        """The rows ``[N]`` in the order in which they are drawn."""
        return self.population(audit).row

    def answers(
        self, audit: Audit, who: str | None = None, *, undone: bool = False
    ) -> list[AuditAnswer]:
        """What was answered (by ``who``), in the order in which it was; with ``undone`` all of it.

        Answers that settle a disagreement are among them (``final``).
        """
        with self._engine.connect() as connection:
            return standing_answers(connection, audit, who, undone=undone)

    def answer(
        self,
        audit: Audit,
        place: int,
        key: ClassKey | None,
        who: str,
        batch: str,
        *,
        final: bool = False,
    ) -> AuditAnswer:
        """Store what a person says of the text at a place of the order; see ``record_answer``."""
        row = int(self.order(audit)[place])
        with self._engine.begin() as connection:
            self._refuse_closed(connection, audit)
            return record_answer(connection, audit, place, row, key, who, batch, final)

    def answer_all(
        self, audit: Audit, answers: Iterable[tuple[int, ClassKey | None, str]]
    ) -> list[AuditAnswer]:
        """Store many answers, each ``(place, key, who)``, all of them or none."""
        order = self.order(audit)
        with self._engine.begin() as connection:
            self._refuse_closed(connection, audit)
            return [
                record_answer(
                    connection, audit, place, int(order[place]), key, who, uuid.uuid4().hex, False
                )
                for place, key, who in answers
            ]

    def undo(self, audit: Audit, who: str, batch: str | None = None) -> AuditAnswer | None:
        """Take back the last answer of ``who``, or that ``batch``, with its decision.

        One that was taken back before is returned again; None where there is no such answer.
        """
        with self._engine.begin() as connection:
            self._refuse_closed(connection, audit)
            return take_back(connection, audit, who, batch)

    @staticmethod
    def _refuse_closed(connection: sa.Connection, audit: Audit) -> None:
        table = schema.audits
        query = sa.select(table.c.state).where(table.c.id == audit.id)
        state = connection.execute(query).scalar()
        if state is None:
            raise NotFound(f"Audit {audit.id} is not there any more.")
        if state != OPEN:
            raise StoreError(f"Audit {audit.id} is closed. Open it again, or start another one.")

    def certificates(self, audit: Audit) -> list[CertificateRecord]:
        """What it certified, oldest first."""
        table = schema.certificates
        query = sa.select(table).where(table.c.audit_id == audit.id).order_by(table.c.id)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return read_records(rows, "certificate", _certificate)[0]

    def certify(self, audit: Audit, document: CertificateDocument) -> CertificateRecord:
        """Keep a certificate; the same one a second time is the first."""
        known = next((c for c in self.certificates(audit) if c.document == document), None)
        if known is not None:
            return known
        values = {"project_id": audit.project_id, "audit_id": audit.id, "created": present()}
        with self._engine.begin() as connection:
            insertion = sa.insert(schema.certificates).values(
                **values, document=document.model_dump(mode="json")
            )
            number = new_id(connection.execute(insertion))
        return CertificateRecord(number, audit.id, values["created"], document)

    def version(self, project_id: int) -> str:
        """Changes with every audit, answer, undo and certificate: a key for caches."""
        marks = []
        with self._engine.connect() as connection:
            for table in (schema.audits, schema.audit_answers, schema.certificates):
                newest = sa.select(sa.func.max(table.c.id)).where(table.c.project_id == project_id)
                marks.append(connection.execute(newest).scalar() or 0)
            answers = schema.audit_answers
            undone = sa.select(sa.func.count(answers.c.undone)).where(
                answers.c.project_id == project_id
            )
            ended = sa.select(sa.func.count()).where(
                (schema.audits.c.project_id == project_id) & (schema.audits.c.state != OPEN)
            )
            marks += [connection.execute(query).scalar() or 0 for query in (undone, ended)]
        return "-".join(map(str, marks))


def _audit(values: dict[str, Any]) -> Audit:
    documents(values, "document")
    settings = AuditSettings.read(values.pop("document"))
    is_open = values.pop("state") == OPEN
    audit = Audit(**values, open=is_open, settings=settings)
    _ = audit.rule  # a rule that cannot be read is a damaged record
    return audit


def _certificate(values: dict[str, Any]) -> CertificateRecord:
    documents(values, "document")
    document = CertificateDocument.read(values["document"])
    return CertificateRecord(values["id"], values["audit_id"], values["created"], document)
