"""Where texts stand: finite, in the frame, the same for the same seed, like ones together."""

import os
import subprocess
import sys

import numpy as np
import pytest

from llkd.curation.maps import layout
from llkd.curation.maps.layout import fit_layout, nearest_points, place_points
from llkd.errors import JobCancelled
from tests.support.map_points import clouds, unit


def framed(standing, count):
    assert standing.shape == (count, 2) and standing.dtype == np.float32
    assert np.isfinite(standing).all() and np.abs(standing).max(initial=0) <= 1


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 11, 12, 13, 30])
def test_pools_of_any_size_get_a_map(count):
    points = unit(np.random.default_rng(count).normal(size=(max(count, 1), 8)))[:count]
    standing = fit_layout(points, 0)
    framed(standing, count)
    assert len(np.unique(standing, axis=0)) == count


def test_equal_texts_stand_in_one_place():
    one = unit(np.ones((1, 8)))
    framed(same := fit_layout(np.repeat(one, 40, axis=0), 0), 40)
    assert not same.any()
    points, _ = clouds(10)
    twice = np.concatenate([points, points[:7]])
    standing = fit_layout(twice, 0)
    np.testing.assert_array_equal(standing[len(points) :], standing[:7])
    assert len(np.unique(standing, axis=0)) == len(points)


def test_like_texts_stand_together():
    points, label = clouds(60)
    standing = fit_layout(points, 0)
    framed(standing, len(points))
    nearest, _ = nearest_points(standing, standing, 6)
    assert (label[nearest[:, 1:]] == label[:, None]).mean() > 0.98
    far = np.abs(standing).max(axis=0)
    assert far.max() == pytest.approx(1), "the map fills its frame"


@pytest.mark.parametrize("few", [10, layout.FEW], ids=["by grid", "by tree"])
def test_the_same_seed_gives_the_same_map_however_many_threads_work(monkeypatch, few, tmp_path):
    monkeypatch.setattr(layout, "FEW", few)
    monkeypatch.setattr(layout, "EARLY", 15)
    monkeypatch.setattr(layout, "LATE", 25)
    points, _ = clouds(60)
    standing = fit_layout(points, 3)
    np.testing.assert_array_equal(fit_layout(points, 3), standing)
    assert not np.array_equal(fit_layout(points, 4), standing)
    code = (
        "import numpy as np, sys; from llkd.curation.maps import layout; "
        "points = np.load(sys.argv[1]); layout.FEW = int(sys.argv[3]); "
        "layout.EARLY, layout.LATE = 15, 25; "
        "np.save(sys.argv[2], layout.fit_layout(points, 3))"
    )
    files = tmp_path / "points.npy", tmp_path / "standing.npy"
    np.save(files[0], points)
    subprocess.run(
        [sys.executable, "-c", code, *map(str, files), str(few)],
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    np.testing.assert_allclose(np.load(files[1]), standing, atol=1e-6)


def test_each_new_text_is_placed_by_itself_among_those_most_like_it():
    points, label = clouds(60)
    fitted, new = points[:200], points[200:]
    standing = fit_layout(fitted, 0)
    before = standing.copy()
    placed = place_points(new, fitted, standing)
    framed(placed, len(new))
    np.testing.assert_array_equal(standing, before)
    one_by_one = [place_points(new[k : k + 1], fitted, standing)[0] for k in range(len(new))]
    np.testing.assert_array_equal(np.stack(one_by_one), placed)
    nearest, _ = nearest_points(placed, standing, 5)
    assert (label[:200][nearest] == label[200:, None]).mean() > 0.95


def test_an_index_finds_what_a_comparison_with_all_finds(monkeypatch):
    points = unit(np.random.default_rng(1).normal(size=(900, 12)))
    exact, how_far = nearest_points(points, points, 8)
    monkeypatch.setattr(layout, "EXACT_VOTERS", 100)
    indexed, distance = nearest_points(points, points, 8)
    np.testing.assert_array_equal(indexed, nearest_points(points, points, 8)[0])
    shared = [len({*a} & {*b}) / 8 for a, b in zip(exact, indexed, strict=True)]
    assert np.mean(shared) > 0.98
    # Of lengths of 1 the two ways to say how far are the same.
    same = exact == indexed
    np.testing.assert_allclose(distance[same], how_far[same], atol=2e-3)


def test_a_layout_stops_when_asked_to():
    points, _ = clouds(60)
    calls = []

    def stop():
        calls.append(1)
        if len(calls) > 5:
            raise JobCancelled("Stopped.")

    with pytest.raises(JobCancelled):
        fit_layout(points, 0, stop)
    assert len(calls) == 6
