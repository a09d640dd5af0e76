"""Filters of the Curate page: chips, the address, views saved by name, and the plane."""

import pytest

from llkd.config.text_view import TextView
from tests.support.curate_page import (
    chips,
    core_plane,
    filter_by,
    kept_figures,
    remove_chip,
    search,
    table_rows,
)
from tests.support.pages import button, opened, said, words
from tests.support.seeded_projects import seeded_project

HOSTILE = "<img src=x onerror=alert(1)> [l](http://e.com) **b**"


def everything(app):
    app.get_by_key("curate_shown").set_value("All").run()
    app.run()


def test_chips_combine_and_one_click_removes_one(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate")
    everything(app)
    frame = core_plane(store, project).frame
    assert not chips(app)
    filter_by(app, "student", "differs")
    differs = frame["teacher_label"] != frame["student_label"]
    assert f"{differs.sum()} of 150 texts" in words(app)
    key = project.label_set.keys[0]
    filter_by(app, "label", key)
    both = differs & (frame["label"] == 0)
    assert f"{both.sum()} of 150 texts" in words(app)
    assert chips(app) == ["Student differs from the teacher", "Label: roads"]
    assert set(table_rows(app)["Label"]) == {"roads"}
    remove_chip(app, "Student differs from the teacher")
    assert chips(app) == ["Label: roads"]
    assert f"{(frame['label'] == 0).sum()} of 150 texts" in words(app)
    # The field in the popover follows the chips.
    app.selectbox(key="curate_filter_kind").set_value("student").run()
    assert app.get_by_key("curate_filter_student").value == []
    search(app, "pothole -7")
    assert chips(app) == ["Words: pothole -7", "Label: roads"]
    button(app, "Clear all").click().run()
    app.run()
    assert not chips(app) and app.text_input(key="curate_words").value == ""
    assert "Rows 1 to 100 of 150" in words(app)


def test_filters_change_nothing_of_what_is_kept(home):
    seeded_project(home, n=200)
    app = opened("curate", tt="0.5")
    before = kept_figures(app)
    filter_by(app, "student", "differs")
    assert kept_figures(app) == before


def test_a_range_is_added_and_a_bad_one_is_said(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate")
    everything(app)
    app.selectbox(key="curate_filter_kind").set_value("confidence").run()
    app.number_input(key="curate_filter_confidence_low").set_value(50.0).run()
    app.number_input(key="curate_filter_confidence_high").set_value(70.0).run()
    button(app, "Add").click().run()
    assert chips(app) == ["Teacher confidence: 50 to 70 %"]
    sure = core_plane(store, project).frame["confidence"]
    assert f"{sure.between(0.5, 0.7).sum()} of 150 texts" in words(app)
    assert app.query_params["filter"] == "confidence=0.5..0.7"
    app.number_input(key="curate_filter_confidence_low").set_value(90.0).run()
    button(app, "Add").click().run()
    assert "A range goes upwards" in said(app.error)
    assert chips(app) == ["Teacher confidence: 50 to 70 %"]


def test_the_address_shows_the_same_again(home):
    seeded_project(home, n=200)
    app = opened("curate")
    filter_by(app, "student", "differs", "unknown")
    search(app, '"on the" -7')
    app.selectbox(key="curate_order").set_value("length").run()
    app.toggle(key="curate_down").set_value(True).run()
    address = {name: app.query_params[name] for name in ("filter", "words", "sort")}
    assert address == {
        "filter": "student=differs,unknown",
        "words": '"on the" -7',
        "sort": "-length",
    }
    again = opened("curate", **address)
    assert chips(again) == chips(app) and len(chips(app)) == 3
    assert table_rows(again).equals(table_rows(app))
    assert again.selectbox(key="curate_order").value == "length"


def test_a_hostile_address_filters_by_what_makes_sense(home):
    seeded_project(home, n=60)
    app = opened("curate", filter=f"{HOSTILE};flag=no,<b>;by=%40{HOSTILE}", sort="-../../x")
    assert not app.exception and not app.error
    assert chips(app)[0] == "Not flagged" and HOSTILE in chips(app)[1]


def test_a_view_is_saved_shown_renamed_and_deleted(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate")
    filter_by(app, "student", "differs")
    app.text_input(key="curate_view_name_0").set_value(HOSTILE).run()
    button(app, "Save this view").click().run()
    assert "Saved as" in words(app) and not app.exception
    [saved] = store.text_views.all(project.id)
    assert saved.name == HOSTILE and saved.view.filters.kinds == ("student",)
    # The name is taken now.
    app.text_input(key="curate_view_name_1").set_value(HOSTILE).run()
    button(app, "Save this view").click().run()
    assert "There is a view" in said(app.error)
    button(app, "Clear all").click().run()
    assert not chips(app)
    button(app, "Show").click().run()
    assert chips(app) == ["Student differs from the teacher"]
    app.text_input(key="curate_view_name_1").set_value("differs").run()
    button(app, "Rename").click().run()
    assert [view.name for view in store.text_views.all(project.id)] == ["differs"]
    button(app, "Delete").click().run()
    assert not store.text_views.all(project.id) and not app.exception


@pytest.mark.parametrize("name", ["", "   ", "a\x00b", "a\u202eb"])
def test_a_view_without_a_proper_name_is_refused(home, name):
    store, project = seeded_project(home, n=60)
    app = opened("curate")
    app.text_input(key="curate_view_name_0").set_value(name).run()
    button(app, "Save this view").click().run()
    assert len(said(app.error)) and not store.text_views.all(project.id)


def test_the_plane_draws_what_passes_and_counts_everything(home):
    from llkd import curation
    from ui.decision_plane import pack_plane, tally
    from ui.decision_plane.geometry import placed

    store, project = seeded_project(home, n=200)
    plane = core_plane(store, project)
    shown = curation.filtered_rows(
        store, plane, TextView.from_address({"filter": "student=differs"}).filters
    )
    assert 0 < shown.sum() < len(shown)
    everything, some = pack_plane(plane), pack_plane(plane, shown=shown)
    assert placed(some).tolist() == shown.tolist()
    mask = shown | ~shown
    assert tally(some, mask) == tally(everything, mask)


def test_another_project_is_not_filtered_by_the_address_of_the_first(home):
    seeded_project(home, n=60)
    seeded_project(home, n=60, name="other")
    app = opened("curate", project="city", filter="flag=yes")
    assert chips(app) == ["Flagged"]
    app.selectbox(key="_project_picker").set_value("other").run()
    assert not chips(app)


def test_a_meaning_lists_the_nearest_of_what_the_filters_let_through(home, monkeypatch):
    from llkd import curation
    from ui.curate import meaning

    store, project = seeded_project(home, n=400)
    values = curation.load_embeddings(store, project)
    asked = []

    def vector(home_folder, student, text):
        asked.append((student, text))
        return values[150]

    monkeypatch.setattr("llkd.curation.student_of_embeddings", lambda *_: "embedded")
    monkeypatch.setattr(meaning, "query_vector", vector)
    app = opened("curate")
    everything(app)
    app.text_input(key="curate_meaning").set_value("like number 150").run()
    app.run()
    table = table_rows(app)
    assert asked == [("embedded", "like number 150")]
    assert table["Text"].iloc[0].endswith("number 150")
    assert table["Nearness"].iloc[0] == pytest.approx(1.0)
    assert table["Nearness"].is_monotonic_decreasing
    assert "Rows 1 to 100 of 200" in words(app) and "200 of 300 texts" in words(app)
    filter_by(app, "label", project.label_set.keys[0])
    frame = core_plane(store, project).frame
    assert f"{min(200, (frame['label'] == 0).sum())} of 300 texts" in words(app)
    assert app.query_params["like"] == "like number 150"
    remove_chip(app, "Meaning: like number 150")
    app.run()
    assert app.selectbox(key="curate_order").value == "row" and len(chips(app)) == 1


def test_a_meaning_without_embeddings_says_what_to_do(home):
    seeded_project(home, n=60, probed=False)
    app = opened("curate", like="a bus", sort="meaning")
    assert not app.exception
    assert "there are none yet" in words(app)
    assert "Rows 1 to 45 of 45" in words(app)
    button(app, "Make the embeddings")


def test_a_note_is_written_shown_filtered_by_and_taken_back(home):
    store, project = seeded_project(home, n=60)
    app = opened("curate")
    app.toggle(key="curate_one_by_one").set_value(True).run()
    field = next(f for f in app.text_area if (f.key or "").startswith("curate_note_"))
    row = int(field.key.split("_")[2])
    field.set_value(HOSTILE).run()
    button(app, "Add the note").click().run()
    app.run()
    ((note,),) = store.history.notes(project.id).values()
    assert (note.row, note.text, note.who) == (row, HOSTILE, "local user")
    assert HOSTILE in [text.value for text in app.text]
    assert HOSTILE in set(table_rows(app)["Note"])
    filter_by(app, "note", "yes")
    assert len(table_rows(app)) == 1
    app.run()
    button(app, "Take back").click().run()
    assert not store.history.notes(project.id) and not app.exception
    app.run()
    button(app, "Add the note").click().run()
    assert "A note needs some words." in said(app.error)
