"""Near-duplicates of an import that did not wait for them, looked for and put into its report."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from llkd import jobs
from llkd.datasets.near_search import NEAR_LATER, find_near_in
from llkd.jobs.progress import Progress
from llkd.jobs.requests import NearDuplicatesRequest
from llkd.store import Job, Project, Store


def find_near_duplicates(store: Store, project: Project, job: Progress) -> dict[str, Any]:
    """Look for near-duplicates among the texts of the import; ``groups``, ``texts``, ``seconds``.

    Nothing of the texts changes, nor where they stand: none of them was held out. What is found is
    in the project's report from then on; what stands there already is not looked for again.
    Raises JobCancelled, and then changes nothing.
    """
    imported = project.stage(0)
    began = time.monotonic()
    known = project.report.get("near_duplicates")
    if known is not None:
        return {"project": project.name, "rows": imported.rows, **known, "seconds": 0.0}
    texts = store.projects.texts(imported, ["text"])["text"]
    job.begin(0, len(texts))

    def looked_at(done: int) -> None:
        job.progress(done, len(texts), "Looking for near-duplicates")
        job.check()

    near = find_near_in(texts, looked_at)
    counted = asdict(near.counted)
    store.projects.add_to_report(
        project.id, {"near_duplicates": counted}, without=NEAR_LATER, warnings=near.warnings()
    )
    seconds = round(time.monotonic() - began, 2)
    return {"project": project.name, "rows": len(texts), **counted, "seconds": seconds}


def start_search(store: Store, project: Project) -> Job | None:
    """Begin the search in a job of its own, where the import left it for later."""
    if not project.report.get(NEAR_LATER):
        return None
    return jobs.start(store, NearDuplicatesRequest(project=project.name))
