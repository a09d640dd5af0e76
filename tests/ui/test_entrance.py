"""The gate before the server: who gets through, with which ticket, from which page."""

import time

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from streamlit import config

from llkd.errors import ConfigError
from ui.entrance import origins, tickets
from ui.entrance.gate import Gate
from ui.entrance.tickets import Tickets, issued
from ui.shell import login

HERE = "http://127.0.0.1:8501"
NAVIGATION = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}
PARTS = [
    "static/js/index.js", "media/0123.csv", "_stcore/host-config", "_stcore/metrics", "component/x",
    "_stcore/bidi-components/x/y.js", "_stcore/agent/openapi.json", "favicon.png", "data",
]  # fmt: skip


async def everything(request):
    return PlainTextResponse(f"inside: {request.url.path}", headers={"X-Frame-Options": "ALLOWALL"})


async def socket(websocket):
    await websocket.accept()
    await websocket.send_text("inside")
    await websocket.close()


@pytest.fixture
def issue(tmp_path, monkeypatch):
    monkeypatch.delenv("LLKD_TOKEN", raising=False)
    return lambda: issued(tmp_path / "server")


@pytest.fixture
def ticket(issue):
    return issue()


def client(ticket, base=HERE):
    methods = ["GET", "HEAD", "PUT", "DELETE", "POST", "OPTIONS"]
    inner = Starlette(
        routes=[
            WebSocketRoute("/{path:path}", socket),
            Route("/{path:path}", everything, methods=methods),
        ]
    )
    return TestClient(Gate(inner, ticket), base_url=base, follow_redirects=False)


@pytest.fixture
def outside(ticket):
    return client(ticket)


@pytest.fixture
def inside(ticket):
    entered = client(ticket)
    answer = entered.get(f"/?token={ticket.token}", headers=NAVIGATION)
    assert answer.status_code == 303
    return entered


def opens(http, **headers):
    try:
        address = "ws://127.0.0.1:8501/_stcore/stream"
        with http.websocket_connect(address, headers=headers) as opened:
            return opened.receive_text() == "inside"
    except WebSocketDisconnect:
        return False


@pytest.mark.parametrize("path", PARTS)
def test_without_a_ticket_no_part_is_served(outside, path):
    for method in ("GET", "HEAD", "OPTIONS", "POST"):
        answer = outside.request(method, f"/{path}")
        assert answer.status_code == 403 and "inside" not in answer.text


def test_without_a_ticket_nothing_is_uploaded_removed_or_opened(outside):
    for method in ("PUT", "DELETE"):
        answer = outside.request(method, "/_stcore/upload_file/s/f", content=b"x")
        assert answer.status_code == 403 and "inside" not in answer.text
    assert not opens(outside) and not opens(outside, Origin=HERE)


def test_whoever_watches_sees_that_it_runs(outside):
    assert outside.get("/_stcore/health").status_code == 200
    assert outside.get("/x/_stcore/health").status_code == 403
    assert outside.get("/_stcore/healthy").status_code == 403


def test_a_person_is_told_how_to_get_in(outside):
    answer = outside.get("/curate?project=<b>&tt=0.5", headers=NAVIGATION)
    assert answer.status_code == 403 and answer.headers["content-type"].startswith("text/html")
    assert "printed in the terminal" in answer.text and "not the one of this" not in answer.text
    assert 'name="project" value="&lt;b&gt;"' in answer.text and "<b>" not in answer.text
    assert "script" not in answer.text
    wrong = outside.get("/curate?token=guess", headers=NAVIGATION)
    assert wrong.status_code == 403 and "not the one of this server" in wrong.text
    assert "guess" not in wrong.text and not outside.cookies


def test_the_address_of_the_terminal_lets_in_and_leaves_no_token_behind(outside, ticket):
    answer = outside.get(f"/curate?project=a%20b&token={ticket.token}&tt=0.5", headers=NAVIGATION)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/curate?project=a+b&tt=0.5"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("llkd_8501=") and ticket.token not in cookie
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie
    assert "Secure" not in cookie
    for path in PARTS:
        assert outside.get(f"/{path}").text == f"inside: /{path}"
    assert opens(outside, Origin=HERE)
    assert outside.put("/_stcore/upload_file/s/f").status_code == 200


