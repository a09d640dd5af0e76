"""Uploaded files as files: a page may be left and entered again, its uploader forgets.

A name that a person's file has becomes part of a path only as its plain letters and digits.
"""

from __future__ import annotations

import re
import shutil
import time
import uuid
from pathlib import Path, PurePath
from typing import IO, Any

from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from llkd.store import Project, Store
from llkd.store.files.permissions import make_folder
from llkd.store.home import atomic_file

_STALE_SECONDS = 24 * 3600
_ODD = re.compile(r"[^A-Za-z0-9._-]+")


def keep(store: Store, uploaded: IO[bytes]) -> Path:
    """A copy for as long as a draft needs it; drafts of an earlier day are removed."""
    folder = store.home.drafts
    make_folder(folder)
    for old in folder.iterdir():
        try:
            if time.time() - old.stat().st_mtime > _STALE_SECONDS:
                old.unlink(missing_ok=True)
        except FileNotFoundError:
            continue  # another session's, which has just taken its name or was removed
    path = folder / uuid.uuid4().hex
    _copy(uploaded, path)
    return path


def keep_for_project(store: Store, project: Project, uploaded: Any) -> Path:
    """A copy that stays with the project: a job that reads it may be resumed much later.

    The same upload gives the same path, so a page that runs again writes nothing new. The file's
    name is kept as far as it is harmless, for it stands in what the job says.
    """
    folder = uuid.uuid5(uuid.NAMESPACE_URL, str(uploaded.file_id)).hex
    path = store.home.uploads(project.id) / folder / harmless(uploaded.name)
    if not path.exists():
        _copy(uploaded, path)
    return path


def harmless(name: str) -> str:
    """A file's name of ASCII letters, digits, dots, dashes and underscores, its ending kept."""
    stem, dot, ending = PurePath(name.replace("\\", "/")).name.rpartition(".")
    if not dot:
        stem, ending = ending, ""
    clean = _ODD.sub("_", stem).strip("._-")[:60].rstrip("._-") or "labels"
    ending = _ODD.sub("", ending).lower()[:10]
    return f"{clean}.{ending}" if ending else clean


def forget(path: str | Path) -> None:
    """Remove a kept copy."""
    Path(path).unlink(missing_ok=True)


def release(uploaded: Any) -> None:
    """Free the memory of an upload that has been copied and is not asked for again."""
    context = get_script_run_ctx(suppress_warning=True)
    manager = None if context is None else context.uploaded_file_mgr
    if context is not None and isinstance(manager, MemoryUploadedFileManager):
        manager.remove_file(context.session_id, uploaded.file_id)


def _copy(uploaded: IO[bytes], path: Path) -> None:
    uploaded.seek(0)
    with atomic_file(path) as temporary, temporary.open("wb") as target:
        shutil.copyfileobj(uploaded, target)
