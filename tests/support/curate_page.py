"""What tests of the Curate page read of it and do on it."""

import re

from hypothesis import strategies as hyp

from llkd import curation
from tests.support.pages import words
from tests.support.seeded_projects import NAMES
from ui.curate import view


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
