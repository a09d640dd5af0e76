"""A server of a student as a real process on 127.0.0.1, started and stopped by a test."""

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx2

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 90.0
"""A generous deadline: machines are busy."""
# What a machine that only serves does not have.
ABSENT = ("torch", "transformers", "safetensors", "pandas", "pyarrow", "sqlalchemy", "scipy",
          "sklearn", "onnx", "streamlit", "openai")  # fmt: skip
LEAN = (
    f"import sys, runpy; [sys.modules.__setitem__(m, None) for m in {ABSENT!r}]; "
    "runpy.run_module('llkd.serving', run_name='__main__', alter_sys=True)"
)
SLOW = "from tests.support.serving_process import serve_slowly; serve_slowly()"


def serve_slowly():
    """Serve as ``python -m llkd.serving`` does, with a student that takes a while for each batch."""
    from llkd.serving.__main__ import main
    from llkd.serving.onnx_classifier import OnnxClassifier

    seconds, quick = float(sys.argv.pop(1)), OnnxClassifier.logits

    def slow(self, texts):
        time.sleep(seconds)
        return quick(self, texts)

    OnnxClassifier.logits = slow
    sys.exit(main())


class Served:
    """A running server: its address, its process, and what it wrote."""

    def __init__(self, process, lines, seconds):
        self.process, self._lines, self.output = process, lines, []
        self.url = self._address(seconds)
        # One client: each makes a TLS context, also where nothing is encrypted.
        self.client = httpx2.Client(base_url=self.url, timeout=SECONDS)

    def _address(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                line = self._lines.get(timeout=0.2)
            except queue.Empty:
                if self.process.poll() is not None:
                    break
                continue
            self.output.append(line)
            address = re.search(r"^Serving .* at (http://\S+)$", line)
            if address:
                return address[1]
        raise AssertionError(f"the server did not start: {''.join(self.output)}")

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def post(self, path, body, **options):
        return self.client.post(path, json=body, **options)

    def send(self, path, content, **headers):
        """POST bytes as JSON, or as the headers say."""
        named = {"content-type": "application/json"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, content=content, headers=named)

    def get(self, path, **options):
        return self.client.get(path, **options)

    def raw(self, data, seconds=SECONDS):
        """What comes back for these bytes until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            parts = []
            try:
                connection.sendall(data)
                while part := connection.recv(65536):
                    parts.append(part)
            except ConnectionError:  # closed while there was more to read
                pass
        return b"".join(parts)

    def stop(self, number=signal.SIGTERM):
        """Send the signal and wait; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(SECONDS)
        while not self._lines.empty():
            self.output.append(self._lines.get())
        return code


@contextmanager
def serving(folder, *options, code=LEAN, environment=None, command=None, seconds=SECONDS):
    """A :class:`Served` of an exported student; stopped at the end, however the test ends."""
    words = command or [sys.executable, "-c", code]
    words = [*words, *([] if command else [str(folder)]), "--port", "0", *options]
    process = subprocess.Popen(
        words, cwd=ROOT, env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    lines = queue.Queue()
    reader = threading.Thread(target=_read, args=(process.stdout, lines), daemon=True)
    reader.start()
    served = None
    try:
        served = Served(process, lines, seconds)
        yield served
    finally:
        if served is not None:
            served.client.close()
        if process.poll() is None:
            process.kill()
        process.wait(SECONDS)
        reader.join(SECONDS)
        process.stdout.close()


def _read(stream, lines):
    for line in stream:
        lines.put(line)


def choice(options, instructions="Which?"):
    """A System One question."""
    return {"type": "choice", "instructions": instructions, "criteria": dict.fromkeys(options)}


def ask(served, options, state="goal match team", **more):
    """One choice question at ``/v1/systemone``."""
    body = {"state": state, "model": "jev-latest", "questions": {"q": choice(options)}, **more}
    return served.post("/v1/systemone", body)


def as_json(body):
    return json.dumps(body).encode()
