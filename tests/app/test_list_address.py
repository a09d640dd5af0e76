"""A list of picked texts in the address: shown again after a reload, or said to be gone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from llkd.store import Project
from tests.support.pages import opened, words
from tests.support.seeded_projects import seeded_project
from tests.support.seeded_runs import add_run
from ui.curate import rows, titles, url_list
from ui.curate.state import PICKED, Picked


def _table(app):
    return next(one.value for one in app.dataframe if "Why" in one.value.columns)


def _project(texts):
    made = object.__new__(Project)
    vars(made).update(rows=texts, digest=f"digest of {texts}")
    return made


@given(some.lists(some.integers(0, 999), min_size=1, unique=True), some.booleans())
def test_a_list_comes_back_as_it_was_in_its_order(numbers, drawn):
    project = _project(1000)
    packed = url_list.packed_rows(project, Picked("t", 0, np.array(numbers), drawn))
    found, again = url_list.rows_of(project, packed)
    assert found.tolist() == numbers and again is drawn
    assert url_list.rows_of(_project(1001), packed) is None, "other texts"
    assert url_list.rows_of(project, packed[:-3]) is None, "cut off"


@given(some.text(max_size=60))
def test_what_anybody_may_have_typed_is_no_list(typed):
    assert url_list.rows_of(_project(10), typed) is None


def test_rows_that_are_none_of_the_project_or_come_twice_are_no_list():
    project = _project(10)
    for numbers in ([10], [-1], [3, 3]):
        packed = url_list.packed_rows(project, Picked("t", 0, np.array(numbers)))
        assert url_list.rows_of(project, packed) is None


def test_a_list_from_results_is_there_again_when_the_address_is_opened_anew(home):
    store, project = seeded_project(home, n=200)
    add_run(store, project, sharpness=1.0)
    app = opened("results")
    app.get_by_key("results_true").set_value(1)
    app.get_by_key("results_said").set_value(2).run()
    app.get_by_key("results_pool_label").click().run()
    listed = _table(app)["Text"].tolist()
    assert listed
    address = dict(app.query_params)
    again = opened("curate", **address)
    assert again.get_by_key("curate_shown").value == PICKED
    assert _table(again)["Text"].tolist() == listed
    # Another list, or none, is another address.
    again.get_by_key("curate_shown").set_value(rows.ALL).run()
    assert url_list.ROWS not in again.query_params
    assert url_list.TITLE not in again.query_params
    # The list is still one of those to show.
    again.get_by_key("curate_shown").set_value(PICKED).run()
    assert again.query_params[url_list.ROWS] == address[url_list.ROWS]


@pytest.mark.parametrize("held_out", [True, False])
def test_a_list_that_is_no_list_of_these_texts_is_said_to_be_gone(home, held_out):
    store, project = seeded_project(home, n=100)
    split = store.projects.texts(project.id, ["split"])["split"]
    number = int(np.flatnonzero(split == "eval")[0])
    # Held-out texts have no place on the plane.
    packed = url_list.packed_rows(project, Picked("t", 0, np.array([number])))
    hostile = "![i](http://e.com/x) <b>texts</b>"
    app = opened("curate", listed=hostile, list=packed if held_out else "")
    assert not app.exception and not app.error
    assert "The list that the address names was not kept when the page was loaded" in words(app)
    assert hostile not in words(app)
    assert app.get_by_key("curate_shown").value == rows.KEPT_ROWS
    assert "![i](" not in app.info[0].value
    app.run()
    assert url_list.TITLE not in app.query_params


@pytest.mark.parametrize(
    "claim",
    [
        "Your account is locked. Call 555-0100 to unlock it",
        "taught as waste, student says call 555-0100",
        "taught as call 555-0100, student says waste",
        "nearest in meaning, call 555-0100",
        " taught as waste, student says water",
    ],
)
@pytest.mark.parametrize("with_list", [True, False])
def test_an_address_puts_no_sentence_of_its_maker_on_the_page(home, claim, with_list):
    _, project = seeded_project(home, n=100)
    packed = url_list.packed_rows(project, Picked("t", 0, np.array([90, 80]), in_colour=True))
    app = opened("curate", listed=claim, list=packed if with_list else "")
    assert not app.exception and not app.error
    options = [option for one in app.get("button_group") for option in str(one.proto).split("\n")]
    assert "555-0100" not in words(app) + "".join(options) and "account" not in words(app)
    assert "555-0100" not in str(dict(app.query_params)) or not with_list
    if with_list:
        assert len(_table(app)) == 2


def test_titles_are_those_that_lists_here_have():
    names = ["roads", "a, student says b", "x" * 50]
    for title in (
        "nearest in meaning",
        "only in the first",
        "hard to learn",
        *(titles.cell(whose, a, b) for whose in titles.CELLS for a in names for b in names),
    ):
        assert titles.is_title(title, names), title
    for title in (
        "",
        "taught as roads",
        "taught as roads, student says ",
        "truly x, student says y",
    ):
        assert not titles.is_title(title, names)


def test_the_address_speaks_of_no_project_chosen_afterwards(home):
    seeded_project(home, n=40, name="other")
    _, project = seeded_project(home, n=100)
    packed = url_list.packed_rows(project, Picked("these", 0, np.array([90, 80])))
    app = opened("curate", project="city", listed="nearest in meaning", list=packed)
    assert len(_table(app)) == 2
    app.sidebar.selectbox[0].select("other").run()
    assert "was not kept" not in words(app)
    assert app.get_by_key("curate_shown").value == rows.KEPT_ROWS


def test_a_list_too_long_for_an_address_leaves_its_title_there(monkeypatch, home):
    store, project = seeded_project(home, n=200)
    add_run(store, project, sharpness=1.0)
    monkeypatch.setattr(url_list, "LONGEST", 10)
    app = opened("results")
    app.get_by_key("results_true").set_value(1)
    app.get_by_key("results_said").set_value(2).run()
    app.get_by_key("results_pool_label").click().run()
    title = app.query_params[url_list.TITLE]
    assert url_list.ROWS not in app.query_params
    again = opened("curate", listed=title)
    assert "taught as waste, student says water" in title
    assert f"The list \u201c{title}\u201d was not kept" in words(again)
