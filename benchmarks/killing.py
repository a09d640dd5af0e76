"""The work that ``benchmarks/faults.py`` kills, and what must hold after each kill."""

from __future__ import annotations

import collections
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from llkd import commands, jobs, upkeep
from llkd.config import LabelSet, TeacherConfig, TrainingConfig
from llkd.datasets import read_texts
from llkd.errors import NotFound
from llkd.store import Job, Project, Store
from llkd.store.answers import Answers
from llkd.store.projects import digest
from tests.llkd.slow_server import SlowServer
from tests.llkd.tiny_student import CLASSES, make_encoder, teacher_for, toy_texts

ROOT = Path(__file__).resolve().parents[1]
IMPORTED, LABELLED, TRAINED = 20_000, 300, 96
PATIENCE = 300.0
AT_WORK = 0.75
"""The share of kills that hit the work itself; the others hit any moment from the start on."""
EDITOR = """
import sys
from llkd.store import Store
store, number = Store(sys.argv[1]), int(sys.argv[3])
print("ready", flush=True)
while True:
    action, label = ("exclude", None) if number % 5 == 0 else ("label", "red")
    store.people.decide(int(sys.argv[2]), [number], action, label)
    print(number, flush=True)
    number += 1
"""


@dataclass
class Blow:
    """One kill: how long after the start, at what, what was found, and what it cost."""

    after: float
    how: str
    said: str
    lost: int = 0
    doubled: int = 0


class World:
    """The home, the teacher's server, and the projects to work on."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.home, self.seed = folder, folder / "home", seed
        self.server = SlowServer(seconds=0.02)

    def __enter__(self) -> Self:
        os.environ.pop("LLKD_DATABASE_URL", None)
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        self.server.__enter__()
        self.store = Store(self.home)
        return self

    def __exit__(self, *problem: object) -> None:
        for job in jobs.live_jobs(self.store):
            jobs.cancel(self.store, job.id, force=True)
        self.store.close()
        self.server.__exit__()

    def project(self, name: str, texts: list[str], labels: list[str], gold: Any = None) -> Project:
        """A project made without a kill, for work to be done on."""
        frame = pd.DataFrame(
            {"id": [str(k) for k in range(len(texts))], "text": texts, "gold": gold}
        )
        frame["split"] = "pool"
        return self.store.projects.create(
            name, frame, source="benchmark", report={"rows": len(texts)},
            label_set=LabelSet.of(labels),
        )  # fmt: skip

    def trained_project(self, name: str) -> tuple[Project, TrainingConfig]:
        """Labelled toy texts and the settings to train a tiny student on them."""
        texts, gold = toy_texts(TRAINED)
        texts = [f"{text} {number}" for number, text in enumerate(texts)]
        project = self.project(name, texts, CLASSES, [CLASSES[k] for k in gold])
        probs = teacher_for(gold, wrong=0.1)
        labels = self.folder / f"{name}.csv"
        pd.DataFrame(
            {"text": texts, "label": np.array(CLASSES)[probs.argmax(1)], "confidence": probs.max(1)}
        ).to_csv(labels, index=False)
        command = commands.label(name, TeacherConfig(teacher=f"file:{labels}"))
        command.insert(1, "--no-probe")
        self.done(jobs.start(self.store, command, kind="label", title=name, project_id=project.id))
        encoder = self.folder / "encoder"
        if not encoder.exists():
            make_encoder(encoder, self.seed)
        return project, TrainingConfig(
            student=str(encoder), epochs=12, batch_size=4, learning_rate=1e-3, precision="fp32",
            checkpoint_seconds=0.3, seed=self.seed,
        )  # fmt: skip

    def done(self, job: Job) -> Job:
        """The job when it has finished. Raises RuntimeError where it ended otherwise."""
        until = time.monotonic() + PATIENCE
        while job.live and time.monotonic() < until:
            time.sleep(0.05)
            job = jobs.refreshed(self.store, job.id)
        if job.state != "finished":
            log = jobs.log_tail(self.store, job.id)
            raise RuntimeError(f"{job.title} is {job.state}: {job.error}\n{log}")
        return job

    def mended(self) -> tuple[int, list[upkeep.Finding]]:
        """How many leftovers the doctor mended, and the faults that remain."""
        report = upkeep.mend(self.home, deep=True)
        return len(report.mended), report.faults


class Scenario:
    """Work that is started, killed and started again until it ends; then the next piece of it."""

    def __init__(self, world: World) -> None:
        self.world, self.store = world, world.store
        self.finished = 0
        self.seconds = self.work = 3.0  # from start to end, and from when it is at work

    def killed_once(self, rng: random.Random) -> Blow:
        """Start or go on, kill at a random moment, and compare. An attempt that ends is checked."""
        found = Blow(0.0, "", "")
        while True:
            number = self.begin()
            began = time.monotonic()
            moment = began + rng.uniform(0.0, self.seconds)
            if rng.random() < AT_WORK:
                while not self.at_work() and self.runs():
                    time.sleep(0.005)
                worked = time.monotonic()
                moment = worked + rng.uniform(0.0, self.work)
                while time.monotonic() < moment and self.runs():
                    time.sleep(0.005)
                self.work = self.work if self.runs() else time.monotonic() - worked
            while time.monotonic() < moment and self.runs():
                time.sleep(0.005)
            if self.runs():
                break
            self.add(found, self.ended())
        group = rng.random() < 0.5
        how = "group" if group else "process"
        try:
            (os.killpg if group else os.kill)(number, signal.SIGKILL)
        except ProcessLookupError:
            how = "too late"  # it ended in this very moment: nothing is left to kill
        while self.runs():
            time.sleep(0.005)
        found.after, found.how = time.monotonic() - began, how
        self.add(found, self.left())
        return found

    @staticmethod
    def add(found: Blow, more: Blow) -> None:
        """Add what was counted; the words are the last ones."""
        found.lost += more.lost
        found.doubled += more.doubled
        found.said = more.said

    def brought_to_its_end(self) -> Blow:
        """Go on undisturbed, and compare."""
        self.begin()
        until = time.monotonic() + PATIENCE
        while self.runs():
            if time.monotonic() > until:
                raise RuntimeError(f"{type(self).__name__} did not end")
            time.sleep(0.02)
        return self.ended()

    def begin(self) -> int:
        """Start an attempt; returns its process's number, which is that of its group."""
        raise NotImplementedError

    def runs(self) -> bool:
        """Whether the attempt is alive."""
        raise NotImplementedError

    def at_work(self) -> bool:
        """Whether it has started and reads or writes what it is for."""
        return True

    def left(self) -> Blow:
        """What a killed attempt left, compared with what must be there."""
        raise NotImplementedError

    def ended(self) -> Blow:
        """What a finished attempt made, compared; the next begins a new piece of work."""
        raise NotImplementedError


