"""Jobs as real processes: started on a stand-in server, waited for, ended."""

import time

import pandas as pd

from llkd import jobs
from llkd.config import LabelSet, TeacherConfig
from llkd.jobs.requests import LabelRequest

CLASSES = LabelSet.of(["red", "blue"])


def a_project(store, n=60):
    texts = pd.DataFrame(
        {
            "id": [str(i) for i in range(n)],
            "text": [f"message number {i} about {'red' if i % 2 else 'blue'}" for i in range(n)],
            "gold": None,
            "split": "pool",
        }
    )
    return store.projects.create("p", texts, source="t", report={}, label_set=CLASSES)


def start_labelling(store, project, server, concurrency=1):
    teacher = TeacherConfig(teacher="api:stand-in", base_url=server.url, concurrency=concurrency)
    return jobs.start(store, LabelRequest(project=project.name, teacher=teacher, probe=False))


def wait_for(condition, seconds=60.0):
    until = time.time() + seconds
    while time.time() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"did not happen in {seconds} s")


def ended(store, job_id, seconds=90.0):
    return wait_for(lambda: (j := jobs.refreshed(store, job_id)) and not j.live and j, seconds)


def labelled_rows(store, project):
    made = store.labeling_runs.all(project.id)
    return store.labeling_runs.done(made[0]).tolist() if made else []


def end_jobs(home):
    """Stop what a test left running, so that it takes no time from the next one."""
    from llkd import jobs
    from llkd.store import Store

    store = Store(home)
    for job in jobs.live_jobs(store):
        jobs.cancel(store, job.id, force=True)
    store.close()
