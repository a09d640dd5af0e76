"""One answer of an audit and the decision on the text that follows from it, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from llkd.config import ClassKey
from llkd.errors import ConfigError, UserError
from llkd.store import schema
from llkd.store.audits.records import Audit, AuditAnswer
from llkd.store.decisions import LONGEST_BATCH
from llkd.store.engine.moments import present
from llkd.store.people.class_keys import stored_key
from llkd.store.people.standing import FINAL as SETTLES
from llkd.store.people.standing import OWN

LABEL, FINAL = "label", "final"


class AlreadyAnswered(UserError):
    """The text was answered before, by another press."""


def record_answer(
    connection: sa.Connection,
    audit: Audit,
    place: int,
    row: int,
    key: ClassKey | None,
    who: str,
    batch: str,
    final: bool,
) -> AuditAnswer:
    """Store an answer, and what follows from it as a decision on the text.

    A ``batch`` that was recorded before, undone or not, changes nothing. Raises AlreadyAnswered
    where this person (in an audit by one: anybody) answered the text; UserError for a third person
    in an audit by two, for a class that is not there, and where nothing is to be settled.
    """
    if not 1 <= len(batch) <= LONGEST_BATCH:
        raise ConfigError(f"A batch is named by 1 to {LONGEST_BATCH} characters: {batch!r}.")
    table = schema.audit_answers
    of_audit = table.c.audit_id == audit.id
    known = connection.execute(
        sa.select(table).where(of_audit & (table.c.batch == batch))
    ).one_or_none()
    if known is not None:
        return _answer(known)
    here = [answer for answer in standing_answers(connection, audit, place=place)]
    if final:
        _refuse_settled(audit, here)
    else:
        _refuse_again(connection, audit, who, here)
    stored = None if key is None else stored_key(connection, audit.project_id, None, key)
    values = {
        "project_id": audit.project_id,
        "audit_id": audit.id,
        "place": place,
        "row": row,
        "kind": FINAL if final else LABEL,
        "label": stored,
        "who": who,
        "created": present(),
        "batch": batch,
    }
    connection.execute(sa.insert(table).values(**values))
    _settle(connection, audit, place, row)
    return _answer(
        connection.execute(sa.select(table).where(of_audit & (table.c.batch == batch))).one()
    )


def take_back(
    connection: sa.Connection, audit: Audit, who: str, batch: str | None
) -> AuditAnswer | None:
    """Undo one answer and its decision; see ``Audits.undo``.

    Raises UserError where the answer was settled by a final one since.
    """
    table = schema.audit_answers
    query = sa.select(table).where((table.c.audit_id == audit.id) & (table.c.who == who))
    if batch is None:
        query = query.where(table.c.undone.is_(None)).order_by(table.c.id.desc()).limit(1)
    else:
        query = query.where(table.c.batch == batch)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    answer = _answer(row)
    if answer.undone:
        return answer
    here = standing_answers(connection, audit, place=answer.place)
    if not answer.final and any(other.final for other in here):
        raise UserError(
            "What two people said of this text was settled since. Take that back first."
        )
    connection.execute(sa.update(table).where(table.c.id == answer.id).values(undone=present()))
    _settle(connection, audit, answer.place, answer.row)
    return _answer(connection.execute(sa.select(table).where(table.c.id == answer.id)).one())


def standing_answers(
    connection: sa.Connection,
    audit: Audit,
    who: str | None = None,
    *,
    place: int | None = None,
    undone: bool = False,
) -> list[AuditAnswer]:
    """The answers (of a person, at a place) that stand, oldest first; with ``undone`` all."""
    table = schema.audit_answers
    query = sa.select(table).where(table.c.audit_id == audit.id)
    if who is not None:
        query = query.where(table.c.who == who)
    if place is not None:
        query = query.where(table.c.place == place)
    if not undone:
        query = query.where(table.c.undone.is_(None))
    return [_answer(row) for row in connection.execute(query.order_by(table.c.id))]


def settled(people: int, here: Sequence[AuditAnswer]) -> AuditAnswer | None:
    """The answer that counts, of those that stand at one place; None while it is open.

    Of two people: the final one, else the second where both say the same.
    """
    final = next((answer for answer in here if answer.final), None)
    if final is not None:
        return final
    if people == 1:
        return here[0] if here else None
    agree = len(here) == 2 and here[0].key == here[1].key
    return here[1] if agree else None


def _refuse_again(
    connection: sa.Connection, audit: Audit, who: str, here: Sequence[AuditAnswer]
) -> None:
    mine = [answer for answer in here if audit.people == 1 or answer.who == who]
    if mine:
        raise AlreadyAnswered(
            f"This text was answered already, by {mine[0].who}. Undo that answer to change it."
        )
    if audit.people == 1:
        return
    table = schema.audit_answers
    names = sa.select(table.c.who).where(
        (table.c.audit_id == audit.id) & (table.c.kind == LABEL) & table.c.undone.is_(None)
    )
    people = set(connection.execute(names.distinct()).scalars())
    if who not in people and len(people) >= audit.people:
        raise UserError(
            f"Audit {audit.id} is answered by {' and '.join(sorted(people))}; a third person "
            "cannot join. Settle what these two disagree on, or start another audit."
        )


def _refuse_settled(audit: Audit, here: Sequence[AuditAnswer]) -> None:
    answers = [answer for answer in here if not answer.final]
    if len(here) > len(answers):
        raise AlreadyAnswered("This text was settled already. Undo that to settle it anew.")
    if audit.people != 2 or len(answers) < 2 or answers[0].key == answers[1].key:
        raise UserError("Only a text that two people answered differently has to be settled.")


def _settle(connection: sa.Connection, audit: Audit, place: int, row: int) -> None:
    """Let the decision on a text be what the audit says of it now: a label, a flag or none."""
    here = standing_answers(connection, audit, place=place)
    counted = settled(audit.people, here)
    table = schema.human_labels
    batch = decision_batch(audit, place)
    connection.execute(
        sa.update(table)
        .where((table.c.project_id == audit.project_id) & (table.c.row == row))
        .where((table.c.batch == batch) & table.c.undone.is_(None))
        .values(undone=present())
    )
    if counted is None:
        return
    who = counted.who
    if audit.people == 2 and not counted.final:
        who = " and ".join(answer.who for answer in here)[:200]
    values: dict[str, Any] = {
        "project_id": audit.project_id,
        "row": row,
        # Who cannot tell has not labelled it: the text is only marked to be looked at again.
        "action": "flag" if counted.key is None else "label",
        "label": counted.key,
        "who": who,
        "created": present(),
        "batch": batch,
        # The answer that settles what two people disagree on settles it outside the audit, too.
        "kind": SETTLES if counted.final else OWN,
    }
    connection.execute(sa.insert(table).values(**values))


def decision_batch(audit: Audit, place: int) -> str:
    """Under which name the decision that follows from a place is stored."""
    return f"audit{audit.id}.{place}"


def _answer(row: Any) -> AuditAnswer:
    return AuditAnswer(
        row.id,
        row.place,
        row.row,
        row.label,
        row.who,
        row.created,
        row.batch,
        row.kind == FINAL,
        row.undone is not None,
    )
