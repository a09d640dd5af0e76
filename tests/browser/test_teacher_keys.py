"""A key typed on the Teacher page as people type, and everything that must not hold it."""

import subprocess

import pytest

from tests.support.browser import new_context, settled
from tests.support.seeded_projects import seeded_project
from tests.support.stand_in_server import completion, serving

pytestmark = [pytest.mark.browser]
KEY = "sk-typed-4b81e07c95aa"
PAUSE = 70  # milliseconds between two keys


@pytest.fixture(autouse=True)
def no_other_key(monkeypatch):
    """Before the server starts."""
    for name in ("OPENAI_API_KEY", "LLKD_KEY_HOSTS"):
        monkeypatch.delenv(name, raising=False)


def server_chosen(page, server, project, url):
    page.goto(f"{server.url}/teacher?project={project.name}")
    settled(page, "Who labels the texts?")
    page.get_by_text("A server", exact=True).click()
    settled(page, "No key is set")
    for name, value in (("Base URL", url), ("Model", "m")):
        box = page.get_by_role("textbox", name=name)
        box.fill(value)
        box.press("Enter")
        settled(page)


def test_a_typed_key_reaches_the_teacher_and_nothing_else(
    no_other_key, home, server, page, browser
):
    frames = []
    listen(page, frames)
    _, project = seeded_project(home, labelled=False)
    page.set_default_timeout(60_000)
    listed = []

    def answer(request, number):
        # Seen while the job is at work.
        listed.append(subprocess.run(["ps", "axww", "-o", "args"], capture_output=True).stdout)
        return completion("A", [("A", -0.2), ("B", -1.7), ("C", -4.0)])

    with serving(answer) as asked:
        server_chosen(page, server, project, asked.url)
        page.get_by_text("Key for").click()
        box = page.get_by_label("Key", exact=True)
        box.click()
        box.press_sequentially(KEY, delay=PAUSE)
        assert box.get_attribute("type") == "password"
        page.get_by_role("button", name="Use this key").click()
        settled(page, "The key that you typed goes to")
        assert box.input_value() == ""
        address = page.url

        # Another person, on the same server, has no key and sees none.
        context = new_context(browser)
        other = context.new_page()
        others_frames = []
        listen(other, others_frames)
        server_chosen(other, server, project, asked.url)
        settled(other, "No key is set")
        raw = [other.content().encode(), *map(as_bytes, others_frames)]
        context.close()

        page.get_by_text("Extent, order and budget").click()
        settled(page)
        texts = page.get_by_role("spinbutton", name="How many texts")
        texts.fill("5")
        texts.press("Enter")
        settled(page, "5 texts of 60")
        page.get_by_role("button", name="Start labelling").click()
        page.get_by_text("5 of 60 texts").first.wait_for(timeout=90_000)
        settled(page)
        assert {one["headers"]["authorization"] for one in asked.requests} == {f"Bearer {KEY}"}
        raw += [page.content().encode(), *map(as_bytes, frames), address.encode(), *listed]
        stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
        raw += [stored.encode(), page.url.encode()]

        # A page that is loaded anew is another session.
        page.reload()
        settled(page, "Teacher")
        raw += [page.content().encode(), *map(as_bytes, frames)]
    assert any(b"--job" in part for part in listed)
    assert len(frames) > 10 and len(others_frames) > 3
    files = [path for path in home.parent.rglob("*") if path.is_file()]
    assert len(files) > 10 and server.log in files
    raw += [path.read_bytes() for path in files]
    with open(f"/proc/{server.process.pid}/environ", "rb") as file:
        raw.append(file.read())
    assert [part[:80] for part in raw if KEY.encode() in part] == []
    assert page.problems == []


def listen(page, frames):
    def heard(frame):
        frames.append(frame)

    page.on("websocket", lambda socket: socket.on("framereceived", heard))


def as_bytes(frame):
    return frame.encode() if isinstance(frame, str) else frame
