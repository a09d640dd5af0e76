"""Texts found, noted on, and who decided what on them: calls of ``Texts``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from llkd.library.wording import python_words

if TYPE_CHECKING:
    import pandas as pd

    from llkd.config.text_filters import TextFilters
    from llkd.library.workspace import Workspace
    from llkd.store import Project


class SearchableTexts:
    """Texts in a ``workspace`` that have labels; ``record`` is their project."""

    workspace: Workspace

    @property
    def record(self) -> Project:
        """The stored project."""
        raise NotImplementedError

    def find(
        self,
        filters: Mapping[str, Any] | None = None,
        *,
        words: str = "",
        like: str = "",
        sort: str = "row",
        descending: bool = False,
        view: str | None = None,
    ) -> pd.DataFrame:
        """The texts that pass filters and words, one line each, in the order that is asked for.

        ``filters`` are values by kind, as ``llkd texts --filter`` takes them: all kinds must hold,
        of several values of one kind any. ``words`` must all occur; quotes hold a phrase, a minus
        leaves out. ``like``: the 200 nearest to a typed meaning, nearest first. ``view`` is a
        saved view to begin with, of which the other arguments replace what they name.

        Raises UserError before the first label, for a filter that is none, or for ``like`` without
        embeddings (``labels.measure_need()`` makes them); NotFound for a view that is none.
        """
        from llkd.config import build
        from llkd.config.text_view import TextView
        from llkd.workflows.text_listing import list_texts

        store = self.workspace.store
        with python_words():
            base = TextView() if view is None else store.text_views.get(self.record.id, view).view
            named = _filters(self.record, base.filters, filters or {})
            usual = TextView()
            changed = {
                name: value
                for name, value in (
                    ("words", words), ("meaning", like), ("order", sort),
                    ("descending", descending),
                )
                if value != getattr(usual, name)
            }  # fmt: skip
            wanted = build(TextView, {**dict(base), "filters": named, **changed})
            return list_texts(store, self.record, wanted).frame()

    def note(self, row: int, text: str, *, who: str = "local user") -> None:
        """Note something on the text of that row. Raises UserError for what cannot be a note."""
        from llkd.errors import UserError

        with python_words():
            if not 0 <= row < self.record.rows:
                raise UserError(f"A row is a number from 0 to {self.record.rows - 1}.")
            self.workspace.store.history.add_note(self.record.id, [row], text, who)

    def notes(self) -> dict[int, list[str]]:
        """What people noted on texts, by row, oldest first."""
        notes = self.workspace.store.history.notes(self.record.id)
        return {row: [note.text for note in each] for row, each in sorted(notes.items())}

    def history(self) -> pd.DataFrame:
        """Who decided what, newest first: labels, exclusions, flags, notes, undos, class changes.

        Columns: ``when``, ``who``, ``action``, ``id``, ``text``, ``before``, ``after``, ``state``
        (``stands``, ``overwritten`` or ``undone``), ``row``, ``batch``.
        """
        from llkd.curation.decision_history import HistoryFilter, history_entries, history_table

        store, project = self.workspace.store, self.record
        return history_table(store, project, history_entries(store, project, HistoryFilter()))


def _filters(
    project: Project, filters: TextFilters, values_by_kind: Mapping[str, Any]
) -> TextFilters:
    from llkd.curation.typed_filters import with_typed_filters

    for kind, values in values_by_kind.items():
        filters = filters.without_kind(kind)
        several = (
            values if isinstance(values, Iterable) and not isinstance(values, str) else [values]
        )
        typed = [f"{kind}={_typed(value)}" for value in several]
        filters = with_typed_filters(project, filters, typed)
    return filters


def _typed(value: Any) -> str:
    """A value as the command line takes it: True and False are yes and no."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
