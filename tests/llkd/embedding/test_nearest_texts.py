"""The search for the nearest texts: by the student that trains, once, kept, and stoppable."""

import numpy as np
import pytest

from llkd import curation, workflows
from llkd.embedding import nearest_texts
from llkd.errors import JobCancelled, UserError
from llkd.jobs.progress import SilentProgress
from llkd.models import sources
from llkd.store.derived.embeddings import read_embeddings
from llkd.store.files.probabilities import read_probabilities
from tests.support.tiny_student import make_encoder
from tests.support.toy_projects import as_job, config, labelled_project, train


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    return [make_encoder(tmp_path_factory.mktemp(f"encoder{k}"), seed=k) for k in (0, 1)]


@pytest.fixture
def searches(monkeypatch):
    """The embeddings of every search that is made."""
    made = []
    search = curation.nearest_voters

    def counted(points, *rest):
        made.append(points)
        return search(points, *rest)

    monkeypatch.setattr(curation, "nearest_voters", counted)
    return made


def test_one_search_serves_all_arms_of_a_pool(store, encoders, searches):
    project = labelled_project(store)
    arms = ["llkd", "all", "random", "teacher_then_random", "neighbours", "needed_neighbours"]
    as_job(
        store,
        lambda job: workflows.compare(
            store, project, config(encoders[0], epochs=1), job, seeds=2, arms=arms
        ),
    )
    assert len(searches) == 1
    store.decisions.decide(project.id, [3], "exclude", None)  # another pool
    train(store, project, config(encoders[0], "neighbours", epochs=1))
    assert len(searches) == 2
    kept = store.nearest_texts.all(project.id)
    assert len(kept) == 2
    for path in kept:
        path.write_bytes(b"damaged")
    train(store, project, config(encoders[0], "neighbours", epochs=1))
    assert len(searches) == 3  # a damaged search is made again


def test_the_embeddings_are_those_of_the_student_that_trains(store, encoders, searches):
    """On 0.3.0 those that were made last served any student."""
    project = labelled_project(store)
    first, second = encoders
    as_job(store, lambda job: workflows.embed_and_probe(store, project, job, student=first))
    with pytest.raises(UserError, match="embeddings of the student that trains"):
        workflows.training.prepare(store, project, config(second, "neighbours"), None)
    probe = curation.newest_embeddings(store, project)
    run = store.runs.get(train(store, project, config(second, "neighbours"))["run"])
    rows, _ = read_probabilities(run.folder / "targets.parquet")
    own = read_embeddings(curation.embeddings_path(store, project, second))
    np.testing.assert_array_equal(searches[-1], own[rows])
    assert run.labels["embeddings_sha256"] == sources.student_digest(second)
    assert curation.newest_embeddings(store, project) == probe  # the plane keeps its own


def test_a_student_whose_weights_changed_is_embedded_again(store, tmp_path, searches):
    folder = make_encoder(tmp_path / "encoder")
    project = labelled_project(store)
    train(store, project, config(folder, "neighbours"))
    make_encoder(tmp_path / "encoder", seed=5)
    train(store, project, config(folder, "neighbours"))
    assert len(searches) == 2 and not np.allclose(*searches)


def test_a_stopped_search_leaves_nothing_and_goes_on_later(store, encoders, monkeypatch):
    project = labelled_project(store)
    settings = config(encoders[0], "neighbours")
    as_job(store, lambda job: workflows.embed_and_probe(store, project, job, student=encoders[0]))

    def stopped(job):
        monkeypatch.setattr(job, "check", _stop)
        return workflows.train(store, project, settings, job)

    with pytest.raises(JobCancelled):
        as_job(store, stopped)
    assert store.jobs.all()[0].state == "cancelled" and not store.runs.all(project.id)
    assert train(store, project, settings)["state"] == "finished"


def _stop():
    raise JobCancelled("Stopped on request.")


def test_near_duplicates_of_a_pool_share_a_voter(store, encoders):
    project = labelled_project(store)  # texts that differ in their last number are near-duplicates
    rows = np.arange(40)
    as_job(store, lambda job: workflows.embed_and_probe(store, project, job, student=encoders[0]))
    found, voter, own = nearest_texts.nearest_texts(
        store, project, config(encoders[0], "neighbours"), rows, SilentProgress()
    )
    assert voter.max() == len(np.unique(voter)) - 1 and (voter == own).all()
    assert not (found == own[:, None]).any()
