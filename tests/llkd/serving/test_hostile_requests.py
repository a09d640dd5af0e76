"""Requests that a proxy on the way may read otherwise, odd packings, and the statuses that are told."""

import gzip
import json
import socket

import pytest

from tests.support.serving_process import choice, serving
from tests.support.tiny_onnx_student import make_onnx_student
from tests.support.tiny_student import CLASSES

BODY = json.dumps({"state": "goal", "questions": {"q": choice(CLASSES)}}).encode()
HEAD = b"POST /v1/systemone HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
SECOND = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(make_onnx_student(tmp_path_factory.mktemp("student"))) as server:
        yield server


def test_a_request_with_two_lengths_is_refused_and_what_follows_is_not_read(served):
    lengths = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    said = served.raw(HEAD + lengths + CHUNKED + SECOND)  # until the server closes
    assert said.startswith(b"HTTP/1.1 400") and said.count(b"HTTP/1.1 ") == 1
    assert b"llkd_" not in said


@pytest.mark.parametrize(
    "header",
    [
        b"Host: evil.example",
        b"Content-Type: text/plain",
        b"Authorization: Bearer a\r\nAuthorization: Bearer b",
        b"Content-Encoding: identity\r\nContent-Encoding: gzip",
        b"Content-Length: 5",
    ],
)
def test_a_header_that_counts_stands_once(served, header):
    said = served.raw(HEAD + LENGTH + header + b"\r\n\r\n" + BODY)
    assert said.startswith(b"HTTP/1.1 400") and said.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "lines",
    [
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding: xchunked\r\n" + LENGTH,
        b"Transfer-Encoding : chunked\r\n" + LENGTH,
        b"Content-Length: -1\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 0x10\r\n",
        "Content-Length: ١٢\r\n".encode(),
        b"X-A: b\0c\r\n" + LENGTH,
    ],
)
def test_lengths_and_headers_that_are_none_are_refused(served, lines):
    assert served.raw(HEAD + lines + b"\r\n" + BODY).startswith(b"HTTP/1.1 400")


def test_requests_one_behind_the_other_each_get_their_answer(served):
    with socket.create_connection(("127.0.0.1", served.port), timeout=90) as connection:
        connection.sendall((HEAD + LENGTH + b"\r\n" + BODY) * 3)
        said = b""
        while said.count(b'"answers"') < 3:
            part = connection.recv(65536)
            assert part, said
            said += part
    assert said.count(b"HTTP/1.1 200") == 3


def packed(served, body):
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    import httpx2

    return httpx2.post(f"{served.url}/v1/systemone", content=body, headers=headers, timeout=90)


def test_what_stands_behind_a_packed_body_is_refused_and_not_dropped(served):
    whole = gzip.compress(BODY)
    assert packed(served, whole).status_code == 200
    for tail in (b"junk", whole):
        refused = packed(served, whole + tail)
        assert refused.status_code == 422 and "behind its end" in refused.text
    assert packed(served, gzip.compress(b" " * 50_000_000)).status_code == 413


def test_other_peoples_wrappers_send_null_for_no_description(served):
    choices = [{"value": name, "description": None} for name in CLASSES]
    question = {"type": "choice", "name": None, "instructions": "Which?", "choices": choices}
    reply = served.post("/v1/decisions", {"model": "m", "input": "goal", "questions": [question]})
    assert reply.status_code == 200


def test_every_status_that_is_sent_stands_in_the_document(served):
    paths = served.get("/openapi.json").json()["paths"]
    bare = {"content": b"x", "headers": {"content-type": "text/plain"}}
    import httpx2

    for path, entry in paths.items():
        if "post" not in entry:
            continue
        told = set(entry["post"]["responses"])
        tried = {
            httpx2.post(served.url + path, timeout=90, **bare).status_code,
            served.post(path, {"nothing": 1}).status_code,
            served.post(path, {"text": "x" * 2_000_000}).status_code,
            served.post(path, {}, headers={"host": "evil.example"}).status_code,
        }
        assert tried >= {413, 415, 421} and {str(code) for code in tried} <= told
