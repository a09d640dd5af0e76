"""Who decided what: every act on a text and every change of the classes, as one table."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from llkd.store import Project, Store
from llkd.store.class_history import ClassChange
from llkd.store.people.acts import UNDO, Act
from llkd.store.people.standing import NOTE, OWN

CLASSES = "classes"
"""What the table calls a change of the classes, which concerns no single text."""
COLUMNS = (
    "when", "who", "action", "id", "text", "before", "after", "state", "row", "batch",
)  # fmt: skip
LONGEST_TEXT = 20_000


@dataclass(frozen=True)
class HistoryFilter:
    """Which acts: by whom, of which class (its key), from and until when (seconds since 1970).

    ``action`` is one of those of ``Decisions``, ``note``, ``undo`` or ``classes``; ``row`` is one
    text. None: whatever it is.
    """

    who: str | None = None
    label: str | None = None
    action: str | None = None
    since: float | None = None
    until: float | None = None
    row: int | None = None

    def passes(self, act: Act) -> bool:
        """Whether an act on a text is one of these."""
        return (
            (self.who is None or act.who == self.who)
            and (self.action is None or self.action == act.action)
            and (self.label is None or self.label in (*act.before, *act.after))
            and self.holds(act.created)
        )

    def holds(self, moment: float) -> bool:
        """Whether a moment lies between the two."""
        return (self.since is None or moment >= self.since) and (
            self.until is None or moment <= self.until
        )


def history_entries(
    store: Store, project: Project, wanted: HistoryFilter
) -> list[Act | ClassChange]:
    """The acts on texts and the changes of the classes that are asked for, newest first."""
    acts = store.history.acts(project.id, None if wanted.row is None else [wanted.row])
    entries: list[Act | ClassChange] = [act for act in acts if wanted.passes(act)]
    if wanted.row is None and wanted.label is None and wanted.action in (None, CLASSES):
        entries += [
            change
            for change in store.classes.history(project.id)
            if (wanted.who is None or change.who == wanted.who) and wanted.holds(change.created)
        ]
        entries.sort(key=lambda entry: entry.created)  # stable: acts keep their order
    return entries[::-1]


def history_table(
    store: Store,
    project: Project,
    entries: Sequence[Act | ClassChange],
    texts: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One line an entry under COLUMNS; classes by the names that they have today.

    ``row`` is -1 and ``batch`` empty of a change of the classes. ``texts`` are those of the project
    (id, text), read where they are not given.
    """
    if texts is None:
        texts = store.projects.texts(project, ["id", "text"])
    names = _names(project)
    lines = [
        _act_line(entry, names, texts) if isinstance(entry, Act) else _class_line(entry)
        for entry in entries
    ]
    return pd.DataFrame(lines, columns=list(COLUMNS))


def iso_time(moment: float) -> str:
    """A moment in UTC, such as ``2026-11-29T20:00:00Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def _act_line(act: Act, names: Mapping[str, str], texts: pd.DataFrame) -> dict[str, Any]:
    return {
        "when": iso_time(act.created),
        "who": act.who,
        "action": _action(act),
        "id": str(texts["id"].iloc[act.row]),
        "text": str(texts["text"].iloc[act.row])[:LONGEST_TEXT],
        "before": _value(act, act.before, names),
        "after": _value(act, act.after, names),
        "state": act.state,
        "row": act.row,
        "batch": act.batch,
    }


def _class_line(change: ClassChange) -> dict[str, Any]:
    return {
        "when": iso_time(change.created),
        "who": change.who,
        "action": CLASSES,
        "text": change.sentence,
        "before": None if change.before is None else ", ".join(change.before.names),
        "after": None if change.after is None else ", ".join(change.after.names),
        "state": "undone" if change.undone else "stands",
        "row": -1,
        "batch": "",
    }


def _names(project: Project) -> dict[str, str]:
    """The name of each class by every key, also of one that was split or removed."""
    label_set = project.label_set
    if label_set is None:
        return {}
    gone = {key: old.name for old in label_set.retired for key in (old.identity, *old.also)}
    return gone | {key: label_set.names[place] for key, place in label_set.places.items()}


def _action(act: Act) -> str:
    """What was done: label, second label, final exclude, undo note."""
    words = act.undoes or act.action
    if act.manner != OWN:
        words = f"{act.manner} {words}"
    return words if act.undoes is None else f"{UNDO} {words}"


def _value(act: Act, values: tuple[str, ...], names: Mapping[str, str]) -> str | None:
    """What held, in words; None for nothing. Of a dispute all that people say."""
    if not values:
        return None
    if NOTE in (act.action, act.undoes):
        return "\n".join(values)
    return " / ".join(names.get(value, value) for value in values)
