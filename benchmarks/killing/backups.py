"""Kills of backups in mid-copy: what is there is whole, or nothing is."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.killing.world import ROOT, Kill, Scenario, World
from llkd import maintenance
from llkd.store import Store


class BackingUp(Scenario):
    """Copies of the whole home, each there under its name and whole, or not at all."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.place = world.folder / "backups"
        self.number = 1
        self.project = world.project("copied", ["a", "b"], ["red", "blue"])
        self.decided = 0

    def begin(self) -> int:
        """``llkd backup``, right after a decision that the copy must hold."""
        self.store.decisions.decide(self.project.id, [self.decided], "label", "red")
        self.decided += 1
        self.folder = self.place / f"backup {self.number}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "llkd", "backup", str(self.folder),
             "--home", str(self.world.home)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT, start_new_session=True,
        )  # fmt: skip
        return self.process.pid

    def runs(self) -> bool:
        """Whether the backup is still being made."""
        return self.process.poll() is None

    def at_work(self) -> bool:
        """Whether it copies."""
        return self.place.is_dir() and any(self.place.glob(f".{self.folder.name}.*"))

    def left(self) -> Kill:
        """The copy is there whole, or nothing has its name."""
        self.process.stderr.close()
        if not self.folder.exists():
            return Kill(0.0, "", f"{self.folder.name}: nothing under its name")
        return self._whole("there, and whole")

    def ended(self) -> Kill:
        """The copy is whole, and no half copy of a killed one lies beside it."""
        words = self.process.stderr.read().decode()
        self.process.stderr.close()
        if self.process.returncode:
            return Kill(0.0, "", f"{self.folder.name}: {words}", lost=1)
        return self._whole("finished, whole", halves=len(list(self.place.glob(".*.tmp"))))

    def _whole(self, state: str, halves: int = 0) -> Kill:
        faults = maintenance.examine(self.folder).faults
        copy = Store(self.folder)
        decisions = copy.decisions.current(self.project.id)
        copy.close()
        lost = len(faults) + self.decided - len(decisions)
        self.number += 1
        self.finished += 1
        return Kill(0.0, "", f"{self.folder.name}: {state}", lost, halves)
