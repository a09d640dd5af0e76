"""Kills of jobs: labelling, training, exporting; resumed and compared with undisturbed ones."""

from __future__ import annotations

import hashlib
import json
import time
from abc import abstractmethod
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from benchmarks.killing.world import (
    LABELLED,
    Kill,
    Scenario,
    World,
)
from llkd import jobs
from llkd.config import TeacherConfig
from llkd.config.selection_rule import rule_of_choices
from llkd.jobs.requests import ExportRequest, LabelRequest, TrainRequest
from llkd.store import Job
from llkd.store.answers import Answers


class JobScenario(Scenario):
    """Work in a job: started once, resumed after each kill."""

    job: Job | None = None

    @abstractmethod
    def first(self) -> Job:
        """Start the job of a new piece of work."""

    def begin(self) -> int:
        """Start or resume."""
        again = self.job is not None
        self.job = jobs.resume(self.store, self.job.id) if self.job is not None else self.first()
        if self.job.pid is None:
            raise RuntimeError(f"{self.job.title} did not start ({again=})")
        return self.job.pid

    def runs(self) -> bool:
        """Whether the job lives."""
        self.job = jobs.refreshed(self.store, self.job.id)
        return self.job.live

    def at_work(self) -> bool:
        """Whether it has said how much there is to do."""
        return self.job.state == "running" and bool(self.job.total or self.job.kind == "export")

    def left(self) -> Kill:
        """As the kinds say; a job that was too quick for the kill is compared as finished."""
        if self.job.state == "finished":
            return self.ended()
        return self.kept_work()

    @abstractmethod
    def kept_work(self) -> Kill:
        """What the killed job left."""

    def ended(self) -> Kill:
        """What the job made; a failed one has lost its work."""
        job, self.job = self.job, None
        if job.state != "finished":
            return Kill(0.0, "", f"{job.title} {job.state}: {job.error}", lost=1)
        self.finished += 1
        return self.compared(job)

    @abstractmethod
    def compared(self, job: Job) -> Kill:
        """What the finished job made, compared with what it must be."""


class Labeling(JobScenario):
    """A teacher that reads each text once."""

    pieces = 0

    def first(self) -> Job:
        """``llkd label`` on a new project whose texts no earlier one has."""
        self.pieces += 1
        start = self.pieces * 100_000
        self.texts = [
            f"message number {start + k} about {'red' if k % 2 else 'blue'}"
            for k in range(LABELLED)
        ]
        self.project = self.world.project(f"labelled {self.pieces}", self.texts, ["red", "blue"])
        self.known: dict[str, int] = {}
        self.rows: set[int] = set()
        teacher = TeacherConfig(
            teacher="api:stand-in", base_url=self.world.server.url, concurrency=2
        )
        request = LabelRequest(project=self.project.name, teacher=teacher, probe=False)
        return jobs.start(self.store, request)

    def kept_work(self) -> Kill:
        """Nothing kept before is gone, and no text that was known has been asked about again."""
        lost, doubled = self._count()
        sentence = f"{self.project.name}: {len(self.known):,} of {LABELLED:,} answers kept"
        return Kill(0.0, "", sentence, lost, doubled)

    def compared(self, job: Job) -> Kill:
        """Every row stands once, with the label that its text asks for."""
        lost, doubled = self._count()
        (labeling_run,) = self.store.labeling_runs.all(self.project.id)
        folder = self.store.home.labeling_run(self.project.id, labeling_run.id)
        rows = np.concatenate(
            [pq.read_table(path)["row"].to_numpy() for path in folder.glob("part-*.parquet")]
        )
        scores = self.store.labeling_runs.scores(labeling_run)
        wrong = scores.scores.argmax(axis=1) != 1 - scores.row % 2
        lost += LABELLED - len(np.unique(rows)) + int(wrong.sum())
        doubled += len(rows) - len(np.unique(rows))
        sentence = f"{self.project.name}: finished, every text asked about once"
        return Kill(0.0, "", sentence, lost, doubled)

    def _count(self) -> tuple[int, int]:
        requests = self.world.server.asked
        doubled = sum(requests[text] - times for text, times in self.known.items())
        passes = self.store.labeling_runs.all(self.project.id)
        if not passes:
            return len(self.rows), doubled
        key = Answers.key(passes[0].teacher, passes[0].label_set.model_dump(mode="json"))
        missing = {self.texts[place] for place in self.store.answers.missing(key, self.texts)}
        rows = set(self.store.labeling_runs.done(passes[0]).tolist())
        there = set(self.texts) - missing | {self.texts[row] for row in rows}
        lost = len(self.rows - rows) + len(set(self.known) - there)
        self.rows, self.known = rows, {text: requests[text] for text in there}
        return lost, doubled


