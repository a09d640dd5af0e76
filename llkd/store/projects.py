"""Projects and their texts. The texts are written once, whole, and never change."""

from __future__ import annotations

import hashlib
import re
import shutil
import time
import unicodedata
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from llkd.config import LabelSet, build
from llkd.errors import NotFound, StoreError, UserError
from llkd.store import schema
from llkd.store.database import new_id
from llkd.store.home import Home, atomic_file

TEXT_SCHEMA = pa.schema(
    [
        ("row", pa.int32()),
        ("id", pa.string()),
        ("text", pa.string()),
        ("gold", pa.string()),
        ("split", pa.string()),
    ]
)


@dataclass(frozen=True)
class Project:
    """One project: its texts are rows 0 to ``rows - 1``."""

    id: int
    name: str
    created: float
    source: str
    rows: int
    digest: str
    report: dict[str, Any]
    label_set: LabelSet | None
    labelling_id: int | None


class Projects:
    """The projects of one home."""

    def __init__(self, engine: sa.Engine, home: Home) -> None:
        self._engine = engine
        self._home = home

    def create(
        self,
        name: str,
        texts: pd.DataFrame,
        *,
        source: str,
        report: dict[str, Any],
        label_set: LabelSet | None = None,
    ) -> Project:
        """Store checked texts (columns id, text, gold, split) as a new project, all or nothing.

        Raises UserError where the name is taken or not usable.
        """
        name = checked_name(name)
        table = _as_table(texts)
        table_digest = digest(texts)
        with self._engine.begin() as connection:
            if self._find(connection, name) is not None:
                raise UserError(
                    f"There is a project {name!r} already. Choose another name, or delete that one."
                )
            made = connection.execute(
                sa.insert(schema.projects).values(
                    name=name,
                    created=time.time(),
                    source=source[:500],
                    rows=len(texts),
                    digest=table_digest,
                    report=report,
                    label_set=label_set.model_dump(mode="json") if label_set else None,
                )
            )
            project_id = new_id(made)
            # Inside the transaction: a disk that is full leaves no project behind.
            with atomic_file(self._home.project(project_id) / "texts.parquet") as temporary:
                pq.write_table(table, temporary, compression="zstd")
        return self.get(name)

    def get(self, name: str) -> Project:
        """The project of that name. Raises NotFound, naming those there are."""
        with self._engine.connect() as connection:
            wanted = unicodedata.normalize("NFC", name).strip()
            # No database can be asked for what is no text (half a character, a NUL).
            found = self._find(connection, wanted) if wanted.isprintable() else None
            if found is None:
                names = [r.name for r in connection.execute(sa.select(schema.projects.c.name))]
                known = ", ".join(sorted(names)) if names else "none yet"
                raise NotFound(
                    f"There is no project {name!r}. Projects here: {known}. "
                    "Make one with: llkd import FILE --project NAME"
                )
        return found

    def by_id(self, project_id: int) -> Project:
        """The project of that number. Raises NotFound."""
        with self._engine.connect() as connection:
            row = connection.execute(
                sa.select(schema.projects).where(schema.projects.c.id == project_id)
            ).one_or_none()
        if row is None:
            raise NotFound(f"There is no project number {project_id}.")
        return _project(row)

    def all(self) -> list[Project]:
        """Every project, newest first."""
        order = schema.projects.c.id.desc()  # numbers only grow; the clock may be set back
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(schema.projects).order_by(order)).all()
        return [_project(row) for row in rows]

    def set_label_set(self, project_id: int, label_set: LabelSet) -> None:
        """Replace the classes for teacher passes to come; passes made keep their own."""
        self._update(project_id, label_set=label_set.model_dump(mode="json"))

    def use_labelling(self, project_id: int, labelling_id: int) -> None:
        """Make one teacher pass the current one."""
        self._update(project_id, labelling_id=labelling_id)

    def delete(self, project_id: int) -> None:
        """Remove a project with all that belongs to it."""
        of_project = schema.jobs.c.project_id == project_id
        with self._engine.begin() as connection:
            jobs = connection.execute(sa.select(schema.jobs.c.id).where(of_project)).scalars().all()
            for table in (
                schema.human_labels,
                schema.selections,
                schema.events,
                schema.jobs,
                schema.runs,
                schema.labellings,
            ):
                connection.execute(sa.delete(table).where(table.c.project_id == project_id))
            connection.execute(sa.delete(schema.projects).where(schema.projects.c.id == project_id))
        for folder in (self._home.project(project_id), *map(self._home.job, jobs)):
            shutil.rmtree(folder, ignore_errors=True)

    def texts(self, project_id: int, columns: list[str] | None = None) -> pd.DataFrame:
        """The texts in row order: row, id, text, gold (None where unknown), split."""
        path = self._home.project(project_id) / "texts.parquet"
        if not path.exists():
            raise NotFound(f"The texts of project number {project_id} are missing: {path}.")
        try:
            return pq.read_table(path, columns=columns).to_pandas()
        except (pa.ArrowException, OSError) as error:
            raise StoreError(
                f"The texts of project number {project_id} cannot be read: {path} is damaged. Put "
                "it back from a backup, or import the file again as a new project."
            ) from error

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
        return None if row is None else _project(row)


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


def digest(texts: pd.DataFrame) -> str:
    """SHA-256 of ids and texts in row order: equal for equal text sets."""
    total = hashlib.sha256()
    for column in ("id", "text"):
        for value in texts[column]:
            data = str(value).encode("utf-8", "surrogatepass")
            total.update(len(data).to_bytes(8, "little") + data)
    return total.hexdigest()


def _as_table(texts: pd.DataFrame) -> pa.Table:
    frame = texts[["id", "text", "gold", "split"]].copy()
    frame.insert(0, "row", range(len(frame)))
    frame["gold"] = frame["gold"].where(frame["gold"].notna(), None)
    return pa.Table.from_pandas(frame, schema=TEXT_SCHEMA, preserve_index=False)


def _project(row: Any) -> Project:
    values = dict(row._mapping)
    if values["label_set"] is not None:
        values["label_set"] = build(LabelSet, values["label_set"])
    return Project(**values)
