"""The home that is worked on, one kill, and what any work that is killed must hold."""

from __future__ import annotations

import os
import random
import signal
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from llkd import jobs, maintenance
from llkd.config import LabelSet, TeacherConfig, TrainingConfig
from llkd.jobs.requests import LabelRequest
from llkd.store import Job, Project, Store
from tests.support.slow_server import SlowServer
from tests.support.tiny_student import CLASSES, make_encoder, teacher_for, toy_texts

ROOT = Path(__file__).resolve().parents[2]
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
    store.decisions.decide(int(sys.argv[2]), [number], action, label)
    print(number, flush=True)
    number += 1
"""


@dataclass
class Kill:
    """One kill: how long after the start, at what, what was found, and what it cost."""

    after: float
    how: str
    sentence: str
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
        teacher = TeacherConfig(teacher=f"file:{labels}")
        request = LabelRequest(project=name, teacher=teacher, probe=False)
        self.done(jobs.start(self.store, request))
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

    def mended(self) -> tuple[int, list[maintenance.Finding]]:
        """How many leftovers the doctor mended, and the faults that remain."""
        report = maintenance.mend(self.home, deep=True)
        return len(report.mended), report.faults


class Scenario(ABC):
    """Work that is started, killed and started again until it ends; then the next piece of it."""

    def __init__(self, world: World) -> None:
        self.world, self.store = world, world.store
        self.finished = 0
        self.seconds = self.work = 3.0  # from start to end, and from when it is at work

    def killed_once(self, rng: random.Random) -> Kill:
        """Start or go on, kill at a random moment, and compare. An attempt that ends is checked."""
        outcome = Kill(0.0, "", "")
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
            self.add(outcome, self.ended())
        group = rng.random() < 0.5
        how = "group" if group else "process"
        try:
            (os.killpg if group else os.kill)(number, signal.SIGKILL)
        except ProcessLookupError:
            how = "too late"  # it ended in this very moment: nothing is left to kill
        while self.runs():
            time.sleep(0.005)
        outcome.after, outcome.how = time.monotonic() - began, how
        self.add(outcome, self.left())
        return outcome

    @staticmethod
    def add(total: Kill, more: Kill) -> None:
        """Add what was counted; the words are the last ones."""
        total.lost += more.lost
        total.doubled += more.doubled
        total.sentence = more.sentence

    def brought_to_its_end(self) -> Kill:
        """Go on undisturbed, and compare."""
        self.begin()
        until = time.monotonic() + PATIENCE
        while self.runs():
            if time.monotonic() > until:
                raise RuntimeError(f"{type(self).__name__} did not end")
            time.sleep(0.02)
        return self.ended()

    @abstractmethod
    def begin(self) -> int:
        """Start an attempt; returns its process's number, which is that of its group."""

    @abstractmethod
    def runs(self) -> bool:
        """Whether the attempt is alive."""

    def at_work(self) -> bool:
        """Whether it has started and reads or writes what it is for."""
        return True

    @abstractmethod
    def left(self) -> Kill:
        """What a killed attempt left, compared with what must be there."""

    def ended(self) -> Kill:
        """What a finished attempt made, compared; the next begins a new piece of work.

        Of work without an end of its own (a person's edits), what is there.
        """
        return self.left()
