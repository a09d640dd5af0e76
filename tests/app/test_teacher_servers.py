"""The Teacher page and servers: where the key goes, what a server is like, what a kill costs."""

import pytest
import sqlalchemy as sa

from llkd import installation
from llkd.config import TeacherConfig
from llkd.errors import ConfigError
from llkd.store import Price, schema
from llkd.store.keys.key_hosts import KeyHosts
from llkd.teachers.registry import teacher_settings
from tests.support.pages import button, opened, said, words
from tests.support.seeded_projects import ended_job, seeded_project

KEY = "sk-a-very-secret-key"
HOSTILE = "with “<b>A</b> [l](http://e.com) :material/home:”"


@pytest.fixture
def key(monkeypatch):
    monkeypatch.delenv("LLKD_KEY_HOSTS", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def server_form(url):
    app = opened("teacher")
    app.radio(key="teacher_kind_1").set_value("api").run()
    app.text_input(key="teacher_model_1").set_value("qwen").run()
    return app.text_input(key="teacher_url_1").set_value(url).run()


def test_without_a_key_the_way_to_give_one_stands_there(home, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    seeded_project(home, labelled=False)
    shown = words(server_form("http://127.0.0.1:8000/v1"))
    assert "No key is set" in shown
    assert "Type one below, or set `OPENAI_API_KEY` where the app is started." in shown
    assert "Save it on this machine, for later sessions" in shown


def test_without_the_extra_the_form_says_what_to_install(home, monkeypatch):
    seeded_project(home, labelled=False)
    sentence = "A teacher behind a server needs openai"
    assert sentence not in said(server_form("http://127.0.0.1:8000/v1").warning)
    monkeypatch.setattr(installation, "find_spec", lambda name: None)
    assert sentence in said(server_form("http://127.0.0.1:8000/v1").warning)


def test_the_page_says_to_whom_the_key_will_go_and_to_whom_it_does_not(home, key):
    seeded_project(home, labelled=False)
    app = server_form("https://api.example.com/v1")
    assert "With the first question it goes to api.example.com:443" in words(app)
    assert not KeyHosts(home).first(KEY), "looking at a page claims nothing"
    KeyHosts(home).claim(KEY, "https://api.example.com/v1")
    app.run()
    assert "It goes to api.example.com:443." in words(app)
    app.text_input(key="teacher_url_1").set_value("https://evil.example/v1").run()
    assert "is not sent to evil.example:443: it was first used with api.example.com:443" in said(
        app.warning
    )
    assert KEY not in str(app.main)


def test_named_hosts_hold_on_the_page(home, key, monkeypatch):
    seeded_project(home, labelled=False)
    monkeypatch.setenv("LLKD_KEY_HOSTS", "api.example.com")
    app = server_form("https://api.example.com/v1/ ")
    assert "It goes to api.example.com:443." in words(app)
    app.text_input(key="teacher_url_1").set_value("http://api.example.com.evil.org/v1").run()
    assert "which LLKD_KEY_HOSTS does not name" in said(app.warning)


def test_a_key_that_cannot_be_one_is_said_and_not_shown(home, key, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n{KEY}")
    seeded_project(home, labelled=False)
    app = server_form("https://api.example.com/v1")
    assert "has white space or a line end" in said(app.warning)
    assert KEY not in str(app.main)


def test_plain_http_to_another_machine_is_warned_of(home):
    seeded_project(home, labelled=False)
    app = server_form("http://192.168.7.7:8000/v1")
    assert "sent to 192.168.7.7 over plain http" in said(app.warning)
    app.text_input(key="teacher_url_1").set_value("http://[::1]:8000/v1").run()
    assert "will be sent to" not in said(app.warning)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://169.254.169.254/v1", "link-local or metadata address"),
        ("http://[::ffff:169.254.169.254]/v1", "link-local or metadata address"),
        ("http://metadata.google.internal/v1", "link-local or metadata address"),
        ("http://h/v1\u2028x", "no line break, space or control character"),
    ],
)
def test_addresses_that_no_teacher_has_are_refused_as_they_are_typed(home, url, sentence):
    seeded_project(home, labelled=False)
    app = server_form(url)
    assert sentence in said(app.error)
    assert not app.exception


def of_a_server(store, labeling_run):
    config = TeacherConfig(teacher="api:m", base_url="http://127.0.0.1:9/v1", concurrency=7)
    runs = schema.labeling_runs
    with store.engine.begin() as connection:
        connection.execute(
            sa.update(runs)
            .where(runs.c.id == labeling_run)
            .values(config=config.model_dump(mode="json"))
        )


def test_what_a_server_is_like_stays_on_the_page(home):
    store, project = seeded_project(home, labelled=0.5)
    job = ended_job(store, project, "finished")
    store.jobs.remember(
        job.id, labelling_id=project.labelling_id, notices=[f"It begins {HOSTILE}."]
    )
    app = opened("teacher")
    (box,) = [caption.value for caption in app.caption if "It begins with" in caption.value]
    assert "<b>" not in box and "[l](http" not in box


def test_resuming_says_what_is_asked_once_more(home):
    store, project = seeded_project(home, labelled=0.5)
    job = ended_job(store, project, "died", error="Its process ended without a word.")
    store.jobs.remember(job.id, labelling_id=project.labelling_id)
    assert "are asked and paid once more" not in words(opened("teacher"))
    of_a_server(store, project.labelling_id)
    assert "7 texts at most, are asked and paid once more" in words(opened("teacher"))


@pytest.mark.parametrize("kind", ["systemone", "decisions"])
def test_a_decision_model_is_a_form_with_the_price_of_reading_alone(home, kind):
    store, project = seeded_project(home, labelled=False)
    app = opened("teacher")
    app.radio(key="teacher_kind_1").set_value(kind).run()
    app.text_input(key="teacher_url_1").set_value("http://127.0.0.1:9/v1").run()
    app.text_input(key="teacher_model_1").set_value("jev").run()
    labels = [widget.label for widget in app.number_input]
    assert "Most requests at the same time" in labels
    assert "Price of a million tokens read" in labels
    assert "Price of a million tokens written" not in labels
    assert "Where the confidence comes from" not in [widget.label for widget in app.selectbox]
    app.number_input(key="plan_budget_1").set_value(2.0).run()
    button(app, "Start labelling").click().run()
    assert "needs the price of a million tokens read: type it" in said(app.error)
    app.number_input(key=f"plan_1_price_in_{kind}:jev").set_value(0.05).run()
    assert not app.error
    assert store.prices.all() == [Price(f"{kind}:jev", 0.05, 0.0)], "of no chat model"
    assert not app.exception


def test_a_member_of_a_committee_says_its_interface():
    for member in ("systemone:jev", "decisions:jev"):
        config = {"teacher": "committee", "members": ("similarity", member)}
        with pytest.raises(ConfigError, match="needs a base URL"):
            teacher_settings(config)
        teacher_settings(config, base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ConfigError, match="A member of a committee is"):
        teacher_settings(
            {"teacher": "committee", "members": ("similarity", "auto:jev")},
            base_url="http://127.0.0.1:9/v1",
        )
