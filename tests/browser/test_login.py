"""A team's server: the login against a real provider, who is let in, and who signs a label."""

import json
import urllib.request

import pytest
from joserfc.jwk import RSAKey

from tests.support.browser import Server, settled
from tests.support.job_processes import end_jobs
from tests.support.login_provider import CLIENT, SECRET, Provider
from tests.support.seeded_projects import seeded_project

pytestmark = pytest.mark.browser
PEOPLE = [
    {"name": "Ann Example", "email": "ann@example.org", "email_verified": True},
    {"name": "Eve <b>Else</b>", "email": "eve@elsewhere.example", "email_verified": True},
]


def served(home, tmp_path, provider):
    """The app with a login at this provider, started."""
    server = Server(home)
    back = f"{server.url}/oauth2callback"
    provider.redirects.add(back)
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(
        f"""
[auth]
redirect_uri = {json.dumps(back)}
cookie_secret = "a long and random cookie secret of a test"
client_id = {json.dumps(CLIENT)}
client_secret = {json.dumps(SECRET)}
server_metadata_url = "{provider.url}/.well-known/openid-configuration"

[llkd]
allowed_emails = ["@example.org"]
""",
        encoding="utf-8",
    )
    server.options = (f"--secrets.files={secrets}",)
    return server.start()


@pytest.fixture
def provider():
    running = Provider(PEOPLE)
    yield running
    running.close()


@pytest.fixture
def guarded(home, tmp_path, provider):
    seeded_project(home)[0].close()
    server = served(home, tmp_path, provider)
    yield server
    if server.process.poll() is None:
        server.stop()
    end_jobs(home)


def log_in(page, email):
    settled(page, "Log in to see the projects here.")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name=email).click()


def test_in_through_the_provider_a_label_signed_and_out_again(guarded, page, home, provider):
    page.goto(f"{guarded.url}/curate?project=city")
    settled(page, "Log in to see the projects here.")
    shown = page.locator("[data-testid=stApp]").inner_text()
    assert "city" not in shown and "message number" not in shown
    log_in(page, "ann@example.org")

    settled(page, "Ann Example")
    page.goto(f"{guarded.url}/curate?project=city")  # the cookie is known on a deep link
    settled(page, "One by one")
    page.get_by_text("One by one").click()
    page.get_by_role("button", name="waste").click()
    page.get_by_text("Labelled as 'waste'.").wait_for()

    from llkd.store import Store

    store = Store(home)
    project = store.projects.get("city")
    decided = store.decisions.current(project.id)
    store.close()
    assert decided["who"].tolist() == ["Ann Example <ann@example.org>"]

    page.get_by_role("button", name="Log out").click()
    # The page may ask for a login before the browser has been sent to the provider.
    for _ in range(300):
        if provider.logged_out:
            break
        page.wait_for_timeout(50)
    settled(page, "Log in to see the projects here.")
    assert provider.logged_out == 1
    page.goto(f"{guarded.url}/curate?project=city")
    settled(page, "Log in to see the projects here.")
    assert page.problems == []


def test_an_address_that_is_not_on_the_list_stays_outside(guarded, page):
    page.goto(guarded.url)
    log_in(page, "eve@elsewhere.example")
    settled(page, "is not on the list of those who may use this app")
    said = page.locator("[data-testid=stAlert]").inner_text().replace("\u2060", "")
    assert "eve@elsewhere.example is not on the list" in said
    page.goto(f"{guarded.url}/export?project=city")
    settled(page, "is not on the list of those who may use this app")
    shown = page.locator("[data-testid=stApp]").inner_text()
    assert "city" not in shown and "Export" not in shown


def test_a_forged_token_opens_nothing(home, tmp_path, page):
    forger = Provider(PEOPLE, signing_key=RSAKey.generate_key(2048, {"kid": "one"}))
    server = served(home, tmp_path, forger)
    try:
        page.goto(server.url)
        log_in(page, "ann@example.org")
        settled(page, "Log in to see the projects here.")
        assert "Ann Example" not in page.locator("[data-testid=stApp]").inner_text()
    finally:
        server.stop()
        forger.close()


def test_a_cookie_made_up_opens_nothing(guarded, page):
    claim = json.dumps({"email": "ann@example.org", "is_logged_in": True, "origin": guarded.url})
    page.context.add_cookies(
        [{"name": "_streamlit_user", "value": claim.replace('"', "%22"), "url": guarded.url}]
    )
    page.goto(f"{guarded.url}/data")
    settled(page, "Log in to see the projects here.")


def test_no_secret_of_the_login_reaches_the_browser_or_the_log(guarded, page):
    seen = []
    page.on("response", lambda answer: seen.append(answer.url + str(answer.headers)))
    page.on(
        "websocket",
        lambda socket: socket.on(
            "framereceived",
            lambda frame: seen.append(
                frame if isinstance(frame, str) else frame.decode("utf-8", "replace")
            ),
        ),
    )
    page.goto(guarded.url)
    log_in(page, "ann@example.org")
    settled(page, "Ann Example")
    with urllib.request.urlopen(f"{guarded.url}/_stcore/health", timeout=5) as answer:
        assert answer.status == 200
    everything = "".join(seen) + page.content() + guarded.log.read_text()
    assert len(seen) > 5
    assert SECRET not in everything
    assert "a long and random cookie secret" not in everything


def test_an_open_server_warns_in_the_browser(home, page):
    server = Server(home, "--server.address=0.0.0.0").start()
    try:
        page.goto(f"{server.url}/data")
        settled(page, "Anybody who can reach the address")
    finally:
        server.stop()
