"""The Teacher page while a batch is at the server: what waits there, and how to cancel it."""

from llkd.store.cost_ledger import Ledger
from llkd.store.files.batch_journal import BatchCall, waiting_requests
from tests.support.pages import button, opened, words
from tests.support.seeded_projects import asked_for, label_request, living_job, seeded_project
from tests.support.teacher_page import PRICED, SERVER


def test_a_batch_that_waits_is_told_and_can_be_cancelled_at_the_server(home):
    store, project = seeded_project(home, labelled=0.5)
    labeling_run = store.labeling_runs.get(project.labelling_id)
    path = store.labeling_runs.account(labeling_run)
    ledger = Ledger(path, PRICED)
    ledger.settle(ledger.reserve(1000, 10), 1000, 10)
    journal = ledger.batch_journal()
    calls = [BatchCall(f"c{n}", 1000, 10) for n in range(1200)]
    journal.prepare("n", calls, [b"{}\n"])
    journal.step("n", "submitted", batch_id="batch_1")
    with living_job(store, project, labelling_id=labeling_run.id) as job:
        asked_for(store, job, label_request(SERVER, spending=PRICED, batch=True))
        store.jobs.update(job.id, message="Waiting for a batch (30 of 1200 answered)")
        app = opened("teacher")
        shown = words(app)
        assert "Waiting for a batch (30 of 1200 answered)" in shown
        assert "1,200 requests in a batch at the server." in shown
        button(app, "Cancel at the server").click().run()
        assert journal.record("n").stopped and waiting_requests(path) == 0
        assert "in a batch at the server" not in words(app)
        assert store.jobs.get(job.id).cancel_requested is None, "the job goes on, and collects"
    journal.close()
    ledger.close()
