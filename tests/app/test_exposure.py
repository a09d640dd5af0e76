"""A server that others can reach without a login says so on every page."""

import pytest
from seed import direct, said, seeded_project
from streamlit import config
from test_login import SECRETS, app_for, user

from ui import exposure

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
