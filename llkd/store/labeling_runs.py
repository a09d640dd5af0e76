"""Teacher passes and their raw scores: append-only Parquet parts, the evidence never altered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from filelock import FileLock, Timeout

from llkd.config import Calibration, LabelSet, TeacherConfig, build, todays
from llkd.errors import NotFound
from llkd.store import schema
from llkd.store.classes import project_classes, with_project_classes
from llkd.store.damaged import DamagedRecord, documents, read_record, read_records
from llkd.store.engine.database import can_be, new_id
from llkd.store.engine.moments import present
from llkd.store.files.permissions import make_folder, mode_in
from llkd.store.files.score_files import ScoreFiles, Scores, usable
from llkd.store.home import Home


@dataclass(frozen=True)
class LabelingRun:
    """One teacher pass over a project's texts, with the classes it used.

    ``label_set`` is what the teacher was asked with and what scores are of; ``classes`` are the
    same classes under today's names, in the same order, those that were merged since as one, and
    after them those that the project has got since. Labels and gold are found by the keys of
    either, never by names.
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

    @cached_property
    def shares(self) -> tuple[tuple[int, ...], ...]:
        """Of each class that the teacher was asked about, which of ``classes`` it is.

        Several where it was split since: which of them it is, the teacher was not asked.
        """
        return tuple(self.classes.shares(key) for key in self.label_set.keys)

    @property
    def width(self) -> int:
        """How many of ``classes`` the teacher can have named."""
        return 1 + max((place for places in self.shares for place in places), default=-1)

    @property
    def as_asked(self) -> bool:
        """Whether its classes are those asked about, none merged or split since."""
        return self.shares == tuple((place,) for place in range(len(self.shares)))

    def in_classes_of(self, classes: LabelSet) -> LabelingRun:
        """The same pass in the classes of a run; itself where they are no others."""
        if self.classes.keys[: len(classes.keys)] == classes.keys:
            return self
        if not all(classes.shares(key) for key in self.label_set.keys):
            return self
        return replace(self, named_then=classes)


