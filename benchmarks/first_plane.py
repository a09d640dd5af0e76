"""How long it takes from a click on "Open the sample" to the plane with labels, and to the rest.

Does what the page does: imports the sample, starts the usual labelling as a job (a process of its
own), and looks at the store as Curate does. On a home of its own, with the models installed.

    python benchmarks/first_plane.py [--rest]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed


def main() -> None:
    """Print seconds since the click."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rest", action="store_true", help="wait for the committee, too")
    wait_for_rest = parser.parse_args().rest
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LLKD_HOME"] = folder
        measure(Path(folder), wait_for_rest)


def measure(home: Path, wait_for_rest: bool) -> None:
    """One run on an empty home."""
    from llkd import curation, jobs
    from llkd.datasets.importing import import_sample
    from llkd.jobs.requests import usual_labelling
    from llkd.store import Store

    store = Store(home)
    click = time.monotonic()
    project = import_sample(store, "sample")
    job = jobs.start(store, usual_labelling(project.name, project.rows))
    report("imported, job started", click)
    try:
        first = None
        while first is None:
            time.sleep(0.2)
            check(jobs.refreshed(store, job.id))
            first = store.labeling_runs.in_use(project.id, None)
            if first is not None and not curation.has_embeddings(store, project):
                first = None
        while len(store.labeling_runs.done(first)) < project.rows:
            time.sleep(0.2)
            check(jobs.refreshed(store, job.id))
        plane = curation.load_plane(store, store.projects.by_id(project.id))
        placed = int(plane.frame["confidence"].notna().sum())
        report(f"first plane: {placed:,} texts with labels of {first.config.teacher}", click)
        while wait_for_rest and jobs.refreshed(store, job.id).state != "finished":
            time.sleep(1)
            check(jobs.refreshed(store, job.id))
        if wait_for_rest:
            run = curation.active_labeling_run(store, store.projects.by_id(project.id))
            report(f"labels of {run.config.teacher} in use", click)
    finally:
        jobs.cancel(store, job.id)
        store.close()


def check(job: object) -> None:
    """Stop where the job has ended badly."""
    state = getattr(job, "state", "")
    if state in {"failed", "died", "cancelled"}:
        raise SystemExit(f"The job ended as {state}: {getattr(job, 'error', '')}")


def report(what: str, since: float) -> None:
    """One line."""
    print(f"{time.monotonic() - since:7.1f} s  {what}", flush=True)


if __name__ == "__main__":
    main()
