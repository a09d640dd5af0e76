"""Editing classes on the Data page: who is who, what follows, and what is asked before it goes."""

import numpy as np
import pandas as pd
import pytest

from llkd import curation
from llkd.config import Label, LabelSet, TeacherConfig
from llkd.config.selection_rule import read_rule
from llkd.store import Scores, Store
from tests.support.curate_page import filter_by
from tests.support.pages import button, card_data, opened, press, words
from tests.support.seeded_projects import seeded_project
from tests.support.seeded_runs import add_run


def typed(app, project, rows, page="teacher"):
    """The page after these rows (name, key[, verbaliser]) were typed and another page was seen."""
    frame = pd.DataFrame(
        [{"name": r[0], "description": "", "verbaliser": "", "key": r[1]} for r in rows]
    )
    app.session_state[f"_classes_{project.id}"] = frame
    app.switch_page(f"pages/{page}.py").run()
    return app


def back(app):
    app.switch_page("pages/data.py").run()
    return app.run()


def labelled(home):
    store, project = seeded_project(home)
    store.decisions.decide(project.id, [20, 21, 22], "label", "waste", who="ann")
    store.decisions.decide(project.id, [23, 24], "label", "roads", who="bo")
    return store, project


def human(store):
    plane = curation.load_plane(store, store.projects.get("city"))
    codes = plane.frame["human_label"]
    return {name: int((codes == k).sum()) for k, name in enumerate(plane.names)}


def test_a_renamed_class_keeps_all_and_the_page_says_so_before_and_after(home):
    store, project = labelled(home)
    app = opened("data")
    back(typed(app, project, [("roads", "roads"), ("refuse", "waste"), ("water", "water")]))
    assert "'waste' becomes 'refuse'; 3 labels and" in words(app)
    button(app, "Save the classes").click().run()
    assert not app.error and "'waste' is called 'refuse' now. All labels" in words(app)
    assert human(store) == {"roads": 2, "refuse": 3, "water": 0}
    assert "3 classes, saved." in words(app)
    # The teacher, a model, goes on with the words it was asked with.
    assert store.projects.get("city").label_set.verbalisers == ["roads", "waste", "water"]
    assert "refuse" in list(app.data_editor[0].value["name"])


@pytest.mark.parametrize(
    ("meant", "counts"),
    [
        (None, {"waste": 2, "roads": 3, "water": 0}),
        ("labels stay with the name", {"roads": 2, "waste": 3, "water": 0}),
    ],
)
def test_exchanged_names_are_asked_about(home, meant, counts):
    store, project = labelled(home)
    app = opened("data")
    back(typed(app, project, [("waste", "roads"), ("roads", "waste"), ("water", "water")]))
    if meant:
        app.radio[0].set_value(meant).run()
    button(app, "Save the classes").click().run()
    assert not app.error
    assert human(store) == counts
    assert store.projects.get("city").label_set.names == ["waste", "roads", "water"]


def test_a_class_that_is_removed_is_asked_about_and_can_be_put_back(home):
    store, project = labelled(home)
    app = opened("data")
    back(typed(app, project, [("roads", "roads"), ("water", "water")]))
    button(app, "Save the classes").click().run()
    assert "Texts still carry 'waste' (3 labels and" in words(app)
    button(app, "Put it back").click().run()
    assert "3 classes, saved." in words(app)
    assert human(store)["waste"] == 3
    back(typed(app, project, [("roads", "roads"), ("water", "water")]))
    button(app, "Save the classes").click().run()
    button(app, "Remove it, its labels count no more").click().run()
    assert store.projects.get("city").label_set.names == ["roads", "water"]
    assert "'waste' (3 labels and" in words(app) and "count for nothing" in words(app)
    app = opened("data")
    app.selectbox(key="classes_adopt").set_value("water").run()
    button(app, "Use them").click().run()
    assert "count for nothing" not in words(app)
    # The pass in use was asked about waste and still is: there it keeps its name.
    assert store.decisions.current(project.id)["human_label"].value_counts()["water"] == 3


