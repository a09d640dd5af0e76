"""The switch that refines labels: what it needs, what it changed, and where its texts are read."""

import numpy as np

from llkd import curation, jobs
from llkd.curation.refinement import search as searching
from tests.support.pages import button, opened, words
from tests.support.seeded_projects import seeded_project
from ui.shell import reads


def test_what_it_changed_is_counted_judged_and_opened(home, monkeypatch):
    # Seeded texts are near-duplicates of each other, and would have three votes together.
    monkeypatch.setattr(searching, "near_groups", lambda chunks, count, fetch: np.arange(count))
    store, project = seeded_project(home, 150)
    run = curation.active_labeling_run(store, project)
    app = opened("teacher")
    assert "Refinement changes" not in words(app)
    app.toggle(key=f"calibration_{run.id}_refined").set_value(True).run()
    assert not app.exception
    now = store.labeling_runs.get(run.id)
    assert now.calibration == "batch+refined"
    labels = reads.teacher_labels(store, now)
    changed = labels.refinement.changed
    assert changed and f"**{changed:,} texts**" in words(app)
    assert "held-out texts with gold" in words(app) and "points)" in words(app)
    assert app.dataframe
    # Another calibration keeps the switch; switched off, labels are what they were.
    app.segmented_control(key=f"calibration_{run.id}").set_value("none").run()
    assert store.labeling_runs.get(run.id).calibration == "none+refined"
    pool = (store.projects.texts(project.id, ["split"])["split"] == "pool").to_numpy()
    rows = curation.teacher_labels(store, now, "none+refined")
    plain = curation.teacher_labels(store, now, "none")
    moved = pool[rows.row] & (rows.label != plain.label)
    button(app, f"Open these {int(moved.sum()):,} texts on Curate").click().run()
    assert not app.exception and app.title[0].value == "Curate"
    picked = app.session_state[f"_curate_picked_{project.id}"]
    assert picked.title == "Changed by refinement" and len(picked.rows) == moved.sum()
    app = opened("teacher")
    app.toggle(key=f"calibration_{run.id}_refined").set_value(False).run()
    assert store.labeling_runs.get(run.id).calibration == "none"


def test_without_the_quick_estimate_it_says_so_and_starts_it(home, monkeypatch):
    store, project = seeded_project(home)
    run = curation.active_labeling_run(store, project)
    monkeypatch.setattr(searching, "AT_ONCE", 10)
    store.labeling_runs.set_calibration(run.id, "batch+refined")
    requests = []
    monkeypatch.setattr(jobs, "start", lambda store, request: requests.append(request))
    app = opened("teacher")
    assert not app.exception and "Refinement needs the quick estimate" in words(app)
    app.button(key="refine_probe").click().run()
    assert [request.kind for request in requests] == ["probe"]
