"""Labelling by a server on the command line: what ends a pass, what is told, what is refused."""

import json
import sqlite3
from contextlib import closing

import pytest

from llkd.cli import main
from llkd.store import Store
from tests.support.paid_labelling import FAST, make_project
from tests.support.stand_in_server import completion, serving

TOP = [("A", -0.2), ("B", -1.9)]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LLKD_HOME", str(tmp_path / "home"))
    for name in ("OPENAI_API_KEY", "LLKD_KEY_HOSTS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


def label(url, *more, project="toy"):
    return main(["label", project, "--teacher=api:m", f"--base-url={url}", *FAST, *more])


@pytest.mark.parametrize("texts", [6, 12, 400])
def test_a_pass_that_yields_nothing_fails_soon_and_shows_two_answers(home, capsys, texts):
    make_project(home, "toy", texts)
    hostile = "I'd \x1b[31mrather <b>not</b>"
    with serving(lambda r, n: completion(hostile)) as served:
        assert label(served.url, "--confidence=none", "--concurrency=4") == 1
        calls = len(served.requests)
        error = capsys.readouterr().err
        assert label(served.url, "--confidence=none", "--concurrency=4", "--json") == 1
        assert len(served.requests) - calls <= 24
    assert calls == texts if texts <= 20 else 20 <= calls <= 24
    assert "None of the " in error and "got a usable answer" in error
    assert error.count("rather <b>not</b>\u201d") == 2 and "\x1b" not in error
    assert "None of the " in json.loads(capsys.readouterr().out)["error"]
    with closing(Store(home)) as store:
        assert store.jobs.all()[0].state == "failed"
        project = store.projects.get("toy")
        assert project.labelling_id is None  # nothing came of it, so it is not in use
        (labeling_run,) = store.labeling_runs.all(project.id)
        assert len(store.labeling_runs.unusable(labeling_run)) >= calls, "what was paid is kept"


def test_texts_without_an_answer_do_not_end_a_pass_that_has_some(home, capsys):
    make_project(home, "toy", 60)
    with serving(lambda r, n: completion("A", TOP)) as served:
        assert label(served.url, "--limit=10") == 0
        served.requests.clear()
    with serving(lambda r, n: completion("who knows")) as other:
        config = ["--confidence=none"]
        assert label(other.url, *config, "--limit=3") == 0, "of three texts nothing is concluded"
    capsys.readouterr()


def test_a_resumed_pass_trusts_what_it_has(home, capsys):
    make_project(home, "toy", 60)
    bad = []

    def answer(request, number):
        return completion("who knows" if bad else "A", None if bad else TOP)

    with serving(answer) as served:
        assert label(served.url, "--limit=10", "--confidence=none") == 0
        bad.append(True)
        assert label(served.url, "--confidence=none") == 0
        assert len(served.requests) == 60
    capsys.readouterr()


def test_what_a_server_is_like_is_told_once_and_kept(home, capsys, caplog):
    make_project(home, "toy", 12)
    with serving(lambda r, n: completion("A")) as served:
        assert label(served.url, "--samples=2", "--json") == 0
    notices = json.loads(capsys.readouterr().out)["notices"]
    assert [n.split(",")[0] for n in notices] == [
        "The server gives no log-probabilities",
        "All 2 answers were the same for each of the first 10 texts. Either the model is sure of "
        "all of them",
    ]
    assert caplog.text.count("The server gives no log-probabilities") == 1, "on standard error"
    with closing(Store(home)) as store:
        assert store.jobs.all()[0].context["notices"] == notices


def test_one_address_however_it_is_written_is_paid_for_once(home, capsys):
    make_project(home, "toy", 12)
    with serving(lambda r, n: completion("A", TOP)) as served:
        assert label(served.url) == 0
        calls = len(served.requests)
        for way in ("{}/", " {} ", "{}/chat/completions", "\u201c{}\u201d"):
            assert label(way.format(served.url)) == 0
        assert len(served.requests) == calls
    with closing(Store(home)) as store:
        assert len(store.labeling_runs.all(store.projects.get("toy").id)) == 1
    capsys.readouterr()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://127.0.0.1:8000/v1\nx", "no line break, space or control character"),
        ("http://127.0.0.1:8000/\x00", "no line break, space or control character"),
        ("http://[::ffff:a9fe:a9fe]/v1", "link-local or metadata address"),
        ("http://0xA9FEA9FE/v1", "link-local or metadata address"),
        ("http://1.2.3.4.5.6:99999/v1", "A base URL begins with http://"),
    ],
)
def test_an_address_that_is_none_gets_a_sentence(home, capsys, url, sentence):
    make_project(home, "toy", 6)
    assert label(url) in {1, 2}
    error = capsys.readouterr().err
    assert sentence in error and "Traceback" not in error


def test_answers_that_an_earlier_version_took_for_letters_are_asked_again(home, capsys):
    """Kept by 0.3.0: letters that held a millionth of the probability, as scores."""
    make_project(home, "toy", 12)
    with serving(lambda r, n: completion("A", TOP)) as served:
        assert label(served.url) == 0
        calls = len(served.requests)
        with closing(Store(home)) as store:
            database = store.home.answers
        with sqlite3.connect(database) as kept:
            changed = kept.execute(
                "UPDATE answers SET raw = 'Okay [letters: 0 %]' WHERE source = 'logprob' AND text "
                "IN (SELECT text FROM answers WHERE source = 'logprob' LIMIT 5)"
            ).rowcount
        assert changed == 5
        make_project(home, "again", 12)
        assert label(served.url, project="again") == 0
        assert len(served.requests) - calls == 5
    capsys.readouterr()
