"""The texts of projects, which are written once, whole, and never change.

Texts that are added later lie in files of their own behind those that are there, and count from the
moment in which the project's record names them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
from filelock import FileLock, Timeout

from llkd.config import LabelSet
from llkd.errors import LLKDError, NotFound, UserError
from llkd.store import schema
from llkd.store.classes import stored_classes
from llkd.store.damaged import read_record
from llkd.store.engine.database import can_be
from llkd.store.engine.moments import present
from llkd.store.files.permissions import make_folder, mode_in
from llkd.store.files.quarantine import Quarantine
from llkd.store.files.text_files import (
    as_table,
    digest,
    not_stored,
    read_text_files,
    require_file,
    write_texts,
)
from llkd.store.home import Home, atomic_file
from llkd.store.job_records import LIVE
from llkd.store.texts.project_record import Addition, Project, project_from_row

_OF_THE_IMPORT = "near-duplicates"  # a kind of job
WAIT_SECONDS = 120.0


class ProjectTexts:
    """The texts of the projects of one home, and how others are added to them."""

    def __init__(self, engine: sa.Engine, home: Home) -> None:
        self._engine = engine
        self._home = home

    def by_id(self, project_id: int) -> Project:
        """The project of that number. Raises NotFound."""
        with self._engine.connect() as connection:
            query = sa.select(schema.projects).where(schema.projects.c.id == project_id)
            row = connection.execute(query).one_or_none() if can_be(project_id) else None
        if row is None:
            raise NotFound(f"There is no project number {project_id}.")
        return project_of(row)

    def append(
        self,
        project: Project,
        texts: pd.DataFrame,
        *,
        source: str,
        report: dict[str, Any],
        label_set: LabelSet | None = None,
        between: Callable[[], None] | None = None,
    ) -> Project:
        """Add checked texts behind those of ``project``, all or nothing; the project with them.

        No row, id or text that is there changes. The arguments are those of :meth:`create`;
        ``label_set`` are the classes of a project that has none yet.

        Raises:
            UserError: other texts were added since ``project`` was read, or a job works on it.
            StoreError: the disk is full or cannot be written; nothing is changed.
        """
        table = as_table(texts, project.rows)
        own = digest(texts, between)
        addition = Addition(
            project.rows, len(texts), own, project.digest, present(), source[:500], report
        )
        with self.adding(project.id):
            self._set_aside_added(project.id)
            path = self._home.added_texts(project.id, addition.first, addition.digest)
            try:
                with atomic_file(path) as temporary:
                    write_texts(table, temporary, between)
                with self._engine.begin() as connection:
                    record_addition(connection, project, addition, label_set)
            except BaseException as error:
                if path not in self._named_files(project.id, [path]):
                    path.unlink(missing_ok=True)
                if isinstance(error, OSError | sa.exc.SQLAlchemyError):
                    raise not_stored(error, "The texts", "add them again") from error
                raise
        return self.by_id(project.id)

    @contextmanager
    def adding(self, project_id: int) -> Iterator[None]:
        """Be the only one to add texts to a project. Raises UserError where another goes on."""
        path = self._home.adding_lock(project_id)
        make_folder(path.parent)
        try:
            lock = FileLock(path, timeout=WAIT_SECONDS, mode=mode_in(path.parent))
            lock.acquire()
        except Timeout:
            raise UserError(
                "Texts are being added to this project by another process. Nothing was changed; "
                "try again in a moment."
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _set_aside_added(self, project_id: int) -> None:
        """Move away files of texts that the record does not name.

        Adding them was cut short, or an older database was put back.
        """
        files = self._home.all_added_texts(project_id)
        named_files = self._named_files(project_id, files) if files else []
        for path in files:
            if path not in named_files:
                Quarantine(self._home).move(path, "No record names these added texts.")

    def _named_files(self, project_id: int, files: list[Path]) -> list[Path]:
        """The files that the record names now; all of them where nobody can say."""
        try:
            return self.text_files(self.by_id(project_id))
        except LLKDError:
            return files

    def text_files(self, project: Project) -> list[Path]:
        """The files with the texts of a project, in row order."""
        return [
            self._home.texts(project.id),
            *(
                self._home.added_texts(project.id, addition.first, addition.digest)
                for addition in project.additions
            ),
        ]

    def require_texts(self, project_id: int) -> None:
        """Raise NotFound where a file of a project's texts is gone."""
        for path in self.text_files(self.by_id(project_id)):
            require_file(project_id, path)

    def texts(self, project: Project | int, columns: list[str] | None = None) -> pd.DataFrame:
        """The texts in row order: row, id, text, gold (None where unknown), split.

        Those that ``project`` has, whatever was added since; by its number, those it has now.
        """
        stage = self.by_id(project) if isinstance(project, int) else project
        return read_text_files(stage.id, self.text_files(stage), stage.stages, columns)


def project_of(row: Any) -> Project:
    """The project of a record. Raises DamagedRecord."""
    return read_record(row, "project", project_from_row)


def record_addition(
    connection: sa.Connection, project: Project, addition: Addition, label_set: LabelSet | None
) -> None:
    """Let the record name what was added, where it is still what ``project`` is.

    Raises UserError where it is not, or where a job works on the project: jobs and texts are made
    in transactions that wait for one another, so none begins while its texts change. The search
    for near-duplicates is in nobody's way: it is among the texts of the import, which stay.
    """
    table = schema.projects
    job_table = schema.jobs
    query = sa.select(job_table.c.id).where(
        (job_table.c.project_id == project.id)
        & job_table.c.state.in_(LIVE)
        & (job_table.c.kind != _OF_THE_IMPORT)
    )
    job = connection.execute(query.limit(1)).scalar()
    if job is not None:
        raise UserError(
            f"Job {job} is working on {project.name!r}, and works with the texts it began with. "
            f"Nothing was changed; wait for it, or stop it with llkd cancel {job}, and add the "
            "texts then."
        )
    values: dict[str, Any] = {
        "rows": addition.first + addition.rows,
        "digest": addition.after,
        "additions": [each.document() for each in (*project.additions, addition)],
    }
    if label_set is not None:
        values["label_set"] = label_set.model_dump(mode="json")
    same = (table.c.id == project.id) & (table.c.digest == project.digest)
    classes_set = label_set is not None and stored_classes(connection, project.id) is not None
    update = sa.update(table).where(same).values(**values)
    if classes_set or connection.execute(update).rowcount != 1:
        raise UserError(
            f"{project.name!r} was changed meanwhile: others added texts to it, or set its "
            "classes. Nothing was added; add the texts again, and they are compared anew."
        )
    detail = {"source": addition.source, "first": addition.first, **addition.report}
    connection.execute(
        sa.insert(schema.events).values(
            project_id=project.id, created=addition.created, kind="add", detail=detail
        )
    )
