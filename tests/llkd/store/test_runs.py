"""What people say of a run is kept as it was said; a deleted run is gone, and only that run."""

import pytest

from llkd import jobs
from llkd.config import AUTO_STRATEGY, TrainingConfig, build
from llkd.config.selection_rule import SavedRule, TrainedOnRule, read_rule
from llkd.errors import NotFound, StoreError, UserError
from llkd.jobs.requests import (
    CompareRequest,
    DemoRequest,
    ExportRequest,
    LabelRequest,
    PredictFileRequest,
    PredictRequest,
    TrainRequest,
)
from llkd.selection.registry import label_of
from llkd.store import Store
from tests.support.store_records import a_run


@pytest.fixture
def store(home, database):
    opened = Store()
    yield opened
    opened.close()


HOSTILE = "<img src=x> ![i](http://e.com) **b** \u00fc\u4e2d"


def test_a_run_has_no_title_note_or_pin_until_it_is_given_one(store):
    run = a_run(store)
    own = f"run {run.id}: {label_of(AUTO_STRATEGY)}"
    assert (run.title, run.note, run.pinned, run.name) == ("", "", False, own)
    named = store.runs.describe(run.id, title=f"  {HOSTILE}\n", note=" one\r\ntwo ", pinned=True)
    assert (named.title, named.note, named.pinned) == (HOSTILE, "one\ntwo", True)
    assert named.name == f"run {run.id}: {HOSTILE}"
    assert store.runs.describe(run.id, note="").title == HOSTILE
    back = store.runs.describe(run.id, title="", pinned=False)
    assert (back.name, back.note, back.pinned) == (run.name, "", False)


@pytest.mark.parametrize(
    "said", [{"title": "x" * 101}, {"title": "a\x07b"}, {"title": "\ud800"}, {"note": "x" * 2001},
             {"note": "a\x00b"}, {"title": "a\u202eb"}],
)  # fmt: skip
def test_what_cannot_be_shown_is_refused_in_a_sentence_and_nothing_changes(store, said):
    run = store.runs.describe(a_run(store).id, title="kept", note="kept")
    with pytest.raises(UserError, match=r"at most 1?2?,?[01]00 printable characters, but it was '"):
        store.runs.describe(run.id, pinned=True, **said)
    assert store.runs.get(run.id) == run


def test_a_deleted_run_is_gone_and_only_that_run(store):
    kept, run = a_run(store), a_run(store)
    follower = a_run(store, selection={"strategy": "random"}, reference_run=run.id)
    assert store.runs.followers(run) == [follower]
    run.student_folder.mkdir()
    jobs.delete_run(store, run)
    with pytest.raises(NotFound):
        store.runs.get(run.id)
    assert not run.folder.exists() and list(run.folder.parent.glob(".*")) == []
    assert [one.id for one in store.runs.all(run.project_id)] == [kept.id, follower.id]
    assert store.runs.followers(kept) == []
    (event,) = store.events.all(run.project_id)
    assert (event["kind"], event["detail"]["run"]) == ("delete_run", run.id)
    # A number is never given twice.
    assert a_run(store).id > follower.id


def test_a_folder_that_stays_keeps_the_run(store):
    run = a_run(store)
    # A file of that name stands where the folder would be put aside.
    blocking = run.folder.with_name(f".{run.id}.deleted")
    blocking.write_text("in the way")
    with pytest.raises(StoreError, match="The run is unchanged"):
        store.runs.delete(run.id)
    assert store.runs.get(run.id) == run and run.folder.is_dir()


def test_what_a_stopped_deletion_left_is_put_right_with_the_next_run(store):
    kept, gone = a_run(store), a_run(store)
    folders = gone.folder.parent
    # Stopped after the record was gone: the rest of the folder goes.
    store.runs.delete(gone.id)
    (folders / f".{gone.id}.deleted" / "student").mkdir(parents=True)
    # Stopped before: the folder comes back.
    kept.folder.rename(folders / f".{kept.id}.deleted")
    a_run(store)
    assert (kept.folder / "config.json").exists()
    assert list(folders.glob(".*")) == []


