"""The command that adds texts to a project."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from llkd import jobs
from llkd.cli.actions.data import reading_of
from llkd.cli.actions.jobs import Document
from llkd.datasets.text_set import Reading, TextSet
from llkd.errors import UserError
from llkd.store import Project, Store


def add(store: Store, arguments: Namespace) -> Document:
    """``llkd add``."""
    if bool(arguments.files) == arguments.inbox:
        raise UserError(
            "Name the files with the new texts, or --inbox for those that the served student sent "
            "on."
        )
    if arguments.clear and not arguments.inbox:
        raise UserError("--clear forgets texts of the inbox: it takes --inbox.")
    project = store.projects.get(arguments.project)
    reading = reading_of(arguments)
    if arguments.inbox:
        return _add_inbox(store, project, reading, arguments)
    from llkd.datasets import read_files, start_reader, with_gold

    start_reader()  # while the rest is imported
    from llkd.datasets.importing import sources_of

    sources = sources_of(arguments.files)
    text_set = sources.with_notes(read_files(sources.files, reading))
    if arguments.gold:
        text_set = with_gold(text_set, arguments.gold)
    return _add(store, project, text_set, reading, sources.name, dry_run=arguments.dry_run)


def _add(
    store: Store,
    project: Project,
    text_set: TextSet,
    reading: Reading,
    source: str,
    *,
    dry_run: bool,
) -> Document:
    from llkd import curation
    from llkd.datasets.adding import prepare_addition, store_addition

    prepared = prepare_addition(store, project, text_set, reading)
    if not dry_run:
        jobs.live_jobs(store)  # those whose process is gone are in nobody's way
        project = store_addition(store, prepared, source)
    return {
        "dry_run": dry_run,
        **prepared.document(),
        "coverage": curation.coverage(store, project).sentences(),
    }


def _add_inbox(store: Store, project: Project, reading: Reading, arguments: Namespace) -> Document:
    from llkd.datasets.inbox import SOURCE, forget_texts, inbox_texts

    _refuse_columns(
        [arguments.text_column, arguments.id_column, arguments.label_column, arguments.gold]
    )
    text_set, numbers = inbox_texts(store, project, reading)
    document = _add(
        store, project, text_set, reading, SOURCE,
        dry_run=arguments.dry_run,
    )  # fmt: skip
    clear = arguments.clear and not arguments.dry_run
    return {**document, "cleared": forget_texts(store, project, numbers) if clear else 0}


def _refuse_columns(named: Sequence[str | None]) -> None:
    if any(named):
        raise UserError("The inbox has no columns: leave the flags that name one, and --gold, out.")
