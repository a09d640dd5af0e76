"""A relay on 127.0.0.1 that passes requests on to another server and keeps what both sides said.

with relaying(url) as relay:      # relay.url answers as url does
    ...
relay.exchanges                   # (path, request, status, reply) of each POST, as they ended
"""

import json
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

SECONDS = 300
KEPT = ("content-type", "retry-after", "retry-after-ms", "x-request-id")


class Exchange(NamedTuple):
    path: str
    request: dict
    status: int
    reply: dict


class Relay:
    def __init__(self, port):
        self.url, self.exchanges = f"http://127.0.0.1:{port}", []

    def answered(self):
        """The exchanges that ended well."""
        return [each for each in self.exchanges if each.status == 200]


@contextmanager
def relaying(to):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = urllib.request.Request(to + self.path, body, dict(self.headers.items()))
            try:
                with urllib.request.urlopen(request, timeout=SECONDS) as reply:
                    status, said, headers = reply.status, reply.read(), reply.headers
            except urllib.error.HTTPError as refused:
                status, said, headers = refused.code, refused.read(), refused.headers
            try:
                kept = json.loads(said)
            except ValueError:
                kept = {"text": said.decode("utf-8", "replace")}
            server.relay.exchanges.append(Exchange(self.path, json.loads(body), status, kept))
            self.send_response(status)
            for name in KEPT:
                if name in headers:
                    self.send_header(name, headers[name])
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.relay = Relay(server.server_address[1])
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.relay
    finally:
        server.shutdown()
        server.server_close()
