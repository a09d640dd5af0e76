"""Making faults happen for real: full disks, homes that cannot be written, locked databases."""

import ctypes
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager

HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
held.execute("ROLLBACK")
"""
OWN_DISK = 'mount -t tmpfs -o size={size} tmpfs "$0" && exec "$@"'


@contextmanager
def locked(database):
    """Another process holds the database's write lock for as long as the block lasts."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(database)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout.readline() == "held\n"
    try:
        yield
    finally:
        holder.communicate("")


def without_privilege():
    """For ``preexec_fn``: root, too, is bound by permissions from the next program on."""
    drop_from_bounding_set, dac_override, dac_read_search = 24, 1, 2
    libc = ctypes.CDLL(None)
    for capability in (dac_override, dac_read_search):
        libc.prctl(drop_from_bounding_set, capability, 0, 0, 0)


@contextmanager
def read_only(folder):
    """Nobody may write in the folder, or any file in it."""
    every = [folder, *folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in every}
    for path in every:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        yield
    finally:
        for path, mode in modes.items():
            if path.exists():
                path.chmod(mode)


def own_disk(folder, size="6m"):
    """The start of a command line whose program sees a small disk of its own at ``folder``.

    Empty where the system lets nobody make one.
    """
    start = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
             OWN_DISK.format(size=size), str(folder)]  # fmt: skip
    if shutil.which("unshare") is None:
        return []
    tried = subprocess.run([*start, "true"], capture_output=True)
    return start if tried.returncode == 0 else []


def llkd(home, *arguments, **more):
    """One command as a person types it."""
    return subprocess.run(
        [sys.executable, "-m", "llkd", *map(str, arguments)],
        capture_output=True, text=True, timeout=200,
        env={**os.environ, "LLKD_HOME": str(home)}, **more,
    )  # fmt: skip
