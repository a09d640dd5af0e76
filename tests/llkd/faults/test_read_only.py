"""A home that may not be written: said in a sentence, by every command and every page."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from llkd.store import Store
from tests.support.fault_fixtures import llkd, read_only, without_privilege
from tests.support.seeded_projects import seeded_project

ROOT = Path(__file__).resolve().parents[3]
KILLED_WRITER = """
import os, signal
from llkd.store import Store
store = Store()
store.decisions.decide(store.projects.get("city").id, [5], "label", "roads")
os.kill(os.getpid(), signal.SIGKILL)
"""
PAGE = """
from tests.support.pages import opened, said
app = opened("curate")
assert not app.exception
print(said(app.error))
"""


def test_on_the_command_line(home):
    seeded_project(home, 20)[0].close()
    with read_only(home):
        before = sorted(str(path) for path in home.rglob("*"))
        for typed in (["projects"], ["select", "city"], ["label", "city"]):
            done = llkd(home, *typed, preexec_fn=without_privilege)
            assert done.returncode == 1, done.stderr
            assert done.stderr == (
                f"llkd: The home folder {home} cannot be written (Permission denied). Choose "
                "another with --home or LLKD_HOME.\n"
            )
        assert sorted(str(path) for path in home.rglob("*")) == before
    assert llkd(home, "projects").returncode == 0


def test_the_doctor_says_what_may_not_be_written(home):
    seeded_project(home, 20)[0].close()
    with read_only(home / "projects"):
        done = llkd(home, "doctor", preexec_fn=without_privilege)
        assert done.returncode == 1
        assert "error    projects\n         You may not read and write it and" in done.stdout
    assert llkd(home, "doctor").returncode == 0


def test_on_a_page(home):
    seeded_project(home, 20)[0].close()
    with read_only(home):
        done = subprocess.run(
            [sys.executable, "-c", PAGE],
            capture_output=True, text=True, cwd=ROOT, timeout=200, preexec_fn=without_privilege,
            env={**os.environ, "LLKD_HOME": str(home)},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "cannot be written (Permission denied)" in done.stdout


@pytest.mark.parametrize("log", [False, True], ids=["closed", "killed"])
def test_a_home_on_a_read_only_disk_is_whole_and_can_be_copied(home, tmp_path, log):
    """As from a mounted snapshot: also where the last decisions are in the log alone."""
    store, project = seeded_project(home, 20)
    store.decisions.decide(project.id, [1, 2], "label", "roads")
    store.close()
    if log:
        subprocess.run([sys.executable, "-c", KILLED_WRITER], env=in_home(home), cwd=ROOT)
        assert (home / "llkd.db-wal").stat().st_size > 0
    with read_only(home):
        before = sorted(str(path) for path in home.rglob("*"))
        done = llkd(home, "doctor", "--json", preexec_fn=without_privilege)
        checks = {one["check"] for one in json.loads(done.stdout)["findings"]}
        assert checks == {"permissions"}  # true, and nothing is called damaged
        copied = llkd(home, "backup", tmp_path / "copy", "--json", preexec_fn=without_privilege)
        assert copied.returncode == 0, copied.stderr
        assert json.loads(copied.stdout)["faults"] == 0
        assert sorted(str(path) for path in home.rglob("*")) == before
    copy = Store(tmp_path / "copy")
    labelled = copy.decisions.current(project.id)["human_label"].dropna()
    assert len(labelled) == (3 if log else 2)
    copy.decisions.decide(project.id, [9], "label", "roads")  # it can be worked in
    copy.close()
    assert list(Path(tempfile.gettempdir()).glob("llkd-*/llkd.db")) == []


def in_home(home):
    return {**os.environ, "LLKD_HOME": str(home)}
