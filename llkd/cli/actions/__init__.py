"""What each command does: arguments into settings, one pipeline call, its document back."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from llkd.cli.actions import (
    adding,
    app,
    audits,
    classes,
    data,
    history,
    jobs,
    keys,
    maintenance,
    maps,
    models,
    people,
    projects,
    publishing,
    results,
    serving,
    teachers,
    texts,
)
from llkd.cli.actions.jobs import Document
from llkd.store import Store

ACTIONS: dict[str, Callable[[Store, Namespace], Document]] = {
    "import": data.import_file,
    "add": adding.add,
    "projects": data.projects,
    "annotations": data.take_annotations,
    "classes": classes.classes,
    "inbox": data.inbox,
    "rename": projects.rename,
    "archive": projects.archive,
    "duplicate": projects.duplicate,
    "pack": projects.pack,
    "unpack": projects.unpack,
    "label": teachers.label,
    "bake-off": teachers.bake_off,
    "refine": teachers.refine,
    "cache": teachers.cache,
    "audit": audits.audit,
    "certify": audits.certify,
    "people": people.people,
    "probe": models.probe,
    "near-duplicates": data.near_duplicates,
    "map": maps.map_texts,
    "suggest": maps.suggest,
    "train": models.train,
    "compare": models.compare,
    "demo": models.demo,
    "select": results.select,
    "export": results.export,
    "push": publishing.push,
    "track": publishing.track,
    "rebuild": results.rebuild,
    "evaluate": results.evaluate,
    "predict": results.predict,
    "runs": results.runs,
    "texts": texts.texts,
    "views": texts.views,
    "note": history.note,
    "history": history.history,
    "jobs": jobs.list_jobs,
    "cancel": jobs.cancel,
    "resume": jobs.resume,
}

WITHOUT_STORE: dict[str, Callable[[Namespace], Document]] = {
    "app": app.open_app,
    "key": keys.key,
    "serve": serving.serve,
    "doctor": maintenance.doctor,
    "backup": maintenance.backup,
    "restore": maintenance.restore,
}
