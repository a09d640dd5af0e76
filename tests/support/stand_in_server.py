"""A real HTTP server on 127.0.0.1 that stands in for an OpenAI-compatible one."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def completion(content, top=None, usage=(11, 1)):
    """A chat completion; ``top`` lists (token, logprob) of the first token."""
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": content},
        "logprobs": None,
    }
    if top is not None:
        listed = [{"token": t, "logprob": p, "bytes": None} for t, p in top]
        choice["logprobs"] = {"content": [{**listed[0], "top_logprobs": listed}]}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [choice],
        "usage": {
            "prompt_tokens": usage[0],
            "completion_tokens": usage[1],
            "total_tokens": sum(usage),
        },
    }


@contextmanager
def serving(answer):
    """Serve ``answer(request, number) -> body | (status, body) | (status, body, headers)``.

    Gives an object with ``url`` and ``requests`` (body and headers of each, in order).
    """
    log, lock = [], threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement

        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                headers = {name.lower(): value for name, value in self.headers.items()}
                log.append({"path": self.path, "body": request, "headers": headers})
                number = len(log)
            reply = answer(request, number)
            status, body, *rest = reply if isinstance(reply, tuple) else (200, reply)
            if status == 0:  # drop the connection
                self.connection.close()
                self.close_connection = True
                return
            payload = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            kind = "text/html" if isinstance(body, str) else "application/json"
            for name, value in {"Content-Type": kind, **(rest[0] if rest else {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()

    class Served:
        url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        requests = log

    try:
        yield Served()
    finally:
        server.shutdown()
        server.server_close()


def text_of(request):
    """The text a request asks about."""
    return request["messages"][-1]["content"]
