"""A server that others can reach without a login says so on every page."""

import pytest
from streamlit import config

from tests.support.login_pages import SECRETS, app_for, user
from tests.support.pages import button, direct, said
from tests.support.seeded_projects import seeded_project
from ui.shell import exposure

PAGES = ["data", "teacher", "curate", "train", "results", "export"]


@pytest.fixture
def bound_to():
    """Bind the server to an address, as far as its options say."""
    before = config.get_option("server.address")
    yield lambda address: config.set_option("server.address", address)
    config.set_option("server.address", before)


@pytest.mark.parametrize("page", PAGES)
def test_an_open_server_is_warned_of_on_every_page(page, home, bound_to):
    seeded_project(home)
    assert "can read, change and delete" not in said(direct(page).warning)
    bound_to("0.0.0.0")
    warned = said(direct(page).warning)
    assert "Anybody who can reach the address 0.0.0.0 can read, change and delete" in warned
    assert "server.address = 127.0.0.1" in warned and "docs/server.md" in warned


def test_a_login_ends_the_warning(home, bound_to):
    seeded_project(home)
    bound_to("0.0.0.0")
    app = app_for("data", SECRETS, user())
    assert app.title[0].value == "Data"
    assert "Anybody who can reach" not in said(app.warning)


@pytest.mark.parametrize(
    ("address", "host", "words"),
    [
        ("127.0.0.1", "127.0.0.1:8501", None),
        ("127.0.0.1", "localhost:8501", None),
        ("localhost", None, None),
        ("::1", "[::1]:8501", None),
        ("127.8.9.1", None, None),
        ("unix:///run/llkd.sock", "localhost", None),
        (None, "localhost", "this machine over any network"),
        ("", "localhost", "this machine over any network"),
        ("0.0.0.0", "localhost", "the address 0.0.0.0"),
        ("::", "localhost", "the address ::"),
        ("192.168.0.4", "localhost", "the address 192.168.0.4"),
        ("studio", "localhost", "the address studio"),
        ("127.0.0.1", "llkd.example.org", "the name llkd.example.org"),
        ("127.0.0.1", "127.0.0.1.evil.example:80", "the name 127.0.0.1.evil.example:80"),
        ("unix:///run/llkd.sock", "llkd.example.org", "the name llkd.example.org"),
    ],
)
def test_only_loopback_is_taken_for_this_machine_alone(address, host, words):
    assert exposure.open_to(address, host) == words


# As common servers in between send them: nginx, Apache, HAProxy, Envoy, IIS, clouds and tunnels.
OF_PROXIES = """
X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Server X_FORWARDED_FOR Forwarded Via
X-Real-IP X-Client-IP Client-IP True-Client-IP X-Cluster-Client-IP X-Original-Host X-Original-URL
X-Scheme X-Ingress-Path X-Envoy-External-Address X-Amzn-Trace-Id X-Azure-ClientIP X-ARR-SSL CF-Ray
CF-Connecting-IP CDN-Loop Fastly-Client-IP Fly-Client-IP X-Request-Id Traceparent Remote-User
Tailscale-User-Login X-Auth-Request-Email Front-End-Https Proxy-Connection
""".split()
OF_BROWSERS = """
Host Connection Pragma Cache-Control User-Agent Upgrade Origin Sec-WebSocket-Version Cookie
Sec-WebSocket-Key Sec-WebSocket-Extensions Sec-WebSocket-Protocol Accept Accept-Encoding
Accept-Language Sec-Fetch-Site Sec-Fetch-Mode Sec-Fetch-Dest DNT Sec-GPC Priority Authorization
Referer X-Requested-With Sec-CH-UA TE X-Xsrftoken
""".split()


@pytest.mark.parametrize("header", OF_PROXIES)
def test_what_a_proxy_adds_shows_that_others_reach_it(header):
    headers = [*OF_BROWSERS, header]
    words = exposure.open_to("127.0.0.1", "127.0.0.1:8501", headers=headers)
    assert words is not None and header in words


def test_what_a_browser_sends_by_itself_shows_nothing():
    assert exposure.open_to("127.0.0.1", "localhost:8501", headers=OF_BROWSERS) is None


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("browser.serverAddress", "llkd.example.org", "the name llkd.example.org"),
        ("browser.serverAddress", "https://llkd.example.org/", "the name llkd.example.org"),
        ("server.allowedHosts", ["localhost", "studio.lan"], "the name studio.lan"),
        ("server.allowedHosts", ["*"], "this machine under any name"),
        ("server.corsAllowedOrigins", ["https://a.example:9"], "the name a.example:9"),
    ],
)
def test_a_public_name_in_the_settings_is_enough(home, setting, value, words):
    """A proxy may send ``Host: 127.0.0.1`` and nothing else: the settings still tell."""
    seeded_project(home)
    before = config.get_option(setting)
    config.set_option(setting, value)
    try:
        app = direct("data")
    finally:
        config.set_option(setting, before)
    assert f"Anybody who can reach {words} can read" in said(app.warning)


def test_a_visitor_from_elsewhere_is_enough():
    assert exposure.open_to("127.0.0.1", "localhost", visitor="127.0.0.9") is None
    assert exposure.open_to("127.0.0.1", "localhost", visitor="::ffff:127.0.0.1") is None
    assert "another machine" in exposure.open_to("127.0.0.1", "localhost", visitor="10.0.0.7")


def test_with_a_login_no_file_is_read_by_its_path(home):
    """Whoever logs in sits elsewhere, whatever the server can see of it."""
    seeded_project(home)
    app = app_for("data", SECRETS, user(), project="city")
    button(app, "New project").click().run()
    app.segmented_control[0].set_value("File or folder on this machine").run()
    assert not app.text_input
    assert "it reads no files by their path" in said(app.info)
