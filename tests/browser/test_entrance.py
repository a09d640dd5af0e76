"""Strangers before a running server: no token, foreign pages, frames, proxies, forged logins."""

import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from itsdangerous import URLSafeTimedSerializer

from tests.support.browser import TOKEN, Server, settled
from tests.support.job_processes import end_jobs
from tests.support.seeded_projects import seeded_project
from tests.support.visitor import Visitor, printed_address

pytestmark = pytest.mark.browser
SECRET = "a text that only the project holds"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that makes its own token, as ``make run`` starts it."""
    home = tmp_path_factory.mktemp("server") / "home"
    seeded_project(home, words=[SECRET])[0].close()
    running = Server(home, "--server.maxUploadSize=1", token=None).start()
    yield running
    running.stop()
    end_jobs(home)


@pytest.fixture
def stranger_page(browser):
    """A browser that no server knows yet."""
    context = browser.new_context()
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def insider(server):
    """A program that was let in by the address in the terminal."""
    visitor = Visitor(server)
    visitor.http.get(printed_address(server), timeout=20)
    visitor.get("_stcore/health")
    return visitor


@pytest.fixture
def elsewhere():
    """A page of somebody else, on a port of its own."""
    pages = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = pages.get(self.path, "").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    other = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    yield lambda html: pages.update({"/": html}) or other.server_port
    other.shutdown()
    other.server_close()


def test_who_has_no_token_gets_nothing(server):
    stranger = Visitor(server)
    assert stranger.get("_stcore/health").status_code == 200
    index = Visitor(server)
    index.http.get(printed_address(server), timeout=20)
    script = index.get("").text.partition('src="./')[2].partition('"')[0]
    assert index.get(script).status_code == 200 and "static/js/" in script
    for path in ("", "data", "curate?project=city", script, "favicon.png", "_stcore/host-config",
                 "_stcore/metrics", "media/x.csv", "component/x", "_stcore/agent/openapi.json"):  # fmt: skip
        answer = stranger.get(path)
        assert answer.status_code == 403, path
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], path
    assert stranger.upload("session", "file", 10) == 403
    assert stranger.refused() == 403
    assert stranger.refused(Authorization="Bearer guess") == 403


def test_a_program_with_the_token_works_and_another_origin_does_not(server, insider):
    assert SECRET in insider.sees("curate", "project=city")
    port = server.port + 1
    for origin in (f"http://127.0.0.1:{port}", "http://127.0.0.1", f"http://localhost:{server.port}",
                   "https://x.streamlit.app", "null"):  # fmt: skip
        assert insider.refused(origin) == 403, origin


def test_the_printed_address_opens_the_app_and_the_browser_stays_in(server, stranger_page):
    page, address = stranger_page, printed_address(server)
    assert address.startswith(f"{server.url}/?token=")
    page.goto(f"{server.url}/curate?project=city")
    page.get_by_text("printed in the terminal").wait_for()
    assert SECRET not in page.content()
    page.get_by_label("Or type the token here").fill("not it")
    page.get_by_role("button", name="Open").click()
    page.get_by_text("not the one of this server").wait_for()
    page.get_by_label("Or type the token here").fill(address.partition("token=")[2])
    page.get_by_role("button", name="Open").click()
    settled(page, "One by one")
    assert "project=city" in page.url and "token" not in page.url, "the deep link is kept"
    page.reload()
    settled(page, "One by one")
    page.goto(f"{server.url}/data?project=city")
    page.get_by_role("heading", name="Data", exact=True).wait_for()
    (cookie,) = [one for one in page.context.cookies() if one["name"].startswith("llkd_")]
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict"
    assert page.evaluate("document.cookie").find("llkd_") == -1


def test_no_site_shows_the_app_in_a_frame_and_a_link_to_it_works(server, stranger_page, elsewhere):
    page = stranger_page
    page.goto(printed_address(server))
    settled(page)
    port = elsewhere(
        f'<a href="{server.url}/curate?project=city">go</a>'
        f'<iframe src="{server.url}/curate?project=city&embed=true" width="900" height="600">'
        "</iframe><script>window.heard = [];"
        "addEventListener('message', event => heard.push(JSON.stringify(event.data)))</script>"
    )
    # Another site, and another port of the same one, whose requests carry the cookie.
    for host in ("localhost", "127.0.0.1"):
        page.goto(f"http://{host}:{port}/")
        page.wait_for_timeout(1500)
        frame = page.frames[1]
        assert "chrome-error" in frame.url, frame.url
        assert page.evaluate("window.heard") == []
        page.get_by_text("go", exact=True).click()
        settled(page, "One by one")
        assert page.url.startswith(f"{server.url}/curate")


def test_no_page_may_give_the_app_orders(insider):
    """Streamlit's own list holds hosts on which anybody may publish; this one nobody can."""
    allowed = insider.get("_stcore/host-config").json()["allowedOrigins"]
    assert allowed == ["https://nobody.invalid"]


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": "localhost"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "host=localhost"},
        {"X-Real-IP": "127.0.0.1"},
        {"Via": "1.1 localhost"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_no_header_hides_that_others_reach_the_server(insider, headers):
    assert "read, change and delete" not in insider.sees("data", "project=city")
    assert "read, change and delete" in insider.sees("data", "project=city", **headers)


def test_a_session_keeps_no_more_uploads_than_one_file_may_have(server, insider):
    with insider.socket() as socket:
        insider.sees("data", socket=socket)
        sizes = [insider.upload(insider.session, f"f{k}", 600_000) for k in range(4)]
    assert sizes[0] == 204
    assert sizes[-1] == 413 and 204 not in sizes[sizes.index(413) :]
    assert sum(600_000 for status in sizes if status == 204) <= 2 * 2**20


def test_a_restart_keeps_an_open_browser_in(home, stranger_page):
    server = Server(home, token=None).start()
    try:
        first = printed_address(server)
        stranger_page.goto(first)
        settled(stranger_page)
        server.stop()
        server.log.write_text("")
        server.start()
        assert printed_address(server) != first
        stranger_page.goto(f"{server.url}/data")
        settled(stranger_page, "Open the sample")
    finally:
        server.stop()


def _secrets(path, server, cookie_secret):
    path.write_text(
        f"""
[auth]
redirect_uri = "{server.url}/oauth2callback"
cookie_secret = {json.dumps(cookie_secret)}
client_id = "x"
client_secret = "x"
server_metadata_url = "http://127.0.0.1:9/.well-known/openid-configuration"

[llkd]
allowed_emails = ["*"]
""",
        encoding="utf-8",
    )
    server.options = (*server.options, f"--secrets.files={path}")


def _forged(server, secret):
    """A login's cookie as Streamlit signs it, made by whoever knows the secret."""
    person = {"email": "eve@evil.example", "email_verified": True, "is_logged_in": True,
              "iat": 4e9, "origin": server.url}  # fmt: skip
    return URLSafeTimedSerializer(secret, salt="_streamlit_user").dumps(json.dumps(person))


@pytest.mark.parametrize(("secret", "inside"), [("", False), ("s" * 40, True)])
def test_a_login_made_up_by_a_stranger(home, tmp_path, secret, inside):
    """With a secret that others know nobody gets in; with a good one its owner does."""
    seeded_project(home, words=[SECRET])[0].close()
    server = Server(home, token=None)
    _secrets(tmp_path / "secrets.toml", server, secret)
    server.start()
    try:
        nobody, eve = Visitor(server), Visitor(server)
        for visitor in (nobody, eve):
            visitor.get("_stcore/health")
        eve.http.cookies.set("_streamlit_user", _forged(server, secret))
        assert (SECRET in eve.sees("curate", "project=city")) is inside
        assert SECRET not in nobody.sees("curate", "project=city")
        with nobody.socket() as socket:
            nobody.sees("data", socket=socket)
            assert nobody.upload(nobody.session, "f", 10) == 403, "nobody has logged in"
        with eve.socket() as socket:
            eve.sees("data", socket=socket)
            assert eve.upload(eve.session, "f", 10) == (204 if inside else 403)
    finally:
        server.stop()


def test_settings_that_name_the_server_tell_that_others_reach_it(home):
    """Behind a proxy that sends ``Host: 127.0.0.1`` and nothing of its own."""
    seeded_project(home)[0].close()
    server = Server(home, "--browser.serverAddress=llkd.example.org").start()
    try:
        visitor = Visitor(server, Authorization=f"Bearer {TOKEN}")
        assert "read, change and delete" in visitor.sees("data", "project=city")
    finally:
        server.stop()


def test_secrets_that_end_streamlit_end_in_a_sentence(home, tmp_path):
    secrets = tmp_path / "secrets.toml"
    for content in (b'auth = "https://login.example.org"', b"\xff\xfe\x00"):
        secrets.write_bytes(content)
        server = Server(home, f"--secrets.files={secrets}")
        with pytest.raises(RuntimeError, match="did not start") as ended:
            server.start()
        assert "nobody can be let in" in str(ended.value)
        assert "Traceback" not in str(ended.value)


def test_make_run_opens_a_browser_and_no_command_line_tells_the_token(home, tmp_path, monkeypatch):
    """Every account of the machine sees the arguments of all programs."""
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(
        f"#!{sys.executable}\n"
        "import os, sys, urllib.request\n"
        "path = urllib.request.url2pathname(sys.argv[-1].removeprefix('file://'))\n"
        f"with open({str(seen)!r} + '.part', 'w') as note:\n"
        "    note.write(repr(sys.argv) + oct(os.stat(path).st_mode & 0o777) + open(path).read())\n"
        f"os.replace({str(seen)!r} + '.part', {str(seen)!r})\n"
    )
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", str(browser))
    monkeypatch.setenv("LLKD_BROWSER", "1")
    server = Server(home, token=None).start()
    try:
        for _ in range(100):
            if seen.exists():
                break
            time.sleep(0.1)
        arguments, mode, html = re.fullmatch(
            r"(\[.*\])(0o\d+)(.*)", seen.read_text(), re.DOTALL
        ).groups()
        token = printed_address(server).partition("token=")[2]
        assert token in html and f"{server.url}/?token=" in html
        assert token not in arguments and "file://" in arguments
        assert mode == "0o600"
    finally:
        server.stop()
    assert not list(home.rglob("open-*.html")), "and it is gone with the server"
