"""The presets of Curate: what each keeps, how right that is, and rows besides the two lines."""

from dataclasses import replace

import numpy as np

from llkd import curation
from llkd.config.selection_rule import RowsRule
from llkd.config.text_filters import NO_FILTERS
from llkd.config.text_view import TextView
from llkd.curation.agreement import neighbour_agreement
from tests.support.curate_page import core_plane, kept_figures, plane_view, scene_of, table_rows
from tests.support.pages import button, opened, words
from tests.support.seeded_projects import seeded_project
from ui.curate import rows, view
from ui.decision_plane import kept_mask, pack_plane, threshold_units


def test_each_preset_says_what_it_keeps_and_how_right_that_is(home):
    store, project = seeded_project(home, n=400)
    app = opened("curate")
    plane = core_plane(store, project)
    right = (plane.frame["label"] == plane.frame["gold"]).to_numpy()
    lines = curation.top_share_thresholds(plane, 0.2, False)
    top = curation.kept_rows(plane, *(view.rounded_all(line) for line in lines))
    agree = neighbour_agreement(store, project, plane)
    for mask in (np.ones(300, bool), top, agree):
        assert f"{mask.sum()} kept, {100 * right[mask].mean():.0f}\u00a0% right" in words(app)
    # Where the texts of a class lie together their neighbours know better than the teacher.
    assert right[agree].mean() > right.mean() + 0.1


def test_neighbour_agreement_is_kept_saved_row_by_row_and_left_again(home):
    store, project = seeded_project(home, n=400)
    app = opened("curate", tt="0.5")
    agree = neighbour_agreement(store, project, core_plane(store, project))
    button(app, "Neighbour agreement").click().run()
    app.run()
    assert kept_figures(app) == agree.sum() > 50
    assert plane_view(app, project).teacher_threshold == 0.0
    assert (table_rows(app)["Why"] == "kept").all()
    assert f"of {agree.sum()}" in words(app)
    app.get_by_key("curate_shown").set_value("Not kept").run()
    app.run()
    assert (table_rows(app)["Why"] == "left out by the preset").all()
    button(app, f"Train on these {agree.sum()}").click().run()
    [selection] = store.selections.all(project.id)
    assert isinstance(selection.rule, RowsRule)
    frame = core_plane(store, project).frame
    assert list(selection.rule.rows) == frame["row"][agree].tolist()
    assert f"You train on {agree.sum()} texts kept on Curate" in words(app)
    app.switch_page("pages/curate.py").run()
    app.run()
    assert kept_figures(app) == agree.sum()
    button(app, "Undo").click().run()
    app.run()
    assert app.query_params["tt"] == "0.5"
    button(app, "Keep everything").click().run()
    app.run()
    assert kept_figures(app) == 300


def test_an_audit_and_an_export_take_what_the_preset_keeps_and_no_more(home):
    store, project = seeded_project(home, n=400)
    agree = neighbour_agreement(store, project, core_plane(store, project))
    app = opened("curate")
    button(app, "Neighbour agreement").click().run()
    app.run()
    assert f"Of the {agree.sum()} texts you keep" in words(app)
    app.switch_page("pages/export.py").run()
    assert "Neighbour agreement is in use on Curate" in words(app)
    assert {metric.label: metric.value for metric in app.metric}["Rows"] == str(agree.sum())
    app.switch_page("pages/curate.py").run()
    button(app, "Audit what I keep").click().run()
    [audit] = store.audits.all(project.id)
    frame = core_plane(store, project).frame
    assert sorted(store.audits.order(audit)) == sorted(frame["row"][agree])


def test_what_the_preset_leaves_out_is_not_kept_in_the_browser_either(home):
    store, project = seeded_project(home, n=200)
    store.decisions.decide(project.id, [60, 61], "label", "waste")
    plane = core_plane(store, project)
    gate = np.arange(len(plane.frame)) % 3 == 0
    packed = pack_plane(plane, gate=gate)
    units = [threshold_units(value, plane.names) for value in (0.5, 0.2)]
    human = (plane.frame["human_label"] >= 0).to_numpy()
    expected = curation.kept_rows(plane, 0.5, 0.2) & (gate | human)
    assert (kept_mask(packed, *units) == expected).all()


def test_without_the_quick_estimate_neighbours_cannot_be_asked(home):
    seeded_project(home, probed=False)
    app = opened("curate")
    assert button(app, "Neighbour agreement").disabled
    assert "needs the quick estimate" in words(app)


def test_where_a_committees_members_differ_is_a_list_an_order_a_column_and_a_colour(home):
    store, project = seeded_project(home, n=100, holdout=0.0)
    plane = core_plane(store, project)
    texts = store.projects.texts(project.id)["text"]
    assert not pack_plane(plane).categories
    values = np.linspace(0.0, 0.99, 100)
    values[:10] = np.nan
    plane = replace(plane, frame=plane.frame.assign(disagreement=values))
    [category] = pack_plane(plane).categories
    assert np.bincount(category.codes)[:5].tolist() == [18] * 5
    assert (category.codes == 255).sum() == 10
    most = NO_FILTERS.with_typed("disagreement", f"{np.nanquantile(values, 0.8)}..")
    passing = curation.filtered_rows(store, plane, most)
    assert np.flatnonzero(passing).tolist() == list(range(82, 100))
    scene = scene_of(store, plane, texts, passing=passing)
    wanted = TextView(order="disagreement", descending=True)
    listed = rows.listed(scene, rows.Listing("All", wanted))
    assert listed.tolist() == list(range(99, 81, -1))
    table = rows.rows_table(scene, listed)
    assert table["Disagreement"].iloc[0] == values[99]
