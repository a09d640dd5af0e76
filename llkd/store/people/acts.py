"""Acts on texts, replayed in the order of time: what held of a text before each and after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from llkd.store.people.standing import FINAL, NOTE, OWN, SECOND, Same, TextState, text_states

UNDO = "undo"
LABEL, EXCLUSION, FLAG = "label", "exclusion", "flag"
_SIDES = {
    "exclude": EXCLUSION,
    "include": EXCLUSION,
    "flag": FLAG,
    "unflag": FLAG,
    NOTE: NOTE,
}
_BY_AUDIT = "audit"


@dataclass(frozen=True)
class Act:
    """One act on one text, or (``action`` undo) that it was taken back.

    ``number`` is the act's; ``before`` and ``after`` are what held on that side of the text: keys
    of classes (several where people differ), ``excluded``, ``flagged``, a note's words, or nothing.
    ``state``: ``stands``, ``undone``, or ``overwritten`` by a later act. ``manner`` is ``second``
    of a blind second label, ``final`` of the last word on a dispute, else ``own``. ``undoes`` is
    the action that an undo took back; ``who`` is None of an undo that followed from an audit.
    """

    number: int
    row: int
    action: str
    who: str | None
    created: float
    before: tuple[str, ...]
    after: tuple[str, ...]
    state: str
    batch: str
    manner: str = OWN
    undoes: str | None = None


def side_of(action: str) -> str:
    """Which side of a text an action changes: its label, its exclusion, its flag, or its notes."""
    return _SIDES.get(action, LABEL)


def acts_of(entries: Iterable[Any], same: Same) -> list[Act]:
    """Every act and every undo, oldest first; ``entries`` are all records, also undone ones.

    ``same`` says which keys mean one class.
    """
    moments = []
    for entry in entries:
        moments.append((entry.created, 1, entry.id, entry))
        if entry.undone is not None:
            # Clocks are coarse, and may be set back: an undo comes after its act, and of one
            # moment before the acts that took its place.
            moment = max(entry.undone, entry.created)
            moments.append((moment, 2 if moment == entry.created else 0, entry.id, entry))
    moments.sort(key=lambda moment: moment[:3])
    standing: dict[int, list[Any]] = {}
    acts: list[Act] = []
    for created, step, _, entry in moments:
        here = standing.setdefault(entry.row, [])
        before = _held(entry.action, here, same)
        if step == 1:
            here.append(entry)
            here.sort(key=lambda other: other.id)
        else:
            here[:] = [other for other in here if other.id != entry.id]
        acts.append(_act(entry, created, step != 1, before, _held(entry.action, here, same)))
    by_number = {entry.id: entry for entries in standing.values() for entry in entries}
    return [
        replace(act, state="overwritten")
        if act.action not in (UNDO, NOTE)
        and act.number in by_number
        and not in_effect(by_number[act.number], standing[act.row])
        else act
        for act in acts
    ]


def in_effect(entry: Any, standing: Sequence[Any]) -> bool:
    """Whether a standing act still counts among all that stand on its text, in their order."""
    if entry.action == NOTE:
        return True
    side = side_of(entry.action)
    on_side = [other for other in standing if side_of(other.action) == side]
    if on_side and on_side[-1].batch == entry.batch:
        return True
    state = _state(standing)
    opinions = {
        LABEL: (*state.labels.values(), *state.seconds.values()),
        EXCLUSION: tuple(state.stances.values()),
    }.get(side, ())
    return any(o.batch == entry.batch and o.who == entry.who for o in opinions)


def _state(standing: Sequence[Any]) -> TextState:
    decisions = [entry for entry in standing if entry.action != NOTE]
    return next(iter(text_states(decisions).values()), TextState())


def _held(action: str, standing: Sequence[Any], same: Same) -> tuple[str, ...]:
    """What holds on the side of an action."""
    side = side_of(action)
    if side == NOTE:
        return tuple(str(entry.note or "") for entry in standing if entry.action == NOTE)
    state = _state(standing)
    if side == FLAG:
        return ("flagged",) if state.flagged else ()
    if side == EXCLUSION:
        return ("excluded",) if state.excluded else ()
    disputed = dict.fromkeys(o.key for o in state.disputed(same) if o.key is not None)
    if len(disputed) > 1:
        return tuple(disputed)
    return () if state.key is None else (state.key,)


def _act(
    entry: Any, created: float, is_undo: bool, before: tuple[str, ...], after: tuple[str, ...]
) -> Act:
    of_audit = entry.batch.startswith(_BY_AUDIT)
    return Act(
        entry.id,
        entry.row,
        UNDO if is_undo else entry.action,
        None if is_undo and of_audit else entry.who,
        created,
        before,
        after,
        "undone" if entry.undone is not None and not is_undo else "stands",
        entry.batch,
        entry.kind if entry.kind in (SECOND, FINAL) else OWN,
        entry.action if is_undo else None,
    )
