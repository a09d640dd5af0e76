"""A project's classes as they are edited: renamed, described, added and removed.

What people said of a class is stored under its key, so a renaming moves nothing and can lose
nothing. Only removing a class takes labels out of use: that is refused until it is asked for.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from llkd.config import ClassEdit, Label, LabelSet, build, edited, renamed
from llkd.config.class_edits import keeping_words
from llkd.errors import ConfigError, NotFound, UserError
from llkd.store import schema
from llkd.store.damaged import read_record
from llkd.store.home import Home
from llkd.store.job_records import LIVE


class ClassInUse(UserError):
    """An edit would take labels out of use that nobody has said may go."""


@dataclass(frozen=True)
class Carried:
    """How many texts carry a class: ``people`` gave it to so many, so many have it as ``gold``."""

    people: int = 0
    gold: int = 0

    def __bool__(self) -> bool:
        return bool(self.people or self.gold)

    def __add__(self, other: Carried) -> Carried:
        return Carried(self.people + other.people, self.gold + other.gold)

    def __str__(self) -> str:
        parts = [
            f"{number:,} {kind}{'' if number == 1 else 's'}"
            for number, kind in ((self.people, "label"), (self.gold, "gold label"))
            if number
        ]
        return " and ".join(parts) or "no label"


class Classes:
    """The classes of the projects of one home."""

    def __init__(self, engine: sa.Engine, home: Home) -> None:
        self._engine = engine
        self._home = home

    def edit(
        self, project_id: int, wanted: Sequence[Label], *, dropping: bool = False
    ) -> ClassEdit:
        """Make ``wanted`` the classes (see :func:`llkd.config.edited`: who is who goes by key).

        Raises ClassInUse where a class would go that texts carry, unless ``dropping``; UserError
        where a job at work might take one class for another; ConfigError for two of one name.
        """
        return self._change(project_id, lambda before: edited(before, wanted), dropping)

    def rename(self, project_id: int, names: Mapping[str, str]) -> ClassEdit:
        """Give classes other names, all at once: from old name to new. Raises as :meth:`edit`."""

        def change(before: LabelSet | None) -> ClassEdit:
            if before is None:
                raise UserError("This project has no classes yet, so there is none to rename.")
            return renamed(before, names)

        return self._change(project_id, change, False)

    def adopt(self, project_id: int, key: str, name: str) -> ClassEdit:
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
            return ClassEdit(before.model_copy(update=update), (), (), ())

        return self._change(project_id, change, False)

    def carried(self, project_id: int) -> dict[str, Carried]:
        """How many texts carry what is stored under each key."""
        with self._engine.connect() as connection:
            people = self._people(connection, project_id)
        gold = self._gold(project_id)
        return {key: Carried(people[key], gold[key]) for key in {*people, *gold}}

    def orphans(self, project_id: int) -> dict[str, Carried]:
        """Labels that count for nothing because their class is no more: by key, most first.

        They are of classes that were removed, or that a version before 0.4.0 renamed.
        """
        with self._engine.connect() as connection:
            label_set = stored_classes(connection, project_id)
        if label_set is None:
            return {}
        known = label_set.places
        lost = {k: c for k, c in self.carried(project_id).items() if k not in known}
        return dict(
            sorted(lost.items(), key=lambda item: (-item[1].people, -item[1].gold, item[0]))
        )

    def _change(self, project_id: int, change: Any, dropping: bool) -> ClassEdit:
        gold = self._gold(project_id)
        table = schema.projects
        with self._engine.begin() as connection:
            before = stored_classes(connection, project_id)
            edit: ClassEdit = change(before)
            if before is not None and edit.renamed:
                edit = _words_kept(connection, project_id, before, edit)
            people = self._people(connection, project_id)
            if not dropping:
                _refuse_loss(edit, people, gold)
            _refuse_mixing(connection, project_id, before, edit)
            document = edit.label_set.model_dump(mode="json")
            connection.execute(
                sa.update(table).where(table.c.id == project_id).values(label_set=document)
            )
            connection.execute(
                sa.insert(schema.events).values(
                    project_id=project_id,
                    created=time.time(),
                    kind="classes",
                    detail={
                        "renamed": [list(pair) for pair in edit.renamed],
                        "removed": [label.name for label in edit.removed],
                        "added": list(edit.added),
                        "classes": edit.label_set.names,
                    },
                )
            )
        return edit

    @staticmethod
    def _people(connection: sa.Connection, project_id: int) -> Counter[str]:
        table = schema.human_labels
        query = (
            sa.select(table.c.row, table.c.label)
            .where((table.c.project_id == project_id) & table.c.undone.is_(None))
            .where(table.c.action.in_(("label", "unlabel")))
            .order_by(table.c.id)
        )
        last: dict[int, str | None] = {}
        for row, label in connection.execute(query):
            last[row] = label
        return Counter(label for label in last.values() if label is not None)

    def _gold(self, project_id: int) -> Counter[str]:
        path = self._home.texts(project_id)
        try:
            column = pq.read_table(path, columns=["gold"])["gold"]
        except (OSError, pa.ArrowException):
            return Counter()  # without its texts a project has no gold that could be lost
        counts: Counter[str] = Counter()
        for entry in pc.value_counts(column).to_pylist():
            if entry["values"] is not None:
                counts[str(entry["values"])] = int(entry["counts"])
        return counts


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


def _refuse_loss(edit: ClassEdit, people: Counter[str], gold: Counter[str]) -> None:
    lost = []
    for label in edit.removed:
        counts = Carried()
        for key in (label.identity, *label.also):
            counts += Carried(people[key], gold[key])
        if counts:
            lost.append(f"{label.name!r} ({counts})")
    if lost:
        raise ClassInUse(
            f"Texts still carry {' and '.join(lost)}. Without the class these labels would not "
            "count any more. Rename the class in place of removing it, give these texts other "
            "labels first, or say that the labels may go."
        )


def _refuse_mixing(
    connection: sa.Connection, project_id: int, before: LabelSet | None, edit: ClassEdit
) -> None:
    """A name that moves from one class to another would mean two things to a job at work."""
    if before is None:
        return
    old = set(before.names)
    moved = sorted({new for _, new in edit.renamed if new in old} | (set(edit.added) & old))
    if not moved:
        return
    table = schema.jobs
    query = sa.select(table.c.id).where(
        (table.c.project_id == project_id) & table.c.state.in_(LIVE)
    )
    job = connection.execute(query.limit(1)).scalar()
    if job is not None:
        raise UserError(
            f"The name {moved[0]!r} would go from one class to another while job {job} is at work "
            "with it. Wait for the job, or stop it, and change the classes then."
        )
