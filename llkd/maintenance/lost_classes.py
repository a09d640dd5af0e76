"""The classes of a project whose record is damaged, from what else is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from llkd.config import Label, LabelSet, build, edited
from llkd.errors import ConfigError
from llkd.maintenance.inspection import Records
from llkd.store import schema

CLASSES_MAY_BE_OLDER = (
    "Its classes are those of the newest teacher pass with the changes noted since: names and "
    "descriptions may be older than they were. Labels follow in any case; look at the names on "
    "the Data page."
)


def classes_again(records: Records, number: int) -> LabelSet | None:
    """The classes of the newest teacher pass with the renamings noted since; None without a pass.

    Keys are those of the pass, so that labels and gold follow whatever the names are.
    """
    labeling_runs = records.labeling_runs.all(number)
    if not labeling_runs:
        return None
    newest = labeling_runs[0]
    table = schema.events
    query = sa.select(table.c.detail).where(
        (table.c.project_id == number)
        & (table.c.kind == "classes")
        & (table.c.created > newest.created)
    )
    label_set = newest.label_set
    with records.engine.connect() as connection:
        details = list(connection.execute(query.order_by(table.c.id)).scalars())
    for detail in details:
        try:
            label_set = _changed(label_set, detail)
        except (ConfigError, AttributeError, KeyError, TypeError, ValueError):
            break  # a note that cannot be read: what came after it may rest on it
    return label_set


def _changed(before: LabelSet, detail: Mapping[str, Any]) -> LabelSet:
    """The classes after a change that was noted, whole or as renamings and names in order."""
    if detail.get("after") is not None:
        return build(LabelSet, detail["after"])
    old_names = {str(new): str(old) for old, new in detail["renamed"]}
    added = {str(name) for name in detail["added"]}
    known = {label.name: label for label in before.labels}
    wanted = []
    for name in map(str, detail["classes"]):
        label = None if name in added else known[old_names.get(name, name)]
        wanted.append(
            Label(name=name)
            if label is None
            else label.model_copy(update={"name": name, "key": label.identity})
        )
    return edited(before, wanted).label_set
