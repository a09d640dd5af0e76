"""The key file: where it is, who may read it, and what happens to it."""

import json
import os
import stat
import threading

import pytest

from llkd.errors import ConfigError, StoreError
from llkd.store.keys.key_file import KeyFile, key_file_path, place_of
from llkd.store.keys.server_keys import key_for

PLACE, KEY = "api.example.com:443", "sk-file-0123456789"
URL = "https://api.example.com/v1"


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_it_lies_where_the_settings_of_a_user_lie(monkeypatch, tmp_path):
    monkeypatch.delenv("LLKD_KEY_FILE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    assert key_file_path() == tmp_path / "settings" / "llkd" / "keys.json"
    # A path that is not absolute counts as not set, by the rules of XDG.
    for value in ("", "relative/folder"):
        monkeypatch.setenv("XDG_CONFIG_HOME", value)
        assert key_file_path() == tmp_path / ".config" / "llkd" / "keys.json"
    monkeypatch.setenv("LLKD_KEY_FILE", str(tmp_path / "k.json"))
    assert key_file_path() == tmp_path / "k.json"


def test_file_and_folder_are_their_owners_alone_whatever_the_umask():
    before = os.umask(0)
    try:
        KeyFile().save(PLACE, f' "Bearer {KEY}" \n')
    finally:
        os.umask(before)
    path = key_file_path()
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert {mode(file) for file in path.parent.iterdir()} == {0o600}
    file = KeyFile()
    assert file.key(PLACE) == KEY and file.places() == [PLACE] and file.remarks == []
    assert file.key("api.example.com:80") is None
    assert file.forget(PLACE) and not file.forget(PLACE)
    assert KEY not in path.read_text() and mode(path) == 0o600


def test_one_that_others_could_read_is_shut_and_that_is_said_once():
    KeyFile().save(PLACE, KEY)
    path = key_file_path()
    path.chmod(0o644)
    chosen = key_for(URL, None)
    assert chosen.key == KEY and mode(path) == 0o600
    [remark] = chosen.remarks
    assert "could be read by others of this machine (mode 644)" in remark
    assert key_for(URL, None).remarks == ()


def test_a_folder_that_others_can_write_is_refused():
    KeyFile().save(PLACE, KEY)
    folder = key_file_path().parent
    folder.chmod(0o777)
    with pytest.raises(ConfigError, match=f"can be written by others.*chmod go-w {folder}"):
        KeyFile().key(PLACE)
    folder.chmod(0o1777)  # of a folder like /tmp nobody can take away a file of somebody else
    assert KeyFile().key(PLACE) == KEY


def test_one_of_another_account_is_refused(monkeypatch):
    KeyFile().save(PLACE, KEY)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ConfigError, match="belongs to another account"):
        KeyFile().key(PLACE)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        f'{{"keys": "{KEY}"}}',
        f'["{KEY}"]',
        f'{{"keys": {{"h:1": ["{KEY}"]}}}}',
        f'{{"keys": {{"h:1": "{KEY} {KEY}"}}}}',
        "[" * 100_000,
    ],
    ids=["empty", "half", "no list", "another list", "no words", "two keys", "deep"],
)
def test_a_damaged_file_is_one_sentence_without_what_stands_in_it(body):
    KeyFile().save(PLACE, KEY)
    key_file_path().write_text(body)
    with pytest.raises(ConfigError, match="is damaged|cannot be used") as caught:
        KeyFile().key(PLACE)
    assert KEY not in str(caught.value)
    assert key_file_path().read_text() == body


def test_no_folder_and_no_pipe_is_taken_for_it():
    path = key_file_path()
    path.mkdir(parents=True)
    with pytest.raises(ConfigError, match="is no file"):
        KeyFile().key(PLACE)
    path.rmdir()
    os.mkfifo(path)  # reading one would wait for ever
    with pytest.raises(ConfigError, match="is no file"):
        KeyFile().key(PLACE)


def test_what_cannot_be_written_says_so_and_leaves_what_was_there(monkeypatch, tmp_path, home):
    KeyFile().save(PLACE, KEY)
    with pytest.raises(ConfigError, match="would lie in the home"):
        KeyFile(home / "keys.json").save(PLACE, KEY, home)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        KeyFile(tmp_path / "file" / "keys.json").save(PLACE, KEY)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        KeyFile().save("other:1", KEY)
    assert KeyFile().places() == [PLACE]
    assert len([path for path in key_file_path().parent.iterdir() if path.suffix != ".lock"]) == 1


@pytest.mark.parametrize("words", ["", " ", '""', "Bearer ", "sk a", "sk-\u2013", "x" * 5000])
def test_words_that_are_no_key_are_not_kept(words):
    with pytest.raises(ConfigError):
        KeyFile().save(PLACE, words)
    assert not key_file_path().exists()


def test_several_that_save_at_once_lose_nothing():
    threads = [
        threading.Thread(target=lambda n=n: KeyFile().save(f"host{n}:443", f"{KEY}-{n}"))
        for n in range(24)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = json.loads(key_file_path().read_text())["keys"]
    assert kept == {f"host{n}:443": f"{KEY}-{n}" for n in range(24)}


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("api.example.com", "api.example.com:443"),
        ("API.Example.com:8443 ", "api.example.com:8443"),
        ("http://127.0.0.1:8000/v1/", "127.0.0.1:8000"),
        ("http://host/v1", "host:80"),
        ("[::1]:8000", "::1:8000"),
    ],
)
def test_a_server_is_named_in_any_of_three_ways(words, place):
    assert place_of(words) == place


@pytest.mark.parametrize(
    "words", ["", "a b", "169.254.169.254", "u:p@host", "ftp://host", "host:99999", "h\u2028x"]
)
def test_what_names_no_server_is_not_repeated(words):
    with pytest.raises(ConfigError, match="names no server") as caught:
        place_of(words)
    assert not words or words not in str(caught.value)


def test_session_before_file_before_environment(monkeypatch, home):
    monkeypatch.delenv("LLKD_KEY_HOSTS", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    typed = {PLACE: "sk-typed"}

    def chosen(session, url=URL):
        choice = key_for(url, home, session)
        return choice.key, choice.origin

    assert chosen({}) == ("sk-of-the-environment", "environment")
    KeyFile().save(PLACE, KEY)
    assert chosen({}) == (KEY, "file")
    assert chosen(typed) == ("sk-typed", "session")
    # Neither goes to another host or port, by whatever name it is called.
    elsewhere = "https://api.example.com:8443/v1"
    assert chosen(typed, elsewhere) == ("sk-of-the-environment", "environment")
    monkeypatch.delenv("OPENAI_API_KEY")
    for url in (elsewhere, "http://api.example.com/v1", "https://api.example.com.evil.org/v1"):
        assert chosen(typed, url) == (None, None)
    assert "sk-typed" not in repr(key_for(URL, home, typed))
