"""A project that a Python script made is the very project that the app shows."""

import pytest

import llkd
from llkd.store import Store
from tests.support.pages import opened, said, words
from tests.support.toy_library import QUICK, Toy


@pytest.fixture
def made_by_a_script(home, encoder):
    """``home`` as a script leaves it: texts, labels, a saved selection, a student."""
    toy = Toy()
    labels = toy.label(home=home, project="toy")
    labels.measure_need(encoder, progress=False)
    kept = labels.keep(confidence=0.6).save("first cut")
    llkd.train(kept, student=encoder, **QUICK, progress=False)
    return toy


def test_every_page_opens_and_names_what_the_script_did(made_by_a_script, home):
    shown = {}
    for page in ("data", "teacher", "curate", "train", "results", "export"):
        app = opened(page)
        assert not app.exception and not said(app.error), (page, said(app.error))
        shown[page] = words(app)
    assert "toy" in shown["data"]
    assert "96" in shown["teacher"] and "run 1" in shown["results"].casefold()
    assert any("first cut" in str(box.options) for box in opened("train").selectbox)
    store = Store(home)
    assert store.jobs.all() == []  # a script's work is no job
    store.close()