class Editing(Scenario):
    """A person's decisions, one after the other; each is said to be stored when it is."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.project = world.project("edited", ["a", "b"], ["red", "blue"])
        self.acknowledged: set[int] = set()
        self.next = 0
        self.seconds = self.work = 0.4

    def begin(self) -> int:
        """An editor that is ready to write."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", EDITOR, str(self.world.home), str(self.project.id),
             str(self.next)],
            stdout=subprocess.PIPE, cwd=ROOT, start_new_session=True,
        )  # fmt: skip
        first = self.process.stdout.readline()
        if first != b"ready\n":
            raise RuntimeError("the editor did not start")
        return self.process.pid

    def runs(self) -> bool:
        """Whether the editor lives."""
        return self.process.poll() is None

    def left(self) -> Blow:
        """Every decision that was said to be stored is there once; at most one more is."""
        lines = self.process.stdout.read().split(b"\n")[:-1]  # a half line was never said
        self.process.stdout.close()
        new = {int(line) for line in lines}
        self.acknowledged |= new
        with self.store.engine.connect() as connection:
            rows = connection.exec_driver_sql(
                "SELECT row FROM human_labels WHERE project_id = ?", (self.project.id,)
            )
            stored = collections.Counter(row for (row,) in rows)
        lost = len(self.acknowledged - set(stored))
        doubled = sum(count - 1 for count in stored.values())
        unsaid = len(set(stored) - self.acknowledged)
        self.acknowledged |= set(stored)  # the one in flight: stored, not yet said
        self.next = max(stored, default=-1) + 1
        if unsaid > 1:
            doubled += unsaid - 1
        self.finished = len(self.acknowledged)
        said = f"{len(new):,} decisions said to be stored, {len(stored):,} in all"
        return Blow(0.0, "", said, lost, doubled)

    def brought_to_its_end(self) -> Blow:
        """Nothing is under way between two decisions."""
        self.begin()
        time.sleep(0.2)
        self.process.kill()
        self.process.wait()
        return self.left()


