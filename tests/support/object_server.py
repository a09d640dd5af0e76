"""A server of object storage for tests (moto's S3, a process of its own), and faults between.

Of the servers that speak S3 it is the one that the package registry has and that starts in
seconds. It checks no signatures: refusals are answered by the proxy, as S3 words them.
"""

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "nobody-may-read-this-secret-key",
    "AWS_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def error_body(code, words="As the test wants it."):
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{words}</Message></Error>"


class ObjectServer:
    """``url`` of the server; ``objects(bucket)`` by key, as boto3, another client, sees them."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        code = f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **KEYS},
        )  # fmt: skip
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert self._process.poll() is None and time.monotonic() < until
                time.sleep(0.05)
        import boto3

        self.client = boto3.client(
            "s3", endpoint_url=self.url, region_name=KEYS["AWS_REGION"],
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip

    def new_bucket(self):
        name = f"bucket-{time.monotonic_ns()}"
        where = {"LocationConstraint": KEYS["AWS_REGION"]}
        self.client.create_bucket(Bucket=name, CreateBucketConfiguration=where)
        return name

    def objects(self, bucket):
        listed = self.client.list_objects_v2(Bucket=bucket).get("Contents", [])
        keys = [entry["Key"] for entry in listed if not entry["Key"].endswith("/")]
        return {key: self.client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def stop(self):
        self._process.terminate()
        self._process.wait(30)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, BrokenPipeError):
            self.close_connection = True

    def _body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        del self.headers["Transfer-Encoding"]
        return b"".join(parts)

    def _any(self):
        body = self._body()
        self.server.faults.requests.append((self.command, self.path))
        trouble = self.server.faults.trouble(self.command, self.path)
        if trouble == "stall":
            self.server.faults.ended.wait(60)
        if trouble in ("stall", "reset"):
            self.close_connection = True
            self.connection.close()
            return
        if isinstance(trouble, tuple):
            status, code = trouble
            self._answer(status, {}, error_body(code).encode())
            return
        there = http.client.HTTPConnection(
            self.server.faults.target.removeprefix("http://"), timeout=30
        )
        there.request(self.command, self.path, body, dict(self.headers))
        reply = there.getresponse()
        self._answer(reply.status, dict(reply.getheaders()), reply.read(), trouble == "cut")
        there.close()

    def _answer(self, status, headers, content, cut=False):
        self.send_response(status)
        length = headers.get("Content-Length", len(content))
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = cut

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any  # noqa: N815


class Faults:
    """A proxy before a server. ``trouble(method, path)`` may name what happens to a request:

    a status and an error code, "reset", "cut" (half of the answer), "stall" (until ``close``).
    ``requests`` holds method and path of each.
    """

    def __init__(self, target):
        self.trouble = lambda method, path: None
        self.requests = []
        self.ended = threading.Event()
        self.target = target
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.faults = self
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def faults_before(target):
    faults = Faults(target)
    try:
        yield faults
    finally:
        faults.close()


def first(count, trouble, wanted=lambda method, path: True):
    """Trouble for the first requests that are wanted; the others go through."""
    left = [count]

    def decide(method, path):
        if wanted(method, path) and left[0] > 0:
            left[0] -= 1
            return trouble
        return None

    return decide
