"""The list text by text: where a person is in it, the texts around, and what their keys decide."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from llkd import curation
from llkd.config.labels import ClassKey
from llkd.config.selection_rule import ThresholdRule
from llkd.curation import Plane
from llkd.errors import UserError
from llkd.evaluation.people import people_of
from llkd.store import Batch, Project, Store
from llkd.store.decisions import LONGEST_BATCH, Decisions
from ui.curate import acts
from ui.curate.rows import Listing
from ui.curate.rows import whys as reasons_of
from ui.curate.state import CurateState
from ui.people.contradictions import told_after
from ui.review_card import NONE, UNDOES, Press, Report
from ui.shell import reads
from ui.shell.authorship import Author
from ui.shell.wording import share

BEFORE, AFTER = 10, 80
LETTERS_AHEAD = 60_000
LONGEST_TEXT = 20_000
"""Characters of one text that are shown; the card says how many there are besides."""
_STATE, _PRESSED = "_curate_review", "_curate_pressed"
_MOST_UNDONE = 30
_MOST_REMEMBERED = 5_000


@dataclass
class Walk:
    """A list as it was when the walk began, so that a decision moves nothing under one's hands.

    ``plane`` is that of then, too: of what people decide it says nothing that is shown.
    ``on_request``: a person has_teacher for the text it begins with, so the card takes the keys.
    """

    project: int
    wanted: Listing
    view: ThresholdRule
    plane: Plane
    rows: np.ndarray
    at: int = 0
    on_request: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class Source:
    """Where a walk reads from and writes to; made in no time, unlike a scene."""

    store: Store
    project: Project
    plane: Plane

    @property
    def texts(self) -> pd.Series:
        """Every text, by row."""
        return reads.texts(self.store, self.project, ["text"])["text"]


@dataclass
class Answers:
    """What became of presses, by their names: confirmed ones, refusals, words, places to go to.

    ``contradicted`` says what others had said of the text.
    """

    done: dict[str, str | None] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    undone: dict[str, tuple[str, int]] = field(default_factory=dict)
    contradicted: dict[str, str] = field(default_factory=dict)


def walk_of(
    scene: CurateState, wanted: Listing, listed: np.ndarray, place: int | None = None
) -> Walk:
    """The walk that is under way; another list, or other thresholds, begin another.

    So does a ``place`` of the list, which it begins with.
    """
    held: Walk | None = st.session_state.get(_STATE)
    same = held is not None and (held.project, held.wanted, held.view) == (
        scene.project.id,
        wanted,
        scene.view,
    )
    other_classes = held is not None and _offered(held.plane) != _offered(scene.plane)
    if held is None or not same or other_classes or place is not None:
        rows = scene.plane.frame["row"].to_numpy()[listed]
        at = place
        if at is None and held is not None and same:
            at = _place(Walk(**{**vars(held), "rows": rows}), shown_row(held))  # classes changed
        if at is None:
            at = _first(scene, wanted, listed)
        asked_for = place is not None
        held = Walk(scene.project.id, wanted, scene.view, scene.plane, rows, at, asked_for)
        st.session_state[_STATE] = held
    return held


def _offered(plane: Plane) -> list[tuple[str, str]]:
    return [(plane.keys[k], plane.names[k]) for k in plane.open_classes]


def _first(scene: CurateState, wanted: Listing, listed: np.ndarray) -> int:
    """Where to begin: a random sample goes on at its first text that nobody has decided."""
    if not wanted.at_random or not len(listed):
        return 0
    frame = scene.plane.frame
    decided = (frame["human_label"].to_numpy() >= 0) | frame["excluded"].to_numpy()
    return int(np.argmin(decided[listed]))


def walk_under_way(project: Project) -> Walk | None:
    """The walk of this session through this project's texts, if there is one."""
    held: Walk | None = st.session_state.get(_STATE)
    return held if held is not None and held.project == project.id else None


def answers(project: Project) -> Answers:
    """What became of the presses of this session."""
    held: Answers = st.session_state.setdefault(f"{_PRESSED}_{project.id}", Answers())
    return held


