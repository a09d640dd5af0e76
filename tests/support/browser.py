"""The app as a server of its own, and a real Chromium that visits it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Each server of the tests has this token; browsers get in as programs do, by a header.
TOKEN = "the-token-of-the-browser-tests"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium():
    for name in (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"):
        if name and shutil.which(name):
            return shutil.which(name)
    raise RuntimeError("Browser tests need Chromium: apt install chromium, or set CHROMIUM=path")


class Server:
    """The app as a user starts it, on a free port, with a home of its own.

    ``options`` are further ones of ``streamlit run``; a ``token`` of None leaves it to the server.
    """

    def __init__(self, home, *options, token=TOKEN):
        self.home = home
        self.options = options
        self.token = token
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = home.parent / "server.log"

    def start(self):
        environment = {**os.environ, "LLKD_HOME": str(self.home)}
        environment.pop("LLKD_TOKEN", None)
        if self.token is not None:
            environment["LLKD_TOKEN"] = self.token
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "streamlit", "run", "app.py"),
                    *(f"--server.port={self.port}", *self.options),
                ],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        for _ in range(300):
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1) as answer:
                    if answer.status == 200:
                        return self
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"The server did not start:\n{self.log.read_text()}")

    def stop(self, how=signal.SIGTERM):
        os.killpg(self.process.pid, how)
        self.process.wait(20)


def new_context(browser, **options):
    """A browser of its own that a server of these tests lets in."""
    viewport = {"width": 1440, "height": 900}
    return browser.new_context(**{"viewport": viewport, "extra_http_headers": HEADERS, **options})


def settled(page, text=None, timeout=60_000):
    """Wait until Streamlit has run the script to its end and the text is there."""
    page.wait_for_selector(
        "[data-testid=stApp][data-test-script-state=notRunning]", timeout=timeout
    )
    if text is not None:
        page.get_by_text(text).first.wait_for(timeout=timeout)
        page.wait_for_selector(
            "[data-testid=stApp][data-test-script-state=notRunning]", timeout=timeout
        )
    assert page.locator("[data-testid=stException]").count() == 0


def slowed(server, until, stop=0.9, go=0.15):
    """The server stands still most of the time."""
    while not until.is_set():
        os.killpg(server.process.pid, signal.SIGSTOP)
        until.wait(stop)
        os.killpg(server.process.pid, signal.SIGCONT)
        until.wait(go)
