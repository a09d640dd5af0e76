"""What the machine gives: room, permissions, a clock; and the weights kept in the home."""

from __future__ import annotations

import json
import os
import shutil
import time
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from llkd import models
from llkd.errors import StoreError
from llkd.store import Prices, schema
from llkd.upkeep.files import json_fault, model_fault
from llkd.upkeep.leftovers import walked
from llkd.upkeep.visit import Records, Visit

LEAST_FREE = 1 << 30
ALMOST_NOTHING = 8 << 20
"""A database page and a part of labels need this much at least."""
CLOCK_SECONDS = 60.0


def check_room(visit: Visit) -> None:
    """Free space on the disk of the home."""
    free = shutil.disk_usage(visit.home.root).free
    if free < ALMOST_NOTHING:
        visit.found(
            "room", "error", visit.home.root, "Its disk is full.",
            "Nothing new can be stored; what is stored is unchanged. Free some space, then resume "
            "the jobs that stopped.",
        )  # fmt: skip
    elif free < LEAST_FREE:
        visit.found(
            "room", "warning", visit.home.root,
            f"{free / 2**20:,.0f} MiB are free on its disk.",
            "Labelling and training stop in good order when it is full. Free some space.",
        )  # fmt: skip


def check_permissions(visit: Visit) -> None:
    """Whether this user may read and write everything in the home."""
    wrong: list[Path] = []
    for folder, files in walked(visit.home.root):
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            wrong.append(folder)
        wrong += [path for path in files if not os.access(path, os.R_OK | os.W_OK)]
    if wrong:
        more = f" and {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
        visit.found(
            "permissions", "error", wrong[0],
            f"You may not read and write it{more}.",
            "What needs it fails. Give the home to the user that runs the app: chown or chmod.",
        )  # fmt: skip


def check_clock(visit: Visit, records: Records) -> None:
    """Whether records are from the future: then the clock was set back since."""
    newest = 0.0
    with records.engine.connect() as connection:
        for column in (
            schema.projects.c.created,
            schema.jobs.c.heartbeat,
            schema.human_labels.c.created,
            schema.events.c.created,
        ):
            newest = max(newest, connection.execute(sa.select(sa.func.max(column))).scalar() or 0)
    ahead = newest - time.time()
    if ahead > CLOCK_SECONDS:
        when = datetime.fromtimestamp(newest).strftime("%Y-%m-%d %H:%M")
        visit.found(
            "clock", "note", "the clock",
            f"The newest record is of {when}: the clock was set back.",
            "Nothing is lost and the order of things holds; times shown may be wrong.",
        )  # fmt: skip


def check_models(visit: Visit) -> None:
    """Converted weights, the remembered sums, and the price table."""
    folder = models.cache_folder(visit.home.root)
    for path in sorted(one for one in folder.glob("*") if one.is_dir() and one.name[0] != "."):
        visit.seen(one for one in path.iterdir() if one.is_file())
        fault = model_fault(path, visit.deep)
        if fault:
            visit.moved_aside(
                "models", "error", path, f"Converted weights are damaged: {fault}.",
                "The teacher cannot be loaded from them.",
                "They are made again at the next use, which takes about 15 s.",
            )  # fmt: skip
    memory = folder / "sha256.json"
    if memory.exists():
        visit.seen([memory])
        fault = json_fault(memory)
        if fault:
            visit.moved_aside(
                "models", "warning", memory, f"The remembered sums are damaged: {fault}.",
                "Weights are checked anew, which takes seconds.",
            )  # fmt: skip
        elif visit.deep:
            _sums(visit, memory)
    try:
        Prices(visit.home).all()
    except StoreError as error:
        visit.moved_aside(
            "prices", "error", visit.home.prices, str(error),
            "Prices come from the command line only.", "Type the prices again.",
        )  # fmt: skip


def _sums(visit: Visit, memory: Path) -> None:
    """Weights that are other than they were, though size and time of change are the same."""
    for name, entry in json.loads(memory.read_text(encoding="utf-8")).items():
        path = Path(name)
        if not path.is_file() or not isinstance(entry, list) or len(entry) != 3:
            continue
        state = path.stat()
        if [state.st_size, state.st_mtime_ns] != entry[:2]:
            continue
        visit.seen([path])
        if models.sha256_of(path) != entry[2]:
            visit.found(
                "models", "error", path, "Its sha256 is not what it was; nobody says it changed.",
                f"The disk may be failing. Install it again: {models.INSTALL_COMMAND} "
                "--force-reinstall",
            )  # fmt: skip