class LabelingRuns:
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
    ) -> LabelingRun:
        """The pass with this fingerprint, so that no text is asked twice; else a new one."""
        table = schema.labeling_runs
        same = (table.c.project_id == project_id) & (table.c.fingerprint == fingerprint)
        with self._engine.begin() as connection:
            run_id = connection.execute(sa.select(table.c.id).where(same)).scalar()
            if run_id is None:
                insertion = connection.execute(
                    sa.insert(table).values(
                        project_id=project_id,
                        created=present(),
                        label_set=label_set.as_asked().model_dump(mode="json"),
                        config=config.model_dump(mode="json"),
                        fingerprint=fingerprint,
                        teacher=teacher,
                        calibration=calibration,
                    )
                )
                run_id = new_id(insertion)
        return self.get(int(run_id))

    def find(self, project_id: int, fingerprint: str) -> LabelingRun | None:
        """The pass with this fingerprint, or None."""
        same_runs = (run for run in self.all(project_id) if run.fingerprint == fingerprint)
        return next(same_runs, None)

    def get(self, labelling_id: int) -> LabelingRun:
        """One pass. Raises NotFound."""
        table = schema.labeling_runs
        with self._engine.connect() as connection:
            query = with_project_classes(table).where(table.c.id == labelling_id)
            row = connection.execute(query).one_or_none() if can_be(labelling_id) else None
        if row is None:
            raise NotFound(f"There is no teacher labelling number {labelling_id}.")
        return read_record(row, "teacher pass", _from_row)

    def all(self, project_id: int) -> list[LabelingRun]:
        """The passes of a project, newest first."""
        table = schema.labeling_runs
        query = with_project_classes(table).where(table.c.project_id == project_id)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(table.c.id.desc())).all()
        return read_records(rows, "teacher pass", _from_row)[0]

    def in_use(self, project_id: int, wanted: int | None) -> LabelingRun | None:
        """The pass that the project's labels are of; None where there is no pass.

        That is ``wanted`` where it holds answers, else the newest pass that does: a pass that
        failed before its first answer takes nothing away from those there were.
        """
        passes = self.all(project_id)
        first = [run for run in passes if run.id == wanted]
        candidates = [*first, *passes]
        return next((run for run in candidates if self.holds(run)), next(iter(candidates), None))

    def holds(self, labeling_run: LabelingRun) -> bool:
        """Whether anything was answered in this pass."""
        folder = self._home.labeling_run(labeling_run.project_id, labeling_run.id)
        return any(folder.glob("part-*.parquet"))

    def damaged(self, project_id: int) -> list[DamagedRecord]:
        """Passes whose record cannot be read; :meth:`all` leaves them out."""
        query = sa.select(schema.labeling_runs).where(
            schema.labeling_runs.c.project_id == project_id
        )
        with self._engine.connect() as connection:
            return read_records(connection.execute(query).all(), "teacher pass", _from_row)[1]

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
        table = schema.labeling_runs
        self._update(
            labelling_id,
            tokens_in=table.c.tokens_in + tokens_in,
            tokens_out=table.c.tokens_out + tokens_out,
            seconds=table.c.seconds + seconds,
            cached=table.c.cached + cached,
            cut=table.c.cut + cut,
        )

    def account(self, labeling_run: LabelingRun) -> Path:
        """The file in which the calls of this pass are counted (see ``store.spending``)."""
        return self.files(labeling_run).calls

    def files(self, labeling_run: LabelingRun) -> ScoreFiles:
        """The files of its folder."""
        return ScoreFiles(self._home.labeling_run(labeling_run.project_id, labeling_run.id))

    def append(self, labeling_run: LabelingRun, scores: Scores) -> None:
        """Write one part; a reader sees the whole part or nothing of it."""
        self.files(labeling_run).append(scores)

    def compact(self, labeling_run: LabelingRun) -> None:
        """Merge the parts into one. Killed in between, rows stand twice and are read once."""
        parts = self.files(labeling_run).parts()
        if len(parts) > 1:
            merged = self.scores(labeling_run)
            self.append(labeling_run, merged)
            for part in parts:
                part.unlink(missing_ok=True)

    def scores(self, labeling_run: LabelingRun) -> Scores:
        """Everything the teacher has said so far, one entry per row, in row order."""
        return self.files(labeling_run).scores(len(labeling_run.label_set.labels))

    def set_aside(self, labeling_run: LabelingRun) -> list[Path]:
        """Parts that were found damaged and are read no more; their rows count as not labelled."""
        return self.files(labeling_run).set_aside()

    def unusable(self, labeling_run: LabelingRun) -> np.ndarray:
        """Rows whose answer was neither scores nor a class, sorted: the review queue."""
        scores = self.scores(labeling_run)
        return scores.row[~usable(scores.scores, scores.answer)]

    def done(self, labeling_run: LabelingRun) -> np.ndarray:
        """Rows that need not be asked again: those in the parts, sorted."""
        rows = [table["row"].to_numpy() for table in self.files(labeling_run).tables(["row"])]
        if not rows:
            return np.empty(0, np.int32)
        all_rows = np.sort(np.concatenate(rows))
        return all_rows[np.append(True, all_rows[1:] > all_rows[:-1])]

    @contextmanager
    def exclusive(self, labeling_run: LabelingRun, waiting: Callable[[], None]) -> Iterator[None]:
        """Be the only one to label in this pass; ``waiting`` is called while another is."""
        path = self.files(labeling_run).lock
        make_folder(path.parent)
        lock = FileLock(path, mode=mode_in(path.parent))
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

    def version(self, labeling_run: LabelingRun) -> str:
        """Changes whenever a part is added: a key for caches."""
        parts = self.files(labeling_run).parts()
        return f"{labeling_run.id}-{len(parts)}-{parts[-1].name if parts else ''}"

    def _update(self, labelling_id: int, **values: Any) -> None:
        table = schema.labeling_runs
        with self._engine.begin() as connection:
            connection.execute(sa.update(table).where(table.c.id == labelling_id).values(**values))


def _from_row(values: dict[str, Any]) -> LabelingRun:
    documents(values, "label_set", "config", "teacher", optional=("fits",))
    values["label_set"] = build(LabelSet, values["label_set"])
    values["config"] = build(TeacherConfig, values["config"])
    values["project_classes"] = project_classes(values)
    return LabelingRun(**values)
