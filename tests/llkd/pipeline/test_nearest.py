"""The search for the nearest texts: by the student that trains, once, kept, and stoppable."""

import numpy as np
import pytest

from llkd import curation, models, pipeline
from llkd.errors import JobCancelled, UserError
from llkd.pipeline import evidence, nearest
from llkd.store import Store
from llkd.store.runs import read_probabilities
from tests.llkd.pipeline.test_arms import labelled
from tests.llkd.pipeline.test_pipeline import as_job, config, train
from tests.llkd.tiny_student import make_encoder


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    return [make_encoder(tmp_path_factory.mktemp(f"encoder{k}"), seed=k) for k in (0, 1)]


@pytest.fixture
def opened(home):
    store = Store()
    yield store
    store.close()


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


def test_one_search_serves_all_arms_of_a_pool(opened, encoders, searches):
    project = labelled(opened)
    arms = ["llkd", "all", "random", "teacher_then_random", "neighbours", "needed_neighbours"]
    as_job(
        opened,
        lambda job: pipeline.compare(
            opened, project, config(encoders[0], epochs=1), job, seeds=2, arms=arms
        ),
    )
    assert len(searches) == 1
    opened.people.decide(project.id, [3], "exclude", None)  # another pool
    train(opened, project, config(encoders[0], "neighbours", epochs=1))
    assert len(searches) == 2
    kept = list(opened.runs.embeddings_file(project.id, "x").parent.parent.glob("neighbours/*"))
    assert len(kept) == 2
    for path in kept:
        path.write_bytes(b"damaged")
    train(opened, project, config(encoders[0], "neighbours", epochs=1))
    assert len(searches) == 3  # a damaged search is made again


def test_the_embeddings_are_those_of_the_student_that_trains(opened, encoders, searches):
    """On 0.3.0 those that were made last served any student."""
    project = labelled(opened)
    first, second = encoders
    as_job(opened, lambda job: pipeline.embed_and_probe(opened, project, job, student=first))
    with pytest.raises(UserError, match="embeddings of the student that trains"):
        pipeline.training.prepare(opened, project, config(second, "neighbours"), None)
    probe = curation.newest_embeddings(opened, project)
    run = opened.runs.get(train(opened, project, config(second, "neighbours"))["run"])
    rows, _ = read_probabilities(run.folder / "targets.parquet")
    own = curation.read_embeddings(curation.embeddings_path(opened, project, second))
    np.testing.assert_array_equal(searches[-1], own[rows])
    assert run.labels["embeddings_sha256"] == models.student_digest(second)
    assert curation.newest_embeddings(opened, project) == probe  # the plane keeps its own


def test_a_student_whose_weights_changed_is_embedded_again(opened, tmp_path, searches):
    folder = make_encoder(tmp_path / "encoder")
    project = labelled(opened)
    train(opened, project, config(folder, "neighbours"))
    make_encoder(tmp_path / "encoder", seed=5)
    train(opened, project, config(folder, "neighbours"))
    assert len(searches) == 2 and not np.allclose(*searches)


def test_a_stopped_search_leaves_nothing_and_goes_on_later(opened, encoders, monkeypatch):
    project = labelled(opened)
    settings = config(encoders[0], "neighbours")
    as_job(opened, lambda job: pipeline.embed_and_probe(opened, project, job, student=encoders[0]))

    def stopped(job):
        monkeypatch.setattr(job, "check", _stop)
        return pipeline.train(opened, project, settings, job)

    with pytest.raises(JobCancelled):
        as_job(opened, stopped)
    assert opened.jobs.all()[0].state == "cancelled" and not opened.runs.all(project.id)
    assert train(opened, project, settings)["state"] == "finished"


def _stop():
    raise JobCancelled("Stopped on request.")


def test_near_duplicates_of_a_pool_share_a_voter(opened, encoders):
    project = labelled(opened)  # texts that differ in their last number are near-duplicates
    rows = np.arange(40)
    as_job(opened, lambda job: pipeline.embed_and_probe(opened, project, job, student=encoders[0]))
    found, voter, own = nearest.nearest_texts(
        opened, project, config(encoders[0], "neighbours"), rows, evidence.UNWATCHED
    )
    assert voter.max() == len(np.unique(voter)) - 1 and (voter == own).all()
    assert not (found == own[:, None]).any()
