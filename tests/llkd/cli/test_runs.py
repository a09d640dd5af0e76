"""``llkd runs``: a run is named, noted, pinned and deleted from a terminal."""

import json

import pytest

from llkd.cli import main
from tests.support.store_records import a_run


@pytest.fixture
def runs(capsys):
    """Run ``llkd runs p …``: exit code, what was printed, what was said of a mistake."""

    def command(*options):
        code = main(["runs", "p", *map(str, options)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def test_a_run_is_named_noted_and_pinned(store, runs):
    one, two = a_run(store), a_run(store)
    code, out, _ = runs("--run", two.id, "--title", "after the audit", "--note", "a\nb", "--pin")
    assert code == 0 and "after the audit (pinned)" in out and "Note on run 2: a b" in out
    code, out, _ = runs("--json")
    listed = json.loads(out)["runs"]
    assert [(r["run"], r["name"], r["note"], r["pinned"]) for r in listed] == [
        (one.id, "", "", False),
        (two.id, "after the audit", "a\nb", True),
    ]
    assert runs("--run", two.id, "--no-pin", "--title", "")[0] == 0
    found = store.runs.get(two.id)
    assert (found.title, found.note, found.pinned) == ("", "a\nb", False)
    code, out, _ = runs("--run", one.id, "--json")
    assert [r["run"] for r in json.loads(out)["runs"]] == [one.id]


def test_deleting_says_what_goes_on_without_it(store, runs):
    run = a_run(store)
    control = a_run(store, selection={"strategy": "random"}, reference_run=run.id)
    job = store.jobs.create("compare", "Compare", None, run.project_id)
    store.jobs.update(job.id, state="finished", result={"arms": [], "runs": [{"run": run.id}]})
    code, out, _ = runs("--run", run.id, "--delete")
    assert code == 0
    assert out.splitlines() == [
        f"Deleted run {run.id}. What was exported stays.",
        f"No longer controls of any run, as they copied its counts: run {control.id}.",
        f"Reports of comparisons that speak of it stay as they were: job {job.id}.",
    ]
    code, out, _ = runs("--run", control.id, "--delete", "--json")
    assert json.loads(out) == {"deleted": control.id, "no_longer_controls": [], "reports": []}
    assert store.runs.all(run.project_id) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--title", "x"], "Say which run: --run R."),
        (["--delete"], "Say which run: --run R."),
        (["--run", "1", "--delete", "--pin"], "A run is deleted or described, not both"),
        (["--run", "9", "--delete"], "There is no run 9 in this project. Its runs: 1."),
        (["--run", "1", "--title", "x" * 101], "A title has at most 100 printable characters"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(store, runs, options, said):
    run = a_run(store)
    code, out, err = runs(*options)
    assert (code, out) == (2, "") and said in err and len(err.splitlines()) == 1
    assert store.runs.all(run.project_id) == [run]
