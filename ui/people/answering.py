"""What the card of a desk shows, and what its presses do: each once, on the text that was shown.

At the desk of second labels nothing that anybody else says of a text is among what is sent.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from llkd.config.labels import ClassKey
from llkd.errors import UserError
from llkd.evaluation import people
from llkd.evaluation.people.disputes import opinion_words
from llkd.store import Dispute, Project, Store
from llkd.store.decisions import LONGEST_BATCH
from llkd.store.people.samples import AlreadyLabelled
from ui.curate.walk import LONGEST_TEXT, Answers, window
from ui.people import reads as people_reads
from ui.people.opening import Desk
from ui.review_card import NONE, UNDOES, Press, Report
from ui.shell import reads
from ui.shell.authorship import Author
from ui.shell.wording import shortened

NOTHING = "There is nothing of yours to undo."
_MOST_UNDONE, _MOST_REMEMBERED, _QUOTED = 30, 5_000, 60


@dataclass
class Sitting:
    """A person at a desk: the texts in their order, and which one is on the screen.

    ``facts`` are what a settler reads of each row; ``mine`` what this person answered, by row, with
    the batch that did.
    """

    desk: Desk
    me: Author
    blind_to_names: bool
    rows: np.ndarray
    names: list[str]
    keys: list[ClassKey]
    facts: dict[int, list[str]] = field(default_factory=dict)
    mine: dict[int, tuple[ClassKey | None, str]] = field(default_factory=dict)
    at: int = 0
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


def sitting(
    store: Store, project: Project, desk: Desk, me: Author, blind_to_names: bool
) -> Sitting:
    """The sitting of this session; another person, desk or other classes begin another."""
    key = f"_people_sitting_{project.id}"
    held: Sitting | None = st.session_state.get(key)
    label_set = project.label_set
    keys = [] if label_set is None else list(label_set.keys)
    same = held is not None and (held.desk, held.me, held.blind_to_names) == (
        desk, me, blind_to_names,
    )  # fmt: skip
    if held is None or not same or held.keys != keys:
        names = [] if label_set is None else list(label_set.names)
        held = Sitting(desk, me, blind_to_names, np.empty(0, np.int64), names, keys)
        _begin(store, project, held)
        st.session_state[key] = held
    return held


def end_sitting(project: Project) -> None:
    """Forget where the person was."""
    st.session_state.pop(f"_people_sitting_{project.id}", None)


def _begin(store: Store, project: Project, here: Sitting) -> None:
    if here.desk.kind == "settle":
        disputes = people_reads.disputes(store, project)
        here.rows = np.array([dispute.row for dispute in disputes], dtype=np.int64)
        here.facts = {d.row: facts_of(d, here.blind_to_names) for d in disputes}
        return
    sample = store.label_samples.get(project.id, here.desk.sample or 0)
    here.rows = np.array(sample.rows_for(here.me.who), dtype=np.int64)
    for entry in store.label_samples.labels(sample, here.me.who):
        here.mine[entry.row] = (entry.key, entry.batch)
    unanswered = ~np.isin(here.rows, list(here.mine))
    here.at = int(np.argmax(unanswered)) if unanswered.any() else len(here.rows)


def facts_of(dispute: Dispute, blind_to_names: bool) -> list[str]:
    """What each says of a disputed text, with names, or in an order that tells none."""
    if not blind_to_names:
        return people.people_of(dispute)
    said_words = [
        opinion_words(o, name) for o, name in zip(dispute.opinions, dispute.names, strict=True)
    ]
    order = sorted(said_words, key=lambda w: hashlib.sha256(f"{dispute.row}{w}".encode()).digest())
    return [f"one says: {words}" for words in order]


def presses_of(here: Sitting) -> Answers:
    """What became of the presses of this session."""
    held: Answers = st.session_state.setdefault(f"_people_pressed_{here.desk.address}", Answers())
    return held


def apply(store: Store, project: Project, here: Sitting, report: Report) -> int:
    """Do what the presses say, each once; returns how many were new to this session.

    A press that was done before changes nothing: its name is that of the batch it recorded. What
    cannot be done is refused with a sentence; StoreError leaves the press with the browser.
    """
    if report.list == here.id:
        here.at = min(report.at, len(here.rows))
    known = presses_of(here)
    new = [press for press in report.presses if press.id not in known.done]
    for press in new:
        try:
            _apply(store, project, here, press, known)
        except UserError as error:
            known.refused[press.id] = f"Not done: {error}"
        known.done[press.id] = None
    while len(known.done) > _MOST_REMEMBERED:
        oldest = next(iter(known.done))
        for held in (known.done, known.refused, known.undone):
            held.pop(oldest, None)
    return len(new)


def _apply(store: Store, project: Project, here: Sitting, press: Press, known: Answers) -> None:
    if press.action == UNDOES:
        row = _undo(store, project, here, str(press.target))
        if row is not None:
            here.mine.pop(row, None)
            text = shortened(str(_texts(store, project).iloc[row]), _QUOTED)
            known.undone[press.id] = (f"Undone: \u201c{text}\u201d", row)
        return
    if press.action not in ("label", NONE):
        raise UserError("this desk takes classes, or none of them.")
    key = None if press.action == NONE else _class_of(here, press)
    batch = here.me.mark + press.id
    if here.desk.kind == "settle":
        before = here.mine.get(press.row)
        if before is not None and before[1] != batch:
            store.decisions.undo(project.id, before[1])  # back at it, another key changes it
        people.adjudicate(store, project, press.row, key, here.me.who, batch)
    else:
        sample = store.label_samples.get(project.id, here.desk.sample or 0)
        try:
            people.second_label(store, sample, press.row, key, here.me.who, batch)
        except AlreadyLabelled:
            earlier = [
                e for e in store.label_samples.labels(sample, here.me.who) if e.row == press.row
            ]
            people.undo_second(store, sample, here.me.who, earlier[-1].batch)
            people.second_label(store, sample, press.row, key, here.me.who, batch)
    here.mine[press.row] = (key, batch)


def _undo(store: Store, project: Project, here: Sitting, target: str) -> int | None:
    batch = target if len(target) == LONGEST_BATCH else here.me.mark + target
    if not batch.startswith(here.me.own):
        return None
    if here.desk.kind == "second":
        sample = store.label_samples.get(project.id, here.desk.sample or 0)
        entry = people.undo_second(store, sample, here.me.who, batch)
        return None if entry is None else entry.row
    mine = store.decisions.batches(project.id, here.me.who, batch, 1)
    if not mine or not store.decisions.undo(project.id, mine[0].id):
        return None
    return mine[0].rows[0]


def _class_of(here: Sitting, press: Press) -> ClassKey:
    if press.key is not None:
        return ClassKey(press.key)
    if press.label not in here.names:
        raise UserError(f"there is no class {press.label!r} any more.")
    return here.keys[here.names.index(press.label)]


def card_data(store: Store, project: Project, here: Sitting, report: Report) -> dict[str, Any]:
    """All that the browser shows: the texts around the place, one's own answers, how far it is."""
    texts = _texts(store, project)
    start, numbers = window(here.rows, here.at, texts)
    known = presses_of(here)
    sent = [press.id for press in report.presses]
    undone = {name: known.undone[name] for name in sent if name in known.undone}
    settle = here.desk.kind == "settle"
    return {
        "key": key_of(here),
        "hidden": False,
        "blind": True,
        "place": f"llkd.people.{here.desk.address}.{project.id}.{project.origin[:16]}."
        f"{here.me.mark}",
        "confirmed": [name for name in sent if name in known.done],
        "list": here.id,
        "total": len(here.rows),
        "at": here.at,
        "start": start,
        "cards": [_card(here, texts, int(row)) for row in numbers],
        "names": here.names,
        "keys": here.keys,
        "own": [
            {"target": batch.removeprefix(here.me.mark), "row": row, "rows": 1}
            for row, (_, batch) in list(here.mine.items())[::-1][:_MOST_UNDONE]
            if batch.startswith(here.me.own) and len(batch) == LONGEST_BATCH
        ],
        "nothing": NOTHING,
        "refused": {name: known.refused[name] for name in sent if name in known.refused},
        "messages": {name: words for name, (words, _) in undone.items()},
        "to": {name: _place(here, row) for name, (_, row) in undone.items()},
        "goal": {
            "answered": len(here.mine),
            "of": len(here.rows),
            "words": "settled" if settle else "labelled blindly",
            "classes": "",
        },
    }


def key_of(here: Sitting) -> str:
    """Under which key the session holds the card of this desk."""
    return f"people_card_{here.desk.address}"


def _card(here: Sitting, texts: pd.Series, row: int) -> dict[str, Any]:
    text = str(texts.iloc[row])
    answered = row in here.mine
    key = here.mine[row][0] if answered else None
    label = here.names[here.keys.index(key)] if key in here.keys else key
    return {
        "row": row,
        "text": text[:LONGEST_TEXT],
        "cut": max(0, len(text) - LONGEST_TEXT),
        "facts": here.facts.get(row, []),
        "state": {"label": label, "excluded": False, "none": answered and key is None},
    }


def _place(here: Sitting, row: int) -> int | None:
    places = np.flatnonzero(here.rows == row)
    return int(places[0]) if len(places) else None


def _texts(store: Store, project: Project) -> pd.Series:
    return reads.texts(store, project, ["text"])["text"]
