"""What tests of the Teacher page fill in, and jobs that it shows."""

from llkd.config import Spending, TeacherConfig
from llkd.store.cost_ledger import Ledger
from tests.support.pages import opened
from tests.support.seeded_projects import (
    asked_for,
    ended_job,
    label_request,
)

URL = "http://127.0.0.1:8000/v1"
HOSTILE = "<b>prompt</b> [l](http://e.com) :material/home:"
SERVER = TeacherConfig(teacher="api:qwen", base_url=URL)


def opened_question(key="teacher_question_box_1"):
    app = opened("teacher")
    app.session_state[key] = True
    return app.run()


def with_server(app):
    app.radio(key="teacher_kind_1").set_value("api").run()
    return app.text_input(key="teacher_model_1").set_value("qwen").run()


def finish_tries(store, project, **more):
    """End the dry runs that were started, each with its own answers."""
    texts = store.projects.texts(project.id, ["text"])["text"]
    for number, job in enumerate(reversed(store.jobs.all(project.id))):
        if job.kind != "dry-run" or job.state == "finished":
            continue
        examples = [
            {
                "row": int(row),
                "text": str(texts.iloc[int(row)]),
                "prompt": f"{HOSTILE} {number} {row}",
                "label": ["roads", "waste"][number % 2],
                "confidence": 0.5 + number / 10,
                "source": "logprob",
                "raw": f"{HOSTILE} raw",
                "scores": {"roads": -0.1, "waste": -3.0, "water": -4.0},
                "tokens_in": 90 + number,
                "tokens_out": 2,
                "cached": False,
            }
            for row in job.request["rows"]
        ]
        result = {
            "examples": examples,
            "seconds_per_text": 0.5,
            "tokens_per_text": 92.0,
            "texts": 60,
            "estimate": {
                "texts": 60,
                "calls": [60, 66, 90],
                "tokens_in": [4000, 5000, 7000],
                "tokens_out": [60, 120, 180],
                "seconds": [120.0, 180.0, 360.0],
                "money": None,
            },
            **more,
        }
        store.jobs.update(job.id, state="finished", result=result)


def metrics(app):
    return {one.label: one.value for one in app.metric}


DOCUMENT = {
    "texts": 100,
    "calls": [100, 110, 150],
    "tokens_in": [1_000_000, 2_000_000, 3_000_000],
    "tokens_out": [100_000, 100_000, 200_000],
    "seconds": [60, 120, 300],
}


def account(store, labeling_run, spending, *, calls=10, lost=0, refused=0):
    """Write down calls of 1,000 tokens in and 10 out, as a labelling job does."""
    ledger = Ledger(store.labeling_runs.account(labeling_run), spending)
    for _ in range(calls):
        ledger.settle(ledger.reserve(1000, 10), 1000, 10)
    for _ in range(lost):
        ledger.mark_unknown(ledger.reserve(1000, 10))
    for _ in range(refused):
        ledger.release(ledger.reserve(1000, 10))
    ledger.close()


PRICED = Spending(price_in=10.0, price_out=0.0, budget=0.4)


def stopped(store, project, spending, **more):
    job = ended_job(store, project, "finished")
    asked_for(store, job, label_request(SERVER, spending=spending, **more))
    store.jobs.update(job.id, result={"stopped": "budget"})
    store.jobs.remember(job.id, labelling_id=project.labelling_id)
    return job


def empty_pass(store, project):
    """A pass of another way to ask that failed before its first answer."""
    return store.labeling_runs.find_or_create(
        project.id,
        label_set=project.label_set,
        config=SERVER.model_copy(update={"examples": "balanced"}),
        fingerprint="empty",
        teacher={"kind": "api", "name": "qwen"},
        calibration="batch",
    )
