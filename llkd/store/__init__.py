"""The only part that knows tables and file names: one home, its database and its files."""

from __future__ import annotations

from pathlib import Path

from llkd.store.answers import Answer, Answers
from llkd.store.classes import Carried, Classes, ClassInUse
from llkd.store.database import open_engine
from llkd.store.home import Home
from llkd.store.job_records import Job, JobRecords
from llkd.store.labellings import Labelling, Labellings, Scores
from llkd.store.people import Batch, People
from llkd.store.prices import Price, Prices
from llkd.store.projects import Project, Projects
from llkd.store.runs import Run, Runs
from llkd.store.spending import Ledger

__all__ = [
    "Answer",
    "Batch",
    "Carried",
    "ClassInUse",
    "Classes",
    "Home",
    "Job",
    "Labelling",
    "Ledger",
    "Price",
    "Prices",
    "Project",
    "Run",
    "Scores",
    "Store",
]


class Store:
    """Everything kept in one home (``LLKD_HOME`` by default). Raises StoreError if unusable."""

    def __init__(self, home: str | Path | None = None) -> None:
        self.home = Home(home)
        self.home.prepare()
        self.engine = open_engine(self.home)
        self.projects = Projects(self.engine, self.home)
        self.classes = Classes(self.engine, self.home)
        self.labellings = Labellings(self.engine, self.home)
        self.runs = Runs(self.engine, self.home)
        self.jobs = JobRecords(self.engine)
        self.people = People(self.engine)
        self.answers = Answers(self.home)
        self.prices = Prices(self.home)

    def close(self) -> None:
        """Let go of the database."""
        self.answers.close()
        self.engine.dispose()
