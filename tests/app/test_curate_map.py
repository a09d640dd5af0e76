"""Curate's map of meaning: the switch, where there is no map yet, its lasso, and what is saved of it."""

import json

import numpy as np

from llkd import curation
from llkd.config.selection_rule import RowsRule
from llkd.datasets import texts_from_lines
from llkd.datasets.adding import add_texts
from llkd.jobs.requests import MapRequest
from llkd.workflows.rebuilding import rebuild
from tests.support.exported_projects import exported
from tests.support.mapped_projects import add_map
from tests.support.pages import button, opened, words
from tests.support.seeded_projects import living_job, seeded_project
from ui.curate import meaning_map
from ui.decision_plane import Region, kept_mask, on_map, pack_plane

TRIANGLE = ((0.05, 0.05), (0.6, 0.1), (0.1, 0.7))


def plane_data(app):
    """What the plane's component is told, the key of the component that it is for."""
    [proto] = [
        one.proto
        for one in app.main
        if one.type == "bidi_component" and one.proto.component_name == "llkd_decision_plane_link"
    ]
    return json.loads(proto.json)


def brushes(app):
    """Heads and marked positions of what is marked elsewhere."""
    messages = [
        one.proto.bytes
        for one in app.main
        if one.type == "bidi_component" and one.proto.component_name == "llkd_decision_plane_bits"
    ]
    found = []
    for message in messages:
        length = int.from_bytes(message[:4], "little")
        bits = np.unpackbits(np.frombuffer(message[4 + length :], np.uint8), bitorder="little")
        found.append((json.loads(message[4 : 4 + length]), np.flatnonzero(bits).tolist()))
    return found