class TestUnsavedEdits:
    ROWS = (("roads", "roads"), ("refuse", "waste"), ("water", "water"))

    def test_next_saves_them(self, home):
        store, project = labelled(home)
        app = opened("data")
        back(typed(app, project, self.ROWS))
        button(app, "Next: save the classes, label with a teacher").click().run()
        assert store.projects.get("city").label_set.names == ["roads", "refuse", "water"]
        assert "not saved" not in words(app)

    def test_next_stays_where_they_cannot_be_saved(self, home):
        store, project = labelled(home)
        app = opened("data")
        back(typed(app, project, [("roads", "roads"), ("roads", "waste"), ("water", "water")]))
        button(app, "Next: save the classes, label with a teacher").click().run()
        assert "Two classes would be called 'roads'" in words(app)
        back(typed(app, project, [("roads", "roads"), ("water", "water")]))
        button(app, "Next: save the classes, label with a teacher").click().run()
        assert store.projects.get("city").label_set.names == ["roads", "waste", "water"]

    @pytest.mark.parametrize("page", ["teacher", "curate", "train", "results", "export"])
    def test_every_other_page_asks(self, home, page):
        store, project = labelled(home)
        app = typed(opened("data"), project, self.ROWS, page)
        assert "The classes have changes that are not saved." in words(app)
        button(app, "Save the changes").click().run()
        assert store.projects.get("city").label_set.names == ["roads", "refuse", "water"]
        assert "not saved" not in words(app) and not app.error

    def test_no_teacher_is_started_before_it_is_answered(self, home):
        _, project = seeded_project(home, labelled=False)
        app = typed(opened("data"), project, self.ROWS)
        assert not [one for one in app.button if one.label.startswith("Start")]
        button(app, "Discard them").click().run()
        assert [one for one in app.button if one.label.startswith("Start")]

    def test_edits_on_classes_that_another_person_changed_are_not_laid_over_them(self, home):
        store, project = labelled(home)
        app = opened("data")
        back(typed(app, project, self.ROWS))
        store.classes.rename(project.id, {"waste": "rubbish"})
        app.run()
        assert "The classes were changed elsewhere meanwhile" in words(app)
        assert list(app.data_editor[0].value["name"]) == ["roads", "rubbish", "water"]


class TestANewClassOnCurate:
    @pytest.fixture
    def store(self, home):
        store, project = labelled(home)
        wanted = [one.model_copy(update={"key": one.name}) for one in project.label_set.labels]
        store.classes.edit(project.id, [*wanted, Label(name="parks")])
        return store

    def test_it_can_be_given_at_once(self, store):
        app = opened("curate")
        assert not app.exception and not app.error
        assert "parks" in app.selectbox(key="curate_new_label").options
        assert "parks" in app.get_by_key("curate_filter_label").options
        app.toggle(key="curate_one_by_one").set_value(True).run()
        assert "parks" in card_data(app)["names"]
        press(app, ("label", "parks"))
        assert not app.exception and human(store)["parks"] == 1
        app.toggle(key="curate_one_by_one").set_value(False).run()
        parks = store.projects.get("city").label_set.find_key("parks")
        filter_by(app, "label", parks)
        assert app.dataframe[0].value["Label"].tolist() == ["parks"]

    def near_to_parks(self, store, rows):
        """Label similarity finds these rows, in their order, and no others near to the class."""
        project = store.projects.get("city")
        scores = np.tile([0.0, -1.0, -2.0, -9.0], (project.rows, 1))
        scores[rows, 3] = 9.0 - np.arange(len(rows))
        labeling_run = store.labeling_runs.find_or_create(
            project.id, label_set=project.label_set, config=TeacherConfig(teacher="similarity"),
            fingerprint="near", teacher={"kind": "similarity"}, calibration="none",
        )  # fmt: skip
        nothing = np.array([None] * project.rows, dtype=object)
        source = np.array(["similarity"] * project.rows, dtype=object)
        store.labeling_runs.append(
            labeling_run,
            Scores(np.arange(project.rows), scores, np.full(project.rows, -1), source, nothing),
        )

    def test_texts_that_could_be_of_it_are_a_list_and_asked_about_alone(self, store):
        app = opened("curate")
        assert "The teacher was not asked about 'parks', which came later" in words(app)
        assert button(app, "Look for its texts")
        self.near_to_parks(store, [40, 33, 20, 35])
        app = opened("curate")
        assert "4 texts could be of it, by label similarity" in words(app)
        button(app, "Go through them").click().run()
        app.run()
        data = card_data(app)
        assert not app.exception and data["total"] == 4
        assert [card["row"] for card in data["cards"]] == [40, 33, 20, 35]
        press(app, ("label", "parks"))
        assert human(store)["parks"] == 1
        app = opened("teacher")
        assert not app.exception and not app.error
        # Row 40 is labelled since, and row 20 was before: a teacher is asked about neither.
        assert "2 texts could be of 'parks', added since." in words(app)
        assert (
            "texts at random to calibrate; all other labels stay as they are. By what the others took: "
            in words(app)
        )
        assert button(app, "Ask about 2 texts")

    def test_thresholds_of_it_are_kept_in_the_address(self, store):
        app = opened("curate", tt='{"roads": 0.5, "parks": 0.25}')
        assert not app.exception
        plane = curation.load_plane(store, store.projects.get("city"))
        kept = curation.kept_rows(plane, {"roads": 0.5, "parks": 0.25}, 0.0)
        assert f"Kept by these thresholds: {int(kept.sum())} of" in words(app)

    def test_a_run_made_before_still_shows(self, store):
        run = add_run(store, store.projects.get("city"))
        wanted = store.projects.get("city").label_set.labels
        store.classes.edit(run.project_id, [*wanted, Label(name="trees")])
        for page in ("results", "curate", "train", "export", "teacher"):
            app = opened(page)
            assert not app.exception and not app.error, page
        app = opened("curate", need=str(run.id))
        assert not app.exception and not app.error


