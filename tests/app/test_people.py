"""Several people on the pages: names, what is told, blind second labels, settling."""

import json

import pytest

from llkd.config.selection_rule import ThresholdRule
from llkd.evaluation import audits, people
from llkd.store import Store
from tests.support.pages import button, card_data, opened, press, words
from tests.support.seeded_projects import NAMES, seeded_project
from ui.shell import authorship


@pytest.fixture
def city(home):
    store, project = seeded_project(home, 90, gold=False)
    keys = project.label_set.keys
    for row in range(30):
        store.decisions.decide(project.id, [row], "label", who="Ana", key=keys[row % 3])
    yield store, project
    store.close()


@pytest.fixture
def ben(monkeypatch):
    """Every session of the test is of the same browser, whose person is Ben."""
    monkeypatch.setattr(authorship, "browser_mark", lambda: "b" * 12)


def named(app, name):
    app.text_input(key="people_name").set_value(name).run()
    return app


def test_a_name_is_typed_once_and_signs_what_is_decided(city, ben):
    store, project = city
    app = named(opened("curate"), "  Ben \n Bold ")
    assert store.browser_names.get("b" * 12) == "Ben Bold"
    app = opened("curate")  # another session of the same browser
    app.toggle(key="curate_one_by_one").set_value(True).run()
    press(app, ("label", NAMES[1]), at=40)
    assert store.decisions.current(project.id).loc[40, "who"] == "Ben Bold"
    button(app, "Forget my name").click().run()
    assert store.browser_names.get("b" * 12) is None and not app.exception


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>", "**A** [x](http://y)", "\u202eevil"]
)
def test_a_hostile_name_is_shown_as_it_is(city, ben, name):
    store, project = city
    app = named(opened("curate"), name)
    stored = store.browser_names.get("b" * 12)
    store.decisions.decide(project.id, [3], "label", "water", stored)
    app = opened("curate")
    assert "1 disputed text" in words(app) and not app.exception
    assert "<img" not in words(app).replace(stored, "")


def test_whoever_contradicts_another_is_told_in_the_card_and_both_are_kept(city, ben):
    store, project = city
    app = named(opened("curate"), "Ben")
    app.toggle(key="curate_one_by_one").set_value(True).run()
    [name] = press(app, ("label", NAMES[1]), at=0)
    told_words = card_data(app)["contradicted"][name]
    assert told_words == (
        "Ana labelled this roads just now; you said waste. Both are kept; the text counts as "
        "disputed until somebody settles it."
    )
    [dispute] = store.disputes.all(project.id)
    assert people.people_of(dispute) == ["Ana: roads", "Ben: waste"]
    # The same word is no contradiction.
    [same] = press(app, ("label", NAMES[1]), at=1)
    assert same not in card_data(app)["contradicted"]
    app.run()
    assert "1 disputed text" in words(app) and "Others differ from you: Ana on 1 text." in words(
        app
    )


def test_in_the_table_it_is_told_of_many(city, ben):
    store, project = city
    app = named(opened("curate"), "Ben")
    app.toggle(key="curate_many").set_value(True).run()
    app.selectbox(key="curate_new_label").set_value("water").run()
    button(app, "Set label of 90").click().run()
    told_words = [w for w in words(app).splitlines() if "Others had said otherwise" in w]
    assert len(told_words) == 1 and "of 20 texts of these" in told_words[0]
    assert len(store.disputes.all(project.id)) == 20


