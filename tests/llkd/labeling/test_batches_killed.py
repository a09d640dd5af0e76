"""A labelling run in batches, killed at any moment: no text is answered twice."""

import json
import os
import random
import signal
import time
from collections import Counter

import pytest

from llkd.config import LabelSet, TeacherConfig
from llkd.jobs import SilentProgress
from llkd.store import Store
from llkd.store.cost_ledger import read_usage
from llkd.store.files.batch_journal import BatchJournal
from llkd.teachers.batch.batch_server import BatchServer
from llkd.workflows import labeling
from tests.support.batch_labelling import PRICES, answered, impatient, in_batches, label
from tests.support.batch_server import ODD, batching
from tests.support.paid_labelling import make_project


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    impatient(monkeypatch)


STEPS = (
    (BatchJournal, "prepare"),
    (BatchJournal, "step"),
    (BatchJournal, "settle"),
    (BatchServer, "upload"),
    (BatchServer, "create"),
    (BatchServer, "look"),
    (BatchServer, "download"),
)


def in_child(work):
    """Do ``work`` in a process of its own; the signal that ended it, 0 where it ended well."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def killed_at(number):
    """Make the ``number``-th beginning or end of a step the process's last moment."""
    count = 0

    def moment():
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(step):
        def wrapped(*args, **more):
            moment()
            result = step(*args, **more)
            moment()
            return result

        return wrapped

    for owner, name in STEPS:
        setattr(owner, name, around(getattr(owner, name)))


def test_killed_before_and_after_every_step_nothing_is_answered_twice(tmp_path, home):
    make_project(home, "p", 8)
    kills, number = 0, 0
    with batching(tmp_path / "log", labels=["red", "blue"], take=0.05) as server:
        while True:
            number += 1
            store = Store()
            store.answers.delete()
            project = store.projects.create(
                f"p{number}", store.projects.texts(1), source="t", report={},
                label_set=LabelSet.of(["red", "blue"]),
            )  # fmt: skip
            store.close()
            before = answered(server)
            config = TeacherConfig(teacher="api:m", base_url=server.url, retry_seconds=0.02)

            def attempt(project=project, config=config):
                own = Store()
                labeling.label(own, project, config, SilentProgress(), batch=True, spending=PRICES)
                own.close()

            def dying(number=number, attempt=attempt):
                killed_at(number)
                attempt()

            ended_by = in_child(dying)
            kills += ended_by == signal.SIGKILL
            attempt()
            store = Store()
            run = store.labeling_runs.all(project.id)[0]
            assert len(store.labeling_runs.done(run)) == 8, number
            usage = read_usage(store.labeling_runs.account(run))
            journal = BatchJournal(store.labeling_runs.account(run), None, 0.5)
            states = [record.state for record in journal.records()]
            journal.close()
            store.close()
            assert set(states) == {"ended"}, (number, states)
            now = answered(server) - before
            assert len(now) == 8 and set(now.values()) == {1}, (number, now)
            assert usage.lost == 0, (number, usage)
            if ended_by == 0:
                break
    assert kills > 15


def test_kills_at_random_moments(tmp_path, home):
    size, name = 120, "p"
    make_project(home, name, size)
    draw, kills = random.Random(5), 0
    with batching(
        tmp_path / "log", labels=["red", "blue"], take=0.6, listed_after=0.2,
        odd=ODD, expire=0.7, expire_batches=1,
    ) as server:  # fmt: skip
        while kills < 5:
            child = os.fork()
            if child == 0:
                try:
                    label(server, name=name)
                    os._exit(0)
                except BaseException:
                    os._exit(1)
            time.sleep(draw.uniform(0.05, 2.0))
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            if os.WIFSIGNALED(status):
                kills += 1
                continue
            # It was done before the kill: begin with texts that nobody has asked about.
            assert os.WEXITSTATUS(status) == 0
            size, name = size + 120, f"p{size}"
            make_project(home, name, size)
        done = label(server, name=name)
        assert done["labelled"] + done["unanswered"] == size
        batches = in_batches(server)
    paid = Counter((line["text"], line["did"] in {"missing", "garbled"}) for line in batches
                   if line["billed"])  # fmt: skip
    assert max(paid.values()) == 1, json.dumps([key for key in paid if paid[key] > 1])
