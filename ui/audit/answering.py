"""What the audit's card shows, and what its presses do: each once, on the text that was shown.

Nothing that a teacher, a student or another person says of a text is among what is sent.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import streamlit as st

from llkd import curation
from llkd.config.labels import ClassKey
from llkd.errors import StoreError, UserError
from llkd.evaluation import audits
from llkd.store import Audit, AuditAnswer, Project, Store
from llkd.store.audits import AlreadyAnswered
from llkd.store.decisions import LONGEST_BATCH
from ui.audit.words import Goal
from ui.curate.walk import LONGEST_TEXT, Answers, window
from ui.review_card import NONE, UNDOES, Press, Report
from ui.shell import reads
from ui.shell.authorship import Author
from ui.shell.wording import shortened

Kind = Literal["label", "settle"]
NOTHING = "There is nothing of yours to undo."
_MOST_UNDONE = 30
_MOST_REMEMBERED = 5_000
_QUOTED = 60
_MOST_COUNTED = 9


@dataclass
class Sitting:
    """A person at an audit: the texts in their order, and which one is on the screen.

    ``kind`` is label, or settle: what two people answered differently. ``pressed``: something was
    answered in it.
    """

    audit: Audit
    me: Author
    kind: Kind
    rows: np.ndarray
    names: list[str]
    keys: list[ClassKey]
    pairs: dict[int, list[str]] = field(default_factory=dict)
    at: int = 0
    pressed: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


def sitting(store: Store, project: Project, audit: Audit, me: Author, kind: Kind) -> Sitting:
    """The sitting of this session; another person, audit or kind begins another."""
    key = f"_audit_sitting_{project.id}"
    held: Sitting | None = st.session_state.get(key)
    if held is None or (held.audit.id, held.me, held.kind) != (audit.id, me, kind):
        held = _begun(store, project, audit, me, kind)
        st.session_state[key] = held
    return held


def end_sitting(project: Project) -> None:
    """Forget where the person was: the next sitting begins at the first open text."""
    st.session_state.pop(f"_audit_sitting_{project.id}", None)


def _begun(store: Store, project: Project, audit: Audit, me: Author, kind: Kind) -> Sitting:
    label_set = project.label_set or curation.active_labeling_run(store, project).classes
    names, keys = label_set.names, label_set.keys
    if kind == "settle":
        open_pairs = audits.disagreements(store, audit)
        rows = np.array([pair.row for pair in open_pairs], dtype=np.int64)
        called = {ClassKey(key): names[k] for key, k in label_set.places.items()}
        pairs = {pair.row: [_says(entry, called) for entry in pair.answers] for pair in open_pairs}
        return Sitting(audit, me, kind, rows, names, keys, pairs)
    rows = store.audits.order(audit)
    standing = store.audits.answers(audit)
    if audit.people == 1:
        others = [entry.place for entry in standing if not _mine(entry, me)]
        rows = np.delete(rows, others)
    here = Sitting(audit, me, kind, rows, names, keys)
    here.at = _first_open(here, standing)
    return here


def _first_open(here: Sitting, standing: Sequence[AuditAnswer]) -> int:
    """The first place without an answer of this person; behind the last where there is none."""
    settles = here.kind == "settle"
    mine = [e.row for e in standing if e.who == here.me.who and e.final == settles]
    answered = np.isin(here.rows, mine)
    return len(answered) if answered.all() else int(np.argmin(answered))


def _says(entry: AuditAnswer, called: dict[ClassKey, str]) -> str:
    label = "none of these" if entry.key is None else called.get(entry.key, str(entry.key))
    return f"{entry.who}: {label}"


def _mine(entry: AuditAnswer, me: Author) -> bool:
    return entry.who == me.who and not entry.final


def presses_of(audit: Audit, kind: Kind) -> Answers:
    """What became of the presses of this session."""
    key = f"_audit_pressed_{audit.id}_{kind}"
    held: Answers = st.session_state.setdefault(key, Answers())
    return held


def apply(store: Store, project: Project, here: Sitting, report: Report) -> int:
    """Do what the presses say, each once; returns how many were new to this session.

    One that was done before, in this session or in one before a reload, changes nothing: its name
    is the answer's. What cannot be done is refused with a sentence; a store that cannot write
    raises StoreError, and the browser sends the press again.
    """
    if report.list == here.id:
        here.at = min(report.at, len(here.rows))
    known = presses_of(here.audit, here.kind)
    new = [press for press in report.presses if press.id not in known.done]
    for press in new:
        try:
            _apply(store, project, here, press, known)
        except UserError as error:
            known.refused[press.id] = f"Not done: {error}"
        except StoreError as error:
            if store.audits.get(project.id, here.audit.id).open:
                raise
            known.refused[press.id] = f"Not done: {error}"
        known.done[press.id] = None
    if new and not here.pressed:
        here.pressed = True
        if any(press.row in here.rows[here.at :] for press in new):
            # Sent by a page that is gone: go on behind what it had answered.
            here.at = _first_open(here, store.audits.answers(here.audit))
            here.id = uuid.uuid4().hex
    while len(known.done) > _MOST_REMEMBERED:
        oldest = next(iter(known.done))
        for held in (known.done, known.refused, known.undone):
            held.pop(oldest, None)
    return len(new)


def _apply(store: Store, project: Project, here: Sitting, press: Press, known: Answers) -> None:
    audit, me = here.audit, here.me
    if press.action == UNDOES:
        target = str(press.target)
        batch = target if len(target) == LONGEST_BATCH else me.mark + target
        back = audits.undo_answer(store, audit, me.who, batch) if batch.startswith(me.own) else None
        if back is not None:
            text = shortened(_texts(store, project).iloc[back.row], _QUOTED)
            known.undone[press.id] = (f"Undone: \u201c{text}\u201d is not answered.", back.row)
        return
    if press.action not in ("label", NONE):
        raise UserError("an audit takes classes, or none of them.")
    key = None if press.action == NONE else _class_of(here, press)
    batch = me.mark + press.id
    if here.kind == "settle":
        audits.adjudicate(store, audit, press.row, key, me.who, batch)
        return
    try:
        audits.answer(store, audit, press.row, key, me.who, batch)
    except AlreadyAnswered:
        # Back at a text of one's own another key changes the answer; nobody else's.
        before = _own_answer(store, here, press.row)
        if before is None:
            raise
        audits.undo_answer(store, audit, me.who, before.batch)
        audits.answer(store, audit, press.row, key, me.who, batch)


def _class_of(here: Sitting, press: Press) -> ClassKey:
    """The class that was on the screen, whatever it is called by now."""
    if press.key is not None:
        return ClassKey(press.key)
    if press.label not in here.names:
        raise UserError(f"there is no class {press.label!r} any more.")
    return here.keys[here.names.index(press.label)]


def _own_answer(store: Store, here: Sitting, row: int) -> AuditAnswer | None:
    mine = (e for e in store.audits.answers(here.audit, here.me.who) if e.row == row)
    return next((entry for entry in mine if not entry.final), None)


def card_data(
    store: Store, project: Project, here: Sitting, report: Report, goal: Goal | None
) -> dict[str, Any]:
    """All that the browser shows: the texts around the place, one's own answers, how far it is."""
    standing = store.audits.answers(here.audit, here.me.who)
    mine = [entry for entry in standing if entry.final == (here.kind == "settle")]
    texts = _texts(store, project)
    start, numbers = window(here.rows, here.at, texts)
    known = presses_of(here.audit, here.kind)
    sent = [press.id for press in report.presses]
    undone = {name: known.undone[name] for name in sent if name in known.undone}
    answered = {entry.row: entry.key for entry in mine}
    return {
        "key": key_of(here.audit, here.kind),
        "hidden": False,
        "blind": True,
        # Presses of another person, project or home lie elsewhere in the tab's storage.
        "place": f"llkd.audit.{here.kind}.{here.audit.id}.{project.origin[:16]}.{here.me.mark}",
        "confirmed": [name for name in sent if name in known.done],
        "list": here.id,
        "total": len(here.rows),
        "at": here.at,
        "start": start,
        "cards": [_card(here, texts, int(row), answered) for row in numbers],
        "names": here.names,
        "keys": here.keys,
        "own": _undoable(mine, here.me),
        "nothing": NOTHING,
        "refused": {name: known.refused[name] for name in sent if name in known.refused},
        "messages": {name: words for name, (words, _) in undone.items()},
        "to": {name: _place(here, row) for name, (_, row) in undone.items()},
        "goal": None if goal is None else _goal(here, goal, answered),
    }


