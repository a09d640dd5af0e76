"""A home that 0.7.0 worked on: its commands say today what they said then."""

import json
import zipfile
from pathlib import Path

import pytest

from llkd.cli import main
from llkd.maintenance import doctor
from llkd.store import Store

ARCHIVE = Path(__file__).parents[2] / "fixtures" / "home_0_7_0.zip"
with zipfile.ZipFile(ARCHIVE) as _archive:
    EXPECTED = json.loads(_archive.read("expected.json"))
# An interval that holds the truth more often: docs/decisions/people.md.
NEW_SINCE = {"audit.kappa.kappa_low", "audit.kappa.kappa_high"}


@pytest.fixture
def last_home(home):
    """LLKD_HOME is that home; beside it are its exports."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(home.parent)
    home.chmod(0o700)
    return home


def said_now(capsys, *command):
    assert main([*map(str, command), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def assert_still(then, now, where):
    """All of ``then`` stands in ``now``; sentences may have been put better, facts may be added."""
    if where in NEW_SINCE:
        assert isinstance(now, float), where
    elif isinstance(then, dict):
        assert isinstance(now, dict), where
        for key in then:
            assert key in now, f"{where}.{key}"
            assert_still(then[key], now[key], f"{where}.{key}")
    elif isinstance(then, list):
        assert len(now) == len(then), where
        for k, (one, other) in enumerate(zip(then, now, strict=True)):
            assert_still(one, other, f"{where}[{k}]")
    elif isinstance(then, float):
        assert now == pytest.approx(then, abs=1e-9), where
    elif isinstance(then, str) and len(then.split()) > 3:
        assert isinstance(now, str) and now, where
    else:
        assert now == then, where


@pytest.mark.parametrize("name", EXPECTED)
def test_each_command_says_what_it_said(last_home, capsys, name):
    then = EXPECTED[name]
    assert_still(then["said"], said_now(capsys, *then["command"]), name)


@pytest.mark.parametrize("export", ["before", "certified", "after"])
def test_exports_are_made_again_hash_for_hash(last_home, capsys, tmp_path, export):
    folder = last_home.parent / "exports" / export
    again = tmp_path / "again"
    said_now(capsys, "rebuild", folder / "manifest.json", "--out", again)
    rows = sorted(path.name for path in folder.glob("curated-*"))
    assert len(rows) == 4
    for name in rows:
        assert (again / name).read_bytes() == (folder / name).read_bytes()


def test_its_packed_project_is_taken_in_and_its_manifest_rebuilds_there(
    last_home, capsys, tmp_path, monkeypatch
):
    exports = last_home.parent / "exports"
    monkeypatch.setenv("LLKD_HOME", str(tmp_path / "elsewhere"))
    said_now(capsys, "unpack", exports / "desk.llkd")
    for name in ("by line", "classes", "audit"):
        then = EXPECTED[name]
        assert_still(then["said"], said_now(capsys, *then["command"]), name)
    again = tmp_path / "again"
    said_now(capsys, "rebuild", exports / "after" / "manifest.json", "--out", again)
    for path in (exports / "after").glob("curated-*"):
        assert (again / path.name).read_bytes() == path.read_bytes()


def test_doctor_has_nothing_to_say(last_home):
    Store(last_home).close()
    report = doctor.examine(last_home, deep=True)
    assert report.projects == 2 and report.faults == []
