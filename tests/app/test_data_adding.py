"""Adding texts on Data: what a person sees before, what is stored, and what is said after."""

import pytest

from llkd.store import Store
from llkd.store.inbox import InboxEntry, inbox_of
from tests.support.added_texts import added
from tests.support.command_line import typed, typed_document
from tests.support.data_page import metrics, upload
from tests.support.pages import button, opened, words
from tests.support.seeded_projects import living_job, seeded_project
from tests.support.seeded_runs import add_run

CSV = (
    "id,text,label\n"
    "a,The bin is full on the corner,waste\n"
    "b,A hole in the road,roads\n"
    "c,,roads\n"
    'd,"pothole on the hill, message number 1",roads\n'
    "e,<b>No</b> water [l](http://e.com),tap\n"
)


@pytest.fixture
def project(home):
    store, project = seeded_project(home)
    store.close()
    return project


def adding():
    app = opened("data")
    return button(app, "Add texts").click().run()


def test_a_file_is_shown_compared_and_added(home, project):
    store = Store(home)
    text = store.projects.texts(project)["text"][20]
    app = adding()
    assert not app.exception and "which has 60 texts" in words(app)
    content = CSV.replace("pothole on the hill, message number 1", text)
    app = upload(app, content)
    label = next(one for one in app.selectbox if one.label.startswith("Gold label"))
    app = label.set_value("label").run() if label.value is None else app
    assert metrics(app)["Texts kept"] == "3" and metrics(app)["Dropped"] == "2"
    reasons = app.dataframe[-1].value["why dropped"].tolist()
    assert any(reason.startswith("known: the text is in the project") for reason in reasons)
    assert "'tap' (1)" in words(app)
    assert store.projects.get("city").rows == 60
    app = button(app, "Add 3 texts").click().run()
    assert not app.exception, app.exception
    app = app.run()
    larger = store.projects.get("city")
    assert larger.rows == 63
    assert store.projects.texts(larger)["text"].tolist()[61:] == [
        "A hole in the road", "<b>No</b> water [l](http://e.com)",
    ]  # fmt: skip
    assert metrics(app)["Texts"] == "63"
    assert "Added since: 3 texts, last 3 from city texts.csv" in words(app)
    assert "60 of 63 texts were asked about by the teacher in use" in words(app)
    store.close()


def test_what_is_there_already_is_said_and_cannot_be_added(home, project):
    store = Store(home)
    texts = store.projects.texts(project)["text"].tolist()[:3]
    app = adding()
    app = app.segmented_control[0].set_value("Paste texts").run()
    app = app.text_area[0].set_value("\n".join(texts)).run()
    assert "Nothing of it is new" in words(app)
    assert not [one for one in app.button if one.label.startswith("Add ")]
    app = app.text_area[0].set_value("\n".join([*texts, "fog", "hail"])).run()
    app = button(app, "Add 2 texts").click().run()
    assert store.projects.get("city").rows == 62
    store.close()


def test_a_job_at_work_is_named_and_nothing_is_added(home, project):
    store = Store(home)
    app = adding()
    app = app.segmented_control[0].set_value("Paste texts").run()
    app = app.text_area[0].set_value("fog\nhail").run()
    with living_job(store, project) as job:
        app = button(app, "Add 2 texts").click().run()
        assert f"Job {job.id} is working on" in words(app)
    assert store.projects.get("city").rows == 60
    store.close()


def test_the_inbox_is_offered_where_it_holds_texts(home, project):
    store = Store(home)
    inbox = inbox_of(store.home, project.id)
    for text in ("a lamp is out", "two lamps are out"):
        inbox.record(InboxEntry(text, "below threshold", 1, "roads", 0.4))
    app = adding()
    source = next(one for one in app.segmented_control if one.label == "From")
    app = source.set_value("Sent on by the served student").run()
    app = next(one for one in app.checkbox if one.label.startswith("Empty the inbox")).check().run()
    app = button(app, "Add 2 texts").click().run()
    assert not app.exception
    assert store.projects.get("city").rows == 62 and inbox.counts().texts == 0
    inbox.close()
    store.close()


def test_one_can_go_back_without_adding(home, project):
    app = adding()
    app = button(app, "Back to the project").click().run()
    assert metrics(app)["Texts"] == "60" and "Added since" not in words(app)


def test_results_say_which_runs_know_fewer_texts(home, project):
    store = Store(home)
    add_run(store, project)

    added(store, store.projects.get("city"), ["fog in the valley", "hail on the hill"])
    app = opened("results")
    assert not app.exception
    assert "Made when there were 60 of the 62 texts" in words(app)
    lines = typed("runs", "city").stdout
    assert "Run 1 knows 60 of 62 texts." in lines
    assert typed_document("runs", "city")["runs"][0]["texts"] == 60
    store.close()
