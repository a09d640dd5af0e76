"""Who may read what the program writes: in its home the owner alone, elsewhere as the umask says."""

import os
import stat
import subprocess
import sys

import pandas as pd
import pytest

from llkd.store import Store
from llkd.store.home import atomic_file, atomic_folder
from tests.support.command_line import typed
from tests.support.tiny_student import CLASSES, make_encoder, teacher_for, toy_texts


def llkd(umask, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "llkd", *map(str, arguments)],
        capture_output=True, text=True, timeout=300, umask=umask,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


def open_to_others(folder):
    """What below a folder, and itself, anybody but its owner may touch."""
    found = [path for path in [folder, *folder.rglob("*")] if mode(path) & 0o077]
    return {str(path.relative_to(folder)): oct(mode(path)) for path in found}


@pytest.fixture
def files(tmp_path):
    texts, gold = toy_texts(40)
    texts = [f"{text} {number}" for number, text in enumerate(texts)]
    probs = teacher_for(gold, wrong=0.1)
    labels = {"label": [CLASSES[k] for k in probs.argmax(1)], "confidence": probs.max(1)}
    pd.DataFrame({"body": texts}).to_csv(tmp_path / "texts.csv", index=False)
    pd.DataFrame({"text": texts, **labels}).to_csv(tmp_path / "labels.csv", index=False)
    return tmp_path


def here(umask, *arguments):
    done = typed(*arguments, umask=umask)
    assert done.returncode == 0, done.stderr


def labelled(umask, files, run=here):
    names = ("--text-column", "body", "--labels", ",".join(CLASSES))
    run(umask, "import", files / "texts.csv", "--project", "toy", *names)
    run(umask, "label", "toy", "--teacher", f"file:{files / 'labels.csv'}", "--no-probe")


@pytest.mark.parametrize(
    ("umask", "file", "folder"),
    [(0o022, 0o644, 0o755), (0o002, 0o664, 0o775), (0o077, 0o600, 0o700)],
)
def test_the_home_is_private_and_an_export_is_not(files, home, umask, file, folder):
    labelled(umask, files)
    out = files / "new" / "out"
    formats = ("--format", "csv,parquet,hf")
    # The umask is read once in a process.
    llkd(umask, "export", "toy", "--out", out, "--teacher-threshold", "0.5", *formats)
    assert open_to_others(home) == {}
    inside = [out, *out.rglob("*")]
    assert len(inside) > 4
    assert {oct(mode(path)) for path in inside if path.is_file()} == {oct(file)}
    assert {oct(mode(path)) for path in inside if path.is_dir()} <= {oct(folder)}
    # Exports that the app makes in its home are the owner's alone, too.
    here(umask, "export", "toy", "--out", home / "exports" / "x", "--teacher-threshold", "0.5")
    assert (home / "exports" / "x" / "curated.csv").is_file()
    assert open_to_others(home) == {}


def test_training_taking_away_and_a_backup_leave_nothing_open(files, home):
    make_encoder(files / "encoder")
    labelled(0o022, files, llkd)
    here(0o022, "probe", "toy", "--student", files / "encoder")
    options = ("--student", files / "encoder", "--epochs", "1", "--learning-rate", "0.001")
    llkd(0o022, "train", "toy", *options, "--strategy", "all", "--background")
    _wait(home)
    llkd(0o022, "export", "toy", "--out", files / "out", "--run", "1")
    llkd(0o022, "backup", files / "copy")
    assert open_to_others(home) == {}
    assert open_to_others(files / "copy") == {}
    student = [path for path in (files / "out").rglob("*") if path.is_file()]
    assert len(student) > 5 and {oct(mode(path)) for path in student} == {"0o644"}


def _wait(home):
    import time

    from llkd import jobs

    store = Store(home)
    for _ in range(600):
        if not jobs.live_jobs(store):
            break
        time.sleep(0.1)
    assert [run.state for run in store.runs.all(store.projects.get("toy").id)] == ["finished"]
    store.close()


def test_a_home_that_was_opened_to_a_group_stays_open_to_it(tmp_path):
    home = tmp_path / "shared"
    home.mkdir()
    home.chmod(0o770)
    store = Store(home)
    with atomic_file(store.home.prices) as temporary:
        temporary.write_text("{}")
    store.close()
    umask = os.umask(0)
    os.umask(umask)
    assert mode(home) == 0o770
    assert mode(store.home.prices) == 0o660 & ~umask
    assert mode(store.home.projects) == 0o770 & ~umask
    assert not mode(store.home.database) & 0o007


@pytest.mark.parametrize("bits", [0o700, 0o755], ids=oct)
def test_outside_a_home_a_file_is_as_open_as_any_other(tmp_path, bits):
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(bits)
    with atomic_file(folder / "new" / "file") as temporary:
        temporary.write_text("x")
    with atomic_folder(folder / "whole") as temporary:
        (temporary / "in").mkdir()
        with atomic_file(temporary / "in" / "file") as inner:
            inner.write_text("x")
    with atomic_folder(folder / "own", private=True) as temporary:
        (temporary / "file").write_text("x")
    umask = os.umask(0)
    os.umask(umask)
    for path in (folder / "new", folder / "whole", folder / "whole" / "in"):
        assert mode(path) == 0o777 & ~umask, path
    for path in (folder / "new" / "file", folder / "whole" / "in" / "file"):
        assert mode(path) == 0o666 & ~umask, path
    assert open_to_others(folder / "own") == {}
