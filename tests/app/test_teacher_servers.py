"""The Teacher page and servers: where the key goes, what a server is like, what a kill costs."""

import pytest
from seed import ended_job, opened, said, seeded_project, words

from llkd.config import TeacherConfig
from llkd.store.key_hosts import KeyHosts

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
    assert "export OPENAI_API_KEY=your-key" in shown and ".streamlit/secrets.toml" in shown


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


def of_a_server(store, labelling):
    config = TeacherConfig(teacher="api:m", base_url="http://127.0.0.1:9/v1", concurrency=7)
    store.labellings._update(labelling, config=config.model_dump(mode="json"))


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
