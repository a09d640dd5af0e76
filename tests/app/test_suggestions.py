"""Classes suggested on Data: topics used, renamed, merged and dropped."""

import numpy as np
import pytest

from llkd import curation
from llkd.config import LabelSet
from llkd.embedding.mapping import make_map
from llkd.jobs.progress import SilentProgress
from llkd.jobs.requests import MapRequest
from llkd.store.derived.embeddings import save_embeddings
from tests.support.map_points import project_of, unit
from tests.support.pages import button, opened, words

TOPICS = ["parcel courier late", "soup taste salty", "<b>invoice</b> card [x](http://y)"]


@pytest.fixture
def project(home):
    rng = np.random.default_rng(0)
    of = np.arange(66) % 3
    store, project = project_of(home, [f"{TOPICS[k]} no{n}" for n, k in enumerate(of)])
    points = unit(np.eye(3, 8)[of] + 0.05 * rng.normal(size=(66, 8)))
    save_embeddings(curation.embeddings_path(store, project, "embedded"), points)
    return store, project


def fields(app, kind):
    return [one for one in getattr(app, kind) if str(one.key).startswith("suggest_")]


def test_topics_are_looked_for_as_a_job(project, started):
    app = opened("data")
    assert "Suggest classes from the texts" in [one.label for one in app.expander]
    app.button(key="suggest_look").click().run()
    assert started == [MapRequest(project="toy")] and not app.exception


def test_topics_are_renamed_merged_dropped_and_made_classes(project):
    store, record = project
    make_map(store, record, SilentProgress())
    app = opened("data")
    app.number_input(key=f"suggest_topics_{record.id}").set_value(3).run()
    assert [one.value for one in fields(app, "checkbox")] == [True] * 3
    assert "22 texts" in words(app) and "<b>invoice</b> card [x](http://y) no" in words(app)
    assert store.projects.get("toy").label_set is None, "looking changes nothing"
    first = fields(app, "text_input")[0].value
    fields(app, "text_input")[1].set_value("Food")
    fields(app, "text_input")[2].set_value(" food ")
    app.run()
    assert "2 topics become one class: 'Food'." in words(app)
    button(app, "Make 2 classes").click().run()
    assert not app.exception and not app.error
    assert store.projects.get("toy").label_set.names == [first, "Food"]
    assert "2 classes, saved." in words(app)
    # Another one beside them: nothing is chosen for a project that has classes.
    app.number_input(key=f"suggest_topics_{record.id}").set_value(3).run()
    assert [one.value for one in fields(app, "checkbox")] == [False] * 3
    assert app.button(key="suggest_use").disabled
    fields(app, "checkbox")[1].set_value(True).run()
    name = fields(app, "text_input")[1].value
    button(app, "Make 1 class").click().run()
    assert store.projects.get("toy").label_set.names == [first, "Food", name]


def test_one_class_alone_and_a_missing_name_are_one_sentence(project):
    store, record = project
    make_map(store, record, SilentProgress())
    app = opened("data")
    app.number_input(key=f"suggest_topics_{record.id}").set_value(2).run()
    fields(app, "checkbox")[1].set_value(False).run()
    button(app, "Make 1 class").click().run()
    assert "two classes or more" in app.error[0].value
    fields(app, "checkbox")[1].set_value(True).run()
    fields(app, "text_input")[1].set_value(" ").run()
    button(app, "Make 2 classes").click().run()
    assert "has no name" in app.error[0].value
    assert store.projects.get("toy").label_set is None


def test_a_damaged_map_is_looked_for_again(project, started):
    store, record = project
    make_map(store, record, SilentProgress())
    store.projects.set_label_set(record.id, LabelSet.of(["a", "b"]))
    store.maps.path(record.id).write_bytes(b"no map")
    app = opened("data")
    assert not app.exception and "The map is damaged." in words(app)
    app.button(key="suggest_look").click().run()
    assert started == [MapRequest(project="toy")]
