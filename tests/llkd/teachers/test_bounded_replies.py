"""Servers whose answers never end, unpack to gigabytes or come byte by byte take nothing with them."""

import gzip
import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from llkd.teachers.api.chat_server import open_server
from llkd.teachers.api.connection import Connection
from llkd.teachers.calls import bounded_replies
from llkd.teachers.calls.bounded_replies import UnreadableReply
from llkd.teachers.calls.tries import TryFailed
from tests.support.stand_in_server import completion

ASKED = [{"role": "user", "content": "hello there"}]
ANSWER = json.dumps(completion("A")).encode()
MIB = 2**20


@contextmanager
def answering(parts, status=200, pause=0.0, **headers):
    """Send these parts, chunked, for as long as the caller reads; ``sent[0]`` counts the bytes."""
    sent, ended = [0], threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            sent.append(self.headers["accept-encoding"])
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for part in parts() if callable(parts) else parts:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                    sent[0] += len(part)
                    if ended.wait(pause):
                        return
                self.wfile.write(b"0\r\n\r\n")
            except OSError:
                self.close_connection = True

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", sent
    finally:
        ended.set()
        server.shutdown()
        server.server_close()


def ask(url):
    server = open_server("m", url, 60.0, None)
    try:
        return server.ask(ASKED, max_tokens=1)
    finally:
        server.close()


def refused(parts, **options):
    """(the failure, bytes that the server got rid of) of a request that must fail."""
    with answering(parts, **options) as (url, sent), pytest.raises(TryFailed) as failed:
        ask(url)
    return failed.value, sent[0]


def endless():
    while True:
        yield b" " * MIB


def test_an_answer_without_end_is_left_at_the_limit():
    failure, sent = refused(endless)
    assert "sends more than 32 MiB in one answer" in str(failure)
    assert failure.kind == "format" and not failure.free
    assert sent <= 80 * MIB  # what lay in buffers on the way comes on top


@pytest.mark.parametrize("status", [400, 429, 500])
def test_nor_is_a_failures_body_read_without_end(status):
    failure, sent = refused(endless, status=status)
    assert "32 MiB" in str(failure) and sent <= 80 * MIB


def test_a_small_answer_that_unpacks_to_a_large_one_is_not_unpacked_whole():
    bomb = gzip.compress(gzip.compress(b" " * 100 * MIB))
    assert len(bomb) < 10_000
    twice, _ = refused([bomb], Content_Encoding="gzip, gzip")
    assert "'gzip, gzip', which was not asked for" in str(twice)
    once, _ = refused([gzip.decompress(bomb)], Content_Encoding="gzip")
    assert "more than 32 MiB" in str(once)


def test_a_packed_answer_is_read_and_only_one_packing_is_asked_for():
    whole = gzip.compress(ANSWER)
    with answering([whole[:9], whole[9:]], Content_Encoding="GZIP") as (url, sent):
        assert ask(url).text == "A"
    assert sent[1] == "gzip"
    with answering([ANSWER], Content_Encoding="identity") as (url, _):
        assert ask(url).text == "A"


@pytest.mark.parametrize(
    ("body", "packing", "words"),
    [
        (ANSWER, "br", "'br', which was not asked for"),
        (ANSWER, "\x1b[31m", "which was not asked for"),
        (ANSWER, "gzip", "damaged"),
        (gzip.compress(ANSWER)[:-9], "gzip", "ends too early"),
        (gzip.compress(ANSWER) + gzip.compress(b"more"), "gzip", "after the end"),
    ],
)
def test_what_cannot_be_unpacked_is_a_sentence(body, packing, words):
    failure, _ = refused([body], Content_Encoding=packing)
    assert words in str(failure) and "\x1b" not in str(failure)


def test_an_answer_that_comes_byte_by_byte_is_given_up(monkeypatch):
    monkeypatch.setattr(bounded_replies, "MOST_SECONDS", 0.5)
    began = time.monotonic()
    failure, sent = refused(lambda: iter(lambda: b" ", b""), pause=0.05)
    assert failure.congested and sent < 1000
    assert time.monotonic() - began < 50  # the connection's own limit of 60 never comes


def test_a_file_of_a_batch_may_be_larger():
    assert bounded_replies.FILE_BYTES > 10 * bounded_replies.MOST_BYTES
    with answering(lambda: (b" " * MIB for _ in range(40))) as (url, _):
        client = Connection(url, None).client
        assert len(client.post(f"{url}/files/f/content", content=b"").content) == 40 * MIB
        with pytest.raises(UnreadableReply, match="32 MiB"):
            client.post(f"{url}/chat/completions", content=b"")