def key_of(audit: Audit, kind: Kind) -> str:
    """Under which key the session holds the card of this audit."""
    return f"audit_card_{audit.id}_{kind}"


def _card(
    here: Sitting, texts: pd.Series, row: int, answered: dict[int, ClassKey | None]
) -> dict[str, Any]:
    text = str(texts.iloc[row])
    key = answered.get(row)
    label = here.names[here.keys.index(key)] if key in here.keys else key
    return {
        "row": row,
        "text": text[:LONGEST_TEXT],
        "cut": max(0, len(text) - LONGEST_TEXT),
        "facts": here.pairs.get(row, []),
        "state": {"label": label, "excluded": False, "none": row in answered and key is None},
    }


def _undoable(mine: list[AuditAnswer], me: Author) -> list[dict[str, Any]]:
    """What the browser may undo, newest first; by the press, where one made it."""
    own = [entry for entry in reversed(mine) if entry.batch.startswith(me.own)]
    return [
        {"target": entry.batch.removeprefix(me.mark), "row": entry.row, "rows": 1}
        for entry in own[:_MOST_UNDONE]
        if len(entry.batch) == LONGEST_BATCH
    ]


def _place(here: Sitting, row: int) -> int | None:
    places = np.flatnonzero(here.rows == row)
    return int(places[0]) if len(places) else None


def _goal(here: Sitting, goal: Goal, answered: dict[int, ClassKey | None]) -> dict[str, Any]:
    given_keys = [key for key in answered.values() if key is not None]
    counts = sorted(
        ((given_keys.count(key), name) for name, key in zip(here.names, here.keys, strict=True)),
        key=lambda part: -part[0],
    )
    parts = [f"{name} {number}" for number, name in counts[:_MOST_COUNTED] if number]
    none = len(answered) - len(given_keys)
    parts += [f"none of these {none}"] if none else []
    return {
        "answered": len(answered),
        "of": min(max(goal.of, len(answered)), len(here.rows)),
        "words": goal.words,
        "classes": "Your answers: " + " \u00b7 ".join(parts) if parts else "",
    }


def _texts(store: Store, project: Project) -> pd.Series:
    return reads.texts(store, project, ["text"])["text"]
