"""Texts that a program adds to those of a project: two calls of ``Texts``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from llkd.datasets.text_set import Reading
from llkd.library.progress import shown_progress
from llkd.library.reading import Columns, Source, read_source
from llkd.library.wording import in_python, python_words

if TYPE_CHECKING:
    from llkd.datasets.text_set import TextSet
    from llkd.library.workspace import Workspace
    from llkd.store import Project


class GrowingTexts:
    """Texts in a ``workspace`` to which others can be added; ``record`` is their project."""

    workspace: Workspace

    @property
    def record(self) -> Project:
        """The stored project."""
        raise NotImplementedError

    def add(
        self,
        source: Source,
        *,
        text: str | None = None,
        gold: str | Sequence[Any] | None = None,
        id: str | None = None,  # noqa: A002 (what the column is called in most files)
        keep_duplicates: bool = False,
        near_duplicates: Literal["keep", "drop", "ignore"] = "keep",
        dry_run: bool = False,
        progress: bool = True,
    ) -> dict[str, Any]:
        """Add the texts of ``source`` that are new behind those that are there; what was found.

        The arguments are those of :func:`read_texts`. Rows, ids, labels and runs of before stay;
        new texts with gold are held out, or not, by a hash of their words at the project's own
        share. Labelling again with the same teacher asks about the new texts only.

        Returns ``added``, ``texts`` (how many there are then), ``known`` (repeats of texts that
        are there, left out unless ``keep_duplicates``), ``first_row``, ``dropped``, ``gold``,
        ``held_out``, ``warnings`` and ``coverage``: sentences on what does not know the new texts
        yet. With ``dry_run`` nothing is stored.

        Raises:
            NotFound: there is no such file.
            DataError: nothing in it can be used; the sentence says where and what to do.
            UserError: a job works on the project, or others added texts meanwhile.
        """
        return _add_source(
            self,
            source,
            Columns(text, gold, id),
            keep_duplicates=keep_duplicates,
            near_duplicates=near_duplicates,
            dry_run=dry_run,
            progress=progress,
        )

    def add_annotations(
        self,
        source: str | os.PathLike[str],
        *,
        question: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Take people's labels from an export of Label Studio or Argilla, each signed as theirs.

        Args:
            source: JSON, JSON_MIN or CSV of Label Studio; records of Argilla.
            question: whose answers are the classes, where people answered several.
            dry_run: store nothing.

        Returns ``labels`` (in the file), ``added``, ``known`` (there already), ``unmatched`` (of
        texts that are not here), ``people``, ``question``, ``tool`` and ``warnings``. Raises
        DataError where the file holds no such labels, UserError where there are no classes.
        """
        with python_words():
            from llkd.datasets.people_labels import take_labels

            text_set, _ = read_source(
                source,
                Columns(None, question, None),
                keep_duplicates=False,
                near_duplicates="ignore",
                progress=None,
            )
            document = take_labels(self.workspace.store, self.record, text_set, dry_run=dry_run)
            return {**document, "warnings": [in_python(str(w)) for w in document["warnings"]]}

    def add_inbox(self, *, clear: bool = False, keep_duplicates: bool = False) -> dict[str, Any]:
        """Add the texts that the project's served student sent on; returns what :meth:`add` does.

        ``clear`` lets the inbox forget them then. Raises UserError where it is empty.
        """
        return _add_inbox(self, clear=clear, keep_duplicates=keep_duplicates)


def _add_source(
    texts: GrowingTexts,
    source: Source,
    columns: Columns,
    *,
    keep_duplicates: bool,
    near_duplicates: Literal["keep", "drop", "ignore"],
    dry_run: bool,
    progress: bool,
) -> dict[str, Any]:
    with python_words():
        with shown_progress(progress) as shown:
            text_set, name = read_source(
                source,
                columns,
                keep_duplicates=keep_duplicates,
                near_duplicates=near_duplicates,
                progress=lambda rows: shown.progress(rows, None, "Reading"),
            )
        reading = Reading(keep_duplicates=keep_duplicates, near=near_duplicates)
        return _added(texts, text_set, reading, name, dry_run)


def _add_inbox(texts: GrowingTexts, *, clear: bool, keep_duplicates: bool) -> dict[str, Any]:
    from llkd.datasets.inbox import SOURCE, forget_texts, inbox_texts

    store = texts.workspace.store
    with python_words():
        reading = Reading(keep_duplicates=keep_duplicates)
        text_set, numbers = inbox_texts(store, texts.record, reading)
        document = _added(texts, text_set, reading, SOURCE, dry_run=False)
        cleared = forget_texts(store, texts.record, numbers) if clear else 0
        return {**document, "cleared": cleared}


def _added(
    texts: GrowingTexts, text_set: TextSet, reading: Reading, source: str, dry_run: bool
) -> dict[str, Any]:
    from llkd import curation
    from llkd.datasets.adding import prepare_addition, store_addition

    store = texts.workspace.store
    prepared = prepare_addition(store, texts.record, text_set, reading)
    if not dry_run:
        from llkd import jobs

        jobs.live_jobs(store)  # those whose process is gone are in nobody's way
        store_addition(store, prepared, source)
    document = prepared.document()
    return {
        **document,
        "warnings": [in_python(str(line)) for line in document["warnings"]],
        "coverage": [
            in_python(line) for line in curation.coverage(store, texts.record).sentences()
        ],
    }
