"""What tests of the Curate page read of it and do on it."""

import re
from types import SimpleNamespace

import numpy as np
from hypothesis import strategies as hyp

from llkd import curation
from llkd.config.selection_rule import ThresholdRule
from llkd.config.text_view import EVERY_TEXT
from tests.support.pages import words
from tests.support.seeded_projects import NAMES
from ui.curate import view
from ui.shell.wording import unplain


def kept_sentence(app):
    """Kept, of how many, in words: what the server counts, above the table."""
    return re.search(r"Kept by these thresholds: ([\d,]+) of ([\d,]+) texts? \((.+?)\)", words(app))


def kept_figures(app):
    return int(kept_sentence(app)[1].replace(",", ""))


def move_lines(app, project, teacher=None, student=None):
    """As if a line had been moved: the component itself runs only in a browser."""
    held = app.session_state[view.key(project)]
    sides = (("teacher_threshold", teacher), ("student_threshold", student))
    moved = {side: value for side, value in sides if value is not None}
    app.session_state[view.key(project)] = held.model_copy(update=moved)
    app.run()


def plane_view(app, project):
    return app.session_state[view.key(project)]


def table_rows(app):
    return app.dataframe[0].value


def core_plane(store, project, **source):
    return curation.load_plane(store, project, **source)


thresholds = hyp.one_of(
    hyp.floats(0, 1),
    hyp.dictionaries(hyp.sampled_from(NAMES), hyp.floats(0, 1), min_size=1),
)


def filter_by(app, kind, *values):
    """Choose values of a filter in the popover, as a person does; none take it away.

    AppTest knows only the parts of a page that were drawn last, so all of it is drawn first.
    """
    app.run()
    app.selectbox(key="curate_filter_kind").set_value(kind).run()
    app.get_by_key(f"curate_filter_{kind}").set_value(list(values)).run()


def search(app, words):
    """Type words to look for."""
    app.run()
    app.text_input(key="curate_words").set_value(words).run()


def chips(app):
    """What the chips say, in order."""
    return [unplain(b.label) for b in app.button if (b.key or "").startswith("curate_chip_")]


def remove_chip(app, words):
    next(b for b in app.button if unplain(b.label) == words).click().run()


def scene_of(store, plane, texts, **values):
    """What lists of the page read of it, without the page: every row kept and passing."""
    everything = np.ones(len(plane.frame), dtype=bool)
    usual = {"passing": everything, "kept_mask": everything, "view": ThresholdRule()}
    return SimpleNamespace(
        **{
            "store": store,
            "plane": plane,
            "texts": texts,
            "packed": None,
            "gate": None,
            "scores": None,
        },
        **{"text_view": EVERY_TEXT, **usual, **values},
    )
