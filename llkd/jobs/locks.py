"""Locks say what is alive: one file per job, one per device, held by the process itself."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Protocol

from llkd.errors import UserError
from llkd.store.files.permissions import make_folder, opener
from llkd.store.home import Home

LOCK_FD = "LLKD_JOBLOCK_FD"


class AtHome(Protocol):
    """What has a home: a store, for one."""

    home: Home


def take_lock(store: AtHome, job_id: int) -> int:
    """Hold the job's lock, as an open file. Raises UserError where another process has it."""
    path = store.home.job_lock(job_id)
    make_folder(path.parent)
    descriptor = opener(str(path), os.O_RDWR | os.O_CREAT)
    for _ in range(20):  # a watcher's look at the lock may stand in the way for a moment
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except OSError:
            time.sleep(0.05)
    os.close(descriptor)
    raise UserError(f"Job {job_id} is running in another process already.")


def inherited_lock() -> int | None:
    """The lock that the starter took for this process, if it did."""
    value = os.environ.pop(LOCK_FD, None)
    if value is None:
        return None
    descriptor = int(value)
    # Children of this process must not keep the job looking alive after it.
    os.set_inheritable(descriptor, False)
    return descriptor


def alive(store: AtHome, job_id: int) -> bool:
    """Whether some process holds the job's lock."""
    return _held(store.home.job_lock(job_id))


def _held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(descriptor)


def held_devices(store: AtHome) -> list[str]:
    """Names of the devices that some process holds."""
    return [name for name, path in store.home.device_locks().items() if _held(path)]


def device_lock(store: AtHome, device: str) -> int | None:
    """Hold the device, as an open file; None while another job has it."""
    name = "".join(ch if ch.isalnum() else "-" for ch in device)
    path = store.home.device_lock(name)
    descriptor = opener(str(path), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