class Importing(Scenario):
    """A file into a new project, all or nothing."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.file = world.folder / "texts.csv"
        rng = np.random.default_rng(world.seed)
        words = np.array("road water bin light tree bus park noise ice sign".split())
        texts = [
            f"{k} " + " ".join(words[rng.integers(0, len(words), 12)]) for k in range(IMPORTED)
        ]
        pd.DataFrame({"text": texts}).to_csv(self.file, index=False)
        self.digest = digest(read_texts(self.file).texts)
        self.number = 1

    @property
    def name(self) -> str:
        """The project under way."""
        return f"imported {self.number}"

    def begin(self) -> int:
        """``llkd import``."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "llkd", "import", str(self.file), "--project", self.name,
             "--home", str(self.world.home), "--labels", "a,b"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT, start_new_session=True,
        )  # fmt: skip
        return self.process.pid

    def runs(self) -> bool:
        """Whether the import lives."""
        return self.process.poll() is None

    def left(self) -> Blow:
        """The project is there whole, once, or not at all."""
        self.process.stderr.close()
        try:
            project = self.store.projects.get(self.name)
        except NotFound:
            return Blow(0.0, "", f"{self.name}: nothing of it")
        return self._whole(project, "there, and whole")

    def ended(self) -> Blow:
        """The project is there, whole, once."""
        words = self.process.stderr.read().decode()
        self.process.stderr.close()
        if self.process.returncode:
            return Blow(0.0, "", f"{self.name}: {words}", lost=1)
        return self._whole(self.store.projects.get(self.name), "finished, whole")

    def _whole(self, project: Project, said: str) -> Blow:
        same = digest(self.store.projects.texts(project.id)) == self.digest == project.digest
        times = sum(one.name == self.name for one in self.store.projects.all())
        self.number += 1
        self.finished += 1
        return Blow(0.0, "", f"{project.name}: {said}", 0 if same else 1, times - 1)


class JobScenario(Scenario):
    """Work in a job: started once, resumed after each kill."""

    job: Job | None = None

    def first(self) -> Job:
        """Start the job of a new piece of work."""
        raise NotImplementedError

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

    def left(self) -> Blow:
        """As the kinds say; a job that was too quick for the kill is compared as finished."""
        if self.job.state == "finished":
            return self.ended()
        return self.kept()

    def kept(self) -> Blow:
        """What the killed job left."""
        raise NotImplementedError

    def ended(self) -> Blow:
        """What the job made; a failed one has lost its work."""
        job, self.job = self.job, None
        if job.state != "finished":
            return Blow(0.0, "", f"{job.title} {job.state}: {job.error}", lost=1)
        self.finished += 1
        return self.compared(job)

    def compared(self, job: Job) -> Blow:
        """What the finished job made, compared with what it must be."""
        raise NotImplementedError


