"""How long ago a job gave a sign of life, by a clock that nobody sets.

The time of day jumps: a laptop wakes, a server is set right, summer ends. So a job's process marks
each beat in ``jobs/<id>/beat`` with the machine's steady clock, and whoever watches compares it
with the same clock. Whether a job lives is decided by its lock (see ``locks``), never by a time.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from llkd.jobs.locks import AtHome
from llkd.store.files.permissions import opener

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def mark() -> list[float | str]:
    """This moment, to be kept as JSON and given to :func:`seconds_since`."""
    return [_boot(), time.monotonic(), time.time()]


def seconds_since(then: list[float | str] | None) -> float | None:
    """Seconds since a mark, 0 or more; None for none. Of another start of the machine: a guess."""
    if not then:
        return None
    boot, steady, wall = then
    now, before = (time.monotonic(), steady) if boot == _boot() else (time.time(), wall)
    return max(0.0, now - float(before))


def beat(store: AtHome, job_id: int) -> None:
    """Note that the job lives. Nothing is read back after a power cut, so nothing is synced."""
    boot, steady, wall = mark()
    path = store.home.job_beat(job_id)
    handle = opener(str(path), os.O_WRONLY | os.O_CREAT)
    try:  # one write of one size, so that a reader never meets half of it
        os.pwrite(handle, f"{boot:<36} {steady:020.3f} {wall:020.3f}\n".encode("ascii"), 0)
    finally:
        os.close(handle)


def forget_beats(store: AtHome, job_id: int) -> None:
    """The beats of an earlier attempt say nothing of the next."""
    store.home.job_beat(job_id).unlink(missing_ok=True)


def silence(store: AtHome, job_id: int) -> float | None:
    """Seconds since the job's last beat; None before its first."""
    try:
        text = store.home.job_beat(job_id).read_text("ascii")
        boot, steady, wall = text[:36].strip(), *map(float, text[36:].split())
    except (OSError, ValueError):
        return None
    return seconds_since([boot, steady, wall])


def _boot() -> str:
    """Which start of the machine this is; empty where the system does not say."""
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return ""
