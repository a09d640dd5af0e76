"""Where texts and key go: to the host that was named, and nowhere else."""

import logging
import socket

import pytest

from llkd.config import TeacherConfig, build
from llkd.config.addresses import clean_base_url, is_loopback, is_metadata
from llkd.config.server_key import is_named, named_hosts, server_key, without_key
from llkd.errors import ConfigError, ModelError
from llkd.store.keys.key_hosts import FILE, KeyHosts
from llkd.teachers.api.chat_server import open_server
from llkd.teachers.api.connection import unreachable
from tests.support.stand_in_server import completion, serving

KEY = "sk-a-very-secret-key-123456"
ASKED = [{"role": "system", "content": "Sort it."}, {"role": "user", "content": "hello there"}]
VARIABLES = (
    *("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("LLKD_KEY_HOSTS", "OPENAI_API_KEY"),
)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def ask(url, home=None):
    server = open_server("m", url, 5.0, home)
    try:
        return server.ask(ASKED, max_tokens=1), server.remarks
    finally:
        server.close()


def keys(served):
    return [request["headers"]["authorization"] for request in served.requests]


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
        ("\t http://127.0.0.1:8000/v1 \r\n", "http://127.0.0.1:8000/v1"),
        ("\u201chttp://Host.Example/v1\u201d", "http://host.example/v1"),
        ("HTTPS://h:443/v1//", "https://h/v1"),
        ("http://h:80", "http://h"),
        ("https://h/v1/chat/completions/", "https://h/v1"),
        ("http://[::1]:9/v1", "http://[::1]:9/v1"),
    ],
)
def test_an_address_is_written_in_one_way(typed, address):
    config = build(TeacherConfig, teacher="api:m", base_url=typed)
    assert config.base_url == address == clean_base_url(address)


@pytest.mark.parametrize(
    "typed", ["http://h/v1\nx", "http://h/\x00", "http://h /v1", "http://h\u2028/"]
)
def test_signs_that_no_address_has_are_said(typed):
    with pytest.raises(ConfigError, match="no line break, space or control character") as caught:
        build(TeacherConfig, teacher="api:m", base_url=typed)
    assert "\n" not in str(caught.value)


