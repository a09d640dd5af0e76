"""The audit on Curate: what its card is told, what a press does, what the page says of it."""

import json
import re

import numpy as np
import pytest

from llkd.evaluation import audits
from tests.support.curate_page import move_lines
from tests.support.pages import button, card_data, opened, press, said, words
from tests.support.seeded_projects import NAMES, WORDS, add_labelling, seeded_project
from ui.shell.authorship import author_named

TRUTH = dict(zip(WORDS, NAMES, strict=True))


@pytest.fixture
def city(home):
    store, project = seeded_project(home, 160, gold=False)
    yield store, project
    store.close()


def begun(**options):
    app = opened("curate")
    for key, value in options.items():
        app.session_state[key] = value
    button(app, "Audit what I keep").click()
    return app.run()


def truth_of(card):
    return TRUTH[card["text"].partition(",")[0]]


def answer_rightly(app, number):
    """As a person who knows would, faster than the page answers."""
    data = card_data(app)
    press(app, *[("label", truth_of(card)) for card in data["cards"][:number]], at=0)
    app.run()


def test_nothing_that_a_teacher_says_reaches_the_browser_while_an_audit_is_open(city):
    store, project = city
    app = begun()
    data = card_data(app)
    assert data["blind"] and data["total"] == 160
    nobody = {"label": None, "excluded": False, "none": False}
    for card in data["cards"]:
        assert set(card) == {"row", "text", "cut", "facts", "state"}
        assert card["facts"] == [] and card["state"] == nobody
    # Shown in the order of drawing, which tells nothing of the teacher.
    [audit] = store.audits.all(project.id)
    shown = [card["row"] for card in data["cards"]]
    assert shown == store.audits.order(audit)[: len(shown)].tolist()
    assert not {"confidence", "need", "teacher", "label"} & set(json.dumps(data["goal"]).split('"'))
    # Neither plane nor table nor a sentence of figures is on the page.
    components = [e.proto.component_name for e in app.main if e.type == "bidi_component"]
    assert set(components) == {"llkd_skip", "llkd_review_card"} and not app.dataframe
    button(app, "Back to the plane").click().run()
    assert app.dataframe and "Go on with audit 1" in words(app)
    assert "is another set" not in words(app)
    move_lines(app, project, teacher=0.8)
    assert "is another set than the 160 texts of audit 1" in words(app)


def test_each_press_is_stored_once_for_its_text_and_undone_and_changed_by_its_own_person(city):
    store, project = city
    app = begun()
    data = card_data(app)
    rows = [card["row"] for card in data["cards"]]
    ids = press(app, ("label", NAMES[0]), ("label", NAMES[1]), ("none", None), at=0)
    [audit] = store.audits.all(project.id)

    def stored():
        return [(e.row, e.key) for e in store.audits.answers(audit)]

    assert stored() == [(rows[0], NAMES[0]), (rows[1], NAMES[1]), (rows[2], None)]
    assert set(card_data(app)["confirmed"]) == set(ids)
    # Sent again, as a browser does that heard nothing: by a session that knows of it and another.
    sent = app.session_state[data["key"]]
    app.session_state[data["key"]] = {"told": {**sent["told"], "attempt": 1}}
    app.run()
    assert len(stored()) == 3
    press(app, ("undo", ids[1]))
    assert stored() == [(rows[0], NAMES[0]), (rows[2], None)]
    after = card_data(app)
    [(_, message)] = after["messages"].items()
    assert message.startswith("Undone: \u201c") and list(after["to"].values()) == [1]
    # Back at the first text: another key is another answer, not a second one.
    press(app, ("label", NAMES[2]), at=0)
    assert dict(stored())[rows[0]] == NAMES[2] and len(stored()) == 2
    held = store.decisions.current(project.id)
    assert held.loc[rows[0], "human_label"] == NAMES[2] and rows[1] not in held.index


