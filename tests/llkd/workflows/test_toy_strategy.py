"""A strategy that somebody adds trains, compares and is replayed as any other."""

from llkd import curation, workflows
from llkd.selection.registry import STRATEGIES
from tests.support.toy_projects import as_job, config, labelled_project
from tests.support.toy_strategy import TOY


def test_it_is_an_arm_of_a_comparison(store, encoder, monkeypatch):
    monkeypatch.setitem(STRATEGIES, "every_other", TOY)
    project, settings = labelled_project(store), config(encoder, epochs=1)

    def compare(job):
        return workflows.compare(
            store, project, settings, job, seeds=1, arms=["llkd", "all", "every_other"]
        )

    report = as_job(store, compare)
    runs = {(entry["arm"], entry["budget"]): entry["run"] for entry in report["runs"]}
    assert set(runs) == {
        ("llkd", "epochs"), ("all", "epochs"), ("every_other", "epochs"), ("every_other", "samples"),
    }  # fmt: skip
    run = store.runs.get(runs["every_other", "epochs"])
    assert run.summary.backpropagated == 32 and run.config.selection.strategy == "every_other"
    llkd = store.runs.steps(store.runs.get(runs["llkd", "epochs"]))["selected"].tolist()
    matched = store.runs.steps(store.runs.get(runs["every_other", "samples"]))["selected"].tolist()
    assert matched == llkd
    weights = {row["arm"]: row["weights"] for row in report["arms"]}
    assert weights["every_other"] == "1" and weights["llkd"] == "c·u"
    decisions = store.runs.decisions(run)
    passed_over = int(decisions[~decisions["selected"]]["row"].iloc[0])
    assert set(curation.history(store, run, passed_over)["why"]) == {"an even one"}
