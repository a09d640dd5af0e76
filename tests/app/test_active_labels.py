"""The plane does not move under a person without a word."""

import numpy as np

from llkd import jobs
from llkd.config import TeacherConfig
from llkd.jobs.requests import LabelRequest
from llkd.store import Scores
from tests.support.pages import button, opened, words
from tests.support.seeded_projects import living_job, seeded_project

SENTENCE = "The labels in use now are those of the committee of label similarity and the embedded"


def committee_run(store, project):
    run = store.labeling_runs.find_or_create(
        project.id,
        label_set=project.label_set,
        config=TeacherConfig(teacher="committee"),
        fingerprint="a committee",
        teacher={"kind": "committee"},
        calibration="none",
    )
    n = project.rows
    scores = np.log(np.tile(np.float32([0.7, 0.2, 0.1]), (n, 1)))
    source, nothing = np.full(n, "pooled", object), np.full(n, None, object)
    store.labeling_runs.append(run, Scores(np.arange(n), scores, np.full(n, -1), source, nothing))
    store.projects.use_labelling(project.id, run.id)
    return run


def test_other_labels_in_use_are_said_until_the_note_is_closed(home):
    store, project = seeded_project(home)
    app = opened("curate")
    assert SENTENCE not in words(app)
    run = committee_run(store, project)
    app.run()
    assert SENTENCE in words(app) and not app.exception
    app.run()
    assert SENTENCE in words(app), "it stays until it was read"
    button(app, "Close").click().run()
    assert SENTENCE not in words(app)
    job = store.jobs.create("label", "Label city", None, project.id, "auto")
    notice = "The committee's labels are in use now, in place of those of X: 3 of 60 texts differ."
    store.jobs.remember(job.id, labelling_id=run.id, notices=["Another thing.", notice])
    again = opened("curate")
    assert notice not in words(again), "who comes later has seen no other labels"


def test_while_a_committee_works_curate_says_whose_labels_are_shown(home):
    store, project = seeded_project(home)
    with living_job(store, project) as job:
        request = LabelRequest(project="city", teacher=TeacherConfig(teacher="committee"))
        store.jobs.update(job.id, request=request.model_dump(mode="json"))
        assert jobs.live_jobs(store)
        shown = words(opened("curate"))
    assert "These are the labels of the embedded model. The committee is still at work" in shown
