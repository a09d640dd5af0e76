"""A project's classes as they are edited: renamed, described, added and removed.

What people said of a class is stored under its key, so a renaming moves nothing and can lose
nothing. Only removing a class takes labels out of use: that is refused until it is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from llkd.config import ClassEdit, Label, LabelSet, build, edited, renamed
from llkd.config.class_changes import merged, split_up
from llkd.config.class_edits import keeping_words
from llkd.errors import ConfigError, NotFound, UserError
from llkd.store import schema
from llkd.store.class_counts import Carried, gold_counts, people_counts, refuse_loss
from llkd.store.class_history import (
    NOTED,
    SOMEBODY,
    ClassChange,
    ClassesChanged,
    changed_words,
    note,
    read_changes,
    undo_edit,
    undoable,
)
from llkd.store.damaged import read_record
from llkd.store.engine.moments import present
from llkd.store.home import Home
from llkd.store.job_records import LIVE


class Classes:
    """The classes of the projects of one home."""

    def __init__(self, engine: sa.Engine, home: Home) -> None:
        self._engine = engine
        self._home = home

    def edit(
        self,
        project_id: int,
        wanted: Sequence[Label],
        *,
        dropping: bool = False,
        who: str = SOMEBODY,
        shown: LabelSet | None = None,
    ) -> ClassEdit:
        """Make ``wanted`` the classes (see :func:`llkd.config.edited`: who is who goes by key).

        ``shown`` are the classes that the edit was made on, where somebody may have changed them
        since. Raises ClassesChanged where somebody did, ClassInUse where a class would go that
        texts carry, unless ``dropping``; UserError
        where a job at work might take one class for another; ConfigError for two of one name.
        """
        return self._change(project_id, lambda before: edited(before, wanted), dropping, who, shown)

    def rename(
        self, project_id: int, names: Mapping[str, str], *, who: str = SOMEBODY
    ) -> ClassEdit:
        """Give classes other names, all at once: from old name to new. Raises as :meth:`edit`."""
        return self._change(project_id, lambda before: renamed(_known(before), names), False, who)

    def merge(
        self,
        project_id: int,
        names: Sequence[str],
        into: str,
        *,
        who: str = SOMEBODY,
        shown: LabelSet | None = None,
    ) -> ClassEdit:
        """Make classes one (see :func:`llkd.config.class_changes.merged`).

        Raises ConfigError as that, UserError while a job of the project is at work, and
        ClassesChanged as :meth:`edit`.
        """
        return self._change(
            project_id, lambda before: merged(_known(before), names, into), False, who, shown
        )

    def split(
        self,
        project_id: int,
        name: str,
        parts: Sequence[Label],
        *,
        who: str = SOMEBODY,
        shown: LabelSet | None = None,
    ) -> ClassEdit:
        """Make several classes of one (see :func:`llkd.config.class_changes.split_up`).

        What people said of it is no label of any of them. Raises as :meth:`merge`.
        """
        return self._change(
            project_id, lambda before: split_up(_known(before), name, parts), False, who, shown
        )

    def undo(
        self,
        project_id: int,
        *,
        dropping: bool = False,
        who: str = SOMEBODY,
        token: str | None = None,
    ) -> ClassChange:
        """Take back the last change that stands, and return it; labels given since are kept.

        ``token`` is that of the change that was shown as the last. Raises ClassesChanged where it
        is another by now, UserError where there is none that can be taken back, ClassInUse where
        it added a class that people gave since, unless ``dropping``.
        """
        with self._engine.begin() as connection:
            changes = read_changes(connection, project_id)
            change = undoable(changes)
            if token is not None and change.token != token:
                raise ClassesChanged(changed_words(changes))
            before = stored_classes(connection, project_id)
            edit, gone = undo_edit(change, _known(before))
            if not dropping:
                since = people_counts(connection, project_id, change.created)
                refuse_loss(replace(edit, removed=gone), since, Counter())
            self._store(connection, project_id, before, edit, who, change.token)
        return change

    def history(self, project_id: int) -> list[ClassChange]:
        """Every change of the classes that was noted, oldest first."""
        with self._engine.connect() as connection:
            return read_changes(connection, project_id)

    def before_merges(self, project_id: int) -> list[tuple[float, LabelSet]]:
        """Of each merge its moment and the classes before it, oldest first."""
        return [
            (change.created, change.before)
            for change in self.history(project_id)
            if change.kind == "merge" and change.before is not None
        ]

    def adopt(self, project_id: int, key: str, name: str, *, who: str = SOMEBODY) -> ClassEdit:
        """Let labels that are of no class (``key``, see :meth:`orphans`) count as class ``name``.

        Raises UserError where there is no such class, or no such labels.
        """
        if key not in self.orphans(project_id):
            raise UserError(f"No labels of this project are of {key!r} without a class.")

        def change(before: LabelSet | None) -> ClassEdit:
            if before is None or name not in before.names:
                raise UserError(f"There is no class {name!r}.")
            labels = [
                label.model_copy(update={"also": (*label.also, key)})
                if label.name == name
                else label
                for label in before.labels
            ]
            retired = tuple(label for label in before.retired if label.identity != key)
            update = {"labels": tuple(labels), "retired": retired}
            edit = ClassEdit(before.model_copy(update=update), (), (), ())
            return replace(edit, kind="adopt", subject=(key,), result=(name,))

        return self._change(project_id, change, False, who)

    def carried(self, project_id: int) -> dict[str, Carried]:
        """How many texts carry what is stored under each key."""
        with self._engine.connect() as connection:
            people = people_counts(connection, project_id)
        gold = gold_counts(self._home, project_id)
        return {key: Carried(people[key], gold[key]) for key in {*people, *gold}}

    def orphans(self, project_id: int) -> dict[str, Carried]:
        """Labels that count for nothing because their class is no more: by key, most first.

        They are of classes that were removed, or that a version before 0.4.0 renamed. Those of a
        class that was split are none: they wait on a list of their own.
        """
        with self._engine.connect() as connection:
            label_set = stored_classes(connection, project_id)
        if label_set is None:
            return {}
        known = {*label_set.places}
        known |= {k for old in label_set.split_classes for k in (old.identity, *old.also)}
        lost = {k: c for k, c in self.carried(project_id).items() if k not in known}
        return dict(
            sorted(lost.items(), key=lambda item: (-item[1].people, -item[1].gold, item[0]))
        )

    def plan(
        self, project_id: int, change: Callable[[LabelSet], ClassEdit]
    ) -> tuple[LabelSet, ClassEdit]:
        """The classes now, and what a change would make of them; nothing is stored.

        Raises what the change raises, and UserError where there are no classes.
        """
        with self._engine.connect() as connection:
            before = _known(stored_classes(connection, project_id))
            edit = change(before)
            if edit.renamed and edit.kind == "edit":
                edit = _words_kept(connection, project_id, before, edit)
            return before, edit

    def _change(
        self,
        project_id: int,
        change: Callable[[LabelSet | None], ClassEdit],
        dropping: bool,
        who: str,
        shown: LabelSet | None = None,
    ) -> ClassEdit:
        gold = gold_counts(self._home, project_id)
        with self._engine.begin() as connection:
            before = stored_classes(connection, project_id)
            if shown is not None and shown != before:
                raise ClassesChanged(changed_words(read_changes(connection, project_id)))
            edit: ClassEdit = change(before)
            if before is not None and edit.renamed:
                edit = _words_kept(connection, project_id, before, edit)
            people = people_counts(connection, project_id)
            if not dropping:
                refuse_loss(edit, people, gold)
            self._store(connection, project_id, before, edit, who)
        return edit

    @staticmethod
    def _store(
        connection: sa.Connection,
        project_id: int,
        before: LabelSet | None,
        edit: ClassEdit,
        who: str,
        undoes: str | None = None,
    ) -> None:
        """The classes and the note of the change, in one transaction: both or neither."""
        _refuse_mixing(connection, project_id, before, edit)
        table = schema.projects
        document = edit.label_set.model_dump(mode="json")
        connection.execute(
            sa.update(table).where(table.c.id == project_id).values(label_set=document)
        )
        connection.execute(
            sa.insert(schema.events).values(
                project_id=project_id,
                created=present(),
                kind=NOTED,
                detail=note(edit, before, who, undoes),
            )
        )


def stored_classes(connection: sa.Connection, project_id: int) -> LabelSet | None:
    """The classes of a project as they are now.

    Raises NotFound where there is no such project, DamagedRecord where they cannot be read.
    """
    table = schema.projects
    query = sa.select(table.c.id, table.c.label_set).where(table.c.id == project_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no project number {project_id}.")

    def classes(values: dict[str, Any]) -> LabelSet | None:
        stored = values["label_set"]
        return None if stored is None else build(LabelSet, stored)

    return read_record(row, "project", classes)


def with_project_classes(table: sa.Table) -> sa.Select[Any]:
    """Every row of a table of things of projects, with the classes their projects have now."""
    projects = schema.projects
    now = sa.type_coerce(projects.c.label_set, schema.AnyDocument).label("project_classes")
    return sa.select(table, now).join(projects, projects.c.id == table.c.project_id)


def project_classes(values: dict[str, Any]) -> LabelSet | None:
    """What :func:`with_project_classes` read; None also where it is damaged: that is its own."""
    stored = values.get("project_classes")
    try:
        return None if stored is None else build(LabelSet, stored)
    except (ConfigError, TypeError):
        return None


def _words_kept(
    connection: sa.Connection, project_id: int, before: LabelSet, edit: ClassEdit
) -> ClassEdit:
    """The edit without new words in the prompt, where a teacher was asked with those of before."""
    table = schema.labeling_runs
    query = sa.select(table.c.label_set, table.c.teacher).where(table.c.project_id == project_id)
    for row in connection.execute(query.order_by(table.c.id.desc())):
        if not isinstance(row.teacher, dict) or not isinstance(row.label_set, dict):
            continue  # a damaged record
        if "file" in row.teacher:
            continue  # its labels were read from that file: nobody was asked in any words
        edit = keeping_words(edit, before, build(LabelSet, row.label_set))
    return edit


def _known(before: LabelSet | None) -> LabelSet:
    if before is None:
        raise UserError("This project has no classes yet, so there are none to change.")
    return before


def _groups(label_set: LabelSet) -> set[tuple[str, str, tuple[str, ...]]]:
    """What was merged into what, and what was split."""
    return {
        (label.identity, label.into, label.parts)
        for label in label_set.retired
        if label.into or label.parts
    }


def _refuse_mixing(
    connection: sa.Connection, project_id: int, before: LabelSet | None, edit: ClassEdit
) -> None:
    """A name that moves from one class to another would mean two things to a job at work.

    So would a class that is one of two by then, or two.
    """
    if before is None:
        return
    old = set(before.names)
    moved = sorted({new for _, new in edit.renamed if new in old} | (set(edit.added) & old))
    regrouped = _groups(edit.label_set) != _groups(before)
    if not moved and not regrouped:
        return
    table = schema.jobs
    query = sa.select(table.c.id).where(
        (table.c.project_id == project_id) & table.c.state.in_(LIVE)
    )
    job = connection.execute(query.limit(1)).scalar()
    if job is not None and not moved:
        raise UserError(
            f"Job {job} is at work with the classes as they are. Wait for it, or stop it, and "
            "merge or split classes then."
        )
    if job is not None:
        raise UserError(
            f"The name {moved[0]!r} would go from one class to another while job {job} is at work "
            "with it. Wait for the job, or stop it, and change the classes then."
        )
