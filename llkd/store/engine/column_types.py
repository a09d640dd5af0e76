"""What columns hold: words, JSON documents and moments, the same from SQLite and PostgreSQL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from llkd.store.engine.exact_json import decoded, encoded

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
LAST_MOMENT = 253_402_300_799.0
"""The last second of the year 9999, beyond which no calendar here goes."""


class Words(sa.TypeDecorator[str]):
    """Text that every database takes: U+FFFD for each NUL character and half surrogate pair."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        """What is stored."""
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return _UNSTORABLE.sub("\ufffd", value)


class LongWords(Words):
    """Words of any length."""

    impl = sa.Text
    cache_ok = True


class Moment(sa.TypeDecorator[float]):
    """Seconds since 1970 in UTC, to the microsecond: timestamptz in PostgreSQL, a float in SQLite.

    Both give the same float back: the one nearest to that microsecond.
    """

    impl = sa.Float
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """The database's own type."""
        own = sa.DateTime(timezone=True) if dialect.name == "postgresql" else sa.Float()
        return dialect.type_descriptor(own)

    def process_bind_param(self, value: float | None, dialect: sa.Dialect) -> Any:
        """What is stored."""
        if value is None:
            return None
        microseconds = round(value * 1e6)
        if dialect.name == "postgresql":
            return _FIRST + microseconds * _MICROSECOND
        return microseconds / 1e6

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> float | None:
        """What a query returns."""
        if dialect.name == "postgresql" and value is not None:
            return float(((value - _FIRST) // _MICROSECOND) / 1e6)
        return value  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Unreadable:
    """Stands for a JSON value that was damaged: what is stored, and why it cannot be read."""

    raw: str
    reason: str


class Document(sa.TypeDecorator[Any]):
    """A JSON value: jsonb in PostgreSQL, which gets it in a form that loses nothing.

    One that cannot be read comes as :class:`Unreadable`: other rows stay whole.
    """

    impl = sa.JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """The database's own type."""
        own = JSONB() if dialect.name == "postgresql" else sa.JSON()
        return dialect.type_descriptor(own)

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:
        """What is stored."""
        return encoded(value) if dialect.name == "postgresql" else value

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:
        """Read what a query returns."""
        read = super().result_processor(dialect, coltype)
        marked = dialect.name == "postgresql"

        def process(value: Any) -> Any:
            try:
                document = value if read is None else read(value)
                return decoded(document) if marked else document
            except (ValueError, TypeError, RecursionError) as error:
                return Unreadable(str(value), " ".join(str(error).split())[:200])

        return process


class AnyDocument(Document):
    """A JSON value that is read beside another record; None where it is damaged."""

    cache_ok = True

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:
        """Read what a query returns."""
        read = super().result_processor(dialect, coltype)

        def process(value: Any) -> Any:
            document = read(value)
            return None if isinstance(document, Unreadable) else document

        return process
