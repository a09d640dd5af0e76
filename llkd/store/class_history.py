"""What was changed in a project's classes: who, when, what, and the classes before and after."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast, get_args

import sqlalchemy as sa

from llkd.config import ClassEdit, Label, LabelSet, build
from llkd.config.class_changes import undone
from llkd.config.class_edits import ChangeKind
from llkd.errors import ConfigError, UserError
from llkd.store import schema
from llkd.store.people.moments import ago

NOTED = "classes"
"""The kind of the log entries."""
SOMEBODY = "local user"


class ClassesChanged(UserError):
    """Somebody has changed the classes since they were shown; nothing was overwritten."""


@dataclass(frozen=True)
class ClassChange:
    """One change of the classes; ``created`` is in seconds since 1970.

    ``before`` and ``after`` are None of changes by versions before 0.7.0, which noted names alone,
    and ``before`` also where the project had no classes. ``token`` names the change, also in a home
    that gives it another number; ``undoes`` is the token of the change that this one took back, and
    ``undone`` says whether it was taken back itself.
    """

    id: int
    created: float
    who: str
    kind: ChangeKind
    renamed: tuple[tuple[str, str], ...]
    removed: tuple[str, ...]
    added: tuple[str, ...]
    described: tuple[str, ...]
    subject: tuple[str, ...]
    result: tuple[str, ...]
    before: LabelSet | None
    after: LabelSet | None
    token: str = ""
    undoes: str | None = None
    undone: bool = False

    @property
    def sentence(self) -> str:
        """What was done, in words."""
        if self.kind == "merge":
            return f"{_listed(self.subject)} merged into {self.result[0]!r}"
        if self.kind == "split":
            return f"{self.subject[0]!r} split into {_listed(self.result)}"
        if self.kind == "adopt":
            return f"Labels of {self.subject[0]!r}, a class of before, used for {self.result[0]!r}"
        parts = [f"{old!r} renamed {new!r}" for old, new in self.renamed]
        parts += [f"{name!r} added" for name in self.added]
        parts += [f"{name!r} removed" for name in self.removed]
        if self.described:
            parts.append(f"{_listed(self.described)} described anew")
        if self.kind == "undo":
            return "Undone: " + ("; ".join(parts) if parts else "the change before")
        return "; ".join(parts) if parts else "Put into another order"

    def document(self) -> dict[str, Any]:
        """As JSON values, without the whole sets of classes."""
        return {
            "id": self.id,
            "created": self.created,
            "who": self.who,
            "kind": self.kind,
            "what": self.sentence,
            "renamed": [list(pair) for pair in self.renamed],
            "removed": list(self.removed),
            "added": list(self.added),
            "subject": list(self.subject),
            "result": list(self.result),
            "change": self.token,
            "undoes": self.undoes,
            "undone": self.undone,
        }


def changed_words(changes: Sequence[ClassChange]) -> str:
    """Who changed the classes meanwhile, and how."""
    if not changes:
        return "The classes were changed meanwhile. Nothing was overwritten; look at them first."
    last = changes[-1]
    by = "Somebody" if last.who == SOMEBODY else last.who
    return (
        f"{by} changed the classes {ago(last.created)}: {last.sentence}. Nothing was overwritten, "
        "and your change was not made; look at the classes as they are now."
    )


def note(
    edit: ClassEdit, before: LabelSet | None, who: str, undoes: str | None = None
) -> dict[str, Any]:
    """What the log keeps of a change."""
    return {
        "renamed": [list(pair) for pair in edit.renamed],
        "removed": [label.name for label in edit.removed],
        "added": list(edit.added),
        "classes": edit.label_set.names,
        "kind": edit.kind,
        "who": who,
        "described": _described(before, edit.label_set),
        "subject": list(edit.subject),
        "result": list(edit.result),
        "before": None if before is None else before.model_dump(mode="json"),
        "after": edit.label_set.model_dump(mode="json"),
        "change": uuid.uuid4().hex,
        "undoes": undoes,
    }


def read_changes(connection: sa.Connection, project_id: int) -> list[ClassChange]:
    """Every change that can be read, oldest first."""
    table = schema.events
    query = (
        sa.select(table.c.id, table.c.created, table.c.detail)
        .where((table.c.project_id == project_id) & (table.c.kind == NOTED))
        .order_by(table.c.id)
    )
    rows = connection.execute(query).all()
    changes = [change for row in rows if (change := _read(*row)) is not None]
    undone = {change.undoes for change in changes}
    return [replace(change, undone=change.token in undone) for change in changes]


def last_change(changes: Sequence[ClassChange]) -> ClassChange | None:
    """The change that an undo takes back: the newest that stands and is no undo itself."""
    standing = (c for c in reversed(changes) if c.undoes is None and not c.undone)
    return next(standing, None)


def undoable(changes: Sequence[ClassChange]) -> ClassChange:
    """The change that an undo takes back. Raises UserError where there is none."""
    change = last_change(changes)
    if change is None:
        raise UserError("No change of the classes is left to undo.")
    if change.before is None or change.after is None:
        raise UserError(
            "The last change of the classes cannot be undone: "
            + (
                "it gave the project its first classes."
                if change.after is not None
                else "a version before 0.7.0 made it and noted the names alone."
            )
        )
    return change


def undo_edit(change: ClassChange, current: LabelSet) -> tuple[ClassEdit, tuple[Label, ...]]:
    """The classes without a change, and the classes that it added and that go."""
    if change.before is None or change.after is None:
        raise UserError("This change noted no classes to go back to.")
    label_set, gone = undone(change.kind, change.before, change.after, current)
    then = {label.identity: label.name for label in current.labels}
    edit = ClassEdit(
        label_set,
        tuple(
            (then[label.identity], label.name)
            for label in label_set.labels
            if then.get(label.identity, label.name) != label.name
        ),
        tuple(label for label in current.labels if label.identity not in label_set.keys),
        tuple(label.name for label in label_set.labels if label.identity not in then),
        kind="undo",
        subject=change.result,
        result=change.subject,
    )
    return edit, gone


def _read(number: int, created: float, detail: Any) -> ClassChange | None:
    if not isinstance(detail, Mapping):
        return None
    kind = detail.get("kind", "edit")
    undoes = detail.get("undoes")
    try:
        return ClassChange(
            number,
            float(created),
            str(detail.get("who") or SOMEBODY),
            cast(ChangeKind, kind if kind in get_args(ChangeKind) else "edit"),
            tuple((str(old), str(new)) for old, new in detail.get("renamed", ())),
            tuple(map(str, detail.get("removed", ()))),
            tuple(map(str, detail.get("added", ()))),
            tuple(map(str, detail.get("described", ()))),
            tuple(map(str, detail.get("subject", ()))),
            tuple(map(str, detail.get("result", ()))),
            _classes(detail.get("before")),
            _classes(detail.get("after")),
            str(detail.get("change") or f"number {number}"),
            None if undoes is None else str(undoes),
        )
    except (ConfigError, TypeError, ValueError):
        return None


def _classes(document: Any) -> LabelSet | None:
    return None if document is None else build(LabelSet, document)


def _described(before: LabelSet | None, after: LabelSet) -> list[str]:
    """Names of classes that are described, or asked about, in other words than before."""
    if before is None:
        return []
    then: dict[str, Label] = {label.identity: label for label in before.labels}
    pairs = [(then[label.identity], label) for label in after.labels if label.identity in then]
    return [
        now.name
        for old, now in pairs
        if old.description != now.description
        # A renamed class is asked about in the words of before.
        or (old.verbaliser != now.verbaliser and old.name == now.name)
    ]


def _listed(names: Sequence[str]) -> str:
    quoted = [repr(name) for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
