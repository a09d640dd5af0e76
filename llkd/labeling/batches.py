"""A labelling run joined to its batches: which teachers take them, and the journal they share."""

from __future__ import annotations

from collections.abc import Sequence

from llkd.config import OrderConfig, TeacherConfig
from llkd.errors import UserError
from llkd.store import Ledger
from llkd.store.files.batch_journal import BatchJournal
from llkd.teachers.base import Teacher
from llkd.teachers.registry import kind_of


def check_batches(config: TeacherConfig, order: OrderConfig) -> None:
    """Raise UserError for a teacher that takes no batches, or an order that waits for answers."""
    kind = kind_of(config)
    if not (kind.in_batches or kind.settles):  # what auto: settles on is looked at again
        raise UserError(
            "Only a server with OpenAI's batch endpoints is asked in batches (--teacher api:MODEL "
            f"--base-url URL), and {config.teacher!r} is none. Label without --batch."
        )
    if order.order == "need":
        raise UserError(
            "--order need asks in rounds, each chosen by the answers of the one before, and a "
            "batch may take a day: leave out --order need or --batch."
        )


def forget_answers(journal: BatchJournal | None, texts: Sequence[str]) -> None:
    """Take no answer about these texts from a batch any more."""
    if journal is not None and texts:
        from llkd.teachers.batch.batch_files import custom_id

        journal.forget(custom_id(text) for text in texts)


def join_batches(teacher: Teacher, ledger: Ledger | None, *, send: bool) -> BatchJournal | None:
    """Let a teacher ask in batches, or collect those of an earlier attempt; the journal to close.

    None where it neither does nor has.
    """
    if ledger is None or not hasattr(teacher, "batches"):
        return None
    if not send and not ledger.had_batches():
        return None
    from llkd.teachers.batch.batch_pass import Batches

    journal = ledger.batch_journal()
    setattr(teacher, "batches", Batches(journal, ledger, send))  # noqa: B010 (not every one has it)
    return journal