class Training(JobScenario):
    """A run that must end as an undisturbed one does, bit for bit."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.project, self.config = world.trained_project("trained")
        began = time.monotonic()
        world.done(self.first())
        self.seconds = time.monotonic() - began
        self.work = self.seconds / 2
        self.wanted = self._student_files()

    def first(self) -> Job:
        """``llkd train``."""
        return jobs.start(self.store, TrainRequest(project=self.project.name, training=self.config))

    def kept_work(self) -> Kill:
        """Where the run would go on. Its parts hold no step twice."""
        number = self.job.context.get("run_id")
        if number is None:
            return Kill(0.0, "", "no run yet")
        run = self.store.runs.get(int(number))
        at = [path.name for path in run.folder.glob("checkpoint-*")]
        steps = self.store.runs.steps(run)
        doubled = 0 if steps.empty else int(steps["step"].duplicated().sum())
        sentence = f"run {run.id}: {len(steps):,} steps logged, {at[0] if at else 'no checkpoint'}"
        return Kill(0.0, "", sentence, 0, doubled)

    def compared(self, job: Job) -> Kill:
        """Weights and step log are those of the undisturbed run."""
        weights, steps = self._student_files()
        lost = int(weights != self.wanted[0])
        doubled = int(steps["step"].duplicated().sum())
        if not doubled:
            lost += int(not steps.equals(self.wanted[1]))
        words = "the undisturbed weights" if not lost else "OTHER weights or steps"
        return Kill(0.0, "", f"run finished after {job.attempts} attempts: {words}", lost, doubled)

    def _student_files(self) -> tuple[str, pd.DataFrame]:
        run = self.store.runs.all(self.project.id)[-1]
        weights = (run.student_folder / "model.safetensors").read_bytes()
        steps = self.store.runs.steps(run)[["step", "selected", "loss", "learning_rate"]]
        return hashlib.sha256(weights).hexdigest(), steps.reset_index(drop=True)


class Exporting(JobScenario):
    """A curated set with its student: complete, or without a manifest."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.project, config = world.trained_project("exported")
        request = TrainRequest(project=self.project.name, training=config)
        world.done(jobs.start(self.store, request))
        (self.run,) = self.store.runs.all(self.project.id)
        self.number = 0
        began = time.monotonic()
        self.job = self.first()
        world.done(self.job)
        self.seconds = time.monotonic() - began
        self.work = self.seconds / 4
        self.wanted = self._sums()
        self.job = None

    def first(self) -> Job:
        """``llkd export`` into a new folder."""
        self.number += 1
        self.folder = self.world.folder / f"export {self.number}"
        request = ExportRequest(
            project=self.project.name,
            out=str(self.folder),
            formats=("csv", "jsonl", "parquet"),
            rule=rule_of_choices(run=self.run.id),
        )
        return jobs.start(self.store, request)

    def kept_work(self) -> Kill:
        """A folder with a manifest is complete; one without is no export."""
        if self._sums() is None:
            sentence = "files without a manifest" if self._files() else "nothing of it"
            if self._files():
                self.job = None  # a person is told to choose another folder
            return Kill(0.0, "", f"export {self.number}: {sentence}")
        return self._whole("there, and complete")

    def compared(self, job: Job) -> Kill:
        """Every file is that of an undisturbed export."""
        return self._whole("finished, complete")

    def _whole(self, sentence: str) -> Kill:
        sums = self._sums()
        lost = len(self.wanted) - len(self.wanted.items() & (sums or {}).items())
        doubled = len(set(sums or {}) - set(self.wanted))
        return Kill(0.0, "", f"export {self.number}: {sentence}", lost, doubled)

    def _files(self) -> list[Path]:
        """The files that a person sees there: half-written ones have a hidden name."""
        every = [path for path in self.folder.rglob("*") if path.is_file()]
        inside = {path: path.relative_to(self.folder).parts for path in every}
        return [path for path in every if not any(part[0] == "." for part in inside[path])]

    def _sums(self) -> dict[str, str] | None:
        """The sums of the files there; None without a manifest. A wrong one counts as missing."""
        path = self.folder / "manifest.json"
        if not path.exists():
            return None
        named = json.loads(path.read_text(encoding="utf-8"))["files"]
        there = {
            str(file.relative_to(self.folder)): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in self._files()
            if file != path
        }
        return {name: total for name, total in there.items() if named.get(name) == total}
