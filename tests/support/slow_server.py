"""A stand-in OpenAI-compatible server on 127.0.0.1: answers after a pause, counts every text."""

import json
import re
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class SlowServer:
    """Says A for texts that hold the word red, else B, with log-probabilities."""

    def __init__(self, seconds=0.0):
        self.asked = Counter()
        self.requests = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests += 1
                prompt = "\n".join(str(m["content"]) for m in body["messages"])
                found = re.search(r"message number \d+ about \w+", prompt)
                if found:
                    outer.asked[found.group()] += 1
                time.sleep(seconds)
                letter = "A" if found and found.group().endswith("red") else "B"
                other = "B" if letter == "A" else "A"
                tops = [
                    {"token": letter, "logprob": -0.2, "bytes": None},
                    {"token": other, "logprob": -1.7, "bytes": None},
                ]
                choice = {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": letter},
                    "logprobs": {"content": [{**tops[0], "top_logprobs": tops}]},
                }
                answer = {
                    "id": "x",
                    "object": "chat.completion",
                    "created": 0,
                    "model": body["model"],
                    "choices": [choice],
                    "usage": {"prompt_tokens": 20, "completion_tokens": 1, "total_tokens": 21},
                }
                data = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                try:
                    self.wfile.write(data)
                except BrokenPipeError:
                    pass

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *problem):
        self._server.shutdown()
        self._server.server_close()