@pytest.mark.parametrize("known", ["the class", "only its name"])
def test_a_press_on_its_way_while_names_are_exchanged_is_of_the_class_that_was_shown(home, known):
    store, project = labelled(home)
    app = opened("curate")
    app.toggle(key="curate_one_by_one").set_value(True).run()
    data = card_data(app)
    assert list(zip(data["names"], data["keys"], strict=True))[1] == ("waste", "waste")
    row = data["cards"][0]["row"]
    one = {"id": "a" * 20, "row": row, "do": "label", "label": "waste"}
    if known == "the class":
        one["key"] = "waste"
    store.classes.rename(project.id, {"waste": "roads", "roads": "waste"})
    told = {"list": data["list"], "at": 1, "presses": [one], "attempt": 0}
    app.session_state[data["key"]] = {"told": told}
    app.run()
    assert not app.exception
    names = {"the class": "roads", "only its name": "waste"}  # the class waste is called roads now
    assert store.decisions.current(project.id).loc[row, "human_label"] == names[known]


def test_every_page_after_a_renaming_shows_the_new_name_only(home):
    store, project = labelled(home)
    add_run(store, project)
    store.selections.save(
        project.id,
        "by class",
        read_rule(
            {
                "teacher_threshold": {"roads": 0.4, "waste": 0.6, "water": 0.2},
                "calibration": "batch",
            }
        ),
        {"kept": 3},
    )
    for page in ("curate", "results", "teacher"):
        assert not opened(page).exception  # what is kept between page runs is of the old names
    store.classes.rename(project.id, {"waste": "roads", "roads": "refuse"})
    for page in ("data", "teacher", "curate", "train", "results", "export"):
        app = opened(page)
        assert not app.exception and not app.error, page
        shown = [words(app)]
        shown += [str(one.options) for one in app.selectbox]
        # The editor's own table holds the words that the teacher was asked with.
        tables = app.dataframe if page != "data" else app.dataframe[-1:]
        shown += [one.value.to_string() for one in tables]
        assert "waste" not in " ".join(shown), page
    app = opened("curate", tt='{"waste": 0.6}')  # an address of before means the class of before
    plane = curation.load_plane(store, store.projects.get("city"))
    kept = curation.kept_rows(plane, {"waste": 0.6}, 0.0)
    assert f"Kept by these thresholds: {int(kept.sum())} of" in words(app)
    app.button(key="curate_load").click().run()
    assert not app.exception
    view = app.session_state[f"_curate_view_{project.id}"]
    assert view.teacher_threshold == pytest.approx(
        {"roads": 0.4, "waste": 0.6, "water": 0.2}, abs=1e-4
    )


def test_labels_that_0_3_0_dropped_are_offered(old_home):
    store = Store(old_home)
    app = opened("data", project="shop")
    assert "'waste' (4 labels and 10 gold labels)" in words(app)
    app.selectbox(key="classes_adopt").set_value("refuse").run()
    button(app, "Use them").click().run()
    plane = curation.load_plane(store, store.projects.get("shop"))
    assert int((plane.frame["human_label"] >= 0).sum()) == 12
    assert LabelSet.model_validate(store.projects.get("shop").label_set).names == plane.names