class TestBlindSecondLabels:
    def drawn(self, name="Ben", number=12):
        app = named(opened("curate"), name)
        app.number_input(key="people_count").set_value(number).run()
        button(app, "Draw for a second person").click().run()
        return app

    def test_the_card_says_nothing_of_the_first_label_nor_of_the_teacher(self, city, ben):
        store, project = city
        app = self.drawn()
        button(app, "Label them blindly").click().run()
        data = card_data(app)
        [sample] = store.label_samples.all(project.id)
        assert data["blind"] and data["total"] == 12 == len(sample.rows)
        nobody = {"label": None, "excluded": False, "none": False}
        for card in data["cards"]:
            assert set(card) == {"row", "text", "cut", "facts", "state"}
            assert card["facts"] == [] and card["state"] == nobody
        assert "Ana" not in json.dumps(data)
        assert not app.dataframe and "disputed" not in words(app)

    def test_keys_are_second_labels_changed_undone_and_gone_on_with(self, city, ben):
        store, project = city
        app = self.drawn()
        button(app, "Label them blindly").click().run()
        [sample] = store.label_samples.all(project.id)
        ids = press(app, ("label", NAMES[0]), ("none", None), ("label", NAMES[2]), at=0)
        labels = {e.row: e.key for e in store.label_samples.labels(sample)}
        rows = [card["row"] for card in card_data(app)["cards"][:3]]
        assert [labels[row] for row in rows] == [NAMES[0], None, NAMES[2]]
        press(app, ("undo", ids[1]))
        assert rows[1] not in {e.row for e in store.label_samples.labels(sample)}
        press(app, ("label", NAMES[1]), at=0)
        assert {e.row: e.key for e in store.label_samples.labels(sample)}[rows[0]] == NAMES[1]
        # No first label was touched, and the address comes back to where one was.
        again = opened("curate", people=f"second-{sample.id}")
        assert card_data(again)["at"] == 1 and not again.exception

    def test_whoever_labelled_first_is_not_asked(self, city, ben):
        app = self.drawn("Ana")
        assert not [b for b in app.button if b.label == "Label them blindly"]

    def test_without_a_name_it_is_asked_for(self, city, ben):
        store, project = city
        sample = people.draw_sample(store, project, 5, seed=1)
        app = opened("curate", people=f"second-{sample.id}")
        assert "Who answers now?" in words(app)
        app.text_input(key="people_desk_name").set_value("Cleo")
        button(app, "Begin").click().run()
        assert card_data(app)["total"] == 5

    def test_the_sentence_stands_on_curate(self, city, ben):
        store, project = city
        sample = people.draw_sample(store, project, 10, seed=1)
        for text in sample.design.texts:
            people.second_label(store, sample, text.row, text.key, "Ben")
        app = opened("curate")
        assert "Ana and Ben agree on 100\u00a0% of 10 texts" in words(app)
        assert "can be wrong together" in words(app)

    def test_an_audit_says_how_far_people_are_the_truth(self, city, ben):
        store, project = city
        sample = people.draw_sample(store, project, 10, seed=1)
        keys = project.label_set.keys
        for text in sample.design.texts:
            people.second_label(store, sample, text.row, keys[0], "Ben")
        app = opened("curate")
        assert words(app).count("An audit takes people's labels for the truth.") == 1
        audits.start_audit(store, project, ThresholdRule(), seed=3)
        app = opened("curate")
        assert words(app).count("An audit takes people's labels for the truth.") == 2

    @pytest.mark.parametrize("address", ["second-99", "second-", "x", "second-1e9", "settle-1"])
    def test_an_address_of_nothing_is_the_page(self, city, ben, address):
        app = opened("curate", people=address)
        assert not app.exception and app.dataframe


class TestSettling:
    def test_one_key_settles_and_undo_opens_it_again(self, city, ben):
        store, project = city
        store.decisions.decide(project.id, [3], "label", "waste", "Cleo")
        store.decisions.decide(project.id, [4], "label", "water", "Cleo")
        app = named(opened("curate"), "Eve")
        button(app, "Settle them").click().run()
        data = card_data(app)
        assert [card["facts"] for card in data["cards"]] == [
            ["Ana: roads", "Cleo: waste"], ["Ana: waste", "Cleo: water"],
        ]  # fmt: skip
        ids = press(app, ("label", NAMES[2]), ("none", None), at=0)
        now = store.decisions.current(project.id)
        assert now.loc[3, "human_label"] == "water" and now.loc[4, "excluded"]
        assert not store.disputes.all(project.id)
        press(app, ("undo", ids[0]))
        assert len(store.disputes.all(project.id)) == 1

    def test_names_can_be_hidden(self, city, ben):
        store, project = city
        store.decisions.decide(project.id, [3], "label", "waste", "Cleo")
        app = named(opened("curate"), "Eve")
        button(app, "Settle it").click().run()
        app.toggle(key="people_blind_names").set_value(True).run()
        facts = card_data(app)["cards"][0]["facts"]
        assert sorted(facts) == ["one says: roads", "one says: waste"]

    def test_of_two_who_settle_the_second_is_refused(self, city, ben):
        store, project = city
        store.decisions.decide(project.id, [3], "label", "waste", "Cleo")
        app = named(opened("curate"), "Eve")
        button(app, "Settle it").click().run()
        people.adjudicate(store, project, 3, project.label_set.keys[0], "Zoe")
        [name] = press(app, ("label", NAMES[2]), at=0)
        assert "Nobody disputes this text" in card_data(app)["refused"][name]
        assert store.decisions.current(project.id).loc[3, "human_label"] == "roads"


def test_classes_that_another_changed_are_not_overwritten(home, city, ben):
    store, project = city
    from llkd.store import ClassesChanged

    shown = project.label_set
    Store(home).classes.rename(project.id, {"roads": "streets"}, who="Ana")
    for change in (
        lambda: store.classes.edit(project.id, shown.labels, shown=shown, who="Ben"),
        lambda: store.classes.merge(project.id, ["waste", "water"], "w", shown=shown),
        lambda: store.classes.undo(project.id, token="another"),  # noqa: S106
    ):
        with pytest.raises(ClassesChanged, match="Ana changed the classes just now: 'roads' renam"):
            change()
    assert store.projects.by_id(project.id).label_set.names[0] == "streets"