def apply(source: Source, me: Author, report: Report, under_way: Walk | None = None) -> int:
    """Do what the presses say, each once; returns how many were new to this session.

    A press that was done before, in this session or in one before a reload, changes nothing: its
    name is that of the batch it recorded.
    """
    if under_way is not None and report.list == under_way.id:
        under_way.at = min(report.at, len(under_way.rows))
    known = answers(source.project)
    new = [press for press in report.presses if press.id not in known.done]
    for press in new:
        _apply(source, me, press, known)
        known.done[press.id] = None
    while len(known.done) > _MOST_REMEMBERED:
        oldest = next(iter(known.done))
        known.done.pop(oldest)
        known.refused.pop(oldest, None)
        known.undone.pop(oldest, None)
        known.contradicted.pop(oldest, None)
    return len(new)


def _apply(source: Source, me: Author, press: Press, known: Answers) -> None:
    decisions, project, plane = source.store.decisions, source.project, source.plane
    if press.action == UNDOES:
        batch = _mine(decisions, project, me, str(press.target))
        if batch is not None and decisions.undo(project.id, batch.id):
            known.undone[press.id] = (acts.undone_words(source, batch), batch.rows[0])
    elif press.action == NONE:
        known.refused[press.id] = "Not done: only an audit takes 'none of these'."
    elif press.label is not None and _class_of(plane, press) is None:
        known.refused[press.id] = f"Not done: there is no class {press.label!r} any more."
    elif not np.isin(press.row, plane.frame["row"]):
        known.refused[press.id] = "Not done: that text is none of these any more."
    else:
        name = me.mark + press.id
        key = None if press.label is None else _class_of(plane, press)
        try:
            decisions.decide(project.id, [press.row], press.action, who=me.who, batch=name, key=key)
        except UserError as error:
            known.refused[press.id] = f"Not done: {error}"
            return
        against = told_after(source.store, project, name, press.action, press.label)
        if against is not None:
            known.contradicted[press.id] = against


def _class_of(plane: Plane, press: Press) -> ClassKey | None:
    """The key of the class that was on the screen: its name may be another's by now.

    A class that was merged meanwhile is the one that it went into. Presses that a page of before
    left unsent know the name alone.
    """
    if press.key is not None:
        label_set = plane.project.label_set
        known = {*plane.keys, *(() if label_set is None else label_set.places)}
        return next((key for key in known if key == press.key), None)
    return plane.keys[plane.names.index(press.label)] if press.label in plane.names else None


def _mine(decisions: Decisions, project: Project, me: Author, target: str) -> Batch | None:
    """The batch that an undo names, if it stands and is this person's."""
    name = target if len(target) == LONGEST_BATCH else me.mark + target
    if not name.startswith(me.own):
        return None
    return next(iter(decisions.batches(project.id, me.who, name, 1)), None)


def card_data(source: Source, walk: Walk, me: Author, report: Report) -> dict[str, Any]:
    """All that the browser shows: the texts around the place, what holds, what can be undone."""
    start, numbers = window(walk.rows, walk.at, source.texts)
    known = answers(source.project)
    names_of_presses = [press.id for press in report.presses]
    undone = {name: known.undone[name] for name in names_of_presses if name in known.undone}
    project = source.project
    return {
        **unsent_data(source, me, report),
        "hidden": False,
        "tall": True,
        "focus": walk.id if walk.on_request else None,
        "list": walk.id,
        "total": len(walk.rows),
        "at": walk.at,
        "start": start,
        "cards": _cards(source, walk, numbers),
        "names": [walk.plane.names[k] for k in walk.plane.open_classes],
        "keys": [walk.plane.keys[k] for k in walk.plane.open_classes],
        "own": [_undoable(batch, me) for batch in me.latest(source.store, project, _MOST_UNDONE)],
        "nothing": acts.NOTHING,
        "refused": {
            name: known.refused[name] for name in names_of_presses if name in known.refused
        },
        "messages": {name: words for name, (words, _) in undone.items()},
        "contradicted": {
            name: known.contradicted[name]
            for name in names_of_presses
            if name in known.contradicted
        },
        "to": {name: _place(walk, row) for name, (_, row) in undone.items()},
    }


