"""The wrapper: what it makes of what a browser tells, and who wins when both sides change."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ui.decision_plane import Look, Region, pack
from ui.decision_plane.front import LINK, SCRIPT
from ui.decision_plane.state import row_of, settled, told_by_browser


def page():
    import streamlit as st

    from llkd.errors import DataError
    from ui.decision_plane import decision_plane, pack

    try:
        st.session_state["shown"] = decision_plane(
            pack([0.1, 0.9, 0.8], [0.5, 0.5, 0.9], [0, 1, 1], 2),
            key="plane",
            names=st.session_state.get("names", ["a", "b"]),
            thresholds=st.session_state.get("given", (0.5, 0.25)),
            text_of=lambda row: f"text {row}",
        )
    except DataError as error:
        st.text(str(error))


def run(**state):
    at = AppTest.from_function(page)
    for name, value in state.items():
        at.session_state[name] = value
    return at.run()


def test_without_a_browser_it_shows_what_it_was_given():
    at = run()
    assert not at.exception
    shown = at.session_state["shown"]
    assert (shown.teacher, shown.student) == (0.5, 0.25)
    assert (shown.lasso, shown.look, shown.hovered) == (None, Look(), None)


def test_thresholds_by_class():
    at = run(given=({"a": 0.5, "b": 0.75}, 0.0))
    assert at.session_state["shown"].teacher == {"a": 0.5, "b": 0.75}


def test_names_that_do_not_fit_are_said():
    at = run(names=["a"])
    assert at.text[0].value == "The plane has 2 classes but 1 names."


def test_the_page_wins_when_it_changes_its_mind_and_the_browser_when_it_moves_since():
    memory = {}
    assert settled(memory, "x", "start", None, 0) == ("start", 0)
    assert settled(memory, "x", "start", "moved", 10) == ("moved", 10)
    # A page that holds the value says what the browser said: nothing moves.
    assert settled(memory, "x", "moved", "moved", 10) == ("moved", 10)
    # Undo: the page says something else while the browser has told nothing new.
    assert settled(memory, "x", "start", "moved", 10) == ("start", 10)
    assert settled(memory, "x", "start", "moved", 10) == ("start", 10)
    # And the browser moves again.
    assert settled(memory, "x", "start", "again", 11) == ("again", 11)


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("thresholds", {"seq": 1, "teacher": [1], "student": [1, 2]}),
        ("thresholds", {"seq": 1, "teacher": [1, 60_001], "student": [1, 2]}),
        ("thresholds", {"seq": "1", "teacher": [1, 2], "student": [1, 2]}),
        ("thresholds", {"seq": 1, "teacher": None, "student": [1, 2]}),
        ("thresholds", "<script>"),
        ("lasso", {"seq": 1, "points": [[0, 0]], "label": 0}),
        ("lasso", {"seq": 1, "points": "all", "label": 0}),
        ("look", {"seq": 1, "zoom": {"x0": 1, "x1": 0, "y0": 0, "y1": 1}}),
        ("look", {"seq": 1, "zoom": {"x0": 1}}),
    ],
)
def test_nonsense_from_a_browser_is_as_if_nothing_was_said(part, told, monkeypatch):
    monkeypatch.setattr(st, "session_state", {"plane": {part: told}})
    assert told_by_browser("plane", part, pack([0.1], [0.5], [0], 2)) == (None, 0)


def test_sense_from_a_browser_is_read(monkeypatch):
    packed = pack([0.1, 0.2], [0.5, 0.5], [0, 1], 2)
    state = {
        "thresholds": {"seq": 5, "teacher": [6, 12], "student": [0, 60_000]},
        "lasso": {"seq": 6, "points": [[0, 0], [1, 0], [1, 1]], "label": 1},
        "look": {"seq": 7, "picked": 1, "colour": "gold", "compare": True,
                 "zoom": {"x0": 0.5, "x1": 1, "y0": 0, "y1": 0.5}},
        "hover": {"row": 1},
    }  # fmt: skip
    monkeypatch.setattr(st, "session_state", {"plane": state})
    assert told_by_browser("plane", "thresholds", packed) == (((6, 12), (0, 60_000)), 5)
    assert told_by_browser("plane", "lasso", packed) == (Region(((0, 0), (1, 0), (1, 1)), 1), 6)
    assert told_by_browser("plane", "look", packed) == (Look(1, "gold", True, (0.5, 1, 0, 0.5)), 7)
    assert row_of("plane", "hover", packed) == 1
    state["hover"] = {"row": 2}
    assert row_of("plane", "hover", packed) is None


def test_the_script_is_one_module_that_reaches_for_nothing():
    for text in (SCRIPT, LINK):
        assert text.count("export default") == 1
        assert "\nimport " not in text and "import(" not in text
        # Names and texts are data: nothing may turn them into markup, and nothing is fetched.
        for word in ("innerHTML", "insertAdjacentHTML", "outerHTML", "document.write", "eval(",
                     "fetch(", "XMLHttpRequest", "WebSocket", "http"):  # fmt: skip
            assert word not in text, word
