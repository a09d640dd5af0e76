"""How many texts carry what is stored under the key of a class, which may not be lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from llkd.config import ClassEdit
from llkd.errors import UserError
from llkd.store import schema
from llkd.store.home import Home
from llkd.store.people.standing import DECISION_COLUMNS, text_states


@dataclass(frozen=True)
class Carried:
    """How many texts carry a class: ``people`` gave it to so many, so many have it as ``gold``."""

    people: int = 0
    gold: int = 0

    def __bool__(self) -> bool:
        return bool(self.people or self.gold)

    def __add__(self, other: Carried) -> Carried:
        return Carried(self.people + other.people, self.gold + other.gold)

    def __str__(self) -> str:
        parts = [
            f"{number:,} {kind}{'' if number == 1 else 's'}"
            for number, kind in ((self.people, "label"), (self.gold, "gold label"))
            if number
        ]
        return " and ".join(parts) or "no label"


class ClassInUse(UserError):
    """An edit would take labels out of use that nobody has said may go."""


def people_counts(connection: sa.Connection, project_id: int, since: float = 0.0) -> Counter[str]:
    """How many texts carry each key as a label that stands, given at ``since`` or later.

    A disputed text carries the key of each of its labels, blind second ones included.
    """
    table = schema.human_labels
    query = (
        sa.select(*(table.c[name] for name in DECISION_COLUMNS))
        .where((table.c.project_id == project_id) & table.c.undone.is_(None))
        .order_by(table.c.id)
    )
    counts: Counter[str] = Counter()
    for state in text_states(connection.execute(query)).values():
        opinions = (*state.labels.values(), *state.seconds.values())
        counts.update({o.key for o in opinions if o.key is not None and o.created >= since})
    return counts


def gold_counts(home: Home, project_id: int) -> Counter[str]:
    """How many texts have each key as gold; none where the texts cannot be read."""
    counts: Counter[str] = Counter()
    # Also of a file that no record names (yet): too many labels are held on to, never too few.
    for path in (home.texts(project_id), *home.all_added_texts(project_id)):
        try:
            column = pq.read_table(path, columns=["gold"])["gold"]
        except (OSError, pa.ArrowException):
            continue  # without its texts a project has no gold that could be lost
        for entry in pc.value_counts(column).to_pylist():
            if entry["values"] is not None:
                counts[str(entry["values"])] += int(entry["counts"])
    return counts


def refuse_loss(edit: ClassEdit, people: Counter[str], gold: Counter[str]) -> None:
    """Raise ClassInUse where a class would go that texts carry."""
    lost = []
    for label in edit.removed:
        counts = Carried()
        for key in (label.identity, *label.also):
            counts += Carried(people[key], gold[key])
        if counts:
            lost.append(f"{label.name!r} ({counts})")
    if lost:
        raise ClassInUse(
            f"Texts still carry {' and '.join(lost)}. Without the class these labels would not "
            "count any more. Rename the class in place of removing it, give these texts other "
            "labels first, or say that the labels may go."
        )
