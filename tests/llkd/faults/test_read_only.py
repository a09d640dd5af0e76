"""A home that may not be written: said in a sentence, by every command and every page."""

import os
import subprocess
import sys
from pathlib import Path

from tests.app.seed import seeded_project
from tests.llkd.faults.stage import llkd, read_only, without_privilege

ROOT = Path(__file__).resolve().parents[3]
PAGE = """
from tests.app.seed import opened, said
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
