"""What a run trained on is what its kept student saw, wherever it is counted."""

import json
from collections import Counter

import pandas as pd
import pytest

from llkd import curation, workflows
from llkd.config.selection_rule import rule_of_choices
from llkd.exporting import provenance
from llkd.store.files.probabilities import read_probabilities
from llkd.training import run_inputs, stopping
from llkd.training.optimisation import Optimisation
from llkd.workflows.selection import times_selected
from tests.support.toy_projects import as_job, config, labelled_project, train, with_options


@pytest.fixture
def updates(monkeypatch):
    """For each epoch, the places in the pool that optimiser steps were taken on."""
    real, epochs = Optimisation.update, [[]]

    def spy(self, positions, *rest):
        epochs[-1].extend(positions.tolist())
        return real(self, positions, *rest)

    def score(*_):
        epochs.append([])
        return [[0.1], [0.9], [0.5], [0.4]][len(epochs) - 2]  # the second epoch is the best

    monkeypatch.setattr(Optimisation, "update", spy)
    monkeypatch.setattr(stopping, "score", score)
    return epochs


@pytest.mark.parametrize("gather", [False, True])
@pytest.mark.parametrize("epochs", [2, 4])
def test_page_json_export_and_manifest_count_what_the_kept_student_saw(
    store, encoder, updates, tmp_path, gather, epochs
):

    project = labelled_project(store, n=200, with_gold=False)
    settings = with_options(
        config(encoder, "random", share=0.3, epochs=epochs), early_stopping="auto", gather=gather
    )
    result = train(store, project, settings)
    run = store.runs.get(result["run"])
    assert result["best_epoch"] == 2 and len(updates) == epochs + 1
    rows, _ = read_probabilities(run.folder / "targets.parquet")
    kept = run_inputs.read(run.folder).held_out
    pool = rows[~kept]
    saw = Counter(int(pool[place]) for epoch in updates[:2] for place in epoch)
    assert curation.times_trained(store, run).to_dict() == saw
    assert result["backpropagated"] == sum(saw.values())
    assert result["unique"] == len(saw)
    assert result["selected_share"] == pytest.approx(sum(saw.values()) / (2 * len(pool)))
    assert sorted(curation.times_trained(store, run).index) == sorted(saw)
    assert workflows.select(store, project, rule=rule_of_choices(run=run.id))["kept"] == len(saw)
    columns = ("labels", "weights")
    done = as_job(
        store,
        lambda job: workflows.export(
            store, project, tmp_path / "out", formats=["jsonl"], rule=rule_of_choices(run=run.id), columns=columns,
            student=False,
        ),
    )  # fmt: skip
    lines = [json.loads(line) for line in (tmp_path / "out" / "curated.jsonl").open()]
    assert len(lines) == done["rows"] == len(saw)
    assert Counter(line["times_trained_on"] for line in lines) == Counter(saw.values())
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["counts"]["kept"] == len(saw)
    assert manifest["run"]["summary"]["backpropagated"] == sum(saw.values())


def test_a_manifest_that_counted_what_was_selected_is_still_rebuilt(
    store, encoder, updates, tmp_path, monkeypatch
):
    """As 0.3.0 exported a run with early stopping."""
    project = labelled_project(store, n=200, with_gold=False)
    settings = with_options(
        config(encoder, "random", share=0.3, epochs=4), early_stopping="auto", gather=True
    )
    run = store.runs.get(train(store, project, settings)["run"])
    old, new = times_selected(store, run), curation.times_trained(store, run)
    assert provenance.times_sha256(old) != provenance.times_sha256(new)
    assert isinstance(old, pd.Series) and old.sum() > new.sum()
    with monkeypatch.context() as before:
        before.setattr(curation, "times_trained", times_selected)
        before.setattr("llkd.curation.kept_texts.times_trained", times_selected)
        workflows.export(
            store,
            project,
            tmp_path / "out",
            formats=["jsonl"],
            rule=rule_of_choices(run=run.id),
            student=False,
        )
    again = workflows.rebuild(store, tmp_path / "out" / "manifest.json", tmp_path / "again")
    assert again["rows"] == len(old)
