"""Which name the person at a browser gave, where there is no login: by the browser's mark."""

from __future__ import annotations

import time

import sqlalchemy as sa

from llkd.errors import UserError
from llkd.store import schema
from llkd.store.people.standing import SOMEBODY

LONGEST_NAME = 60


class BrowserNames:
    """The names of one home's browsers. They say who signs; they are no proof of who it is."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def get(self, mark: str) -> str | None:
        """The name that was given in the browser of this mark."""
        table = schema.browser_names
        query = sa.select(table.c.name).where(table.c.mark == mark)
        with self._engine.connect() as connection:
            name = connection.execute(query).scalar()
        return None if name is None else str(name)

    def set(self, mark: str, name: str | None) -> None:
        """Remember a name, as :func:`person_name` writes it; None forgets it."""
        table = schema.browser_names
        with self._engine.begin() as connection:
            connection.execute(sa.delete(table).where(table.c.mark == mark))
            if name is not None:
                values = {"mark": mark, "name": person_name(name), "created": time.time()}
                connection.execute(sa.insert(table).values(**values))


def person_name(typed: str) -> str:
    """A typed name as decisions are signed with it: printable, single spaces, at most 60 letters.

    Raises UserError for one that is empty or stands for nobody.
    """
    words = " ".join("".join(c if c.isprintable() else " " for c in typed).split())
    name = words[:LONGEST_NAME].strip()
    if not name or name.casefold() == SOMEBODY:
        raise UserError(
            f"A name has 1 to {LONGEST_NAME} letters and is not {SOMEBODY!r}, which stands for "
            "whoever gave none."
        )
    return name
