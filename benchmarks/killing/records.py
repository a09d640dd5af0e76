"""Kills of what writes records at once: decisions of people, and imports."""

from __future__ import annotations

import collections
import subprocess
import sys
import time

import numpy as np
import pandas as pd

from benchmarks.killing.world import (
    EDITOR,
    IMPORTED,
    ROOT,
    Kill,
    Scenario,
    World,
)
from llkd.datasets import read_texts
from llkd.errors import NotFound
from llkd.store import Project
from llkd.store.projects import digest


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

    def left(self) -> Kill:
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
        sentence = f"{len(new):,} decisions said to be stored, {len(stored):,} in all"
        return Kill(0.0, "", sentence, lost, doubled)

    def brought_to_its_end(self) -> Kill:
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

    def left(self) -> Kill:
        """The project is there whole, once, or not at all."""
        self.process.stderr.close()
        try:
            project = self.store.projects.get(self.name)
        except NotFound:
            return Kill(0.0, "", f"{self.name}: nothing of it")
        return self._whole(project, "there, and whole")

    def ended(self) -> Kill:
        """The project is there, whole, once."""
        words = self.process.stderr.read().decode()
        self.process.stderr.close()
        if self.process.returncode:
            return Kill(0.0, "", f"{self.name}: {words}", lost=1)
        return self._whole(self.store.projects.get(self.name), "finished, whole")

    def _whole(self, project: Project, sentence: str) -> Kill:
        same = digest(self.store.projects.texts(project.id)) == self.digest == project.digest
        times = sum(project_there.name == self.name for project_there in self.store.projects.all())
        self.number += 1
        self.finished += 1
        return Kill(0.0, "", f"{project.name}: {sentence}", 0 if same else 1, times - 1)