def test_over_tls_the_cookie_stays_on_tls(ticket):
    answer = client(ticket, "https://127.0.0.1:8501").get(f"/?token={ticket.token}")
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "///evil.example/x"])
def test_a_token_leads_to_no_other_host(ticket, path):
    scope = {
        "type": "http", "method": "GET", "path": path, "headers": [],
        "query_string": f"token={ticket.token}".encode(),
    }  # fmt: skip
    from ui.entrance.visits import Visit

    target = Visit(scope).address_without_token
    assert target[0] == "/" and target[1] not in "/\\"


def test_programs_bring_the_token_in_a_header(outside, ticket):
    for kind in ("Bearer", "token"):
        header = {"Authorization": f"{kind} {ticket.token}"}
        assert outside.get("/data", headers=header).status_code == 200
        assert opens(outside, **header)
    assert outside.get("/data", headers={"Authorization": ticket.token}).status_code == 403
    assert outside.get("/data", headers={"Authorization": "Bearer "}).status_code == 403


@pytest.mark.parametrize("made", ["in", "in.awsfpg.sZOo_mfvjdyqPkj0Qs4WqFEW3PM", "", '""', "a.b.c"])
def test_a_cookie_made_up_is_none(outside, made):
    assert outside.get("/data", headers={"Cookie": f"llkd_8501={made}"}).status_code == 403


def test_a_cookie_of_another_home_another_port_or_another_week_is_none(
    outside, ticket, tmp_path, monkeypatch
):
    def status(value, name="llkd_8501"):
        return outside.get("/data", headers={"Cookie": f"{name}={value}"}).status_code

    assert status(ticket.stamped()) == 200
    assert status(issued(tmp_path / "elsewhere").stamped()) == 403
    assert status(ticket.stamped(), "llkd_8502") == 403
    old = ticket.stamped()
    later = time.time() + tickets.COOKIE_SECONDS + 60
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: later)
    assert status(old) == 403


def test_a_restart_keeps_open_pages_in_and_old_addresses_out(issue):
    before, after = issue(), issue()
    assert before.token != after.token and len(before.token) > 40
    assert after.is_stamped(before.stamped()) and not after.is_token(before.token)


def test_the_key_is_its_owners_alone(issue, tmp_path):
    first = issue()
    key = tmp_path / "server" / "cookie.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    key.chmod(0o644)  # others may have read it: cookies made with it count no longer
    assert not issue().is_stamped(first.stamped())
    key.chmod(0o600)
    key.write_bytes(b"short")
    assert not issue().is_stamped(first.stamped())


def test_a_home_that_cannot_be_written_still_has_a_token(tmp_path, monkeypatch):
    monkeypatch.delenv("LLKD_TOKEN", raising=False)
    (tmp_path / "file").write_text("")
    ticket = issued(tmp_path / "file" / "server")
    assert ticket.is_stamped(ticket.stamped()) and ticket.is_token(ticket.token)


def test_an_own_token_must_not_be_short_and_signs_too(tmp_path, monkeypatch):
    monkeypatch.setenv("LLKD_TOKEN", "short")
    with pytest.raises(ConfigError, match="has 5 characters, and a token must have 16"):
        issued(tmp_path)
    monkeypatch.setenv("LLKD_TOKEN", "a token of one's own")
    own = issued(tmp_path)
    assert own.own and own.is_token("a token of one's own") and not own.is_token("A TOKEN")
    monkeypatch.setenv("LLKD_TOKEN", "another token of one's own")
    assert not issued(tmp_path).is_stamped(own.stamped())


@pytest.mark.parametrize("word", ["off", "OFF", " off "])
def test_the_token_can_be_turned_off(tmp_path, monkeypatch, word):
    monkeypatch.setenv("LLKD_TOKEN", word)
    assert issued(tmp_path) is None
    free = client(None)
    assert free.get("/data").status_code == 200 and opens(free, Origin=HERE)
    assert not opens(free, Origin="http://127.0.0.1:9000"), "the pages that ask still count"


def test_a_login_decides_in_place_of_the_token(outside, monkeypatch):
    monkeypatch.setattr(login, "required", lambda: True)
    assert outside.get("/data").status_code == 200 and opens(outside, Origin=HERE)
    assert outside.put("/_stcore/upload_file/s/f").status_code == 403, "nobody has logged in"


