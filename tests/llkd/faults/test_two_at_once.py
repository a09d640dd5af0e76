"""Two servers on one home, two people at one row: both see the same, and nothing is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from llkd import jobs
from llkd.store import Store, schema
from tests.support.pages import card_data, opened, press, words
from tests.support.seeded_projects import seeded_project

ROOT = Path(__file__).resolve().parents[3]
# Takes the device for a moment, three times, and notes when.
WORKER = """
import json, os, sys, time
from llkd import jobs
from llkd.store import Store, schema
store = Store()
def work(job):
    began = time.monotonic()
    time.sleep(0.2)
    with open(sys.argv[1], "a") as file:
        file.write(json.dumps([began, time.monotonic(), os.getpid()]) + "\\n")
    return {}
for number in range(3):
    jobs.run(store, work, kind="t", title=f"t{number}", device="auto")
"""
DECIDER = """
import sys
from llkd.store import Store, schema
store = Store()
for number in range(40):
    store.decisions.decide(int(sys.argv[1]), [7], "label", sys.argv[2], who=sys.argv[2])
"""


def together(*commands):
    """Run these at the same time; all must succeed."""
    started = [
        subprocess.Popen([sys.executable, "-c", *map(str, command)], cwd=ROOT, env=os.environ)
        for command in commands
    ]
    assert [one.wait(120) for one in started] == [0] * len(started)


@pytest.mark.usefixtures("database")
def test_one_job_per_device_though_two_processes_start_them(home, tmp_path):
    Store(home).close()
    log = tmp_path / "log"
    together((WORKER, log), (WORKER, log))
    times = sorted(json.loads(line) for line in log.read_text().splitlines())
    assert len(times) == 6 and len({process for *_, process in times}) == 2
    for (_, ended, _), (began, *_) in zip(times, times[1:], strict=False):
        assert ended <= began, "two jobs had the device at the same time"
    store = Store(home)
    assert {job.state for job in store.jobs.all()} == {"finished"}
    store.close()


@pytest.mark.usefixtures("database")
def test_both_open_a_new_home_and_both_see_what_the_other_makes(home):
    first, second = Store(home), Store(home)
    seeded_project(home, 20, name="mine", labelled=False)[0].close()
    assert [one.name for one in first.projects.all()] == ["mine"]
    assert [one.name for one in second.projects.all()] == ["mine"]
    job = first.jobs.create("t", "t", None, 1)
    assert [one.id for one in jobs.all_jobs(second)] == [job.id]
    first.close()
    second.close()


@pytest.mark.usefixtures("database")
def test_of_two_peoples_decisions_on_a_row_all_are_kept_and_neither_wins(home):
    store, project = seeded_project(home, 20)
    together((DECIDER, project.id, "roads"), (DECIDER, project.id, "water"))
    with store.engine.connect() as connection:
        decided = schema.human_labels.c
        query = sa.select(decided.label, decided.who).where(decided.row == 7).order_by(decided.id)
        log = connection.execute(query).all()
    assert len(log) == 80 and sorted({tuple(one) for one in log}) == [
        ("roads", "roads"), ("water", "water"),
    ]  # fmt: skip
    assert store.decisions.current(project.id).loc[7, "human_label"] is None
    store.close()


def label_first(app, name):
    app.toggle(key="curate_one_by_one").set_value(True).run()
    press(app, ("label", name))


@pytest.mark.parametrize("who", ["first", "second"])
def test_undo_takes_back_ones_own_decision_only(home, who):
    """Two sessions label the same text; each takes back its own, the other's stands."""
    store, project = seeded_project(home, 20)
    first, second = opened("curate"), opened("curate")
    label_first(first, "roads")
    label_first(second, "water")
    (row,) = store.decisions.current(project.id).index
    assert store.decisions.current(project.id).loc[row, "human_label"] == "water"
    mine = first if who == "first" else second
    press(mine, ("undo", card_data(mine)["own"][0]["target"]))
    theirs = card_data(second if who == "first" else first)["own"][0]["target"]
    press(mine, ("undo", theirs))
    left = "water" if who == "first" else "roads"
    assert store.decisions.current(project.id).loc[row, "human_label"] == left
    first.run()
    assert "By people: 1 text labelled" in words(first)
    store.close()
