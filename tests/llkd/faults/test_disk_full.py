"""A disk that is full: one sentence, nothing half, and all goes on once there is room."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from llkd import maintenance
from llkd.cli import main
from llkd.errors import in_words
from llkd.store import Store
from tests.support.fault_fixtures import own_disk
from tests.support.pages import button, opened, said

ROOT = Path(__file__).resolve().parents[3]
# Runs with a disk of its own at sys.argv[1] ("disk"), or with a limit on the size of files.
CHILD = """
import contextlib, io, json, os, resource, sys
import numpy as np, pandas as pd
from pathlib import Path
folder, kind = Path(sys.argv[1]), sys.argv[2]
os.environ["LLKD_HOME"] = str(folder / "home")
sources = Path(sys.argv[3])
from llkd.cli import main
from llkd.store import Store

def run(*typed):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(part) for part in typed])
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}

def fill():
    if kind == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))
        return
    with (folder / "filler").open("wb", buffering=0) as file:
        for size in (65536, 512):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass

def free():
    if kind == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    else:
        (folder / "filler").unlink()

said = {}
said["first"] = run("import", sources / "small.csv", "--project", "small", "--labels", "a,b")
fill()
said["import"] = run("import", sources / "large.csv", "--project", "large", "--labels", "a,b")
said["label"] = run("label", "small", f"--teacher=file:{sources / 'labels.csv'}", "--no-probe")
said["projects"] = run("projects", "--json")
free()
said["between"] = run("projects", "--json")
said["again"] = run("import", sources / "large.csv", "--project", "large", "--labels", "a,b")
said["labelled"] = run("label", "small", f"--teacher=file:{sources / 'labels.csv'}", "--no-probe",
                       "--json")
said["mended"] = run("doctor", "--mend", "--json")
print(json.dumps(said))
"""


@pytest.fixture
def sources(tmp_path):
    folder = tmp_path / "sources"
    folder.mkdir()
    pd.DataFrame({"text": [f"text {k}" for k in range(20)]}).to_csv(
        folder / "small.csv", index=False
    )
    large = [f"{k} {os.urandom(60).hex()}" for k in range(2000)]
    pd.DataFrame({"text": large}).to_csv(folder / "large.csv", index=False)
    pd.DataFrame(
        {"text": [f"text {k}" for k in range(20)], "label": ["a", "b"] * 10}
    ).to_csv(folder / "labels.csv", index=False)  # fmt: skip
    return folder


def whole_story(tmp_path, sources, kind):
    """What each command said, before, while and after there was no room."""
    disk = tmp_path / "disk"
    disk.mkdir()
    start = own_disk(disk) if kind == "disk" else []
    done = subprocess.run(
        [*start, sys.executable, "-c", CHILD, str(disk), kind if start else "limit", str(sources)],
        capture_output=True, text=True, cwd=ROOT, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("kind", ["limit", "disk"])
def test_on_the_command_line(tmp_path, sources, kind):
    said = whole_story(tmp_path, sources, kind)
    assert said["first"]["code"] == 0, said["first"]
    # (Even to read, a process that opens the database first needs some room for its index.)
    for name in ("import", "label", "projects"):
        assert said[name]["code"] == 1, said[name]
        (line,) = [part for part in said[name]["err"].splitlines() if part.startswith("llkd: ")]
        told = ("disk is full", "No space left on device", "File too large")
        assert any(words in line for words in told), line
        assert "unexpected" not in line and "Traceback" not in said[name]["err"]
    # What was there is there, and nothing half has come to it.
    assert [one["name"] for one in json.loads(said["between"]["out"])["projects"]] == ["small"]
    assert said["again"]["code"] == 0, said["again"]
    assert json.loads(said["labelled"]["out"])["labelled"] == 20
    after = json.loads(said["mended"]["out"])
    assert after["projects"] == 2
    assert {one["check"] for one in after["findings"]} <= {"room"}  # the disk is a small one


def test_on_a_page(home, monkeypatch):
    Store(home).close()
    app = opened("data")
    real = pq.ParquetWriter.write_table

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    button(app, "Open the sample").click().run()
    told = "The project cannot be stored (No space left on device). Nothing was changed."
    assert told in said(app.error)
    assert not app.exception
    store = Store(home)
    assert store.projects.all() == []
    assert maintenance.examine(home).faults == [] or maintenance.mend(home).faults == []
    monkeypatch.setattr(pq.ParquetWriter, "write_table", real)
    monkeypatch.setattr("ui.shell.unbroken.DOUBLE_CLICK", 0.0)  # a person presses later
    button(app, "Open the sample").click().run()
    assert len(store.projects.all()) == 1
    store.close()


def test_a_library_that_meets_a_full_disk_is_put_into_words(home, monkeypatch, capsys):
    from llkd.cli import actions

    def fails(store, given):
        try:
            raise OSError(28, "No space left on device", "/x/y")
        except OSError as error:
            raise RuntimeError("could not save") from error

    monkeypatch.setitem(actions.ACTIONS, "projects", fails)
    assert main(["projects"]) == 1
    assert capsys.readouterr().err == (
        "llkd: The disk is full, or a limit on its use is reached (/x/y). What was there before "
        "is unchanged; free some space and try again.\n"
    )
    assert in_words(ValueError("other")) is None
