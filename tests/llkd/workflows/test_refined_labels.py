"""Refined labels through the stages: training keeps them, an export is made again from them."""

import json

import numpy as np
import pytest

from llkd import curation, exporting, workflows
from llkd.cli import main
from llkd.config.selection_rule import EVERYTHING
from llkd.curation.refinement import search as searching
from llkd.errors import InputsChanged, UserError
from llkd.jobs import SilentProgress
from llkd.store.derived.embeddings import save_embeddings
from llkd.store.files.probabilities import read_probabilities
from llkd.training.targets import gather
from llkd.workflows.refinement import switch
from tests.support.exported_projects import LABELLED, N, answers, exported, made
from tests.support.tiny_student import make_encoder
from tests.support.toy_embeddings import embedded
from tests.support.toy_projects import as_job, config, labelled_project, train


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return make_encoder(tmp_path_factory.mktemp("encoder"))


def test_a_run_keeps_its_refined_labels(store, encoder, monkeypatch):
    project = labelled_project(store)
    embedded(store, project)
    switch(store, project, True)
    train(store, project, config(encoder, "all", epochs=1))
    run = store.runs.all(project.id)[0]
    refinement = run.labels["refinement"]
    assert run.labels["calibration"] == "batch+refined" and refinement["changed"] > 0
    rows, targets = read_probabilities(run.files.targets)
    labeling_run = curation.active_labeling_run(store, project)
    then = curation.recorded_labels(store, labeling_run, run.labels)
    assert targets == pytest.approx(then.probabilities[rows], abs=1e-6)
    # Other embeddings change the labels of today, not those of the run.
    embedded(store, project, seed=7)
    now = curation.teacher_labels(store, labeling_run)
    assert now.refinement.search != refinement["search"]
    again = curation.recorded_labels(store, labeling_run, run.labels)
    assert (again.probabilities == then.probabilities).all()
    # A large pool without a search is no reason to train on labels that are not refined.
    monkeypatch.setattr(searching, "AT_ONCE", 10)
    for path in store.nearest_texts.all(project.id):
        path.unlink()
    with pytest.raises(UserError, match="llkd probe"):
        gather(store, project, config(encoder, "all"))
    train(store, project, config(encoder, "all", epochs=1, seed=1))  # which makes it first
    assert store.runs.all(project.id)[0].labels["refinement"]["changed"] >= 0


def test_a_comparison_holds_to_the_search_it_began_with(store, encoder):
    project = labelled_project(store)
    embedded(store, project)
    switch(store, project, True)
    report = as_job(
        store,
        lambda job: workflows.compare(
            store, project, config(encoder, epochs=1), job, seeds=1, arms=["all", "neighbours"]
        ),
    )
    assert report["runs"]
    searches = {run.labels["refinement"]["search"] for run in store.runs.all(project.id)}
    assert len(searches) == 1


def refined_export(store, folder, **options):
    project = made(store)
    switch(store, project, True)
    manifest = exported(store, project, folder, **options)
    return project, manifest


def test_rebuild_is_exact(store, tmp_path):
    project, manifest = refined_export(store, tmp_path / "out", formats=("jsonl", "hf"))
    facts = manifest["inputs"]["refinement"]
    assert manifest["teacher"]["calibration"] == "batch+refined"
    assert (facts["neighbours"], facts["damping"], facts["changed"] > 0) == (15, 0.5, True)
    # Later labels, embeddings and switches change nothing, and neither does a lost search.
    run = curation.active_labeling_run(store, project)
    store.labeling_runs.append(run, answers(np.arange(LABELLED, N)))
    switch(store, project, False)
    assert workflows.rebuild(store, tmp_path / "out")["rows_sha256"] == manifest["rows_sha256"]
    folder = store.nearest_texts.all(project.id)[0].parent
    for path in folder.rglob("*.safetensors"):
        path.unlink()
    assert workflows.rebuild(store, tmp_path / "out")["rows_sha256"] == manifest["rows_sha256"]
    (card,) = (tmp_path / "out").rglob("README.md")
    assert f"which changed {facts['changed']:,} of them" in card.read_text(encoding="utf-8")


def test_rebuild_names_embeddings_that_are_others_or_gone(store, tmp_path):
    project, manifest = refined_export(store, tmp_path / "out")
    path = store.embeddings.newest(project.id)
    for search in path.parent.parent.joinpath("neighbours").rglob("*.safetensors"):
        search.unlink()
    save_embeddings(path, np.random.default_rng(9).normal(size=(N, 4)))
    with pytest.raises(InputsChanged, match="embeddings of the texts are others now"):
        workflows.rebuild(store, tmp_path / "out")
    path.unlink()
    with pytest.raises(InputsChanged, match="nor are the embeddings of its student"):
        workflows.rebuild(store, tmp_path / "out")
    document = json.loads((tmp_path / "out" / "manifest.json").read_text())
    del document["inputs"]["refinement"]  # as a version before wrote it: not refined
    document["teacher"]["calibration"] = "batch"
    assert exporting.manifest_document.Manifest.of(document).inputs.refinement is None


def test_an_export_makes_the_search_and_nothing_is_kept_by_labels_that_wait(
    store, tmp_path, monkeypatch
):
    project = made(store)
    switch(store, project, True)
    monkeypatch.setattr(searching, "AT_ONCE", 10)
    with pytest.raises(UserError, match="nearest texts of every text"):
        curation.apply_rule(store, project, EVERYTHING)
    manifest = exported(store, project, tmp_path / "out")
    assert manifest["inputs"]["refinement"]["changed"] > 0


def test_the_command_lists_and_switches(store, capsys):
    project = labelled_project(store)
    embedded(store, project)
    assert main(["refine", project.name, "--home", str(store.home.root), "--limit", "2"]) == 0
    output = capsys.readouterr().out
    assert "labels are others" in output and "32 gold texts" in output
    assert curation.active_labeling_run(store, project).calibration == "batch+refined"
    assert main(["refine", project.name, "--home", str(store.home.root), "--off"]) == 0
    assert curation.active_labeling_run(store, project).calibration == "batch"
    assert SilentProgress().job_id is None
