"""OpenAI Decisions (``POST /v1/decisions``) from any chat server, by the package jevper.

jevper makes the prompt, reads the answer and writes the reply; this file only puts its method
behind a port, as jevper brings no server of its own.

    with running(chat_url, tmp_path / "log") as url:      # http://127.0.0.1:PORT
        OpenAI(base_url=url + "/v1", ...).decisions.create(...)
"""

import argparse
import json
import sys
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

if __package__:
    from tests.support import running_process


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        from jevper import JevperError

        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/decisions":
            self.send(404, {"error": {"message": f"no route {self.path}", "type": "not_found"}})
            return
        try:
            reply = self.server.decisions.create(
                model=asked["model"], input=asked["input"], questions=asked["questions"]
            )
        except JevperError as error:
            self.send(400, {"error": {"message": str(error), "type": "invalid_request_error"}})
        else:
            self.send(200, reply.model_dump())

    def do_GET(self):
        self.send(404, {"error": {"message": f"no route {self.path}", "type": "not_found"}})

    def send(self, status, body):
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_):
        pass


@contextmanager
def running(chat_url, log):
    """Start it in front of ``chat_url`` (a base URL with /v1) and give its address."""
    with running_process.running([Path(__file__).resolve(), chat_url], log) as port:
        yield f"http://127.0.0.1:{port}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("chat_url")
    typed = parser.parse_args()
    from jevper import SystemOneClient
    from openai import OpenAI

    chat = OpenAI(base_url=typed.chat_url, api_key="none", timeout=300, max_retries=0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # Small models do not begin with a letter of themselves: the grammar lets them begin with none else.
    asked = SystemOneClient(chat, model="any", api="chat_completions", method="grammar")
    server.decisions = asked.decisions
    print("port", server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