def test_comparisons_that_spoke_of_a_run_are_named(store):
    run = a_run(store)
    jobs_made = {}
    for kind, result in (
        ("compare", {"arms": [], "runs": [{"run": run.id}]}),
        ("compare", {"arms": [], "runs": [{"run": run.id + 1}]}),
        ("demo", {"arms": [], "runs": [{"run": run.id}]}),
        ("train", {"runs": [{"run": run.id}]}),
    ):
        job = store.jobs.create(kind, "Work", None, run.project_id)
        store.jobs.update(job.id, state="finished", result=result)
        jobs_made[job.id] = kind
    assert [jobs_made[job.id] for job in jobs.reports_on(store, run)] == ["demo", "compare"]
    jobs.delete_run(store, run)
    assert len(jobs.reports_on(store, run)) == 2  # a report stays as it was written


def control(run):
    return build(TrainingConfig, selection={"strategy": "random"}, reference_run=run)


def of_selection(name):
    return build(TrainingConfig, selection={"strategy": "saved", "saved": name})


def a_job(store, project_id, request):
    """A queued job, as this version (a request) or one of before (a command) made it."""
    if isinstance(request, list):
        return store.jobs.create(request[0], "Work", None, project_id, arguments=request)
    project_id = None if request.project_name is None else project_id
    return store.jobs.create(request.kind, "Work", request.model_dump(mode="json"), project_id)


@pytest.mark.parametrize(
    "wanted",
    [
        lambda run: PredictRequest(project="p", run=run, text="x"),
        lambda run: PredictFileRequest(project="p", run=run, file="x"),
        lambda run: ExportRequest(project="p", out="o", rule=TrainedOnRule(run=run)),
        lambda run: ExportRequest(project="p", out="o", rule=SavedRule(name="by its need")),
        lambda run: TrainRequest(project="p", training=control(run)),
        lambda run: TrainRequest(project="p", training=of_selection("by its need")),
        lambda run: CompareRequest(project="p", seeds=1),
        lambda run: DemoRequest(),
        # Versions before 0.4.0 stored a command.
        lambda run: ["export", "p", "--out=o", "--run", str(run)],
        lambda run: ["export", "--out=o", "--selection=by its need", "--", "p"],
        lambda run: ["train", "--strategy=random", f"--reference-run={run}", "--", "p"],
    ],
)
def test_a_run_that_a_living_job_needs_is_not_deleted(store, wanted):
    from llkd.jobs.locks import take_lock

    run = a_run(store)
    store.selections.save(run.project_id, "by its need", read_rule({"run": run.id}), {})
    job = a_job(store, run.project_id, wanted(run.id))
    lock = take_lock(store, job.id)
    store.jobs.update(job.id, state="running")
    with pytest.raises(UserError, match=rf"job {job.id} \(Work\) is running and needs it"):
        jobs.delete_run(store, run)
    assert run.folder.is_dir()
    import os

    os.close(lock)
    store.jobs.update(job.id, state="finished")
    jobs.delete_run(store, run)


def test_other_jobs_do_not_keep_a_run(store):
    from llkd.jobs.locks import take_lock

    run, other = a_run(store), a_run(store, "q")
    held = []
    for project, request in (
        (run.project_id, LabelRequest(project="p")),
        (run.project_id, PredictRequest(project="p", run=run.id * 10, text="x")),
        (run.project_id, ["nonsense", "p"]),
        (other.project_id, CompareRequest(project="q", seeds=1)),
    ):
        job = a_job(store, project, request)
        held.append(take_lock(store, job.id))
        store.jobs.update(job.id, state="running")
    assert jobs.job_on(store, run) is None
    assert jobs.job_on(store, other) is not None
