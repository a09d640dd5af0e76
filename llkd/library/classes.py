"""A project's classes as they are changed: renamed, merged, split, added, removed, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llkd.config import ClassEdit, Label, LabelSet, edited, entries, renamed
from llkd.config.class_changes import merged, split_up
from llkd.errors import ConfigError
from llkd.library.wording import python_words
from llkd.store.class_history import SOMEBODY

if TYPE_CHECKING:
    from llkd.library.texts import Texts


class ClassChanges:
    """Changes of the classes of some texts, which :attr:`Texts.class_changes` gives.

    Every change returns sentences that say what it does to labels, gold, runs, selections and
    audits; with ``dry_run`` nothing is changed. ``who`` stands in the history.
    """

    def __init__(self, texts: Texts) -> None:
        """Use ``texts.class_changes``."""
        self._texts = texts

    def rename(
        self, names: Mapping[str, str], *, who: str = SOMEBODY, dry_run: bool = False
    ) -> list[str]:
        """Old name to new, all at once. Raises ConfigError for a name that is no class."""
        return self._change(
            lambda before: renamed(before, names),
            lambda project: self._classes.rename(project, names, who=who),
            dry_run,
        )

    def merge(
        self, names: Sequence[str], into: str, *, who: str = SOMEBODY, dry_run: bool = False
    ) -> list[str]:
        """Make these classes one. Raises ConfigError for names that are none."""
        return self._change(
            lambda before: merged(before, names, into),
            lambda project: self._classes.merge(project, names, into, who=who),
            dry_run,
        )

    def split(
        self,
        name: str,
        into: Sequence[str] | Mapping[str, str],
        *,
        who: str = SOMEBODY,
        dry_run: bool = False,
    ) -> list[str]:
        """Make several classes of one: names, or names with what belongs to each.

        What people said of it is a label of none of them; :meth:`waiting` has its texts.
        Raises ConfigError for a name that is no class, and for fewer than two parts.
        """
        parts = _labels(into)
        return self._change(
            lambda before: split_up(before, name, parts),
            lambda project: self._classes.split(project, name, parts, who=who),
            dry_run,
        )

    def add(
        self, name: str, description: str = "", *, who: str = SOMEBODY, dry_run: bool = False
    ) -> list[str]:
        """Add a class, which people can give at once. Raises ConfigError for a name that is taken.

        A teacher that labelled before was not asked about it.
        """
        return self._edit(lambda labels: [*labels, *_labels({name: description})], who, dry_run)

    def remove(
        self,
        name: str,
        *,
        drop_labels: bool = False,
        who: str = SOMEBODY,
        dry_run: bool = False,
    ) -> list[str]:
        """Remove a class. Raises UserError while texts carry it, unless ``drop_labels``.

        Dropped labels stay stored, and count again when the class comes back.
        """
        if name not in self._texts.classes:
            raise ConfigError(f"There is no class {name!r} to remove.")
        return self._edit(
            lambda labels: [label for label in labels if label.name != name],
            who,
            dry_run,
            drop_labels,
        )

    def undo(
        self, *, drop_labels: bool = False, who: str = SOMEBODY, dry_run: bool = False
    ) -> list[str]:
        """Take back the last change that stands; labels given since are kept.

        Raises UserError where there is none to take back, or where it added a class that people
        gave since, unless ``drop_labels``.
        """
        from llkd import curation

        with python_words():
            preview = curation.preview_undo(self._store, self._texts.record)
            if not dry_run:
                self._classes.undo(self._texts.project_id, dropping=drop_labels, who=who)
        return preview.lines()

    def history(self) -> list[dict[str, Any]]:
        """Every change, oldest first: ``created`` (seconds since 1970), ``who``, ``what`` and more.

        ``undone`` says whether it was taken back.
        """
        return [change.document() for change in self._classes.history(self._texts.project_id)]

    def waiting(self) -> dict[str, list[int]]:
        """Of each class that was split the rows to be labelled as one of its parts.

        Those that people had labelled come first, then those with gold, then the teacher's.
        """
        from llkd import curation

        lists = curation.split_texts(self._store, self._texts.record)
        return {entry.label.name: entry.rows.tolist() for entry in lists}

    @property
    def _store(self) -> Any:
        return self._texts.workspace.store

    @property
    def _classes(self) -> Any:
        return self._store.classes

    def _edit(
        self,
        change: Callable[[list[Label]], list[Label]],
        who: str,
        dry_run: bool,
        dropping: bool = False,
    ) -> list[str]:
        def wanted(before: LabelSet) -> list[Label]:
            return change(
                [label.model_copy(update={"key": label.identity}) for label in before.labels]
            )

        return self._change(
            lambda before: edited(before, wanted(before)),
            lambda project: self._classes.edit(
                project, wanted(self._texts.label_set), dropping=dropping, who=who
            ),
            dry_run,
        )

    def _change(
        self,
        change: Callable[[LabelSet], ClassEdit],
        make: Callable[[int], ClassEdit],
        dry_run: bool,
    ) -> list[str]:
        from llkd import curation

        with python_words():
            preview = curation.preview_classes(self._store, self._texts.record, change)
            if not dry_run:
                make(self._texts.project_id)
        return preview.lines()


def _labels(names: Sequence[str] | Mapping[str, str]) -> list[Label]:
    if isinstance(names, Mapping):
        rows = [{"name": name, "description": words} for name, words in names.items()]
    else:
        rows = [{"name": name} for name in names]
    return entries(rows)