def in_triangle(points):
    x, y = points.T
    ends = (*TRIANGLE[1:], TRIANGLE[0])
    sides = [
        (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0
        for (x0, y0), (x1, y1) in zip(TRIANGLE, ends, strict=True)
    ]
    return np.logical_and.reduce(sides)


def lassoed(app, store, project):
    """As if the triangle had been drawn on the map; returns the row numbers in it."""
    plane = curation.load_plane(store, project)
    stands = meaning_map.standing(store, project)
    shown = on_map(pack_plane(plane), stands.of(plane.frame["row"].to_numpy())[0])
    app.session_state[f"_curate_region_{project.id}"] = Region(TRIANGLE).on(stands.stamp, shown)
    app.run()
    app.get_by_key("curate_shown").set_value("Marked on the plane").run()
    listed = words(app)
    app.run()
    frame_rows = plane.frame["row"].to_numpy()
    places = (store.maps.read(project.id).coordinates[frame_rows] + 1) / 2
    rows = frame_rows[in_triangle(places.astype(float))]
    assert f"Rows 1 to {min(100, len(rows))} of {len(rows)}" in listed
    return rows


def test_an_old_address_opens_the_plane_and_a_new_one_the_map(home):
    store, project = seeded_project(home)
    add_map(store, project)
    for query, pane in (({}, "plane"), ({"pane": "map"}, "map"), ({"pane": "<b>"}, "plane")):
        app = opened("curate", project="city", **query)
        assert not app.exception
        assert app.get_by_key(f"curate_pane_{project.id}").value == pane
        assert app.query_params.get("pane", "plane") == pane
        told = plane_data(app)
        assert told["key"] == f"curate_{pane}_{project.id}"
        assert bool(told["groups"]) == (pane == "map")


def test_the_switch_is_kept_in_the_address_and_over_a_change_of_page(home):
    store, project = seeded_project(home)
    add_map(store, project)
    app = opened("curate")
    app.get_by_key(f"curate_pane_{project.id}").set_value("map").run()
    assert app.query_params["pane"] == "map"
    assert {group["text"] for group in plane_data(app)["groups"]} == {"street", "bin", "leak"}
    app.switch_page("pages/train.py").run()
    app.switch_page("pages/curate.py").run()
    app.run()
    assert plane_data(app)["key"] == f"curate_map_{project.id}"
    app.get_by_key(f"curate_pane_{project.id}").set_value("plane").run()
    assert "pane" not in app.query_params


def test_without_a_map_the_page_says_what_it_takes_and_makes_one(home, started):
    store, project = seeded_project(home)
    app = opened("curate", pane="map")
    assert "There is no map of these texts yet." in words(app)
    assert "for 60 texts" in words(app)
    button(app, "Make the map").click().run()
    assert started == [MapRequest(project="city")]
    with living_job(store, project, "map"):
        app = opened("curate", pane="map")
        assert "30 of 60 texts" in words(app)
        assert "Make the map" not in [one.label for one in app.button]
    # The plane says nothing of it.
    assert "map" not in words(opened("curate")).replace("Map of meaning", "")


def test_texts_that_were_added_since_are_counted_and_placed(home, started):
    store, project = seeded_project(home)
    add_map(store, project)
    assert "no place on it" not in words(opened("curate", pane="map"))
    add_texts(store, project, texts_from_lines("a new text\nanother new text"), source="pasted")
    app = opened("curate", pane="map")
    assert "2 texts were added since the map was made and have no place on it yet." in words(app)
    button(app, "Place them").click().run()
    assert started == [MapRequest(project="city")]


def test_a_map_that_cannot_be_read_is_as_none(home):
    store, project = seeded_project(home)
    add_map(store, project)
    store.maps.path(project.id).write_bytes(b"broken")
    app = opened("curate", pane="map")
    assert not app.exception and not app.error
    assert "There is no map of these texts yet." in words(app)


def test_what_is_lassoed_on_the_map_is_listed_and_stands_out_on_the_plane(home):
    store, project = seeded_project(home, n=400)
    add_map(store, project)
    app = opened("curate", pane="map")
    assert brushes(app) == []
    rows = lassoed(app, store, project)
    assert 40 < len(rows) < 200
    # On the map it is an outline, on the plane its texts stand out; and the other way round.
    assert plane_data(app)["lasso"]["points"] == [list(corner) for corner in TRIANGLE]
    assert brushes(app) == []
    app.get_by_key(f"curate_pane_{project.id}").set_value("plane").run()
    assert plane_data(app)["lasso"]["points"] is None
    [(head, marked)] = brushes(app)
    positions = curation.load_plane(store, project).frame["row"].to_numpy()
    assert positions[marked].tolist() == rows.tolist()
    assert head["words"] == "marked on the map" and head["count"] == len(rows)

    box = Region(((0.5, 0.0), (0.7, 0.0), (0.7, 1.0), (0.5, 1.0)))
    app.session_state[f"_curate_region_{project.id}"] = box
    app.run()
    assert plane_data(app)["lasso"]["points"] and brushes(app) == []
    app.get_by_key(f"curate_pane_{project.id}").set_value("map").run()
    assert plane_data(app)["lasso"]["points"] is None
    [(head, marked)] = brushes(app)
    sure = curation.load_plane(store, project).frame["confidence"]
    assert marked == np.flatnonzero(sure.between(0.5, 0.7)).tolist()
    assert head["words"] == "marked on the plane"


def test_colours_of_topics_are_offered_on_both_and_thresholds_shade_the_map(home):
    store, project = seeded_project(home, n=90)
    _, topic = add_map(store, project)
    plane = curation.load_plane(store, project)
    stands = meaning_map.standing(store, project)
    places, categories = stands.of(plane.frame["row"].to_numpy())
    shown = on_map(pack_plane(plane), places, categories)
    [category] = shown.categories
    called = np.array(category.values)[category.codes]
    assert (
        called.tolist() == np.array(["street", "bin", "leak"])[topic[plane.frame["row"]]].tolist()
    )
    # A topic whose texts are all held out has no name on a map that does not draw them.
    few = np.flatnonzero(topic != 1)
    assert [group.name for group in stands.groups(few)] == ["street", "leak"]
    assert {group.name for group in stands.groups(np.arange(90))} == {"street", "bin", "leak"}
    kept = kept_mask(shown, [36_000] * 3, [6_000] * 3)
    assert kept.tolist() == kept_mask(pack_plane(plane), [36_000] * 3, [6_000] * 3).tolist()


def test_a_saved_lasso_is_rebuilt_hash_for_hash_when_the_map_is_another(home, tmp_path):
    store, project = seeded_project(home, n=200)
    add_map(store, project)
    app = opened("curate", pane="map")
    rows = lassoed(app, store, project)
    app.text_input(key="curate_name_0").set_value("a corner").run()
    button(app, "Save the lasso").click().run()
    [saved] = store.selections.all(project.id)
    assert isinstance(saved.rule, RowsRule) and list(saved.rule.rows) == rows.tolist()
    assert saved.counts["kept"] == len(rows)

    first = exported(store, project, tmp_path / "first", selection="a corner")
    add_map(store, project, *other_places(project))
    second = exported(store, project, tmp_path / "second", selection="a corner")
    assert first["rows_sha256"] == second["rows_sha256"]
    again = rebuild(store, tmp_path / "first", tmp_path / "again")
    assert again["rows"] == len(rows) and again["rows_sha256"] == first["rows_sha256"]
    assert all(again["files"].values())
    # The lasso itself still holds what it held; its outline is of a map that is gone.
    app.run()
    assert f"of {len(rows)}" in words(app)
    assert plane_data(app)["lasso"]["points"] is None
    [(head, _)] = brushes(app)
    assert head["words"] == "marked on the map of before"


def other_places(project):
    rng = np.random.default_rng(9)
    places = rng.uniform(-1, 1, (project.rows, 2)).astype(np.float32)
    return places, rng.integers(0, 3, project.rows)
