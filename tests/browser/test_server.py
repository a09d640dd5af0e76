"""The web process as a stranger meets it: foreign pages, forged uploads, paths out of its folders."""

import http.client
import json
import socket
import uuid
from pathlib import Path

import pytest

from tests.support.browser import HEADERS, Server
from tests.support.job_processes import end_jobs
from tests.support.seeded_projects import seeded_project

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
SECRET = "a text that only the project holds"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("server") / "home"
    seeded_project(home, words=[SECRET])[0].close()
    (home / "exports").mkdir(exist_ok=True)
    (home / "exports" / "curated.csv").write_text(SECRET)
    running = Server(home, "--server.maxUploadSize=1").start()
    yield running
    running.stop()
    end_jobs(home)


def raw(server, *lines, body=b""):
    """What the server answers to these very bytes, up to 64 kB, to one who has its token."""
    lines = (*lines, f"Authorization: {HEADERS['Authorization']}")
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        connection.settimeout(5)
        answer = b""
        try:
            while len(answer) < 65536 and (part := connection.recv(65536)):
                answer += part
                if b"\r\n\r\n" in answer and b" 101 " in answer[:20]:
                    break
        except TimeoutError:
            pass
    return answer


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer else 0


def handshake(server, host, origin):
    lines = [
        "GET /_stcore/stream HTTP/1.1", f"Host: {host}", "Connection: Upgrade",
        "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]  # fmt: skip
    return status(raw(server, *lines, *([f"Origin: {origin}"] if origin else [])))


@pytest.mark.parametrize(
    ("host", "origin", "opens"),
    [
        ("127.0.0.1:{}", "http://127.0.0.1:{}", True),
        ("localhost:{}", "http://localhost:{}", True),
        ("evil.example:{}", "http://evil.example:{}", False),
        ("127.0.0.1.evil.example:{}", "http://127.0.0.1.evil.example:{}", False),
        ("127.0.0.1@evil.example", None, False),
        ("", None, False),
        ("127.0.0.1:{}", "http://evil.example", False),
        ("127.0.0.1:{}", "http://127.0.0.1:9", False),
        ("127.0.0.1:{}", "http://localhost:{}", False),
        ("127.0.0.1:{}", "https://127.0.0.1.evil.example", False),
        ("127.0.0.1:{}", "null", False),
    ],
)
def test_only_its_own_page_opens_the_socket(server, host, origin, opens):
    origin = origin and origin.format(server.port)
    found = handshake(server, host.format(server.port), origin)
    assert found == 101 if opens else found in {400, 403}, found


def upload(server, token=None, cookie=None, size=10):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    boundary = uuid.uuid4().hex
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="../../x.csv"\r\n'
        f"Content-Type: text/csv\r\n\r\n{'x' * size}\r\n--{boundary}--\r\n"
    )
    headers = {**HEADERS, "Content-Type": f"multipart/form-data; boundary={boundary}"}
    if token:
        headers["X-Xsrftoken"] = token
    if cookie:
        headers["Cookie"] = f"_streamlit_xsrf={cookie}"
    connection.request("PUT", "/_stcore/upload_file/session/file", body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode("utf-8", "replace")


def xsrf_cookie(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", "/_stcore/health")
    given = connection.getresponse().getheader("Set-Cookie") or ""
    return given.partition("=")[2].partition(";")[0].strip('"')


def test_an_upload_needs_the_token_of_this_page(server):
    cookie = xsrf_cookie(server)
    assert cookie
    assert upload(server)[0] == 403
    assert upload(server, cookie=cookie)[0] == 403, "a foreign page's form brings only the cookie"
    assert upload(server, token=cookie)[0] == 403
    assert upload(server, token="2|0|0|0", cookie=cookie)[0] == 403
    found, said = upload(server, token=cookie, cookie=cookie)
    assert found == 400 and "session" in said.lower(), "with both, only a living session is missing"


def test_nothing_in_the_home_or_of_the_program_is_served(server):
    absolute = server.home.as_posix()
    for path in (
        "/../llkd.db", "/..%2fllkd.db", "/workspace/llkd.db", "/app.py", "/pages/data.py",
        "/.streamlit/config.toml", "/.streamlit/secrets.toml", "/requirements.txt",
        "/app/static/../../llkd.db", "/app/static/llkd.db", "/static/../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/etc/passwd", "/media/../exports/curated.csv", f"/media/{absolute}",
        "/media/curated.csv", f"//{absolute}/llkd.db", f"/{absolute}/exports/curated.csv",
        "/component/x/../../app.py", "/_stcore/bidi-components/../../app.py",
        "/_stcore/../llkd.db", "/etc/passwd",
    ):  # fmt: skip
        answer = raw(
            server, f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", "Connection: close"
        )
        body = answer.partition(b"\r\n\r\n")[2]
        assert SECRET.encode() not in body, path
        assert b"SQLite format" not in body and b"root:" not in body, path
        assert b"run_app" not in body and b"allowedHosts" not in body, path
        # Unknown addresses get the empty page of the app, which shows nothing by itself.
        assert status(answer) in {301, 307, 400, 403, 404} or b"<title>Streamlit</title>" in body, (
            path
        )


def test_programs_are_kept_out_of_the_pages(server):
    """Streamlit can let programs drive an app without its socket; here that stays off."""
    body = json.dumps({"interactions": []}).encode()
    for path in ("/_stcore/agent/interact", "/_stcore/agent/mcp"):
        answer = raw(
            server,
            f"POST {path} HTTP/1.1",
            f"Host: 127.0.0.1:{server.port}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
            body=body,
        )
        assert status(answer) in {400, 403, 404, 405}, path
        assert b"does not serve the agent API" in answer, path
        assert SECRET.encode() not in answer


def test_what_is_too_large_is_refused_before_it_is_kept(server, page, tmp_path):
    big = tmp_path / "big.csv"
    big.write_text("text\n" + "a line of text\n" * 150_000)
    page.goto(f"{server.url}/data")
    page.get_by_role("button", name="New project").click()
    page.locator("input[type=file]").first.set_input_files(big)
    page.get_by_text("File must be 1.0MB or smaller.").or_(
        page.get_by_text("1MB", exact=False)
    ).first.wait_for()
    drafts = server.home / "drafts"
    assert not drafts.exists() or not any(drafts.iterdir())
