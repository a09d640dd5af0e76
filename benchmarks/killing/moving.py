"""Kills of projects that move: packed, unpacked, duplicated. Each is there whole, or not at all."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.killing.world import IMPORTED, ROOT, Kill, Scenario, World
from llkd import packing
from llkd.curation import embeddings_key
from llkd.errors import LLKDError, NotFound
from llkd.jobs.progress import SilentProgress
from llkd.packing.archive import PackReader
from llkd.store import Project
from llkd.store.derived.embeddings import read_embeddings, save_embeddings
from llkd.store.projects import digest

ACTS = ("pack", "unpack", "duplicate")


class Moving(Scenario):
    """One project into a file, out of it, and once more in its home, in turns."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        rng = np.random.default_rng(world.seed)
        words = np.array("road water bin light tree bus park noise ice sign".split())
        texts = [f"{k} {' '.join(words[rng.integers(0, 10, 12)])}" for k in range(IMPORTED)]
        self.project = world.project("moving", texts, ["red", "blue"])
        self.store.decisions.decide(self.project.id, range(0, IMPORTED, 4), "label", "red", "Ada")
        values = rng.normal(size=(IMPORTED, 64))
        key = embeddings_key({"name": "kills"}, self.project)
        save_embeddings(self.store.embeddings.path(self.project.id, key), values)
        self.file = world.folder / "moving.llkd"
        packing.pack(self.store, self.project, self.file, SilentProgress())
        self.contents = self._contents(self.project)
        self.number = 0

    @property
    def act(self) -> str:
        """What is under way."""
        return ACTS[self.number % len(ACTS)]

    @property
    def name(self) -> str:
        """The project, or the file without its ending, that it makes."""
        return f"moved {self.number}"

    @property
    def target(self) -> Path:
        """The file that packing makes."""
        return self.world.folder / f"{self.name}.llkd"

    def begin(self) -> int:
        """``llkd pack``, ``unpack`` or ``duplicate``."""
        words = {
            "pack": ["pack", "moving", "--out", str(self.target)],
            "unpack": ["unpack", str(self.file), "--project", self.name],
            "duplicate": ["duplicate", "moving", self.name],
        }[self.act]
        self.left_before = set(self._half())
        self.process = subprocess.Popen(
            [sys.executable, "-m", "llkd", *words, "--home", str(self.world.home)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT, start_new_session=True,
        )  # fmt: skip
        return self.process.pid

    def runs(self) -> bool:
        """Whether it lives."""
        return self.process.poll() is None

    def at_work(self) -> bool:
        """Whether it writes: what an earlier one left does not count."""
        return bool(set(self._half()) - self.left_before)

    def _half(self) -> list[Path]:
        half_files = self.world.folder.glob(f".{self.target.name}.*.tmp")
        return [*half_files, *self.store.home.projects.glob(".import.*.tmp")]

    def left(self) -> Kill:
        """What it makes is there whole, or nothing of it has a name."""
        self.process.stderr.close()
        there = self._there()
        if there is None:
            return Kill(0.0, "", f"{self.act} {self.name}: nothing of it")
        return self._whole(there, "there, and whole")

    def ended(self) -> Kill:
        """What it makes is there, whole, and no half one of a killed attempt beside it."""
        words = self.process.stderr.read().decode()
        self.process.stderr.close()
        if self.process.returncode:
            return Kill(0.0, "", f"{self.act} {self.name}: {words}", lost=1)
        # Each clears what lies where it writes: packing beside its file, the others in the home.
        folder = self.world.folder if self.act == "pack" else self.store.home.projects
        halves = sum(path.parent == folder for path in self._half())
        there = self._there()
        if there is None:
            return Kill(0.0, "", f"{self.act} {self.name}: it is not there", lost=1)
        return self._whole(there, "finished, whole", halves)

    def _there(self) -> Project | Path | None:
        if self.act == "pack":
            return self.target if self.target.exists() else None
        try:
            return self.store.projects.get(self.name)
        except NotFound:
            return None

    def _whole(self, there: Project | Path, state: str, halves: int = 0) -> Kill:
        if isinstance(there, Path):
            same = self._reads(there)
            there.unlink()
        else:
            same = self._contents(there) == self.contents
            self.store.projects.delete(there.id)
        sentence = f"{self.act} {self.name}: {state}"
        self.number += 1
        self.finished += 1
        return Kill(0.0, "", sentence, 0 if same else 1, halves)

    @staticmethod
    def _reads(file: Path) -> bool:
        try:
            reader = PackReader(file)
            for entry in reader.document.entries:
                for _ in reader.pieces(entry):
                    pass
            reader.close()
        except LLKDError:
            return False
        return True

    def _contents(self, project: Project) -> tuple[str, str, str]:
        """Texts, decisions and embeddings of a project, as sums."""
        edits = repr(self.store.decisions.edits(project.id))
        values = [read_embeddings(path) for path in self.store.embeddings.all(project.id)]
        return (
            digest(self.store.projects.texts(project.id)),
            hashlib.sha256(edits.encode()).hexdigest(),
            hashlib.sha256(b"".join(value.tobytes() for value in values)).hexdigest(),
        )
