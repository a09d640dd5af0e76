"""Views of a project's texts (filters, words, order) that people saved under a name."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from llkd.config.text_view import TextView, read_view
from llkd.errors import NotFound, UserError
from llkd.store import schema
from llkd.store.damaged import DamagedRecord, documents, read_records
from llkd.store.run_notes import clean_words

LONGEST_NAME = 100


@dataclass(frozen=True)
class SavedView:
    """A view under a name; ``created`` is in seconds since 1970."""

    id: int
    name: str
    created: float
    view: TextView


class TextViews:
    """Saved views of one home."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def save(self, project_id: int, name: str, view: TextView) -> SavedView:
        """Keep a view under a name. Raises UserError where the name is taken or cannot be shown."""
        checked = _checked(name)
        values = {"project_id": project_id, "name": checked, "created": time.time()}
        try:
            with self._engine.begin() as connection:
                document = view.model_dump(mode="json", exclude_defaults=True)
                connection.execute(sa.insert(schema.text_views).values(**values, view=document))
        except sa.exc.IntegrityError:
            raise _name_in_use(checked) from None
        return self.get(project_id, checked)

    def all(self, project_id: int) -> list[SavedView]:
        """Saved views by name."""
        return sorted(self._read(project_id)[0], key=lambda view: view.name.casefold())

    def damaged(self, project_id: int) -> list[DamagedRecord]:
        """Saved views whose record cannot be read; :meth:`all` leaves them out."""
        return self._read(project_id)[1]

    def get(self, project_id: int, name: str) -> SavedView:
        """One saved view. Raises NotFound."""
        for view in self.all(project_id):
            if view.name == name:
                return view
        raise NotFound(f"There is no saved view {name!r} in this project.")

    def rename(self, project_id: int, name: str, new_name: str) -> SavedView:
        """Give a view another name. Raises NotFound, or UserError where that one is taken."""
        number, checked = self.get(project_id, name).id, _checked(new_name)
        table = schema.text_views
        try:
            with self._engine.begin() as connection:
                update = sa.update(table).where(table.c.id == number)
                connection.execute(update.values(name=checked))
        except sa.exc.IntegrityError:
            raise _name_in_use(checked) from None
        return self.get(project_id, checked)

    def delete(self, project_id: int, name: str) -> None:
        """Forget a view. Raises NotFound."""
        number, table = self.get(project_id, name).id, schema.text_views
        with self._engine.begin() as connection:
            connection.execute(sa.delete(table).where(table.c.id == number))

    def _read(self, project_id: int) -> tuple[list[SavedView], list[DamagedRecord]]:
        query = sa.select(schema.text_views).where(schema.text_views.c.project_id == project_id)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return read_records(rows, "saved view", _saved_view)


def _checked(name: str) -> str:
    cleaned = clean_words("name of a view", name, LONGEST_NAME)
    if not cleaned:
        raise UserError(f"A view needs a name of 1 to {LONGEST_NAME} characters.")
    return cleaned


def _name_in_use(name: str) -> UserError:
    return UserError(f"There is a view {name!r} already. Choose another name.")


def _saved_view(values: dict[str, Any]) -> SavedView:
    documents(values, "view")
    return SavedView(values["id"], values["name"], values["created"], read_view(values["view"]))
