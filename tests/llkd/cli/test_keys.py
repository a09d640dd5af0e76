"""``llkd key``: a key comes from standard input, never from the command line."""

import getpass
import io
import json

import pytest

from llkd.cli import main
from llkd.store.keys.key_file import KeyFile

KEY = "sk-cli-0123456789"


@pytest.fixture
def said(capsys):
    def run(*arguments):
        code = main(["key", *arguments])
        out = capsys.readouterr()
        return code, out.out, out.err

    return run


def test_a_key_is_read_listed_by_host_and_forgotten(said, monkeypatch, home):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"  Bearer {KEY}\n"))
    code, out, _ = said("set", "https://api.example.com/v1")
    assert code == 0 and "The key for api.example.com:443 is kept in" in out and KEY not in out
    assert KeyFile().key("api.example.com:443") == KEY
    code, out, _ = said("list", "--json")
    assert json.loads(out)["hosts"] == ["api.example.com:443"] and KEY not in out
    assert said("list")[1] == "api.example.com:443\n"
    assert said("forget", "api.example.com")[1] == "The key for api.example.com:443 is forgotten.\n"
    assert "nothing to forget" in said("forget", "api.example.com")[1]
    assert "No key is kept." in said("list")[1]
    assert not home.exists(), "no home is needed, and none is made"


def test_on_a_terminal_it_is_asked_for_and_not_shown(said, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    prompts = []
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda prompt: prompts.append(prompt) or KEY)
    assert said("set", "127.0.0.1:8000")[0] == 0
    assert prompts == ["Key for 127.0.0.1:8000 (not shown): "]
    assert KeyFile().key("127.0.0.1:8000") == KEY


@pytest.mark.parametrize(
    "arguments",
    [
        ("set", "api.example.com", KEY),
        ("set", "api.example.com", f"--key={KEY}"),
        (KEY,),
        ("list", KEY),
        ("set", "api.example.com", "more", KEY),
        (f"--set={KEY}", "api.example.com"),
    ],
)
def test_one_that_is_typed_on_the_command_line_is_refused_and_not_repeated(said, arguments):
    code, out, err = said(*arguments)
    assert code == 2 and "never typed on the command line" in err
    assert KEY not in out + err
    assert KeyFile().places() == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [("", "No key was given"), ("two keys", "has white space"), ("x" * 9999, "no key has more")],
)
def test_what_is_no_key_is_said_and_not_kept(said, monkeypatch, words, sentence):
    monkeypatch.setattr("sys.stdin", io.StringIO(words))
    code, out, err = said("set", "host")
    assert code == 2 and sentence in err
    assert not words or words not in out + err
    assert KeyFile().places() == []


def test_set_without_a_server_says_how_one_is_named(said):
    code, _, err = said("set")
    assert code == 2 and "llkd key set api.example.com, 127.0.0.1:8000 or its base URL" in err
