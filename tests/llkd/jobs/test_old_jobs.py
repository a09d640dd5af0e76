"""Jobs of 0.3.0 stored a command: it is read once, as a request, and resumed as before."""

import json
import os
import shutil

import pytest

from llkd import jobs
from llkd.config import OrderConfig, Spending, TeacherConfig, TrainingConfig, build
from llkd.config.selection_rule import TrainedOnRule
from llkd.jobs.locks import take_lock
from llkd.jobs.requests import (
    CompareRequest,
    DemoRequest,
    DryRunRequest,
    ExportRequest,
    LabelRequest,
    PredictFileRequest,
    PredictRequest,
    ProbeRequest,
    PromptComparisonRequest,
    TrainRequest,
)
from llkd.store import Price, Store
from tests.support.job_processes import end_jobs, ended

PLACE = "/tmp/llkd-home-0-3-0"  # where the home of the fixture was made
SERVER = ["--teacher=api:m", "--base-url=http://h/v1"]
ASKED = build(TeacherConfig, teacher="api:m", base_url="http://h/v1")
THEN = {"max_tokens": 64, "head_start": "random", "epochs": 3}  # what no command had to say
COMMANDS = [
    (["label", "--labels", "a,b", "--teacher=local:/m", "--no-probe", "p"],
     LabelRequest(project="p", teacher=TeacherConfig(teacher="local:/m"), probe=False)),
    (["label", *SERVER, "--price-in=1.5", "--price-out=2.0", "--budget=3.0", "--order=need",
      "--limit=40", "--calibration=none", "--ask-again", "--", "p"],
     build(LabelRequest, project="p", teacher=ASKED, limit=40, calibration="none", ask_again=True,
           spending=Spending(price_in=1.5, price_out=2.0, budget=3.0),
           order=OrderConfig(order="need"))),
    (["label", *SERVER, "--dry-run", "--rows=1,2", "--", "--p"],
     build(DryRunRequest, project="--p", teacher=ASKED, rows=[1, 2],
           spending=Spending(price_in=7.0, price_out=8.0))),
    (["bake-off", "--rows=60", "--try=examples=none,balanced", "--try=instruction=a, b", "--", "p"],
     build(PromptComparisonRequest, project="p", rows=60,
           variants={"examples": ["none", "balanced"], "instruction": ["a, b"]})),
    (["probe", "--", "p"], ProbeRequest(project="p")),
    (["train", "--strategy=teacher_then_random", "--reference-run=3", "--calibration=batch", "p"],
     build(TrainRequest, project="p", calibration="batch", training=build(
         TrainingConfig, **THEN, selection={"strategy": "teacher_then_random"},
        reference_run=3))),
    (["train", "--strategy=saved", "--selection=mine", "--seed=2", "--", "p"],
     build(TrainRequest, project="p", training=build(
         TrainingConfig, **THEN, seed=2,
        selection={"strategy": "saved", "saved": "mine"}))),
    (["train", "p"], build(TrainRequest, project="p", training=build(
        TrainingConfig, **THEN, selection={"strategy": "neighbours", "share": 0.2}))),
    (["compare", "--seeds=1", "p"],
     build(CompareRequest, project="p", seeds=1, training=TrainingConfig(**THEN),
           arms=["llkd", "all", "random", "teacher_then_random"])),
    (["compare", "--seeds=1", "--arms=llkd,all", "--epochs=2", "--", "p"],
     build(CompareRequest, project="p", seeds=1, arms=["llkd", "all"],
           training=TrainingConfig(**THEN | {"epochs": 2}))),
    (["demo", "--epochs", "1"], DemoRequest(training=TrainingConfig(**THEN | {"epochs": 1}))),
    (["export", "--out=/o", "--format=csv,jsonl", "--run=2", "--zip-student", "--", "p"],
     build(ExportRequest, project="p", out="/o", formats=["csv", "jsonl"], zip_student=True,
           rule=TrainedOnRule(run=2))),
    (["predict", "--run=1", "--text=-x", "--", "p"], PredictRequest(project="p", run=1, text="-x")),
    (["predict", "--run=1", "--out=/o.csv", "--text-column=body", "--", "p", "/f.csv"],
     PredictFileRequest(project="p", run=1, file="/f.csv", out="/o.csv", text_column="body")),
]  # fmt: skip


@pytest.fixture
def store(old_home):
    opened = Store(old_home)
    yield opened
    opened.close()
    end_jobs(old_home)


def died(store, old_home, job_id):
    """The job as if it had died just now, with the files of the fixture where they are now."""
    job = store.jobs.get(job_id)
    files = old_home.parent
    arguments = [part.replace(PLACE, str(files)) for part in job.arguments]
    store.jobs.update(
        job_id, state="died", arguments=arguments, context={**job.context, "cwd": str(files)}
    )


@pytest.mark.parametrize(
    ("command", "request_"),
    COMMANDS,
    ids=lambda v: " ".join(v[:2])[:30] if isinstance(v, list) else "",
)
def test_every_command_that_0_3_0_stored_is_a_request(home, command, request_):
    opened = Store(home)
    opened.prices.set([Price("m", 7.0, 8.0)])  # of the price table, where the command names none
    job = opened.jobs.create(command[0], "Old", arguments=command)
    assert jobs.request_of(opened, job) == request_
    assert opened.jobs.get(job.id).request == request_.model_dump(mode="json")
    opened.close()


def test_its_jobs_are_read_once_and_say_what_they_did(store):
    requests = {job.id: jobs.request_of(store, job) for job in store.jobs.all()}
    assert sorted(type(request).__name__ for request in requests.values()) == sorted(
        ["ExportRequest"] * 2 + ["LabelRequest"] * 5 + ["ProbeRequest", "TrainRequest"]
    )
    assert requests[2].limit == 30 and requests[2].teacher.example_count == 3
    assert requests[5].training == store.runs.all(store.projects.get("desk").id)[0].config
    assert requests[6].selection_names == {"by class"} and requests[7].run_numbers == {1}
    # Read from the request now, whatever the command says.
    store.jobs.update(5, arguments=["nonsense"])
    assert jobs.request_of(store, store.jobs.get(5)) == requests[5]


def test_labelling_is_resumed(store, old_home):
    project = store.projects.get("desk")
    before = store.labeling_runs.scores(store.labeling_runs.get(1))
    died(store, old_home, 1)
    jobs.resume(store, 1)
    done = ended(store, 1)
    assert done.state == "finished", jobs.log_tail(store, 1)
    assert done.attempts == 2 and done.result["labelled"] == project.rows
    assert done.result["asked"] == 0
    after = store.labeling_runs.scores(store.labeling_runs.get(1))
    assert (after.scores == before.scores).all()


@pytest.mark.parametrize(("job_id", "name"), [(6, "by-class"), (7, "run")])
def test_an_export_is_resumed_and_holds_the_same_rows(store, old_home, job_id, name):
    folder = old_home.parent / "exports" / name
    before = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    shutil.rmtree(folder)
    died(store, old_home, job_id)
    jobs.resume(store, job_id)
    done = ended(store, job_id)
    assert done.state == "finished", jobs.log_tail(store, job_id)
    after = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert done.result["rows"] == before["rows"] > 0
    assert after["selection"]["kind"] == before["selection"]["kind"]


def test_its_exports_reserve_their_folder_and_its_runs_are_kept_while_they_live(store, old_home):
    run = store.runs.get(1)
    lock = take_lock(store, 7)
    store.jobs.update(7, state="running")
    assert jobs.job_on(store, run).id == 7
    os.close(lock)