def unsent_data(source: Source, me: Author, report: Report) -> dict[str, Any]:
    """What the browser needs to send what an earlier page left unsent, and nothing to show."""
    project, known = source.project, answers(source.project)
    return {
        "key": key_of(project),
        "hidden": True,
        # Presses of another person, project or home lie elsewhere in the tab's storage.
        "place": f"llkd.presses.{project.id}.{project.origin[:16]}.{me.mark}",
        "confirmed": [press.id for press in report.presses if press.id in known.done],
    }


def key_of(project: Project) -> str:
    """Under which key the session holds the card of this project."""
    return f"curate_card_{project.id}"


def _undoable(batch: Batch, me: Author) -> dict[str, Any]:
    single = len(batch.rows) == 1
    return {
        # As the browser names it: by the press, where a press made it.
        "target": batch.id.removeprefix(me.mark),
        "row": batch.rows[0] if single else None,
        "rows": len(batch.rows),
    }


def _place(walk: Walk, row: int | None) -> int | None:
    places = np.flatnonzero(walk.rows == row)
    return int(places[0]) if len(places) else None


def window(rows: np.ndarray, at: int, texts: pd.Series) -> tuple[int, np.ndarray]:
    """The rows to hold in the browser and the place of the first: enough to be ahead of any hand.

    ``at`` is where a person is in ``rows [n]``. Fewer of long texts, but always the next three.
    """
    start = max(0, min(at, len(rows) - 1) - BEFORE)
    numbers = rows[start : at + AFTER]
    lengths = texts.iloc[numbers].astype(str).str.len().clip(upper=LONGEST_TEXT).to_numpy()
    ahead = max(0, at - start)
    # Those behind are given up first.
    while ahead > 1 and lengths[:ahead].sum() > LETTERS_AHEAD:
        start, numbers, lengths, ahead = start + 1, numbers[1:], lengths[1:], ahead - 1
    fits = ahead + int(np.searchsorted(np.cumsum(lengths[ahead:]), LETTERS_AHEAD))
    return start, numbers[: max(ahead + 3, fits)]


def _cards(source: Source, walk: Walk, numbers: np.ndarray) -> list[dict[str, Any]]:
    plane = walk.plane
    positions = np.searchsorted(plane.frame["row"].to_numpy(), numbers)
    part = plane.frame.iloc[positions].assign(excluded=False, disputed=False, human_label=-1)
    gate = walk.wanted.gate
    here = None if gate is None else replace(gate, rows=gate.rows[positions])
    whys = reasons_of(replace(plane, frame=part), np.arange(len(part)), walk.view, here)
    names = [*plane.names, "no label"]
    need_known = plane.student_probabilities is not None
    held = source.store.decisions.current(source.project.id, rows=numbers.tolist())
    disputes = source.store.disputes.all(source.project.id, numbers.tolist())
    disputed = {dispute.row: people_of(dispute) for dispute in disputes}
    before = curation.said_before(source.store, source.project, numbers)
    has_teacher = plane.labeling_run.id != curation.NO_RUN
    cards = []
    for entry, why, position in zip(part.itertuples(), whys, positions, strict=True):
        row = int(entry.row)
        text = str(source.texts.iloc[row])
        figures = [f"confidence {share(entry.confidence)}"] if has_teacher else []
        if need_known:
            figures.append(f"student uncertainty {share(entry.information_need)}")
        if row in before:
            figures.append(f"said before: {before[row]}")
        if row in disputed:
            figures += disputed[row]
            why = "disputed, so it is left out"
        cards.append(
            {
                "row": row,
                "position": int(position),
                "text": text[:LONGEST_TEXT],
                "cut": max(0, len(text) - LONGEST_TEXT),
                "label": names[int(entry.teacher_label)] if has_teacher else "",
                "figures": figures,
                "why": why if has_teacher else "",
                "state": _state(held, row),
            }
        )
    return cards


def _state(held: pd.DataFrame, row: int) -> dict[str, Any]:
    if row not in held.index:
        return {"label": None, "excluded": False}
    label = held.loc[row, "human_label"]
    return {
        "label": label if isinstance(label, str) else None,
        "excluded": bool(held.loc[row, "excluded"] and not held.loc[row, "disputed"]),
    }


def shown_row(walk: Walk) -> int | None:
    """The row where the person was last known to be; None after the end."""
    return int(walk.rows[walk.at]) if walk.at < len(walk.rows) else None
