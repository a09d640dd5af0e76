"""A key that is typed on the Teacher page: this session's, saved if one says so, never shown."""

import os

import pytest

from llkd import jobs
from llkd.store.keys.key_file import KeyFile
from tests.support.pages import button, opened, said, words
from tests.support.seeded_projects import ended_job, seeded_project

URL = "https://api.example.com/v1"
PLACE = "api.example.com:443"
KEY = "sk-page-0123456789-abcdef"


@pytest.fixture(autouse=True)
def no_other_key(home, monkeypatch):
    for name in ("OPENAI_API_KEY", "LLKD_KEY_HOSTS"):
        monkeypatch.delenv(name, raising=False)
    seeded_project(home, labelled=False)


@pytest.fixture
def handed(monkeypatch):
    """The keys that each job which was started or resumed got."""
    keys = []
    start, resume = jobs.start, jobs.resume

    def starting(store, request, **more):
        keys.append(more.pop("keys"))
        return start(store, request, **more)

    def resuming(store, job_id, **more):
        keys.append(more.pop("keys"))
        return store.jobs.get(job_id)

    monkeypatch.setattr(jobs, "start", starting)
    monkeypatch.setattr(jobs, "resume", resuming)
    assert callable(resume)
    return keys


def server_form(url=URL):
    app = opened("teacher")
    app.radio(key="teacher_kind_1").set_value("api").run()
    app.text_input(key="teacher_model_1").set_value("qwen").run()
    return app.text_input(key="teacher_url_1").set_value(url).run()


def use(app, typed, save=False):
    app.text_input(key="teacher_key_typed_1").set_value(typed)
    app.checkbox(key="teacher_key_save_1").set_value(save)
    return button(app, "Use this key").click().run()


def shown(app):
    """All that the browser is sent."""
    return str(app.main) + str(app.sidebar) + words(app) + str(dict(app.query_params))


def test_a_typed_key_is_this_sessions_and_is_not_sent_back(started, handed):
    app = use(server_form(), f' "{KEY}" ')
    assert not app.exception and not app.error
    assert f"The key that you typed goes to {PLACE}" in words(app)
    assert app.text_input(key="teacher_key_typed_1").value == ""
    assert app.text_input(key="teacher_key_typed_1").proto.type == 1, "a box for passwords"
    assert KEY not in shown(app)
    assert not KeyFile().path.exists() and KEY not in os.environ.values()
    button(app, "Start labelling").click().run()
    assert handed == [{PLACE: KEY}]
    assert KEY not in started[0].model_dump_json()
    # Another session knows nothing of it, and its job gets nothing.
    other = server_form()
    assert "No key is set" in words(other)
    button(other, "Start labelling").click().run()
    assert handed[1] == {}


def test_it_serves_its_own_server_only_and_is_forgotten(started, handed):
    app = use(server_form(), KEY)
    app.text_input(key="teacher_url_1").set_value("https://api.example.com:8443/v1").run()
    assert "No key is set" in words(app)
    app.text_input(key="teacher_url_1").set_value(URL).run()
    assert f"The key that you typed goes to {PLACE}" in words(app)
    button(app, "Forget the key of this tab").click().run()
    assert "No key is set" in words(app)
    button(app, "Start labelling").click().run()
    assert handed == [{}]


def test_saved_it_is_there_in_another_session_until_it_is_forgotten():
    app = use(server_form(), KEY, save=True)
    assert not app.error
    assert f"The key that is saved on this machine goes to {PLACE}." in words(app)
    assert KeyFile().key(PLACE) == KEY
    other = server_form()
    assert f"The key that is saved on this machine goes to {PLACE}." in words(other)
    assert KEY not in shown(app) + shown(other)
    button(other, "Forget the saved key").click().run()
    assert KeyFile().places() == []
    assert "No key is set" in words(other)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "No key was typed."),
        (f"{KEY} {KEY}", "The key that was typed has white space or a line end as its sign 26"),
        (f"{KEY}\u2013", "The key that was typed has the sign U+2013"),
        ('"Bearer "', "No key was typed."),
    ],
)
def test_what_is_no_key_is_said_and_kept_nowhere(typed, sentence):
    app = use(server_form(), typed, save=True)
    assert sentence in said(app.error)
    assert "No key is set" in words(app) and KEY not in shown(app)
    assert KeyFile().places() == []


def test_a_key_file_that_others_could_read_is_said_until_the_session_ends():
    KeyFile().save(PLACE, KEY)
    KeyFile().path.chmod(0o640)
    app = server_form().run()
    assert "could be read by others of this machine (mode 640)" in said(app.warning)


def test_a_damaged_key_file_stops_nothing_but_its_keys():
    KeyFile().save(PLACE, KEY)
    KeyFile().path.write_text(KEY)
    app = server_form()
    assert "is damaged. Delete it, and give its keys again" in said(app.warning)
    assert KEY not in shown(app)
    # A key for this session needs no file.
    assert f"The key that you typed goes to {PLACE}" in words(use(app, KEY))


def test_on_a_server_of_several_people_the_page_says_whose_a_saved_key_is(monkeypatch):
    sentence = "A key saved on it belongs to the account that runs it"
    assert sentence not in words(server_form())
    monkeypatch.setattr("ui.shell.exposure.reached", lambda: "the name llkd.example.org")
    assert sentence in words(server_form())


def test_a_resumed_job_gets_the_keys_of_who_resumes_it(store, handed):
    project = store.projects.all()[0]
    ended_job(store, project, "failed", error="It failed.")
    app = use(server_form(), KEY)
    button(app, "Resume").click().run()
    assert handed == [{PLACE: KEY}]