@pytest.mark.parametrize("path", ["/", "/data", "/_stcore/health", "/static/x", "/nothing?token=x"])
def test_no_answer_may_be_shown_in_a_frame(outside, inside, path):
    for http in (outside, inside):
        for method in ("GET", "PUT"):
            headers = http.request(method, path, headers=NAVIGATION).headers
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert headers["x-frame-options"] == "DENY", "and the app's own word does not count"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("http://127.0.0.1:8501", "127.0.0.1:8501", True),
        ("http://localhost:8501", "localhost:8501", True),
        ("http://LOCALHOST:8501", "localhost:8501", True),
        ("http://127.0.0.1", "127.0.0.1", True),
        ("http://127.0.0.1", "127.0.0.1:80", True),
        ("https://llkd.example.org", "llkd.example.org", True),
        ("https://llkd.example.org", "llkd.example.org:443", True),
        ("http://127.0.0.1:9000", "127.0.0.1:8501", False),
        ("http://localhost:8501", "127.0.0.1:8501", False),
        ("http://127.0.0.1", "127.0.0.1:8501", False),
        ("https://127.0.0.1:9000", "127.0.0.1:8501", False),
        ("http://0.0.0.0:8501", "127.0.0.1:8501", False),
        ("http://127.0.0.1:8501@evil.example", "127.0.0.1:8501", False),
        ("http://evil.example#127.0.0.1:8501", "127.0.0.1:8501", False),
        ("http://127.0.0.1.evil.example:8501", "127.0.0.1:8501", False),
        ("file://", "127.0.0.1:8501", False),
        ("null", "127.0.0.1:8501", False),
        ("", "127.0.0.1:8501", False),
        ("http://127.0.0.1:port", "127.0.0.1:8501", False),
        ("chrome-extension://abc", "127.0.0.1:8501", False),
    ],
)
def test_a_page_is_the_apps_own_by_name_and_port(origin, host, own):
    assert origins.is_own(origin, host) is own


@pytest.mark.parametrize("origin", ["http://127.0.0.1:9000", "https://x.streamlit.app", "null"])
def test_another_page_opens_no_socket_and_sends_no_file_even_with_the_cookie(inside, origin):
    assert opens(inside, Origin=HERE) and not opens(inside, Origin=origin)
    for method in ("PUT", "DELETE", "POST"):
        answer = inside.request(method, "/_stcore/upload_file/s/f", headers={"Origin": origin})
        assert answer.status_code == 403 and "only to its own pages" in answer.text


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_page_gets_no_part_either(inside, site):
    """Another port of this machine is the same site: its pages' requests carry the cookie."""
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    assert inside.get("/media/x.csv", headers=headers).status_code == 403
    assert not opens(inside, Origin=HERE, **headers)
    link = {**NAVIGATION, "Sec-Fetch-Site": site}
    assert inside.get("/curate", headers=link).status_code == 200, "a link to the app is fine"


def test_a_link_from_elsewhere_comes_again_with_its_cookie(outside, inside):
    link = {**NAVIGATION, "Sec-Fetch-Site": "cross-site"}
    answer = outside.get('/curate?project=a"b', headers=link)
    assert answer.status_code == 403
    assert 'content="0;url=/curate?project=a%22b"' in answer.text
    own = {**NAVIGATION, "Sec-Fetch-Site": "same-origin"}
    assert "http-equiv" not in outside.get("/curate", headers=own).text, "once, not for ever"
    assert inside.get("/curate", headers=own).text == "inside: /curate"


@pytest.mark.parametrize("host", ["evil.example:8501", "127.0.0.1.evil.example", "", "a@127.0.0.1"])
def test_under_another_name_nothing_answers_but_a_sentence(inside, host):
    answer = inside.get("/data", headers={"Host": host})
    assert answer.status_code == 403 and "server.allowedHosts" in answer.text
    assert not opens(inside, Host=host)


@pytest.mark.parametrize(
    ("setting", "value", "origin", "own"),
    [
        ("server.corsAllowedOrigins", ["https://a.example"], "https://a.example", True),
        ("server.corsAllowedOrigins", ["https://a.example"], "https://a.example:8443", False),
        ("server.corsAllowedOrigins", ["https://a.example"], "http://a.example", False),
        ("browser.serverAddress", "llkd.example.org", "https://llkd.example.org:8501", True),
        ("browser.serverAddress", "llkd.example.org:8443", "https://llkd.example.org:8443", True),
        ("browser.serverAddress", "llkd.example.org", "https://llkd.example.org:9", False),
    ],
)
def test_a_proxy_that_hides_the_name_is_told_of_in_the_settings(setting, value, origin, own):
    before = config.get_option(setting)
    config.set_option(setting, value)
    try:
        assert origins.is_own(origin, "127.0.0.1:8501") is own
        assert not origins.is_own("https://evil.example:8501", "127.0.0.1:8501")
    finally:
        config.set_option(setting, before)


