"""Records whose stored values are damaged: each is named, and the others are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from llkd.errors import ConfigError, StoreError
from llkd.store.schema import Unreadable

T = TypeVar("T")


class DamagedRecord(StoreError):
    """One record cannot be read: ``kind`` (as a person calls it), ``number``, and the ``columns``.

    ``raw`` maps each damaged column to what is stored in it, ``reason`` says what is wrong.
    """

    def __init__(self, kind: str, number: int, raw: dict[str, str], reason: str) -> None:
        columns = ", ".join(raw)
        super().__init__(
            f"The record of {kind} {number} is damaged: {columns} cannot be read ({reason}). "
            "What can be done about it is said by: llkd doctor"
        )
        self.kind, self.number, self.raw, self.reason = kind, number, raw, reason


def read_record(row: Any, kind: str, make: Callable[[dict[str, Any]], T]) -> T:
    """What ``make`` makes of the columns of a row. Raises DamagedRecord, naming the row.

    ``make`` may raise ConfigError for values that are JSON but not what the record holds.
    """
    values = dict(row._mapping)
    broken = {name: value for name, value in values.items() if isinstance(value, Unreadable)}
    if broken:
        raw = {name: value.raw for name, value in broken.items()}
        raise DamagedRecord(kind, values["id"], raw, next(iter(broken.values())).reason)
    try:
        return make(values)
    except (ConfigError, TypeError, KeyError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise DamagedRecord(kind, values["id"], {"settings": ""}, reason) from error


def documents(values: dict[str, Any], *names: str, optional: tuple[str, ...] = ()) -> None:
    """Check that columns hold what was stored: a mapping (or nothing, where ``optional``).

    Raises ConfigError, naming the first that does not.
    """
    for name in (*names, *optional):
        value = values[name]
        if not isinstance(value, dict) and not (value is None and name in optional):
            raise ConfigError(f"{name} holds {type(value).__name__} in place of a mapping")


def read_records(
    rows: Iterable[Any], kind: str, make: Callable[[dict[str, Any]], T]
) -> tuple[list[T], list[DamagedRecord]]:
    """The records that can be read, in order, and those that cannot."""
    records: list[T] = []
    damaged: list[DamagedRecord] = []
    for row in rows:
        try:
            records.append(read_record(row, kind, make))
        except DamagedRecord as error:
            damaged.append(error)
    return records, damaged
