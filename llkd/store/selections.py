"""Selections of texts that people saved under a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from llkd.config.selection_rule import StandaloneRule, read_standalone_rule
from llkd.errors import NotFound, UserError
from llkd.store import schema
from llkd.store.damaged import DamagedRecord, documents, read_records
from llkd.store.engine.moments import present
from llkd.store.people.moments import ago


@dataclass(frozen=True)
class SavedSelection:
    """A rule that was saved under a name, and what it kept then (``curation.summary``).

    ``created`` is in seconds since 1970; ``who`` saved it, empty of a version before 0.8.0.
    """

    id: int
    name: str
    created: float
    rule: StandaloneRule
    counts: dict[str, Any]
    who: str = ""


class Selections:
    """Saved selections of one home."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def save(
        self,
        project_id: int,
        name: str,
        rule: StandaloneRule,
        counts: Mapping[str, Any],
        who: str = "",
    ) -> None:
        """Keep a rule under a name. Raises UserError where the name is taken: nothing is lost."""
        name = name.strip()
        if not 1 <= len(name) <= 100:
            raise UserError("A selection needs a name of 1 to 100 characters.")
        values = {"project_id": project_id, "name": name, "created": present(), "who": who}
        try:
            with self._engine.begin() as connection:
                stored = {"view": rule.model_dump(mode="json"), "counts": dict(counts)}
                connection.execute(sa.insert(schema.selections).values(**values, **stored))
        except sa.exc.IntegrityError:
            raise UserError(self._name_taken(project_id, name)) from None

    def _name_taken(self, project_id: int, name: str) -> str:
        """Why a name cannot be used: whose selection it is, and since when."""
        table = schema.selections
        query = sa.select(table.c.who, table.c.created).where(
            (table.c.project_id == project_id) & (table.c.name == name)
        )
        with self._engine.connect() as connection:
            other = connection.execute(query).one_or_none()
        by = ""
        if other is not None and other.who:
            by = f" {other.who} saved it {ago(other.created)}, and it is as it was."
        return f"There is a selection {name!r} already.{by} Choose another name."

    def all(self, project_id: int) -> list[SavedSelection]:
        """Saved selections, newest first."""
        table = schema.selections
        query = sa.select(table).where(table.c.project_id == project_id)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(table.c.id.desc())).all()
        return read_records(rows, "saved selection", _selection)[0]

    def damaged(self, project_id: int) -> list[DamagedRecord]:
        """Saved selections whose record cannot be read; :meth:`all` leaves them out."""
        query = sa.select(schema.selections).where(schema.selections.c.project_id == project_id)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return read_records(rows, "saved selection", _selection)[1]

    def get(self, project_id: int, name: str) -> SavedSelection:
        """One saved selection. Raises NotFound."""
        for selection in self.all(project_id):
            if selection.name == name:
                return selection
        raise NotFound(f"There is no saved selection {name!r} in this project.")

    def delete(self, project_id: int, name: str, number: int | None = None) -> None:
        """Forget a saved selection; with ``number`` only that one.

        Raises UserError where another was saved under the name since.
        """
        table = schema.selections
        of_name = (table.c.project_id == project_id) & (table.c.name == name)
        with self._engine.begin() as connection:
            stored = connection.execute(sa.select(table.c.id).where(of_name)).scalar()
            if number is not None and stored is not None and stored != number:
                raise UserError(
                    f"Somebody saved another selection as {name!r} since you saw it, so nothing "
                    "was deleted. Look at it first."
                )
            connection.execute(sa.delete(table).where(of_name))


def _selection(values: dict[str, Any]) -> SavedSelection:
    documents(values, "view", "counts")
    rule = read_standalone_rule(values["view"])
    return SavedSelection(
        values["id"], values["name"], values["created"], rule, values["counts"], values["who"]
    )