def test_below_a_path_of_its_own(ticket):
    before = config.get_option("server.baseUrlPath")
    config.set_option("server.baseUrlPath", "studio")
    try:
        http = client(ticket)
        assert http.get("/studio/_stcore/health").status_code == 200
        assert http.get("/_stcore/health").status_code == 200
        answer = http.get(f"/studio/data?token={ticket.token}", headers=NAVIGATION)
        assert answer.headers["location"] == "/studio/data"
        assert "Path=/studio" in answer.headers["set-cookie"]
        assert http.get("/studio/data").text == "inside: /studio/data"
    finally:
        config.set_option("server.baseUrlPath", before)


def test_tickets_are_compared_whatever_is_sent():
    ticket = Tickets("token", b"key")
    for offered in (None, "", "tok", "tokeñ", "token "):
        assert not ticket.is_token(offered)
    for value in (None, "", "é", "in", "\x00"):
        assert not ticket.is_stamped(value)


class Uploads:
    """A running server's memory of uploads, of which two minutes pass at a word."""

    def __init__(self, monkeypatch):
        from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

        from ui.entrance import quotas

        self.manager = MemoryUploadedFileManager("/x")
        self.quotas, self.now = quotas.Quotas(), 1000.0
        monkeypatch.setattr(quotas, "upload_manager", lambda: self.manager)
        monkeypatch.setattr(quotas.time, "monotonic", lambda: self.now)

    def send(self, session, name, megabytes, announced=True):
        from streamlit.runtime.uploaded_file_manager import UploadedFileRec

        size = int(megabytes * 2**20)
        with self.quotas.room(session, name, size if announced else None) as fits:
            if fits:
                file = UploadedFileRec(name, name, "text/csv", b"x" * size)
                self.manager.add_file(session, file)
        return fits

    def held(self, session):
        return sorted(self.manager.file_storage[session])


@pytest.fixture
def sent(monkeypatch):
    before = config.get_option("server.maxUploadSize")
    config.set_option("server.maxUploadSize", 4)
    yield Uploads(monkeypatch)
    config.set_option("server.maxUploadSize", before)


def test_a_session_holds_as_much_as_one_file_may_have(sent):
    assert [sent.send("a", f"f{k}", 2) for k in range(4)] == [True, True, False, False]
    assert sent.send("b", "f", 4), "another session has room of its own"
    assert sent.held("a") == ["f0", "f1"]


def test_what_has_lain_for_a_minute_makes_room(sent):
    assert sent.send("a", "f0", 2) and sent.send("a", "f1", 2)
    sent.now += 61
    assert sent.send("a", "f2", 2)
    assert sent.held("a") == ["f1", "f2"], "the oldest goes, and no more than needed"
    assert not sent.send("a", "f3", 4), "what has just come stays"


def test_what_is_on_its_way_counts(sent):
    with sent.quotas.room("a", "f0", 3 * 2**20) as first:
        assert first
        with sent.quotas.room("a", "f1", 3 * 2**20) as second:
            assert not second
    with sent.quotas.room("a", "f1", 3 * 2**20) as alone:
        assert alone, "it was refused or never came: its room is free again"


def test_a_file_of_unknown_size_counts_as_the_largest(sent):
    assert sent.send("a", "f0", 2)
    assert not sent.send("a", "f1", 1, announced=False)
    assert sent.send("b", "f0", 1, announced=False)


def test_a_copy_of_the_home_holds_no_key_of_its_server(home, tmp_path):
    """Whoever may read a backup must not get into the running app by it."""
    from llkd.maintenance.backups import backup
    from llkd.store import Home, Store

    Store(home).close()
    issued(Home(home).server)
    assert (home / "server" / "cookie.key").is_file()
    assert backup(home, tmp_path / "copy")["findings"] == []
    assert not list((tmp_path / "copy").rglob("cookie.key"))
