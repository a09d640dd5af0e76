"""A real server process and a real Chromium; a missing browser fails the tests."""

import pytest
from playwright.sync_api import sync_playwright

from tests.support.browser import FLAGS, Server, chromium, new_context
from tests.support.job_processes import end_jobs


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
