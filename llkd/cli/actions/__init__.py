"""What each command does: arguments into settings, one pipeline call, its document back."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from llkd.cli.actions import data, models, results, teachers, upkeep, work
from llkd.cli.actions.given import Document
from llkd.store import Store

ACTIONS: dict[str, Callable[[Store, Namespace], Document]] = {
    "import": data.import_file,
    "projects": data.projects,
    "classes": data.classes,
    "label": teachers.label,
    "bake-off": teachers.bake_off,
    "cache": teachers.cache,
    "probe": models.probe,
    "train": models.train,
    "compare": models.compare,
    "demo": models.demo,
    "select": results.select,
    "export": results.export,
    "rebuild": results.rebuild,
    "evaluate": results.evaluate,
    "predict": results.predict,
    "runs": results.runs,
    "jobs": work.list_jobs,
    "cancel": work.cancel,
    "resume": work.resume,
}

WITHOUT_STORE: dict[str, Callable[[Namespace], Document]] = {
    "doctor": upkeep.doctor,
    "backup": upkeep.backup,
}
