"""Labelling a small project in batches at a stand-in server, and what the server was paid for."""

from collections import Counter

from llkd.config import Spending, TeacherConfig
from llkd.errors import JobCancelled
from llkd.jobs import SilentProgress
from llkd.store import Store
from llkd.teachers.batch import batch_steps
from llkd.workflows import labeling
from tests.support.paid_labelling import marked

PRICES = Spending(price_in=1.0, price_out=1.0)


def impatient(monkeypatch):
    """No key, and no pauses that a server of these tests needs none of."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(batch_steps, "SETTLING_SECONDS", 0.5)
    monkeypatch.setattr(batch_steps, "SLICE_SECONDS", 0.02)


class Stopping(SilentProgress):
    """Asks the work to stop once ``when(message)``."""

    def __init__(self, when):
        super().__init__()
        self.when, self.stopping = when, False

    def progress(self, done, total=None, message="", always=False):
        self.stopping = self.stopping or self.when(message)

    def check(self):
        if self.stopping:
            raise JobCancelled("Stopped.")


def label(
    server, progress=None, batch=True, spending=PRICES, name="p", ask_again=False, **settings
):
    store = Store()
    try:
        made = store.projects.get(name)
        config = TeacherConfig(
            teacher="api:m", base_url=server.url, retry_seconds=0.05, timeout=20, **settings
        )
        return labeling.label(
            store, made, config, progress or SilentProgress(),
            batch=batch, spending=spending, ask_again=ask_again,
        )  # fmt: skip
    finally:
        store.close()


def answered(server):
    """For each text of the project, how often the server was paid for an answer."""
    return Counter(marked(line) for line in server.lines() if line["billed"] and marked(line))


def in_batches(server):
    return [line for line in server.lines() if line.get("batch")]


def scores(home):
    store = Store()
    made = store.projects.all()[0]
    run = store.labeling_runs.all(made.id)[0]
    read = store.labeling_runs.scores(run)
    account = store.labeling_runs.account(run)
    store.close()
    return read, account
