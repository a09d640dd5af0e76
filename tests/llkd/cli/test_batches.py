"""``llkd label --batch`` and ``llkd cancel --batches``."""

import json

import pytest

from llkd.cli import main
from llkd.store import Store
from llkd.store.cost_ledger import Ledger
from llkd.store.files.batch_journal import BatchCall, waiting_requests
from tests.support.batch_labelling import answered, impatient, in_batches
from tests.support.batch_server import batching
from tests.support.paid_labelling import make_project


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    impatient(monkeypatch)


def test_a_dry_run_tells_half_the_price_and_the_run_pays_it(home, tmp_path, capsys):
    make_project(home, "toy", 20)

    def run(*more):
        code = main(["label", "toy", "--teacher=api:m", f"--base-url={server.url}", "--json",
                     "--price-in=1", "--price-out=1", "--no-probe", *more])  # fmt: skip
        out = capsys.readouterr()
        assert code == 0, out.err
        return json.loads(out.out)

    with batching(tmp_path / "log", labels=["red", "blue"]) as server:
        whole = run("--dry-run")["estimate"]["money"]
        half = run("--dry-run", "--batch", "--batch-discount=0.25")["estimate"]["money"]
        assert half == pytest.approx([0.75 * money for money in whole])
        done = run("--batch")
        assert done["labelled"] == 20 and set(answered(server).values()) == {1}
        assert len(in_batches(server)) == 14  # five of the dry runs, and one to begin with
        store = Store()
        [job] = [job for job in store.jobs.all() if job.kind == "label"]
        assert job.request["batch"] is True
        assert main(["cancel", str(job.id), "--batches"]) == 2
        assert f"Job {job.id} has no batch at a server" in capsys.readouterr().err
        # As a job leaves it that was stopped while it waited.
        run_ = store.labeling_runs.all(1)[0]
        account = store.labeling_runs.account(run_)
        ledger = Ledger(account)
        journal = ledger.batch_journal()
        journal.prepare("n", [BatchCall("x", 1, 1), BatchCall("y", 1, 1)], [b"{}\n"])
        assert waiting_requests(account) == 2
        assert main(["cancel", str(job.id), "--batches"]) == 0
        assert f"llkd resume {job.id} cancels 1 at the server" in capsys.readouterr().err
        assert journal.record("n").stopped and waiting_requests(account) == 0
        journal.close()
        ledger.close()
        store.close()