class Labelling(JobScenario):
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
        command = commands.label(self.project.name, teacher)
        command.insert(1, "--no-probe")
        return jobs.start(
            self.store, command, kind="label", title=f"Label {self.project.name}",
            project_id=self.project.id, device=None,
        )  # fmt: skip

    def kept(self) -> Blow:
        """Nothing kept before is gone, and no text that was known has been asked about again."""
        lost, doubled = self._count()
        said = f"{self.project.name}: {len(self.known):,} of {LABELLED:,} answers kept"
        return Blow(0.0, "", said, lost, doubled)

    def compared(self, job: Job) -> Blow:
        """Every row stands once, with the label that its text asks for."""
        lost, doubled = self._count()
        (labelling,) = self.store.labellings.all(self.project.id)
        folder = self.store.home.labelling(self.project.id, labelling.id)
        rows = np.concatenate(
            [pq.read_table(path)["row"].to_numpy() for path in folder.glob("part-*.parquet")]
        )
        scores = self.store.labellings.scores(labelling)
        wrong = scores.scores.argmax(axis=1) != 1 - scores.row % 2
        lost += LABELLED - len(np.unique(rows)) + int(wrong.sum())
        doubled += len(rows) - len(np.unique(rows))
        said = f"{self.project.name}: finished, every text asked about once"
        return Blow(0.0, "", said, lost, doubled)

    def _count(self) -> tuple[int, int]:
        asked = self.world.server.asked
        doubled = sum(asked[text] - times for text, times in self.known.items())
        passes = self.store.labellings.all(self.project.id)
        if not passes:
            return len(self.rows), doubled
        key = Answers.key(passes[0].teacher, passes[0].label_set.model_dump(mode="json"))
        missing = {self.texts[place] for place in self.store.answers.missing(key, self.texts)}
        rows = set(self.store.labellings.done(passes[0]).tolist())
        there = set(self.texts) - missing | {self.texts[row] for row in rows}
        lost = len(self.rows - rows) + len(set(self.known) - there)
        self.rows, self.known = rows, {text: asked[text] for text in there}
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
        self.wanted = self._made()

    def first(self) -> Job:
        """``llkd train``."""
        return jobs.start(
            self.store, commands.train(self.project.name, self.config), kind="train",
            title="Train", project_id=self.project.id, device="auto",
        )  # fmt: skip

    def kept(self) -> Blow:
        """Where the run would go on. Its parts hold no step twice."""
        number = self.job.context.get("run_id")
        if number is None:
            return Blow(0.0, "", "no run yet")
        run = self.store.runs.get(int(number))
        at = [path.name for path in run.folder.glob("checkpoint-*")]
        steps = self.store.runs.steps(run)
        doubled = 0 if steps.empty else int(steps["step"].duplicated().sum())
        said = f"run {run.id}: {len(steps):,} steps logged, {at[0] if at else 'no checkpoint'}"
        return Blow(0.0, "", said, 0, doubled)

    def compared(self, job: Job) -> Blow:
        """Weights and step log are those of the undisturbed run."""
        weights, steps = self._made()
        lost = int(weights != self.wanted[0])
        doubled = int(steps["step"].duplicated().sum())
        if not doubled:
            lost += int(not steps.equals(self.wanted[1]))
        words = "the undisturbed weights" if not lost else "OTHER weights or steps"
        return Blow(0.0, "", f"run finished after {job.attempts} attempts: {words}", lost, doubled)

    def _made(self) -> tuple[str, pd.DataFrame]:
        run = self.store.runs.all(self.project.id)[-1]
        weights = (run.student_folder / "model.safetensors").read_bytes()
        steps = self.store.runs.steps(run)[["step", "selected", "loss", "learning_rate"]]
        return hashlib.sha256(weights).hexdigest(), steps.reset_index(drop=True)


class Exporting(JobScenario):
    """A curated set with its student: complete, or without a manifest."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.project, config = world.trained_project("exported")
        train = commands.train(self.project.name, config)
        world.done(
            jobs.start(self.store, train, kind="train", title="T", project_id=self.project.id)
        )
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
        command = commands.export(
            self.project.name, str(self.folder), formats=["csv", "jsonl", "parquet"],
            run=self.run.id,
        )  # fmt: skip
        return jobs.start(
            self.store, command, kind="export", title=f"Export {self.number}",
            project_id=self.project.id, device=None,
        )  # fmt: skip

    def kept(self) -> Blow:
        """A folder with a manifest is complete; one without is no export."""
        if self._sums() is None:
            said = "files without a manifest" if self._files() else "nothing of it"
            if self._files():
                self.job = None  # a person is told to choose another folder
            return Blow(0.0, "", f"export {self.number}: {said}")
        return self._whole("there, and complete")

    def compared(self, job: Job) -> Blow:
        """Every file is that of an undisturbed export."""
        return self._whole("finished, complete")

    def _whole(self, said: str) -> Blow:
        sums = self._sums()
        lost = len(self.wanted) - len(self.wanted.items() & (sums or {}).items())
        doubled = len(set(sums or {}) - set(self.wanted))
        return Blow(0.0, "", f"export {self.number}: {said}", lost, doubled)

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
            str(one.relative_to(self.folder)): hashlib.sha256(one.read_bytes()).hexdigest()
            for one in self._files()
            if one != path
        }
        return {name: total for name, total in there.items() if named.get(name) == total}