class TestMergeAndSplit:
    def test_a_merge_is_shown_before_it_is_made_and_undone_after(self, home):
        store, project = labelled(home)
        before = human(store)
        app = opened("data")
        fields = [one for one in app.multiselect if one.label == "Classes that become one"]
        fields[0].set_value(["roads", "waste"]).run()
        assert "'roads' and 'waste' become one class, 'roads', with 5 labels" in words(app)
        [name] = [one for one in app.text_input if one.label == "Name of the one class"]
        name.set_value("outside").run()
        button(app, "Merge them").click().run()
        assert not app.error and not app.exception
        assert "'roads', 'waste' are one class now, 'outside'." in words(app)
        assert human(store) == {"outside": 5, "water": 0}
        assert list(app.data_editor[0].value["name"]) == ["outside", "water"]
        for page in ("teacher", "curate", "train", "results", "export"):
            seen = opened(page)
            assert not seen.exception and not seen.error, page
        button(app, "Undo the last change …").click().run()
        assert "This takes back: 'roads' and 'waste' merged into 'outside'." in words(app)
        button(app, "Undo it").click().run()
        assert not app.error and human(store) == before
        history = app.dataframe[-2].value if len(app.dataframe) > 1 else app.dataframe[0].value
        assert "Undone" in history.to_string() and "(undone)" in history.to_string()

    def test_the_texts_of_a_split_class_are_worked_through_on_curate(self, home):
        store, project = labelled(home)
        add_run(store, project)
        app = opened("data")
        [kind] = [one for one in app.segmented_control if one.key.startswith("classes_regroup")]
        kind.set_value("Split").run()
        [which] = [one for one in app.selectbox if one.label == "Class to split"]
        which.set_value("waste").run()
        app.text_area[0].set_value("bins\nlitter").run()
        assert "'waste' is split into 'bins' and 'litter'; what it carries (3 labels" in words(app)
        assert "would wait on a list on Curate" in words(app)
        button(app, "Split it").click().run()
        assert not app.error and not app.exception
        assert "of 'waste', which was split, wait to be labelled as 'bins' or 'litter': 3 that" in (
            words(app)
        )
        for page in ("teacher", "train", "results", "export"):
            seen = opened(page)
            assert not seen.exception and not seen.error, page
        app = opened("curate")
        assert "wait to be labelled as 'bins' or 'litter'" in words(app)
        button(app, "Go through them").click().run()
        app.run()
        assert not app.exception
        (waiting,) = curation.split_texts(store, store.projects.get("city"))
        data = card_data(app)
        assert data["total"] == len(waiting.rows) and {"bins", "litter"} <= set(data["names"])
        assert data["cards"][0]["row"] == int(waiting.rows[0])
        assert "said before: waste (ann)" in data["cards"][0]["figures"]
        press(app, ("label", "bins"))
        assert not app.exception and human(store)["bins"] == 1
        (fewer,) = curation.split_texts(store, store.projects.get("city"))
        assert len(fewer.rows) == len(waiting.rows) - 1
        app.toggle(key="curate_one_by_one").set_value(False).run()
        table = app.dataframe[0].value
        assert "waste (ann)" in table["Said before"].tolist()

    def test_thresholds_of_a_session_live_on_through_a_merge(self, home):
        store, project = labelled(home)
        app = opened("curate", tt='{"roads": 0.5, "waste": 0.25}')
        store.classes.merge(project.id, ["roads", "waste"], "outside")
        app.run()
        assert not app.exception and not app.error
        plane = curation.load_plane(store, store.projects.get("city"))
        kept = curation.kept_rows(plane, {"outside": 0.5}, 0.0)
        assert f"Kept by these thresholds: {int(kept.sum())} of" in words(app)

    def test_it_waits_for_unsaved_edits(self, home):
        _, project = labelled(home)
        app = back(typed(opened("data"), project, TestUnsavedEdits.ROWS))
        assert "Save the changes above first" in words(app)
        assert not [one for one in app.button if one.label == "Merge them"]


class TestEditsOnClassesThatSomebodyChanged:
    def begun(self, home):
        store, project = labelled(home)
        app = opened("data")
        rows = [("roads", "roads"), ("refuse", "waste"), ("water", "water"), ("parks", "")]
        back(typed(app, project, rows))
        store.classes.rename(project.id, {"water": "rivers"})
        return store, project, app

    def test_next_does_not_ignore_them(self, home):
        store, project, app = self.begun(home)
        [onward] = [one for one in app.button if one.key == "next_Teacher"]
        onward.click().run()
        assert "The classes were changed elsewhere meanwhile" in words(app)
        assert any("parks" in one.value.to_string() for one in app.dataframe)
        assert store.projects.get("city").label_set.names == ["roads", "waste", "rivers"]

    def test_another_page_asks_about_them(self, home):
        _, _, app = self.begun(home)
        app.run()
        app.switch_page("pages/curate.py").run()
        assert "The classes have changes that are not saved." in words(app)

    def test_they_can_be_laid_over_the_classes_of_now(self, home):
        store, project, app = self.begun(home)
        app.run()
        button(app, "Put them into the table").click().run()
        app.run()  # a test's run after one that was begun again has other identities
        assert list(app.data_editor[0].value["name"]) == ["roads", "refuse", "rivers", "parks"]
        button(app, "Save the classes").click().run()
        assert not app.error and not app.exception, words(app)
        assert store.projects.get("city").label_set.names == ["roads", "refuse", "rivers", "parks"]
        assert human(store) == {"roads": 2, "refuse": 3, "rivers": 0, "parks": 0}
