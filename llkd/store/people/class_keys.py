"""What the keys that labels are stored under mean: names of today, classes that are one."""

from __future__ import annotations

import sqlalchemy as sa

from llkd.config import ClassKey, LabelSet
from llkd.errors import UserError
from llkd.store.class_history import read_changes
from llkd.store.classes import stored_classes
from llkd.store.people.standing import Same


def names_by_key(label_set: LabelSet | None) -> dict[str, str]:
    """What the class of each key is called now."""
    if label_set is None:
        return {}
    return {key: label_set.names[k] for key, k in label_set.places.items()}


def split_keys(label_set: LabelSet | None) -> set[str]:
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
    by_name = None if label is None or key in split_keys(label_set) else label_set.find(label)
    if by_name is None:
        raise UserError(
            f"There is no class {label if key is None else key!r} (any more). The classes are "
            f"{', '.join(label_set.names)}."
        )
    return by_name.identity


def same_class(label_set: LabelSet | None) -> Same:
    """What a key means among these classes: see :data:`llkd.store.people.standing.Same`."""
    places: dict[str, int] = {} if label_set is None else dict(label_set.places)
    split = split_keys(label_set)
    return lambda key: None if key in split else places.get(key, key)


def classes_at(connection: sa.Connection, project_id: int, at: float | None) -> LabelSet | None:
    """The classes of a project as they were at a moment, as far as their changes were noted."""
    if at is not None:
        for change in read_changes(connection, project_id):
            if change.created > at and change.before is not None:
                return change.before
    return stored_classes(connection, project_id)
