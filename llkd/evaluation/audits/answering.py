"""Answers of an audit: the next texts, one answer, undo, and what two people disagree on."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from llkd.config import ClassKey
from llkd.errors import UserError
from llkd.evaluation.audits.population import checked_name
from llkd.store import Audit, AuditAnswer, Store

SOMEBODY = "local user"


@dataclass(frozen=True)
class Disagreement:
    """A text that two people answered differently, and that nobody has settled yet."""

    place: int
    row: int
    answers: tuple[AuditAnswer, AuditAnswer]


def next_rows(store: Store, audit: Audit, who: str = SOMEBODY, most: int = 1) -> list[int]:
    """The next ``most`` rows for this person, in the order of drawing.

    A text whose answer was taken back comes first again. In an audit by one person, what anybody
    answered is answered.
    """
    order = store.audits.order(audit)
    answered = _answered(store, audit, who if audit.people > 1 else None)
    ahead = min(len(order), len(answered) + most)
    places = [place for place in range(ahead) if place not in answered]
    return [int(order[place]) for place in places[:most]]


def answer(
    store: Store,
    audit: Audit,
    row: int,
    key: ClassKey | None,
    who: str = SOMEBODY,
    batch: str | None = None,
) -> AuditAnswer:
    """Store what a person says of a text: a class by its key, or None: none of them, cannot tell.

    None counts as a wrong label. Where one person answers, the text is labelled by it at once (or
    flagged, for None), in the same transaction; where two do, once they agree or it is settled. A
    ``batch`` of 1 to 32 characters that was recorded before changes nothing: what is sent twice is
    done once. Raises AlreadyAnswered where another press answered the text; UserError where it is
    not of this audit, for a class that is not there and a third person; StoreError where the audit
    is closed.
    """
    name = uuid.uuid4().hex if batch is None else batch
    place = place_of(store, audit, row)
    return store.audits.answer(audit, place, key, checked_name(who), name)


def answer_all(
    store: Store,
    audit: Audit,
    answers: Iterable[tuple[int, ClassKey | None]],
    who: str = SOMEBODY,
) -> list[AuditAnswer]:
    """Store the answers ``(row, key)`` of one person, all of them or none; raises as `answer`."""
    place = {int(row): k for k, row in enumerate(store.audits.order(audit))}
    name, entries = checked_name(who), list(answers)
    for row, _ in entries:
        if row not in place:
            raise _not_drawn(audit, row)
    return store.audits.answer_all(audit, [(place[row], key, name) for row, key in entries])


def undo_answer(
    store: Store, audit: Audit, who: str = SOMEBODY, batch: str | None = None
) -> AuditAnswer | None:
    """Take back the last answer of a person, or that ``batch``, and the decision with it.

    Returns what was taken back, also where that was done before; None where there is nothing.
    """
    return store.audits.undo(audit, checked_name(who), batch)


def adjudicate(
    store: Store,
    audit: Audit,
    row: int,
    key: ClassKey | None,
    who: str = SOMEBODY,
    batch: str | None = None,
) -> AuditAnswer:
    """Settle a text that two people answered differently; it becomes the decision on the text.

    Raises UserError where there is nothing to settle.
    """
    name = uuid.uuid4().hex if batch is None else batch
    place = place_of(store, audit, row)
    return store.audits.answer(audit, place, key, checked_name(who), name, final=True)


def disagreements(store: Store, audit: Audit) -> list[Disagreement]:
    """What two people answered differently and nobody has settled, in the order of drawing."""
    here: dict[int, list[AuditAnswer]] = defaultdict(list)
    for entry in store.audits.answers(audit):
        here[entry.place].append(entry)
    return [
        Disagreement(place, answers[0].row, (answers[0], answers[1]))
        for place, answers in sorted(here.items())
        if len(answers) == 2
        and not any(entry.final for entry in answers)
        and answers[0].key != answers[1].key
    ]


def place_of(store: Store, audit: Audit, row: int) -> int:
    """Where in the order a text stands. Raises UserError where it is not of this audit."""
    places = np.flatnonzero(store.audits.order(audit) == row)
    if not len(places):
        raise _not_drawn(audit, row)
    return int(places[0])


def _not_drawn(audit: Audit, row: int) -> UserError:
    return UserError(f"The text of row {row} is not among those that audit {audit.id} draws.")


def _answered(store: Store, audit: Audit, who: str | None) -> set[int]:
    return {entry.place for entry in store.audits.answers(audit, who) if not entry.final}
