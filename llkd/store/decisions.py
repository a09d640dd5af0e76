"""What people decide on single texts: labels, exclusions and flags, with who and when."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa

from llkd.config import ClassKey, LabelSet
from llkd.errors import ConfigError, NotFound, UserError
from llkd.store import schema
from llkd.store.classes import stored_classes
from llkd.store.damaged import DamagedRecord

ACTIONS = ("label", "exclude", "include", "unlabel", "flag", "unflag")
LONGEST_BATCH = 32
_MOST_ROWS_ASKED = 500
"""Rows named one by one in a query; databases refuse very many."""


@dataclass(frozen=True)
class Batch:
    """One act of a person: the same action on one row or many, undone in one step.

    ``label`` is the name that the class has now.
    """

    id: str
    action: str
    label: str | None
    rows: tuple[int, ...]


class Decisions:
    """Human decisions of one home. Every one is kept with who and when, and can be undone."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def decide(
        self,
        project_id: int,
        rows: Sequence[int],
        action: str,
        label: str | None = None,
        who: str = "local user",
        batch: str | None = None,
        *,
        key: ClassKey | None = None,
    ) -> str:
        """Record one action on rows; returns the batch that :meth:`undo` takes back.

        Actions: ``label`` (with a class), ``unlabel``, ``exclude``, ``include``, ``flag`` (to look
        at again), ``unflag``. The class is named by its name of today (``label``), or by its
        ``key``, which means the same class whatever it is called by now. A ``batch`` of 1 to 32
        characters that was recorded before, undone or not, changes nothing: what is sent twice is
        done once. Raises UserError where the project has no such class.
        """
        named = label is not None or key is not None
        if action not in ACTIONS or (action == "label") != named:
            raise ConfigError(
                f"An action is one of {', '.join(ACTIONS)} (label with a class name), "
                f"but it was {action!r} with {label!r}."
            )
        if batch is not None and not 1 <= len(batch) <= LONGEST_BATCH:
            raise ConfigError(f"A batch is named by 1 to {LONGEST_BATCH} characters: {batch!r}.")
        table = schema.human_labels
        known = sa.select(table.c.id).where(
            (table.c.project_id == project_id)
            & table.c.row.in_([int(row) for row in rows[:_MOST_ROWS_ASKED]])
            & (table.c.batch == batch)
        )
        name = batch or uuid.uuid4().hex
        now = time.time()
        if not len(rows):
            return name
        with self._engine.begin() as connection:
            if batch is not None and connection.execute(known.limit(1)).first() is not None:
                return name
            stored = stored_key(connection, project_id, label, key) if named else None
            values = [
                {
                    "project_id": project_id,
                    "row": int(row),
                    "action": action,
                    "label": stored,
                    "who": who,
                    "created": now,
                    "batch": name,
                }
                for row in rows
            ]
            connection.execute(sa.insert(table), values)
        return name

    def undo(self, project_id: int, batch: str | None = None) -> int:
        """Take back one batch (the latest by default); returns how many rows it concerned."""
        table = schema.human_labels
        open_rows = (table.c.project_id == project_id) & table.c.undone.is_(None)
        with self._engine.begin() as connection:
            if batch is None:
                latest = sa.select(table.c.batch).where(open_rows).order_by(table.c.id.desc())
                batch = connection.execute(latest.limit(1)).scalar()
            if batch is None:
                return 0
            done = connection.execute(
                sa.update(table)
                .where(open_rows & (table.c.batch == batch))
                .values(undone=time.time())
            )
        return int(done.rowcount)

    def batches(self, project_id: int, who: str, mark: str = "", most: int = 1) -> list[Batch]:
        """What ``who`` did last and did not undo, newest first; at most ``most`` batches.

        ``mark`` is how the batches begin, where several people share a name.
        """
        table = schema.human_labels
        mine = (
            (table.c.project_id == project_id)
            & table.c.undone.is_(None)
            & (table.c.who == who)
            & table.c.batch.startswith(mark, autoescape=True)
        )
        newest = (
            sa.select(table.c.batch)
            .where(mine)
            .group_by(table.c.batch)
            .order_by(sa.func.max(table.c.id).desc())
            .limit(most)
        )
        columns = (table.c.batch, table.c.action, table.c.label, table.c.row)
        with self._engine.connect() as connection:
            names = list(connection.execute(newest).scalars())
            entries = connection.execute(
                sa.select(*columns).where(mine & table.c.batch.in_(names)).order_by(table.c.id)
            ).all()
        called = _names(self._classes(project_id))
        rows: dict[str, list[int]] = {name: [] for name in names}
        acts: dict[str, tuple[str, str | None]] = {}
        for name, action, label, row in entries:
            if name in rows:
                rows[name].append(row)
                acts[name] = (action, called.get(label, label))
        return [Batch(name, *acts[name], tuple(rows[name])) for name in names if name in acts]

    def current(
        self, project_id: int, at: float | None = None, rows: Sequence[int] | None = None
    ) -> pd.DataFrame:
        """What holds now, or held at the moment ``at``, indexed by row; of ``rows`` if given.

        Columns: human_label (the name that the class has today, or None; also None of a class that
        was split since), human_key (what it is stored under), excluded, flagged, who, created.
        ``rows`` are 500 at most.
        """
        table = schema.human_labels
        state: dict[int, dict[str, Any]] = {}
        columns = (table.c.row, table.c.action, table.c.label, table.c.who, table.c.created)
        label_set = self._classes(project_id)
        called, split = _names(label_set), _split_keys(label_set)
        for row, action, label, who, created in self._not_undone(project_id, columns, at, rows):
            entry = state.setdefault(
                row,
                {"human_label": None, "human_key": None, "excluded": False, "flagged": False},
            )
            if action in {"label", "unlabel"}:
                entry["human_key"] = label
                entry["human_label"] = None if label in split else called.get(label, label)
            elif action in {"flag", "unflag"}:
                entry["flagged"] = action == "flag"
            else:
                entry["excluded"] = action == "exclude"
            entry.update(who=who, created=created)
        frame = pd.DataFrame.from_dict(
            state,
            orient="index",
            columns=["human_label", "human_key", "excluded", "flagged", "who", "created"],
        )
        frame.index.name = "row"
        return frame

    def _classes(self, project_id: int) -> LabelSet | None:
        try:
            with self._engine.connect() as connection:
                return stored_classes(connection, project_id)
        except (DamagedRecord, NotFound):
            return None  # what people decided is there all the same

    def edits(self, project_id: int, at: float | None = None) -> list[dict[str, Any]]:
        """Every label and exclusion that stands (that stood at the moment ``at``), oldest first.

        Each with row, action, label (the key of the class), who and created; flags decide nothing
        and are left out.
        """
        table = schema.human_labels
        columns = (table.c.row, table.c.action, table.c.label, table.c.who, table.c.created)
        return [
            dict(entry._mapping)
            for entry in self._not_undone(project_id, columns, at)
            if entry.action not in {"flag", "unflag"}
        ]

    def _not_undone(
        self,
        project_id: int,
        columns: Sequence[sa.Column[Any]],
        at: float | None,
        rows: Sequence[int] | None = None,
    ) -> list[Any]:
        """What was decided and not taken back, now or by ``at``, in the order it was decided."""
        table = schema.human_labels
        stands: sa.ColumnElement[bool] = table.c.undone.is_(None)
        if at is not None:
            stands = (table.c.created <= at) & (stands | (table.c.undone > at))
        if rows is not None:
            stands &= table.c.row.in_([int(row) for row in rows[:_MOST_ROWS_ASKED]])
        query = sa.select(*columns).where((table.c.project_id == project_id) & stands)
        with self._engine.connect() as connection:
            return list(connection.execute(query.order_by(table.c.id)))

    def version(self, project_id: int) -> str:
        """Changes with every decision and every undo: a key for caches."""
        table = schema.human_labels
        query = sa.select(sa.func.max(table.c.id), sa.func.count(table.c.undone)).where(
            table.c.project_id == project_id
        )
        with self._engine.connect() as connection:
            last, undone = connection.execute(query).one()
        return f"{last or 0}-{undone}"


def _names(label_set: LabelSet | None) -> dict[str, str]:
    """What the class of each key is called now."""
    if label_set is None:
        return {}
    return {key: label_set.names[k] for key, k in label_set.places.items()}


def _split_keys(label_set: LabelSet | None) -> set[str]:
    """What is stored under these was said of a class that was split: no label of any class."""
    split = [] if label_set is None else label_set.split_classes
    return {key for label in split for key in (label.identity, *label.also)}


def stored_key(
    connection: sa.Connection, project_id: int, label: str | None, key: ClassKey | None
) -> str:
    """Under which key a label is stored. Raises UserError where the project has no such class."""
    label_set = stored_classes(connection, project_id)
    if label_set is None:
        return str(label if key is None else key)
    if key is not None and key in label_set.places:
        return label_set.labels[label_set.places[key]].identity
    by_name = None if label is None or key in _split_keys(label_set) else label_set.find(label)
    if by_name is None:
        raise UserError(
            f"There is no class {label if key is None else key!r} (any more). The classes are "
            f"{', '.join(label_set.names)}."
        )
    return by_name.identity