METADATA = [
    *("169.254.169.254", "169.254.0.1", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376"),
    *("169.254.43518", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "fe80::1", "fe80::1%25eth0"),
    *("64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "fd00:ec2::254", "100.100.100.200"),
    *("metadata.google.internal", "METADATA.google.internal.", "instance-data"),
    "\uff11\uff16\uff19.254.169.254",
]


@pytest.mark.parametrize("host", METADATA)
def test_link_local_and_metadata_addresses_are_refused_however_they_are_written(host):
    place = f"[{host}]" if ":" in host else host
    with pytest.raises(ConfigError, match="link-local or metadata address"):
        build(TeacherConfig, teacher="api:m", base_url=f"http://{place}:80/v1")


@pytest.mark.parametrize("host", ["10.0.0.5", "192.168.1.9", "127.0.0.1", "::1", "api.example.com",
                                  "169.example.com", "16925"])  # fmt: skip
def test_servers_of_ones_own_network_are_not(host):
    assert not is_metadata(host)


def test_a_name_that_resolves_to_such_an_address_is_refused_before_connecting(monkeypatch):
    def resolved(host, port, *more, **options):
        assert host == "teacher.example"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", port or 0))]

    def connected(*_, **__):
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    monkeypatch.setattr(socket, "create_connection", connected)
    with pytest.raises(ModelError, match=r"teacher.example \(169.254.169.254\) is a link-local"):
        ask("http://teacher.example/v1")


def test_a_redirect_to_another_host_is_not_followed(monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(lambda r, n: completion("B")) as other:
        for status in (301, 302, 303, 307, 308):
            away = {"Location": f"{other.url}/chat/completions"}
            with serving(lambda r, n, s=status, to=away: (s, "", to)) as served:
                host = other.url.removesuffix("/v1")
                with pytest.raises(ModelError, match=f"sends requests on to {host}, which nobody"):
                    ask(served.url, tmp_path / str(status))
        assert not other.requests


def test_a_redirect_within_the_host_is_followed_where_it_keeps_the_request():
    def moved(status):
        def answer(request, number):
            if number == 1:
                return status, "", {"Location": "/v2/chat/completions"}
            return completion("B")

        return answer

    with serving(moved(307)) as served:
        assert ask(served.url)[0].text == "B"
        assert served.requests[1]["body"] == served.requests[0]["body"]
    with serving(moved(301)) as served:
        address = served.url.replace("/v1", "/v2")
        with pytest.raises(ModelError, match=f"has moved to {address}. Make that the base URL."):
            ask(served.url)


def test_a_key_goes_to_the_host_it_was_first_used_with(monkeypatch, tmp_path):
    with serving(lambda r, n: completion("B")) as one, serving(lambda r, n: completion("B")) as two:
        ask(two.url, tmp_path)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        assert ask(one.url, tmp_path)[1] == []
        _, remarks = ask(two.url, tmp_path)
        ask(one.url, tmp_path)
        assert keys(one) == [f"Bearer {KEY}"] * 2
        assert keys(two) == ["Bearer none"] * 2
        assert "is not sent to 127.0.0.1:" in remarks[0] and "LLKD_KEY_HOSTS=" in remarks[0]
        kept = (tmp_path / FILE).read_text()
        assert KEY not in kept and "127.0.0.1" in kept
        monkeypatch.setenv("OPENAI_API_KEY", "another-key-for-two")
        ask(two.url, tmp_path)
        assert keys(two)[-1] == "Bearer another-key-for-two"
        ask(one.url, tmp_path / "home2")
        assert keys(one)[-1] == "Bearer another-key-for-two", "another home, another first use"


def test_named_hosts_decide_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(lambda r, n: completion("B")) as one, serving(lambda r, n: completion("B")) as two:
        monkeypatch.setenv("LLKD_KEY_HOSTS", f"api.example.com, {one.url}")
        ask(one.url, tmp_path)
        _, remarks = ask(two.url, tmp_path)
        assert keys(one) == [f"Bearer {KEY}"] and keys(two) == ["Bearer none"]
        assert "which LLKD_KEY_HOSTS does not name" in remarks[0]
        monkeypatch.setenv("LLKD_KEY_HOSTS", "127.0.0.1")
        ask(two.url, tmp_path)
        assert keys(two)[-1] == f"Bearer {KEY}"
    assert not (tmp_path / FILE).exists()


def test_a_server_that_wants_the_withheld_key_is_told_apart(monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("LLKD_KEY_HOSTS", "api.example.com")
    body = {"error": {"message": "You didn't provide an API key"}}
    with serving(lambda r, n: (401, body)) as served:
        with pytest.raises(
            ModelError, match="wants a key .status 401.. The key in OPENAI_API_KEY is"
        ):
            ask(served.url, tmp_path)


def test_a_key_is_claimed_only_when_it_is_sent(monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        with pytest.raises(Exception, match="cannot be reached"):
            ask(url, tmp_path)
    assert KeyHosts(tmp_path).first(KEY) is None


def test_of_two_that_claim_a_key_at_once_the_first_has_it(tmp_path):
    hosts = KeyHosts(tmp_path)
    assert hosts.claim(KEY, "https://a.example/v1") is None
    assert "first used with a.example:443" in KeyHosts(tmp_path).claim(KEY, "https://b.example/v1")
    assert hosts.claim(KEY, "https://a.example/v2") is None
    (tmp_path / FILE).write_text("{broken")
    assert hosts.first(KEY) is None


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        (f"{KEY}\n", KEY),
        (f"  \u201c{KEY}\u201d ", KEY),
        (f'"{KEY}"', KEY),
        (f"Bearer {KEY}\r\n", KEY),
        ("", None),
        (" \n", None),
    ],
)
def test_what_was_pasted_along_with_a_key_is_taken_off(typed, key):
    assert server_key({"OPENAI_API_KEY": typed}) == key


@pytest.mark.parametrize(
    "typed", [f"{KEY[:5]}\n{KEY[5:]}", f"{KEY[:5]}\u2019{KEY[5:]}", f"{KEY} x"]
)
def test_signs_that_no_key_has_are_said_and_the_key_is_not(typed, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", typed)
    with pytest.raises(
        ConfigError, match="The key in OPENAI_API_KEY has .* which no key has"
    ) as told:
        open_server("m", "http://127.0.0.1:9/v1")
    assert KEY[:5] not in str(told.value) and KEY[5:] not in str(told.value)


def test_a_key_that_a_server_repeats_is_hidden_as_it_was_sent(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", f"\u201c{KEY}\u201d\n")
    assert without_key(f"your key {KEY} is wrong") == "your key *** is wrong"


def test_hosts_are_named_with_and_without_their_port():
    hosts = named_hosts({"LLKD_KEY_HOSTS": "api.example.com, https://b.example/v1;[::1]:80"})
    assert is_named("api.example.com:443", hosts) and is_named("api.example.com:9", hosts)
    assert is_named("b.example:443", hosts) and not is_named("b.example:80", hosts)
    assert not is_named("evil-api.example.com:443", hosts)
    assert named_hosts({"LLKD_KEY_HOSTS": " "}) is None


def test_plain_http_to_another_machine_is_warned_of(monkeypatch):
    server = open_server("m", "http://192.168.7.7:8000/v1")
    assert server.remarks == [
        "The texts go to 192.168.7.7 over plain http: whoever is on the way can read them. Use "
        "https where the server has it."
    ]
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    (remark,) = open_server("m", "http://192.168.7.7:8000/v1").remarks
    assert remark.startswith("The texts and the key go to 192.168.7.7 over plain http")
    for url in ("http://localhost:1/v1", "http://127.0.0.9:1/v1", "https://h.example/v1"):
        assert open_server("m", url).remarks == []
    assert is_loopback("::ffff:127.0.0.1") and not is_loopback("127.example.com")


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        (
            "ALL_PROXY",
            "socks5://me:secret@127.0.0.1:9",
            r"The proxy in ALL_PROXY \(socks5\) cannot",
        ),
        ("HTTPS_PROXY", "gopher://127.0.0.1:9", r"The proxy in HTTPS_PROXY \(gopher\) cannot"),
        ("SSL_CERT_FILE", "/nowhere", "SSL_CERT_FILE names /nowhere, which cannot be read"),
    ],
)
def test_what_in_the_environment_is_wrong_is_named(monkeypatch, variable, value, words):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=words) as caught:
        open_server("m", "https://api.example.com/v1")
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_server_of_this_machine_needs_no_proxy_and_no_certificates(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    with serving(lambda r, n: completion("B")) as served:
        assert ask(served.url)[0].text == "B"
        assert ask(served.url.replace("127.0.0.1", "localhost"))[0].text == "B"


def test_why_a_server_cannot_be_reached_is_said(monkeypatch):
    def caused(words):
        error = RuntimeError("Connection error.")
        error.__cause__ = OSError(words)
        return unreachable("https://h.example/v1", error)

    assert "its name is not known" in caused("[Errno -2] Name or service not known")
    assert "its certificate is not trusted" in caused("certificate verify failed: self-signed")
    assert "it does not speak https" in caused("[SSL: WRONG_VERSION_NUMBER] wrong version number")
    assert caused("refused").endswith("Check that it runs and that the base URL is right")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert "through the environment's proxy" in caused("refused")


def test_an_https_address_of_a_plain_server_is_said():
    with serving(lambda r, n: completion("B")) as served:
        with pytest.raises(Exception, match="it does not speak https"):
            ask(served.url.replace("http://", "https://"))


def test_no_log_holds_the_key(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with caplog.at_level(logging.DEBUG), serving(lambda r, n: completion("B")) as served:
        ask(served.url, tmp_path)
        ask(served.url, tmp_path)
    assert KEY not in caplog.text
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and KEY in path.read_text()]
    assert keys(served) == [f"Bearer {KEY}"] * 2
