"""Projects: made with their texts, found, renamed, archived and removed."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from llkd.config import LabelSet, in_place
from llkd.errors import NotFound, UserError
from llkd.store import schema
from llkd.store.classes import Classes
from llkd.store.damaged import DamagedRecord, read_records
from llkd.store.engine.database import new_id
from llkd.store.engine.moments import present
from llkd.store.files.text_files import (
    as_table,
    clear_orphans,
    digest,
    not_stored,
    out_of_the_way,
    staged,
)
from llkd.store.home import _sync
from llkd.store.texts.project_record import Project, project_from_row
from llkd.store.texts.project_texts import ProjectTexts, project_of


class Projects(ProjectTexts):
    """The projects of one home."""

    def create(
        self,
        name: str,
        texts: pd.DataFrame,
        *,
        source: str,
        report: dict[str, Any],
        label_set: LabelSet | None = None,
        between: Callable[[], None] | None = None,
    ) -> Project:
        """Store checked texts as a new project, all or nothing.

        Args:
            name: of the project.
            texts: with the columns id, text, gold and split and, where they came from several
                files, source.
            source: where they came from, in words.
            report: what was found while they were read.
            label_set: the classes, where they are known.
            between: called after every some MiB, to let go of memory.

        Raises:
            UserError: the name is taken or not usable.
            StoreError: the disk is full or cannot be written; nothing is left behind.
        """
        name = checked_name(name)
        table = as_table(texts)
        with self._engine.connect() as connection:
            self._refuse_taken(connection, name)
        clear_orphans(self._home, self._numbers())
        values = {
            "name": name,
            "created": present(),
            "source": source[:500],
            "rows": len(texts),
            "digest": digest(texts, between),
            "report": report,
            "label_set": label_set.model_dump(mode="json") if label_set else None,
        }
        # The texts are written before the transaction, which other processes would wait for.
        with staged(self._home, table, between) as staging:
            folder: Path | None = None
            try:
                with self._engine.begin() as connection:
                    self._refuse_taken(connection, name)
                    insertion = connection.execute(sa.insert(schema.projects).values(**values))
                    place = self._home.project(new_id(insertion))
                    # What lies there already is of no project that the database knows.
                    out_of_the_way(self._home, place)
                    os.replace(staging, place)
                    folder = place
                    _sync(folder.parent)
            except BaseException as error:
                if folder is not None:
                    shutil.rmtree(folder, ignore_errors=True)
                if isinstance(error, OSError | sa.exc.SQLAlchemyError):
                    raise not_stored(error) from error
                raise
        return self.get(name)

    def _refuse_taken(self, connection: sa.Connection, name: str) -> None:
        if self._find(connection, name) is not None:
            raise UserError(
                f"There is a project {name!r} already. Choose another name, or delete that one."
            )

    def get(self, name: str) -> Project:
        """The project of that name. Raises NotFound, naming those there are."""
        with self._engine.connect() as connection:
            wanted = unicodedata.normalize("NFC", name).strip()
            # No database can be asked for what is no text (half a character, a NUL).
            project = self._find(connection, wanted) if wanted.isprintable() else None
            if project is None:
                in_use = schema.projects.c.archived.is_(None)
                query = sa.select(schema.projects.c.name).where(in_use)
                names = list(connection.execute(query).scalars())
                known = ", ".join(sorted(names)) if names else "none yet"
                raise NotFound(
                    f"There is no project {name!r}. Projects here: {known}. "
                    "Make one with: llkd import FILE --project NAME"
                )
        return project

    def all(self) -> list[Project]:
        """Every project that can be read, newest first, archived ones among them."""
        return self.listed()[0]

    def listed(self) -> tuple[list[Project], list[DamagedRecord]]:
        """Every project, newest first, and those whose record is damaged."""
        order = schema.projects.c.id.desc()  # numbers only grow; the clock may be set back
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(schema.projects).order_by(order)).all()
        return read_records(rows, "project", project_from_row)

    def names(self) -> list[str]:
        """The names of the projects in use, newest first, those of damaged records among them."""
        table = schema.projects
        query = sa.select(table.c.name).where(table.c.archived.is_(None))
        with self._engine.connect() as connection:
            return list(connection.execute(query.order_by(table.c.id.desc())).scalars())

    def _numbers(self) -> set[int]:
        with self._engine.connect() as connection:
            return set(connection.execute(sa.select(schema.projects.c.id)).scalars())

    def set_label_set(
        self, project_id: int, label_set: LabelSet, *, dropping: bool = False
    ) -> None:
        """Replace the classes; who is who goes by key, else by name, else by place.

        By place: among as many classes as before, a new name where an old one is gone renames it.
        Raises ClassInUse where a class would go that texts carry, unless ``dropping`` (see
        ``store.classes``).
        """
        before = self.by_id(project_id).label_set
        wanted = label_set.labels if before is None else in_place(before, label_set.labels)
        Classes(self._engine, self._home).edit(project_id, wanted, dropping=dropping)

    def add_to_report(
        self, project_id: int, entries: dict[str, Any], *, without: str, warnings: Sequence[str]
    ) -> None:
        """Put what was found later into the report of the import, in place of ``without``."""
        table = schema.projects
        here = table.c.id == project_id
        with self._engine.begin() as connection:
            query = sa.select(table.c.report).where(here).with_for_update()
            report = dict(connection.execute(query).scalar_one())
            report.pop(without, None)
            earlier = report.get("warnings", [])
            report |= {**entries, "warnings": list(dict.fromkeys([*earlier, *warnings]))}
            connection.execute(sa.update(table).where(here).values(report=report))

    def use_labelling(self, project_id: int, labelling_id: int) -> None:
        """Make one teacher pass the current one."""
        self._update(project_id, labelling_id=labelling_id)

    def rename(self, project_id: int, name: str) -> Project:
        """Give a project another name; its number and all that is of it stay.

        What its jobs are asked with names it anew. Raises UserError where the name is taken or not
        usable, NotFound where there is no such project.
        """
        name = checked_name(name)
        before = self.by_id(project_id).name
        if name == before:
            return self.by_id(project_id)
        jobs = schema.jobs
        with self._engine.begin() as connection:
            self._refuse_taken(connection, name)
            here = schema.projects.c.id == project_id
            connection.execute(sa.update(schema.projects).where(here).values(name=name))
            query = sa.select(jobs.c.id, jobs.c.request).where(jobs.c.project_id == project_id)
            for job, request in connection.execute(query).all():
                if isinstance(request, dict) and request.get("project") == before:
                    changed = {**request, "project": name}
                    connection.execute(
                        sa.update(jobs).where(jobs.c.id == job).values(request=changed)
                    )
            _record(connection, project_id, "rename", {"from": before, "to": name})
        return self.by_id(project_id)

    def archive(self, project_id: int, archived: bool = True) -> Project:
        """Put a project away, or (``archived`` false) take it up again; all of it stays."""
        if (self.by_id(project_id).archived is not None) != archived:
            with self._engine.begin() as connection:
                here = schema.projects.c.id == project_id
                moment = present() if archived else None
                connection.execute(sa.update(schema.projects).where(here).values(archived=moment))
                _record(connection, project_id, "archive" if archived else "restore", {})
        return self.by_id(project_id)

    def delete(self, project_id: int) -> None:
        """Remove a project with all that belongs to it."""
        of_project = schema.jobs.c.project_id == project_id
        with self._engine.begin() as connection:
            jobs = connection.execute(sa.select(schema.jobs.c.id).where(of_project)).scalars().all()
            for table in (
                schema.certificates,
                schema.audit_answers,
                schema.audits,
                schema.human_labels,
                schema.label_samples,
                schema.selections,
                schema.text_views,
                schema.events,
                schema.jobs,
                schema.runs,
                schema.labeling_runs,
            ):
                connection.execute(sa.delete(table).where(table.c.project_id == project_id))
            connection.execute(sa.delete(schema.projects).where(schema.projects.c.id == project_id))
        for folder in (self._home.project(project_id), *map(self._home.job, jobs)):
            shutil.rmtree(folder, ignore_errors=True)

    def _update(self, project_id: int, **values: Any) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(schema.projects)
                .where(schema.projects.c.id == project_id)
                .values(**values)
            )

    @staticmethod
    def _find(connection: sa.Connection, name: str) -> Project | None:
        row = connection.execute(
            sa.select(schema.projects).where(schema.projects.c.name == name)
        ).one_or_none()
        return None if row is None else project_of(row)


def checked_name(name: str) -> str:
    """A project name as it is stored. Raises UserError for one that nobody could type again."""
    name = unicodedata.normalize("NFC", name).strip()
    printable = all(ch.isprintable() for ch in name)
    if not name or len(name) > 100 or not printable or not re.search(r"\w", name):
        raise UserError(
            "A project name has 1 to 100 printable characters with a letter or digit, "
            f"but it was {name!r}."
        )
    return name


def _record(connection: sa.Connection, project_id: int, kind: str, detail: dict[str, Any]) -> None:
    values = {"project_id": project_id, "created": present(), "kind": kind, "detail": detail}
    connection.execute(sa.insert(schema.events).values(**values))
