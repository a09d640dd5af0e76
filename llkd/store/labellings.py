"""Teacher passes and their raw scores: append-only Parquet parts, the evidence never altered."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from filelock import FileLock, Timeout

from llkd.config import Calibration, LabelSet, TeacherConfig, build, todays
from llkd.errors import NotFound, StoreError
from llkd.store import schema
from llkd.store.classes import project_classes, with_project_classes
from llkd.store.damaged import DamagedRecord, documents, read_record, read_records
from llkd.store.database import can_be, new_id
from llkd.store.home import Home, atomic_file
from llkd.store.permissions import make_folder, mode_in

SCORE_SCHEMA = pa.schema(
    [
        ("row", pa.int32()),
        ("scores", pa.list_(pa.float32())),
        ("answer", pa.int16()),
        ("source", pa.string()),
        ("raw", pa.string()),
    ]
)
DAMAGED = ".damaged"


@dataclass(frozen=True)
class Labelling:
    """One teacher pass over a project's texts, with the classes it used.

    ``label_set`` is what the teacher was asked with and what scores are of; ``classes`` are the
    same classes under today's names, in the same order, and after them those that the project has
    got since. Labels and gold are found by the keys of either, never by names.
    ``cached``: texts whose answer was there already; ``cut``: texts that lost their middle.
    ``fits[c]``: the temperature fitted on top of calibration c, with the rows it was fitted on.
    ``rounds``: what each round of student-first labelling chose and how well the student did.
    """

    id: int
    project_id: int
    created: float
    label_set: LabelSet
    config: TeacherConfig
    fingerprint: str
    teacher: dict[str, Any]
    calibration: Calibration
    content_free: list[list[float]] | None
    tokens_in: int
    tokens_out: int
    seconds: float
    cached: int = 0
    cut: int = 0
    fits: dict[str, dict[str, Any]] | None = None
    rounds: list[dict[str, Any]] | None = None
    project_classes: LabelSet | None = None
    named_then: LabelSet | None = None

    @cached_property
    def classes(self) -> LabelSet:
        """The classes under today's names, those that came later after those asked about.

        With ``named_then`` these, as they were at some moment.
        """
        if self.named_then is not None:
            return self.named_then
        return todays(self.label_set, self.project_classes, added=True)


@dataclass(frozen=True)
class Scores:
    """What the teacher said. Arrays of length m, ``scores`` of shape [m, C]; one entry a row."""

    row: np.ndarray
    scores: np.ndarray
    answer: np.ndarray
    source: np.ndarray
    raw: np.ndarray


class Labellings:
    """The teacher passes of one home."""

    def __init__(self, engine: sa.Engine, home: Home) -> None:
        self._engine = engine
        self._home = home

    def find_or_create(
        self,
        project_id: int,
        *,
        label_set: LabelSet,
        config: TeacherConfig,
        fingerprint: str,
        teacher: dict[str, Any],
        calibration: Calibration,
    ) -> Labelling:
        """The pass with this fingerprint, so that no text is asked twice; else a new one."""
        table = schema.labellings
        same = (table.c.project_id == project_id) & (table.c.fingerprint == fingerprint)
        with self._engine.begin() as connection:
            found = connection.execute(sa.select(table.c.id).where(same)).scalar()
            if found is None:
                made = connection.execute(
                    sa.insert(table).values(
                        project_id=project_id,
                        created=time.time(),
                        label_set=label_set.as_asked().model_dump(mode="json"),
                        config=config.model_dump(mode="json"),
                        fingerprint=fingerprint,
                        teacher=teacher,
                        calibration=calibration,
                    )
                )
                found = new_id(made)
        return self.get(int(found))

    def find(self, project_id: int, fingerprint: str) -> Labelling | None:
        """The pass with this fingerprint, or None."""
        made = (one for one in self.all(project_id) if one.fingerprint == fingerprint)
        return next(made, None)

    def get(self, labelling_id: int) -> Labelling:
        """One pass. Raises NotFound."""
        table = schema.labellings
        with self._engine.connect() as connection:
            one = with_project_classes(table).where(table.c.id == labelling_id)
            row = connection.execute(one).one_or_none() if can_be(labelling_id) else None
        if row is None:
            raise NotFound(f"There is no teacher labelling number {labelling_id}.")
        return read_record(row, "teacher pass", _made)

    def all(self, project_id: int) -> list[Labelling]:
        """The passes of a project, newest first."""
        table = schema.labellings
        query = with_project_classes(table).where(table.c.project_id == project_id)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(table.c.id.desc())).all()
        return read_records(rows, "teacher pass", _made)[0]

    def in_use(self, project_id: int, wanted: int | None) -> Labelling | None:
        """The pass that the project's labels are of; None where there is no pass.

        That is ``wanted`` where it holds answers, else the newest pass that does: a pass that
        failed before its first answer takes nothing away from those there were.
        """
        passes = self.all(project_id)
        first = [one for one in passes if one.id == wanted]
        candidates = [*first, *passes]
        return next((one for one in candidates if self.holds(one)), next(iter(candidates), None))

    def holds(self, labelling: Labelling) -> bool:
        """Whether anything was answered in this pass."""
        folder = self._home.labelling(labelling.project_id, labelling.id)
        return any(folder.glob("part-*.parquet"))

    def damaged(self, project_id: int) -> list[DamagedRecord]:
        """Passes whose record cannot be read; :meth:`all` leaves them out."""
        query = sa.select(schema.labellings).where(schema.labellings.c.project_id == project_id)
        with self._engine.connect() as connection:
            return read_records(connection.execute(query).all(), "teacher pass", _made)[1]

    def set_calibration(self, labelling_id: int, calibration: Calibration) -> None:
        """Choose how scores become probabilities from now on; the scores stay as they are."""
        self._update(labelling_id, calibration=calibration)

    def set_content_free(self, labelling_id: int, scores: np.ndarray | None) -> None:
        """Keep the scores of content-free texts, for contextual calibration."""
        self._update(labelling_id, content_free=None if scores is None else scores.tolist())

    def set_fit(self, labelling_id: int, base: str, fit: dict[str, Any]) -> None:
        """Keep the temperature fitted on top of the calibration ``base``."""
        self._update(labelling_id, fits={**(self.get(labelling_id).fits or {}), base: fit})

    def set_rounds(self, labelling_id: int, rounds: list[dict[str, Any]]) -> None:
        """Keep what the rounds of student-first labelling chose and reached."""
        self._update(labelling_id, rounds=rounds)

    def add_cost(
        self,
        labelling_id: int,
        tokens_in: int,
        tokens_out: int,
        seconds: float,
        *,
        cached: int = 0,
        cut: int = 0,
    ) -> None:
        """Add to what the pass has used so far."""
        table = schema.labellings
        self._update(
            labelling_id,
            tokens_in=table.c.tokens_in + tokens_in,
            tokens_out=table.c.tokens_out + tokens_out,
            seconds=table.c.seconds + seconds,
            cached=table.c.cached + cached,
            cut=table.c.cut + cut,
        )

    def account(self, labelling: Labelling) -> Path:
        """The file in which the calls of this pass are counted (see ``store.spending``)."""
        return self._home.labelling(labelling.project_id, labelling.id) / "calls.db"

    def append(self, labelling: Labelling, scores: Scores) -> None:
        """Write one part; a reader sees the whole part or nothing of it."""
        folder = self._home.labelling(labelling.project_id, labelling.id)
        # In the order they were written, also where the clock was set back in between.
        last = max((int(p.name.split("-")[1]) for p in folder.glob("part-*.parquet")), default=0)
        name = f"part-{max(time.time_ns(), last + 1):020d}-{uuid.uuid4().hex[:8]}.parquet"
        with atomic_file(folder / name) as temporary:
            pq.write_table(_as_table(scores), temporary, compression="zstd")

    def compact(self, labelling: Labelling) -> None:
        """Merge the parts into one. Killed in between, rows stand twice and are read once."""
        folder = self._home.labelling(labelling.project_id, labelling.id)
        parts = sorted(folder.glob("part-*.parquet"))
        if len(parts) > 1:
            merged = self.scores(labelling)
            self.append(labelling, merged)
            for part in parts:
                part.unlink(missing_ok=True)

    def scores(self, labelling: Labelling) -> Scores:
        """Everything the teacher has said so far, one entry per row, in row order."""
        classes = len(labelling.label_set.labels)
        tables = self._tables(labelling)
        if not tables:
            return Scores(
                np.empty(0, np.int64),
                np.empty((0, classes), np.float32),
                np.empty(0, np.int64),
                np.empty(0, object),
                np.empty(0, object),
            )
        table = pa.concat_tables(tables)
        rows = table["row"].to_numpy().astype(np.int64)
        flat = table["scores"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        scores = flat.reshape(-1, classes)
        answer = table["answer"].to_numpy().astype(np.int64)
        kept = _standing(rows, usable(scores, answer))
        return Scores(
            rows[kept],
            scores[kept],
            answer[kept],
            table["source"].to_numpy(zero_copy_only=False)[kept],
            table["raw"].to_numpy(zero_copy_only=False)[kept],
        )

    def set_aside(self, labelling: Labelling) -> list[Path]:
        """Parts that were found damaged and are read no more; their rows count as not labelled."""
        folder = self._home.labelling(labelling.project_id, labelling.id)
        return sorted(folder.glob(f"part-*.parquet{DAMAGED}"))

    def unusable(self, labelling: Labelling) -> np.ndarray:
        """Rows whose answer was neither scores nor a class, sorted: the review queue."""
        found = self.scores(labelling)
        return found.row[~usable(found.scores, found.answer)]

    def done(self, labelling: Labelling) -> np.ndarray:
        """Rows that need not be asked again: those in the parts, sorted."""
        rows = [table["row"].to_numpy() for table in self._tables(labelling, ["row"])]
        if not rows:
            return np.empty(0, np.int32)
        found = np.concatenate(rows)
        return found if (found[1:] > found[:-1]).all() else np.unique(found)

    def _tables(self, labelling: Labelling, columns: list[str] | None = None) -> list[pa.Table]:
        """Every part; again from the start where a merge took one away in between."""
        folder = self._home.labelling(labelling.project_id, labelling.id)
        while True:
            try:
                read = [_read(path, columns) for path in sorted(folder.glob("part-*.parquet"))]
                return [table for table in read if table is not None]
            except FileNotFoundError:
                continue

    @contextmanager
    def exclusive(self, labelling: Labelling, waiting: Callable[[], None]) -> Iterator[None]:
        """Be the only one to label in this pass; ``waiting`` is called while another is."""
        folder = self._home.labelling(labelling.project_id, labelling.id)
        make_folder(folder)
        lock = FileLock(folder / "lock", mode=mode_in(folder))
        while True:
            try:
                lock.acquire(timeout=0.5)
                break
            except Timeout:
                waiting()
        try:
            yield
        finally:
            lock.release()

    def version(self, labelling: Labelling) -> str:
        """Changes whenever a part is added: a key for caches."""
        folder = self._home.labelling(labelling.project_id, labelling.id)
        parts = sorted(folder.glob("part-*.parquet"))
        return f"{labelling.id}-{len(parts)}-{parts[-1].name if parts else ''}"

    def _update(self, labelling_id: int, **values: Any) -> None:
        table = schema.labellings
        with self._engine.begin() as connection:
            connection.execute(sa.update(table).where(table.c.id == labelling_id).values(**values))


def usable(scores: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """Which of m answers hold something: scores ``[m, C]`` of numbers, or a class outright."""
    return np.isfinite(scores).all(axis=1) | (answer >= 0)


def _standing(rows: np.ndarray, good: np.ndarray) -> np.ndarray:
    """For each row, sorted, the place of its first usable entry, else of its last entry.

    A text that was asked again stands twice; so do all, for a moment, when a merge is killed. A
    usable answer is never replaced, an unusable one is by whatever came later.
    """
    place = np.arange(len(rows))
    order = np.lexsort((np.where(good, -place, place), good, rows))
    last = np.append(rows[order][1:] != rows[order][:-1], True)
    return order[last]


def _read(path: Path, columns: list[str] | None = None) -> pa.Table | None:
    """One part, or None where it is damaged. Raises FileNotFoundError where it was merged away.

    A damaged part is set aside under another name: its rows count as not labelled. A part that
    cannot be opened now (permissions, too many files) is not damaged: that raises StoreError.
    """
    try:
        table = pq.read_table(path, columns=columns)
        if set(columns or SCORE_SCHEMA.names) <= set(table.column_names):
            return table
        error: Exception = ValueError("it has other columns")
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as failed:
        if isinstance(failed, OSError) and failed.errno is not None:
            raise StoreError(f"The labels in {path} cannot be read: {failed.strerror}.") from failed
        error = failed
    path.rename(path.with_name(path.name + DAMAGED))
    reason = " ".join(str(error).split())[:200]
    logging.getLogger("llkd").warning(
        "A part of the labels is damaged and was set aside: %s (%s). Its texts count as not "
        "labelled; labelling again asks about them only, and answers kept cost nothing.",
        path.with_name(path.name + DAMAGED),
        reason,
    )
    return None


def _as_table(scores: Scores) -> pa.Table:
    frame = pd.DataFrame(
        {
            "row": scores.row,
            "scores": list(np.asarray(scores.scores, dtype=np.float32)),
            "answer": scores.answer,
            "source": scores.source,
            "raw": scores.raw,
        }
    )
    return pa.Table.from_pandas(frame, schema=SCORE_SCHEMA, preserve_index=False)


def _made(values: dict[str, Any]) -> Labelling:
    documents(values, "label_set", "config", "teacher", optional=("fits",))
    values["label_set"] = build(LabelSet, values["label_set"])
    values["config"] = build(TeacherConfig, values["config"])
    values["project_classes"] = project_classes(values)
    return Labelling(**values)
