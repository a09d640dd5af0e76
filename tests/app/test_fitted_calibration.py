"""Teacher page: `fitted` calibration says what it needs, takes effect, and is recommended."""

import numpy as np

from llkd import curation
from llkd.config import TeacherConfig, TrainingConfig
from llkd.store import Scores
from tests.support.pages import button, opened, said, words
from tests.support.seeded_projects import NAMES, seeded_project
from ui.shell import reads

TEXTS = 400


def unbalanced(home, share=0.9):
    """An unbiased teacher, right in about 98 %, on a pool with ``share`` of the first class."""
    store, project = seeded_project(home, TEXTS, gold=False, labelled=False, probed=False)
    rng = np.random.default_rng(3)
    rest = (1 - share) / 2
    truth = rng.choice(3, TEXTS, p=[share, rest, rest])
    scores = rng.normal(0, 1.0, (TEXTS, 3))
    scores[np.arange(TEXTS), truth] += 4.0
    labeling_run = store.labeling_runs.find_or_create(
        project.id,
        label_set=project.label_set,
        config=TeacherConfig(),
        fingerprint="unbalanced",
        teacher={"kind": "embedded", "name": "SmolLM2-135M-Instruct"},
        calibration="batch",
    )
    nothing, kinds = np.full(TEXTS, None, object), np.full(TEXTS, "logprob", object)
    rows = np.arange(TEXTS)
    store.labeling_runs.append(
        labeling_run, Scores(rows, scores, np.full(TEXTS, -1), kinds, nothing)
    )
    store.projects.use_labelling(project.id, labeling_run.id)
    return store, store.projects.get("city"), labeling_run, truth


def label(store, project, truth, rows):
    for k, name in enumerate(NAMES):
        store.decisions.decide(project.id, [r for r in rows if truth[r] == k], "label", name)


def control(app, labeling_run):
    return app.segmented_control(key=f"calibration_{labeling_run.id}")


def test_with_too_few_labels_it_says_how_many_and_leads_to_them(home):
    store, project, labeling_run, truth = unbalanced(home)
    label(store, project, truth, range(19))
    app = opened("teacher")
    control(app, labeling_run).set_value("fitted").run()
    assert not app.exception
    assert "Fitted calibration needs at least 20 texts" in said(app.error)
    assert store.labeling_runs.get(labeling_run.id).calibration == "batch"
    assert control(app, labeling_run).value == "batch"
    app.button(key=f"label_at_random_fitted_{labeling_run.id}").click().run()
    assert not app.exception and app.title[0].value == "Curate"


def test_the_warning_recommends_it_once_labels_are_there(home):
    store, project, labeling_run, truth = unbalanced(home)
    app = opened("teacher")
    assert "Batch calibration gives" in said(app.warning)
    assert not any(one.label == "Use fitted calibration" for one in app.button)
    assert button(app, "Label 30 texts at random")
    label(store, project, truth, range(30))
    app.run()
    assert "Of 30 texts that you labelled" in words(app)
    assert "are right with it, each text judged by a fit to the others." in words(app)
    button(app, "Use fitted calibration").click().run()
    now = store.labeling_runs.get(labeling_run.id)
    assert now.calibration == "fitted" and now.fits["fitted"]["rows"] == 30
    batch = curation.teacher_labels(store, now, "batch").label
    fitted = reads.teacher_labels(store, now).label
    assert (fitted == truth).mean() > 0.95 > 0.85 > (batch == truth).mean()
    shown = words(app)
    assert "of the mean** is taken away, at **temperature" in shown
    assert "both fitted on 30 texts that you labelled." in shown
    changed = int((batch != fitted).sum())
    assert f"Compared with **batch**, it changes the label of **{changed} texts**" in shown
    assert not app.warning or "Batch calibration gives" not in said(app.warning)


def test_its_temperature_belongs_to_it_and_others_can_be_had_again(home):
    store, project, labeling_run, truth = unbalanced(home)
    label(store, project, truth, range(40))
    app = opened("teacher")
    control(app, labeling_run).set_value("fitted").run()
    assert not app.exception and not app.error
    assert not any(one.label == "Temperature" for one in app.toggle)
    control(app, labeling_run).set_value("none").run()
    assert store.labeling_runs.get(labeling_run.id).calibration == "none"
    assert any(one.label == "Temperature" for one in app.toggle)


def test_more_labels_offer_to_fit_again(home):
    store, project, labeling_run, truth = unbalanced(home)
    label(store, project, truth, range(20))
    app = opened("teacher")
    control(app, labeling_run).set_value("fitted").run()
    before = reads.teacher_labels(store, store.labeling_runs.get(labeling_run.id)).confidence
    label(store, project, truth, range(20, 60))
    app.run()
    kept = reads.teacher_labels(store, store.labeling_runs.get(labeling_run.id)).confidence
    assert np.array_equal(before, kept)
    assert "It can now be fitted on 60 texts that you labelled." in words(app)
    button(app, "Fit again").click().run()
    assert store.labeling_runs.get(labeling_run.id).fits["fitted"]["rows"] == 60


def test_set_elsewhere_without_labels_it_is_as_batch_and_says_so(home):
    store, project, labeling_run, truth = unbalanced(home)
    store.labeling_runs.set_calibration(labeling_run.id, "fitted")
    app = opened("teacher")
    assert not app.exception
    assert "until then labels are as under batch" in words(app)
    assert button(app, "Label 30 texts at random")
    label(store, project, truth, range(25))
    app.run()
    assert "both fitted on 25 texts that you labelled." in words(app)


def test_what_a_run_was_taught_is_shown_after_more_labels_too(home):
    store, project, labeling_run, truth = unbalanced(home, share=0.4)
    store.labeling_runs.set_calibration(labeling_run.id, "fitted")
    label(store, project, truth, range(25))
    then = curation.teacher_labels(store, store.labeling_runs.get(labeling_run.id))
    half = (then.bias / 2).tolist()
    facts = {
        "calibration": "fitted",
        "bias": half,
        "temperature": 1.7,
        "classes": NAMES,
    }
    run = store.runs.create(project.id, labeling_run.id, TrainingConfig(), facts)
    label(store, project, truth, range(25, 200))
    found = reads.run_teacher_labels(store, run)
    expected = curation.teacher_labels(store, labeling_run, "fitted", half, 1.7)
    assert np.array_equal(found.probabilities, expected.probabilities)
    assert found.temperature == 1.7 and found.fit is None
