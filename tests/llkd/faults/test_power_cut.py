"""After a power cut a file is the old one or the new one: what is synced, and in which order."""

import os

import pytest

from llkd.errors import StoreError
from llkd.store.home import atomic_file, atomic_folder, put_back


@pytest.fixture
def calls(monkeypatch):
    """Every sync and every renaming, in order, with the path it was done to."""
    made = []
    sync, replace = os.fsync, os.replace

    def synced(handle):
        made.append(("sync", os.path.realpath(f"/dev/fd/{handle}")))
        sync(handle)

    def renamed(old, new):
        made.append(("rename", str(old), str(new)))
        replace(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    return made


def test_a_file_is_synced_before_it_has_its_name_and_the_name_after(tmp_path, calls):
    path = tmp_path / "a" / "b" / "file"
    with atomic_file(path) as temporary:
        temporary.write_text("x")
        half = str(temporary)
    assert calls == [
        ("sync", str(tmp_path / "a")),  # the new folders' own names
        ("sync", str(tmp_path)),
        ("sync", half),
        ("rename", half, str(path)),
        ("sync", str(path.parent)),
    ]


def test_a_folder_is_synced_with_all_that_is_in_it(tmp_path, calls):
    path = tmp_path / "folder"
    for content in ("old", "new"):
        calls.clear()
        with atomic_folder(path) as temporary:
            (temporary / "inside").mkdir()
            (temporary / "inside" / "file").write_text(content)
            half = str(temporary)
    renamed = calls.index(("rename", half, str(path)))
    before = [call[1] for call in calls[:renamed] if call[0] == "sync"]
    assert {half, f"{half}/inside", f"{half}/inside/file"} <= set(before)
    assert calls[renamed + 1] == ("sync", str(tmp_path))
    assert (path / "inside" / "file").read_text() == "new"
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


def test_a_folder_caught_between_two_names_is_put_back_by_the_next_writer(tmp_path):
    path = tmp_path / "student"
    left = tmp_path / ".student.abcdefgh.old"
    left.mkdir()
    (left / "old").mkdir()
    (left / "old" / "weights").write_text("kept")
    with pytest.raises(RuntimeError), atomic_folder(path) as temporary:
        (temporary / "weights").write_text("half")
        raise RuntimeError
    assert (path / "weights").read_text() == "kept"
    assert [one.name for one in tmp_path.iterdir()] == ["student"]
    assert put_back(path) is False


def test_a_failing_sync_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("old")

    def failing(handle):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(StoreError, match="What was there before is unchanged"):
        with atomic_file(path) as temporary:
            temporary.write_text("new")
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1
