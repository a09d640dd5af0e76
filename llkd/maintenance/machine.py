"""What the machine gives: room, permissions, a clock; and the weights kept in the home."""

from __future__ import annotations

import json
import os
import shutil
import time
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from llkd.errors import StoreError
from llkd.maintenance.files import json_fault, model_fault
from llkd.maintenance.inspection import Inspection, Records
from llkd.maintenance.orphans import walked
from llkd.models import sources
from llkd.store import Prices, schema

LEAST_FREE = 1 << 30
ALMOST_NOTHING = 8 << 20
"""A database page and a part of labels need this much at least."""
CLOCK_SECONDS = 60.0


def check_room(inspection: Inspection) -> None:
    """Free space on the disk of the home."""
    free = shutil.disk_usage(inspection.home.root).free
    if free < ALMOST_NOTHING:
        inspection.report_finding(
            "room", "error", inspection.home.root, "Its disk is full.",
            "Nothing new can be stored; what is stored is unchanged. Free some space, then resume "
            "the jobs that stopped.",
        )  # fmt: skip
    elif free < LEAST_FREE:
        inspection.report_finding(
            "room", "warning", inspection.home.root,
            f"{free / 2**20:,.0f} MiB are free on its disk.",
            "Labelling and training stop in good order when it is full. Free some space.",
        )  # fmt: skip


def check_permissions(inspection: Inspection) -> None:
    """Whether this user may read and write everything in the home."""
    wrong: list[Path] = []
    for folder, files in walked(inspection.home.root):
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            wrong.append(folder)
        wrong += [path for path in files if not os.access(path, os.R_OK | os.W_OK)]
    if wrong:
        more = f" and {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
        inspection.report_finding(
            "permissions", "error", wrong[0],
            f"You may not read and write it{more}.",
            "What needs it fails. Give the home to the user that runs the app: chown or chmod.",
        )  # fmt: skip


def check_clock(inspection: Inspection, records: Records) -> None:
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
        inspection.report_finding(
            "clock", "note", "the clock",
            f"The newest record is of {when}: the clock was set back.",
            "Nothing is lost and the order of things holds; times shown may be wrong.",
        )  # fmt: skip


def check_models(inspection: Inspection) -> None:
    """Converted weights, the remembered sums, and the price table."""
    folder = sources.cache_folder(inspection.home.root)
    for path in sorted(
        entry for entry in folder.glob("*") if entry.is_dir() and entry.name[0] != "."
    ):
        inspection.count_files(entry for entry in path.iterdir() if entry.is_file())
        fault = model_fault(path, inspection.deep)
        if fault:
            inspection.moved_aside(
                "models", "error", path, f"Converted weights are damaged: {fault}.",
                "The teacher cannot be loaded from them.",
                "They are made again at the next use, which takes about 15 s.",
            )  # fmt: skip
    memory = folder / "sha256.json"
    if memory.exists():
        inspection.count_files([memory])
        fault = json_fault(memory)
        if fault:
            inspection.moved_aside(
                "models", "warning", memory, f"The remembered sums are damaged: {fault}.",
                "Weights are checked anew, which takes seconds.",
            )  # fmt: skip
        elif inspection.deep:
            _sums(inspection, memory)
    try:
        Prices(inspection.home).all()
    except StoreError as error:
        inspection.moved_aside(
            "prices", "error", inspection.home.prices, str(error),
            "Prices come from the command line only.", "Type the prices again.",
        )  # fmt: skip


def _sums(inspection: Inspection, memory: Path) -> None:
    """Weights that are other than they were, though size and time of change are the same."""
    for name, entry in json.loads(memory.read_text(encoding="utf-8")).items():
        path = Path(name)
        if not path.is_file() or not isinstance(entry, list) or len(entry) != 3:
            continue
        state = path.stat()
        if [state.st_size, state.st_mtime_ns] != entry[:2]:
            continue
        inspection.count_files([path])
        if sources.sha256_of(path) != entry[2]:
            inspection.report_finding(
                "models", "error", path, "Its sha256 is not what it was; nobody says it changed.",
                f"The disk may be failing. Install it again: {sources.INSTALL_COMMAND} "
                "--force-reinstall",
            )  # fmt: skip
