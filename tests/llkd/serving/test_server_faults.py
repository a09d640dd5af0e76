"""A server under load, and callers who are slow, have no key, or use another name for it."""

import concurrent.futures
import signal
import socket
import subprocess
import sys
import time

import httpx2
import pytest

from llkd.serving.limits import KEY_VARIABLE
from llkd.serving.server import listen
from tests.support.serving_process import ROOT, SLOW, ask, serving
from tests.support.tiny_onnx_student import make_onnx_student
from tests.support.tiny_student import CLASSES

KEY = "k" * 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_onnx_student(tmp_path_factory.mktemp("student"))


def slow_command(folder, seconds):
    return [sys.executable, "-c", SLOW, str(seconds), str(folder)]


def test_a_full_queue_says_when_to_come_back_and_nobody_hangs(folder):
    limits = ("--limit-waiting", "4", "--workers", "1")
    with serving(folder, *limits, command=slow_command(folder, 0.3)) as served:
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            replies = list(pool.map(lambda k: served.post("/predict", {"text": "goal"}), range(40)))
        counts = {code: sum(r.status_code == code for r in replies) for code in (200, 429)}
        assert sum(counts.values()) == 40 and min(counts.values()) > 0
        for reply in replies:
            if reply.status_code == 429:
                assert 1 <= int(reply.headers["retry-after"]) <= 60
                assert int(reply.headers["retry-after-ms"]) >= 1000
                assert reply.json()["error"]["type"] == "rate_limit_error"
        assert served.post("/predict", {"text": "goal"}).status_code == 200
        whole = served.post("/predict", {"texts": ["goal"] * 5})
        assert whole.status_code == 429  # more than can ever wait


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_answers_what_is_in_flight(folder, number):
    with serving(folder, "--workers", "1", command=slow_command(folder, 1.0)) as served:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            calls = [pool.submit(ask, served, CLASSES) for _ in range(8)]
            until = time.monotonic() + 60
            while served.get("/metrics").text.count("llkd_waiting_texts 0.0"):
                assert time.monotonic() < until, "nothing waits"
            time.sleep(0.3)  # those that are on their way arrive
            code = served.stop(number)
            replies = [call.result() for call in calls]
        assert [reply.status_code for reply in replies] == [200] * 8
        assert code == 0 and served.output[-1] == "Stopped.\n"
        with pytest.raises(httpx2.ConnectError):
            served.get("/health")


def test_callers_who_are_slow_are_let_go(folder):
    limits = ("--limit-header-seconds", "0.5", "--limit-body-seconds", "0.5")
    with serving(folder, *limits) as served:
        head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        assert served.raw(b"") == b""
        assert served.raw(head) == b""  # the headers do not end
        late = served.raw(head + b"Content-Length: 16\r\n\r\n{")
        assert late.startswith(b"HTTP/1.1 408") and b"0.5 seconds" in late
        # Also on a connection that has been used.
        with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")
            connection.sendall(b"GET /hea")
            assert connection.recv(65536) == b""
        endless = served.raw(head + b"X-A: " + b"a" * 300_000)
        assert endless == b"" or endless.startswith(b"HTTP/1.1 4")
        assert served.post("/predict", {"text": "goal"}).status_code == 200


def test_many_large_bodies_at_once_do_not_take_all_memory(folder):
    limits = ("--limit-buffer-bytes", "300000", "--limit-body-seconds", "60")
    head = (b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 200000\r\n\r\n")  # fmt: skip
    with serving(folder, *limits) as served:
        body = {"texts": ["x" * 90_000] * 2}
        until = time.monotonic() + 60
        while True:
            with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
                connection.sendall(head + b"[" * 199_000)  # not ended
                # Whichever of the two the server has read first is held, the other is refused.
                refused = served.post("/predict", body)
                assert time.monotonic() < until, refused.text
                if refused.status_code == 429:
                    assert "large bodies" in refused.json()["error"]["message"]
                    assert served.post("/predict", {"text": "goal"}).status_code == 200
                    break
        until = time.monotonic() + 60
        while (answer := served.post("/predict", body)).status_code != 200:
            assert time.monotonic() < until, answer.text


def test_a_key_keeps_callers_out_and_is_never_shown(folder, tmp_path):
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    file.chmod(0o600)
    with serving(folder, "--key-file", str(file), "--access-log") as served:
        bare = ask(served, CLASSES)
        assert bare.status_code == 401
        assert bare.json()["detail"]["error_type"] == "authentication_error"
        wrong = {"authorization": "Bearer " + "x" * 24}
        for path in ("/", "/metrics", "/v1/models", "/docs", "/openapi.json"):
            assert served.get(path).status_code == 401
            assert served.get(path, headers=wrong).status_code == 401
        right = {"authorization": f"Bearer {KEY}"}
        assert served.get("/metrics", headers=right).status_code == 200
        reply = served.post("/predict", {"text": "goal secretword"}, headers=right)
        assert reply.status_code == 200
        assert served.get("/ready").status_code == 200
        assert "sports" not in served.get("/health").text
        served.get("/predict/%0aforged?text=secretword")
        assert KEY not in " ".join(open(f"/proc/{served.process.pid}/cmdline").read().split("\0"))
        assert served.stop() == 0
        log = "".join(served.output)
        assert "POST /predict 200" in log and "\nforged" not in log
        assert KEY not in log and "secretword" not in log


def test_other_names_for_this_machine_are_refused(folder):
    with serving(folder, "--allowed-host", "models.example.org") as served:

        def named(host):
            return served.get("/v1/models", headers={"host": host}).status_code

        assert named("evil.example.net") == 421
        assert [named(h) for h in ("localhost:80", "127.0.0.1", "MODELS.example.org")] == [200] * 3


@pytest.mark.parametrize(
    ("options", "words", "code"),
    [
        (["--host", "0.0.0.0"], "no key keeps them out", 2),
        (["--key-file", "missing"], "cannot be read", 2),
        (["--limit-texts", "0"], "above 0 is needed", 2),
        (["--precision", "int8"], "model_quantized.onnx is missing", 2),
    ],
)
def test_what_cannot_be_served_is_a_sentence(folder, options, words, code):
    ended = subprocess.run(
        [sys.executable, "-m", "llkd.serving", str(folder), *options],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == code and words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_weak_keys_open_files_and_taken_ports_are_refused(folder, tmp_path, monkeypatch):
    from llkd.errors import UserError
    from llkd.serving.limits import check_address, key_from
    from llkd.serving.server import listen

    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(0o644)
    with pytest.raises(UserError, match="chmod 600"):
        key_from(file)
    monkeypatch.setenv(KEY_VARIABLE, "short")
    with pytest.raises(UserError, match="at least 16"):
        key_from(None)
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    assert key_from(None) == KEY
    check_address("0.0.0.0", KEY, False)
    check_address("192.0.2.1", None, True)
    for host in ("192.0.2.1", "::", "example.org"):
        with pytest.raises(UserError, match="--no-key"):
            check_address(host, None, False)
    with listen("127.0.0.1", 0) as taken, pytest.raises(UserError, match="Choose another"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_answers_are_sent_at_once():
    listener = listen("127.0.0.1", 0)
    with listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
