"""The only part that knows tables and file names: one home, its database and its files."""

from __future__ import annotations

from pathlib import Path

from llkd.store.answers import Answer, Answers
from llkd.store.audits import (
    AlreadyAnswered,
    Audit,
    AuditAnswer,
    Audits,
    CertificateRecord,
    Population,
)
from llkd.store.class_counts import Carried, ClassInUse
from llkd.store.class_history import ClassesChanged
from llkd.store.classes import Classes
from llkd.store.cost_ledger import Ledger
from llkd.store.decisions import Batch, Decisions
from llkd.store.derived.embeddings import Embeddings
from llkd.store.derived.languages import Languages
from llkd.store.derived.maps import Maps
from llkd.store.derived.nearest_texts import NearestTexts
from llkd.store.derived.probes import Probes
from llkd.store.engine.database import open_engine
from llkd.store.events import Events
from llkd.store.files.score_files import Scores
from llkd.store.home import Home
from llkd.store.job_records import Job, JobRecords
from llkd.store.labeling_runs import LabelingRun, LabelingRuns
from llkd.store.people.browser_names import BrowserNames
from llkd.store.people.disputes import Dispute, Disputes
from llkd.store.people.history import History
from llkd.store.people.samples import LabelSample, LabelSamples, SecondLabel
from llkd.store.people.standing import Opinion
from llkd.store.people.text_views import SavedView, TextViews
from llkd.store.prices import Price, Prices
from llkd.store.projects import Projects
from llkd.store.runs import Run, Runs
from llkd.store.selections import SavedSelection, Selections
from llkd.store.texts.project_record import Addition, Project

__all__ = [
    "Addition",
    "AlreadyAnswered",
    "Answer",
    "Audit",
    "AuditAnswer",
    "Batch",
    "Carried",
    "CertificateRecord",
    "ClassInUse",
    "Classes",
    "ClassesChanged",
    "Dispute",
    "Home",
    "Job",
    "LabelSample",
    "LabelingRun",
    "Ledger",
    "Opinion",
    "Population",
    "Price",
    "Prices",
    "Project",
    "Run",
    "SavedSelection",
    "SavedView",
    "Scores",
    "SecondLabel",
    "Store",
]


class Store:
    """Everything kept in one home (``LLKD_HOME`` by default). Raises StoreError if unusable."""

    def __init__(self, home: str | Path | None = None, *, own_database: bool = False) -> None:
        """``own_database``: the database is the home's file whatever LLKD_DATABASE_URL says."""
        self.home = Home(home, own_database=own_database)
        self.home.prepare()
        self.engine = open_engine(self.home)
        self.projects = Projects(self.engine, self.home)
        self.classes = Classes(self.engine, self.home)
        self.labeling_runs = LabelingRuns(self.engine, self.home)
        self.runs = Runs(self.engine, self.home)
        self.jobs = JobRecords(self.engine)
        self.decisions = Decisions(self.engine)
        self.disputes = Disputes(self.engine)
        self.selections = Selections(self.engine)
        self.label_samples = LabelSamples(self.engine)
        self.browser_names = BrowserNames(self.engine)
        self.history = History(self.engine)
        self.text_views = TextViews(self.engine)
        self.audits = Audits(self.engine, self.home)
        self.events = Events(self.engine)
        self.embeddings = Embeddings(self.home)
        self.maps = Maps(self.home)
        self.probes = Probes(self.home)
        self.languages = Languages(self.home)
        self.nearest_texts = NearestTexts(self.home)
        self.answers = Answers(self.home)
        self.prices = Prices(self.home)

    def close(self) -> None:
        """Let go of the database."""
        self.answers.close()
        self.engine.dispose()