def test_what_a_page_that_is_gone_had_not_sent_is_stored_and_gone_on_behind(city):
    store, project = city
    begun()
    app = opened("curate", audit="1")  # the address that a reload asks for
    data = card_data(app)
    rows = [card["row"] for card in data["cards"][:3]]
    presses = [
        {"id": f"{k:020x}", "row": row, "do": "label", "label": NAMES[k]}
        for k, row in enumerate(rows)
    ]
    # The new card stands at the first text while it sends them.
    report = {"list": data["list"], "at": 0, "presses": presses, "attempt": 0}
    app.session_state[data["key"]] = {"told": report}
    app.run()
    [audit] = store.audits.all(project.id)
    stored = [(entry.row, entry.key) for entry in store.audits.answers(audit)]
    assert stored == list(zip(rows, NAMES, strict=True))
    after = card_data(app)
    assert after["at"] == 3 and after["list"] != data["list"]


def test_the_figures_follow_in_steps_so_that_no_answer_is_told_to_be_wrong(city):
    app = begun()
    before = words(app)
    for _ in range(4):
        press(app, ("none", None))  # never the teacher's label
        shown = words(app)
        assert shown == before, "nothing on the page tells right from wrong"
    press(app, ("none", None))
    assert "5 wrong in 5" in words(app)


def test_another_person_answers_blind_and_differences_are_settled(city):
    store, project = city
    app = begun(audit_two=True)
    [audit] = store.audits.all(project.id)
    app.text_input(key="audit_name").set_value("Ann")
    button(app, "Begin").click().run()
    data = card_data(app)
    rows = [card["row"] for card in data["cards"]]
    press(app, *[("label", NAMES[0])] * 4, at=0)
    assert store.decisions.current(project.id).empty, "nothing is decided by one of two"
    button(app, "Somebody else").click().run()
    app.text_input(key="audit_name").set_value("Ben")
    button(app, "Begin").click().run()
    other = card_data(app)
    assert [card["row"] for card in other["cards"]] == rows and other["at"] == 0
    assert all(card["state"]["label"] is None for card in other["cards"])
    assert other["own"] == [] and other["place"] != data["place"]
    press(app, ("label", NAMES[0]), ("label", NAMES[0]), ("label", NAMES[1]), ("none", None), at=0)
    assert len(audits.disagreements(store, audit)) == 2
    app.run()
    assert "\u03ba" in words(app) and "2 to be settled" in words(app)
    app.session_state[f"audit_kind_{audit.id}"] = "settle"
    app.run()
    pair = card_data(app)
    assert [card["facts"] for card in pair["cards"]] == [
        [f"Ann: {NAMES[0]}", f"Ben: {NAMES[1]}"],
        [f"Ann: {NAMES[0]}", "Ben: none of these"],
    ]
    press(app, ("label", NAMES[1]), ("label", NAMES[0]), at=0)
    assert audits.disagreements(store, audit) == []
    held = store.decisions.current(project.id)["human_label"]
    assert held.loc[rows[:4]].tolist() == [NAMES[0], NAMES[0], NAMES[1], NAMES[0]]
    assert author_named("Ann").mark != author_named("Ben").mark


def test_an_audit_without_a_wrong_label_ends_in_a_certificate_to_train_on(home):
    store, project = seeded_project(home, 160, gold=False, labelled=False)
    right = np.array([TRUTH[t.partition(",")[0]] for t in store.projects.texts(project.id)["text"]])
    places = np.array([NAMES.index(name) for name in right])
    add_labelling(store, project, places, np.arange(160), _Sure())
    app = begun(audit_target=80.0)
    answer_rightly(app, 40)
    promise = r"At least 80\s% of these 160 labels are right \(95\s% confidence\)"
    assert re.search(promise, words(app))
    button(app, "Train on these 160").click().run()
    [saved] = store.selections.all(project.id)
    assert saved.rule.kind == "certified" and app.session_state["train_saved_rows"] == saved.name
    assert app.title[0].value == "Train" and not said(app.error)
    store.close()


class _Sure:
    """A generator without chance: the teacher is always right."""

    def normal(self, mean, spread, shape):
        return np.zeros(shape)
