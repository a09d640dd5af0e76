"""A real server process and a real Chromium; a missing browser fails the tests."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.conftest import end_jobs

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


@pytest.fixture
def server(home):
    started = Server(home).start()
    yield started
    if started.process.poll() is None:
        started.stop()
    end_jobs(home)


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield opened
        opened.close()


def new_context(browser, **options):
    """A browser of its own that a server of these tests lets in."""
    viewport = {"width": 1440, "height": 900}
    return browser.new_context(**{"viewport": viewport, "extra_http_headers": HEADERS, **options})


@pytest.fixture
def page(browser, tmp_path):
    context = new_context(browser, accept_downloads=True)
    context.set_default_timeout(30_000)
    opened = context.new_page()
    opened.problems = []
    opened.on("pageerror", lambda error: opened.problems.append(str(error)))
    yield opened
    # What the page showed at the end stays with the test's other files, for whoever looks.
    opened.screenshot(path=tmp_path / "last.png", full_page=True)
    context.close()


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
