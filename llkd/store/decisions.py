"""What people decide on single texts: labels, exclusions and flags, with who and when."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from llkd.config import ClassKey
from llkd.errors import ConfigError, UserError
from llkd.store import schema
from llkd.store.classes import stored_classes
from llkd.store.engine.moments import present
from llkd.store.people.class_keys import names_by_key, same_class, split_keys, stored_key
from llkd.store.people.log import (
    MOST_ROWS_ASKED,
    meanings,
    not_undone,
    read_not_undone,
    todays_classes,
)
from llkd.store.people.standing import (
    FINAL,
    OWN,
    SECOND,
    SOMEBODY,
    simply_decided,
    text_states,
)

ACTIONS = ("label", "exclude", "include", "unlabel", "flag", "unflag")
SETTLING = ("label", "exclude")
"""What a final word on a disputed text can be."""
LONGEST_BATCH = 32
CURRENT = ("human_label", "human_key", "excluded", "flagged", "who", "created", "disputed")


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
        who: str = SOMEBODY,
        batch: str | None = None,
        *,
        key: ClassKey | None = None,
        final: bool = False,
    ) -> str:
        """Record one action on rows; returns the batch that :meth:`undo` takes back.

        Actions: ``label`` (with a class), ``unlabel``, ``exclude``, ``include``, ``flag`` (to look
        at again), ``unflag``. The class is named by its name of today (``label``), or by its
        ``key``, which means the same class whatever it is called by now. A ``batch`` of 1 to 32
        characters that was recorded before, undone or not, changes nothing: what is sent twice is
        done once. ``final``: a label or exclusion that settles what people disagree on.

        Raises UserError where the project has no such class, and for a final word on a text that
        nobody disputes (any more).
        """
        named = label is not None or key is not None
        if action not in ACTIONS or (action == "label") != named:
            raise ConfigError(
                f"An action is one of {', '.join(ACTIONS)} (label with a class name), "
                f"but it was {action!r} with {label!r}."
            )
        if final and action not in SETTLING:
            raise ConfigError(f"A dispute is settled by a label or an exclusion, not {action!r}.")
        if batch is not None and not 1 <= len(batch) <= LONGEST_BATCH:
            raise ConfigError(f"A batch is named by 1 to {LONGEST_BATCH} characters: {batch!r}.")
        table = schema.human_labels
        name = batch or uuid.uuid4().hex
        now = present()
        if not len(rows):
            return name
        with self._engine.begin() as connection:
            if batch is not None and _recorded(connection, project_id, rows, batch):
                return name
            if final:
                _refuse_settled(connection, project_id, rows)
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
                    "kind": FINAL if final else OWN,
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
                .values(undone=present())
            )
        return int(done.rowcount)

    def batches(self, project_id: int, who: str, mark: str = "", most: int = 1) -> list[Batch]:
        """What ``who`` did last and did not undo, newest first; at most ``most`` batches.

        ``mark`` is how the batches begin, where several people share a name. Second labels of a
        blind sample are left out: they are undone where they are given.
        """
        table = schema.human_labels
        mine = (
            (table.c.project_id == project_id)
            & table.c.undone.is_(None)
            & (table.c.who == who)
            & table.c.batch.startswith(mark, autoescape=True)
            & (table.c.kind.is_(None) | (table.c.kind != SECOND))
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
        called = names_by_key(todays_classes(self._engine, project_id))
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
        was split since), human_key (what it is stored under), excluded, flagged, who, created,
        disputed. A disputed text has no label and is left out (``excluded``) until the dispute is
        settled. ``rows`` are 500 at most.
        """
        label_set, same = meanings(self._engine, project_id, at)
        called, split = names_by_key(label_set), split_keys(label_set)
        alone, others = simply_decided(not_undone(self._engine, project_id, at, rows))
        lines: list[tuple[Any, ...]] = []
        for row, action, label, who, created, _, _ in alone:
            name = None if label is None or label in split else called.get(label, label)
            lines.append(
                (row, name, label, action == "exclude", action == "flag", who, created, False)
            )
        for row, state in text_states(others).items():
            if not state.last[1]:
                continue  # nothing but a second label, which decides nothing
            disputed = bool(state.disputed(same))
            key = None if disputed else state.key
            name = None if key is None or key in split else called.get(key, key)
            left_out = disputed or state.excluded
            lines.append((row, name, key, left_out, state.flagged, *state.last, disputed))
        frame = pd.DataFrame(lines, columns=["row", *CURRENT], dtype=object)
        kinds: dict[str, type] = {"row": np.int64, "created": np.float64}
        kinds |= dict.fromkeys(("excluded", "flagged", "disputed"), bool)
        return frame.astype(kinds).set_index("row")

    def edits(self, project_id: int, at: float | None = None) -> list[dict[str, Any]]:
        """Every label and exclusion that stands (that stood at the moment ``at``), oldest first.

        Each with row, action, label (the key of the class), who and created; flags decide nothing
        and are left out. Manifests hold sums over these, so a moment that was stored finer than to
        the microsecond is given as it was.
        """
        return [
            {
                **{name: getattr(entry, name) for name in ("row", "action", "label", "who")},
                "created": entry.created if entry.exact_created is None else entry.exact_created,
            }
            for entry in not_undone(self._engine, project_id, at, also=["exact_created"])
            if entry.action not in {"flag", "unflag"}
        ]

    def version(self, project_id: int) -> str:
        """Changes with every decision and every undo: a key for caches."""
        table = schema.human_labels
        query = sa.select(sa.func.max(table.c.id), sa.func.count(table.c.undone)).where(
            table.c.project_id == project_id
        )
        with self._engine.connect() as connection:
            last, undone = connection.execute(query).one()
        return f"{last or 0}-{undone}"


def _recorded(connection: sa.Connection, project_id: int, rows: Sequence[int], batch: str) -> bool:
    table = schema.human_labels
    known = sa.select(table.c.id).where(
        (table.c.project_id == project_id)
        & table.c.row.in_([int(row) for row in rows[:MOST_ROWS_ASKED]])
        & (table.c.batch == batch)
    )
    return connection.execute(known.limit(1)).first() is not None


def _refuse_settled(connection: sa.Connection, project_id: int, rows: Sequence[int]) -> None:
    same = same_class(stored_classes(connection, project_id))
    states = text_states(read_not_undone(connection, project_id, None, rows))
    if not all(row in states and states[row].disputed(same) for row in map(int, rows)):
        raise UserError("Nobody disputes this text (any more), so there is nothing to settle.")
