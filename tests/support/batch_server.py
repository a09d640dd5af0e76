"""A separate process on 127.0.0.1 with OpenAI's endpoints for files and batches.

    with batching(tmp_path / "log.jsonl", labels=["red", "blue"], take=0.5) as server:
        ...                      # server.url; server.lines(): requests that were answered, in order

Written from the API's reference and the types of the pinned client. It answers as
``faulty_server`` does, single calls too; that server's options hold for both. A log line has
``batch`` (its number, or null for a single call), ``text`` and ``billed``. Lines of a batch come
back in another order than they were sent. Besides:

    --take SECONDS      a batch needs so long after it began (default 0.2)
    --expire SHARE      the first batches answer only so many, then expire (--expire-batches N)
    --odd KIND,KIND     what the first batch does to its lines, one of each seven: missing, twice,
                        unknown, garbled, error_500, error_400, error_429
    --lose-creates N    the first N times a batch is begun and the connection closed unanswered
    --most-queued N     more requests in a batch fail its validation (token_limit_exceeded)
    --invalid yes       every batch fails its validation
    --no-batches yes    it has no such endpoints
    --listed-after S    a batch stands in the list only S seconds after it was begun
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent))

import faulty_server  # noqa: E402
from faulty_server import Handler, Running, Server, completion, label_of  # noqa: E402

ODD = ("missing", "twice", "unknown", "garbled", "error_500", "error_400", "error_429")


class BatchHandler(Handler):
    def do_POST(self):
        path = urlsplit(self.path).path
        if path.endswith("/chat/completions"):
            super().do_POST()
            return
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.server.settings.no_batches:
            self.send(404, {"error": {"message": f"no route {path}"}})
        elif path.endswith("/files"):
            self._take_file(body)
        elif path.endswith("/batches"):
            self._begin(json.loads(body))
        elif path.endswith("/cancel"):
            self._answer_with(path.split("/")[-2], cancel=True)
        else:
            self.send(404, {"error": {"message": "no route"}})

    def do_GET(self):
        server, parts = self.server, urlsplit(self.path)
        names = parts.path.strip("/").split("/")
        if server.settings.no_batches:
            self.send(404, {"error": {"message": f"no route {parts.path}"}})
        elif names[-1] == "content":
            content = server.files.get(names[-2])
            if content is None:
                self.send(404, {"error": {"message": "No such File object"}})
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        elif names[-1] == "batches":
            self._list(parse_qs(parts.query))
        else:
            self._answer_with(names[-1])

    def _take_file(self, body):
        boundary = self.headers["Content-Type"].partition("boundary=")[2].encode()
        fields = {}
        for part in body.split(b"--" + boundary)[1:-1]:
            head, _, content = part.strip(b"\r\n").partition(b"\r\n\r\n")
            fields[head.partition(b'name="')[2].partition(b'"')[0].decode()] = content
        if fields.get("purpose") != b"batch":
            self.send(400, {"error": {"message": "purpose must be batch"}})
            return
        number = f"file-{len(self.server.files)}-{random.getrandbits(32):08x}"
        self.server.files[number] = fields["file"]
        self.send(200, {"id": number, "object": "file", "bytes": len(fields["file"]),
                        "created_at": int(time.time()), "filename": "f", "purpose": "batch",
                        "status": "processed"})  # fmt: skip

    def _begin(self, request):
        server = self.server
        if (
            request.get("endpoint") != "/v1/chat/completions"
            or request["completion_window"] != "24h"
        ):
            self.send(400, {"error": {"message": "Invalid endpoint or window"}})
            return
        with server.lock:
            batch = Batch(server, len(server.batches), request)
            server.batches.append(batch)
            lost = len(server.batches) <= server.settings.lose_creates
        threading.Thread(target=batch.work, daemon=True).start()
        if lost:
            self.connection.close()
            self.close_connection = True
            return
        self.send(200, batch.document())

    def _list(self, query):
        now, after = time.time(), query.get("after", [None])[0]
        limit = int(query.get("limit", ["20"])[0])
        listed = [b for b in reversed(self.server.batches)
                  if now - b.created >= self.server.settings.listed_after]  # fmt: skip
        if after is not None:
            places = [batch.number for batch in listed]
            listed = listed[places.index(after) + 1 :]
        data = [batch.document() for batch in listed[:limit]]
        self.send(200, {"object": "list", "data": data, "has_more": len(listed) > limit})

    def _answer_with(self, number, cancel=False):
        batch = next((b for b in self.server.batches if b.number == number), None)
        if batch is None:
            self.send(404, {"error": {"message": f"No batch found with id '{number}'."}})
            return
        if cancel:
            batch.cancel()
        self.send(200, batch.document())


class Batch:
    def __init__(self, server, place, request):
        self.server, self.request, self.place = server, request, place
        self.number = f"batch_{place}_{random.getrandbits(32):08x}"
        self.created, self.status = time.time(), "validating"
        self.output = self.error = None
        self.errors, self.done, self.failed, self.total = None, 0, 0, 0
        self.stopping = threading.Event()

    def cancel(self):
        if self.status in {"validating", "in_progress"}:
            self.status = "cancelling"
            self.stopping.set()

    def document(self):
        return {
            "id": self.number, "object": "batch", "endpoint": self.request["endpoint"],
            "errors": self.errors, "input_file_id": self.request["input_file_id"],
            "completion_window": "24h", "status": self.status, "output_file_id": self.output,
            "error_file_id": self.error, "created_at": int(self.created),
            "request_counts": {"total": self.total, "completed": self.done, "failed": self.failed},
            "metadata": self.request.get("metadata"),
        }  # fmt: skip

    def work(self):
        settings = self.server.settings
        lines = [json.loads(line) for line in
                 self.server.files[self.request["input_file_id"]].splitlines()]  # fmt: skip
        self.total = len(lines)
        if settings.invalid:
            self._fail("invalid_json_line", "This line is not parseable as valid JSON.", 3)
            return
        if settings.most_queued and len(lines) > settings.most_queued:
            self._fail("token_limit_exceeded", "Enqueued token limit reached for m.", None)
            return
        if self.status == "validating":
            self.status = "in_progress"
        random.Random(self.place).shuffle(lines)
        expires = self.place < settings.expire_batches
        answered = int(settings.expire * len(lines)) if expires else len(lines)
        outputs, errors = [], []
        for place, line in enumerate(lines):
            self.stopping.wait(settings.take / max(1, len(lines)))
            if self.stopping.is_set() or place >= answered:
                code = "batch_cancelled" if self.stopping.is_set() else "batch_expired"
                errors.append(self._error(line, code, "This request could not be executed."))
                continue
            self._one(line, settings, outputs, errors)
        files = (("output", outputs), ("error", errors))
        for kind, rows in files:
            if rows:
                number = f"file-{kind}-{self.number}"
                self.server.files[number] = b"".join(rows)
                setattr(self, kind, number)
        over = "expired" if expires else "completed"
        self.status = "cancelled" if self.stopping.is_set() else over

    def _one(self, line, settings, outputs, errors):
        odd = settings.odd if self.place == 0 else []
        kind = odd[self.done % len(odd)] if odd and self.done < len(odd) else "ok"
        request = line["body"]
        text = request["messages"][-1]["content"]
        label = label_of(text, settings.labels)
        body, read, written, answer = completion(request, label, "ok", settings)
        billed = not kind.startswith("error_")
        self.server.note(
            batch=self.number, text=text, did=kind, label=label, answer=answer, billed=billed,
            tokens_in=read if billed else 0, tokens_out=written if billed else 0,
            options={name: value for name, value in request.items() if name != "messages"},
            messages=request["messages"],
        )  # fmt: skip
        row = self._line(line["custom_id"], {"status_code": 200, "request_id": "r", "body": body})
        self.done += billed
        self.failed += not billed
        if kind == "missing":
            return
        if kind == "twice":
            outputs.append(row)
        elif kind == "unknown":
            outputs.append(self._line("nobody", {"status_code": 200, "body": body}))
        elif kind == "garbled":
            outputs.append(b'{"custom_id": oh no\n')
            return
        elif not billed:
            status = int(kind.partition("_")[2])
            words = {400: "Invalid prompt: flagged as violating our usage policy."}
            failure = {"error": {"message": words.get(status, "it broke"), "code": None}}
            errors.append(self._line(line["custom_id"], {"status_code": status, "body": failure}))
            self.done += 1  # the next line has the next kind
            return
        outputs.append(row)

    def _line(self, name, response, error=None):
        row = {"id": "batch_req_1", "custom_id": name, "response": response, "error": error}
        return json.dumps(row).encode() + b"\n"

    def _error(self, line, code, words):
        return self._line(line["custom_id"], None, {"code": code, "message": words})

    def _fail(self, code, words, line):
        entry = {"code": code, "message": words, "param": None, "line": line}
        self.errors = {"object": "list", "data": [entry]}
        self.status = "failed"


class BatchServer(Server):
    def __init__(self, settings):
        super().__init__(settings)
        self.RequestHandlerClass = BatchHandler
        self.files, self.batches = {}, []


@contextmanager
def batching(log_file, **options):
    """Start the server process, give a Running, end the process."""
    words = [sys.executable, str(Path(__file__).resolve()), "--log", str(log_file)]
    for name, value in options.items():
        if isinstance(value, bool):
            value = "yes" if value else "no"
        elif isinstance(value, list | tuple):
            value = ",".join(value)
        words += ["--" + name.replace("_", "-"), str(value)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        port = process.stdout.readline().strip()
        if not port:
            raise RuntimeError("the server did not start")
        yield Running(process, int(port), log_file)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def _more(add):
    yes = {"yes": True, "no": False}.__getitem__
    add("--take", type=float, default=0.2)
    add("--expire", type=float, default=0.0)
    add("--expire-batches", type=int, default=0)
    add("--odd", default="")
    add("--lose-creates", type=int, default=0)
    add("--most-queued", type=int, default=0)
    add("--invalid", type=yes, default=False)
    add("--no-batches", type=yes, default=False)
    add("--listed-after", type=float, default=0.0)


if __name__ == "__main__":
    settings = faulty_server.options(_more)
    settings.odd = [kind for kind in settings.odd.split(",") if kind]
    served = BatchServer(settings)
    print(served.server_address[1], flush=True)
    served.serve_forever()
