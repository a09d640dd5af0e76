"""A second project like the first, in the same home."""

from __future__ import annotations

import shutil
from typing import Any

from llkd.errors import StoreError
from llkd.jobs.progress import Progress
from llkd.packing.snapshot import CHANGED, check_rest, check_whole, files_of
from llkd.packing.students import write_codes
from llkd.store import Project, Store
from llkd.store.events import DUPLICATE
from llkd.store.files.text_files import staging_folder
from llkd.store.packing.adoption import adopt, clear_half_projects, free_name
from llkd.store.packing.project_files import copy_database
from llkd.store.packing.records import one_moment


def duplicate(store: Store, project: Project, name: str, progress: Progress) -> dict[str, Any]:
    """Make a project ``name`` of all that ``project`` holds, whole or not at all.

    Raises UserError where the name is taken or a job works on the project, StoreError where
    something of it is damaged or the disk is full.
    """
    name = free_name(store, name, "Choose another name for the copy.")
    check_rest(store, project, progress)
    check_whole(store, project)
    clear_half_projects(store)
    with staging_folder(store.home) as outer, one_moment(store.engine) as source:
        folder = outer / "project"
        folder.mkdir()
        files = files_of(store, source, project)
        progress.begin(0, len(files))
        try:
            for number, file in enumerate(files, 1):
                target = folder / file.name
                target.parent.mkdir(parents=True, exist_ok=True)
                if file.is_database:
                    copy_database(file.path, target)
                else:
                    shutil.copy2(file.path, target)
                progress.progress(number, len(files), "Copying")
                progress.check()
        except FileNotFoundError as error:
            raise StoreError(CHANGED) from error
        except OSError as error:
            raise StoreError(
                f"The copy cannot be written ({error.strerror}). Nothing was changed."
            ) from error
        write_codes(folder)
        check_rest(store, project, progress)
        copy = adopt(store, source, project.id, folder, name, (DUPLICATE, {"of": project.name}))
    return {"project": copy.name, "of": project.name, "texts": copy.rows, "files": len(files)}
