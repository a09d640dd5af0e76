"""Asking a server by clicking: a prompt typed, tried side by side, a budget, and its usage."""

import pytest

from tests.support.browser import settled
from tests.support.faulty_server import running
from tests.support.seeded_projects import seeded_project

pytestmark = [pytest.mark.browser, pytest.mark.models]
CALLS = 20
KEY = "sk-browser-9f31c2d47a"


@pytest.fixture
def key(monkeypatch):
    """Set before the server starts."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def heard(page):
    """Everything that reaches the page over its socket from now on."""
    frames = []

    def listen(socket):
        socket.on("framereceived", lambda data: frames.append(data))

    page.on("websocket", listen)
    return frames


def typed(page, box, value):
    """Fill a text box and hand the value in, as Ctrl+Enter does."""
    box.fill(value)
    box.press("Control+Enter")
    settled(page)


def test_a_prompt_is_typed_tried_and_paid_up_to_its_budget(key, home, server, page, tmp_path):
    frames = heard(page)
    # The stand-in answers with the class whose name stands in a text.
    texts = ["roads with holes", "waste not emptied", "water under the bridge"]
    _, project = seeded_project(home, labelled=False, words=texts)
    page.set_default_timeout(60_000)  # a slow machine is no failure
    with running(tmp_path / "asked.jsonl", labels=["roads", "waste", "water"]) as asked:
        page.goto(f"{server.url}/teacher?project={project.name}")
        settled(page, "Who labels the texts?")
        page.get_by_text("A server", exact=True).click()
        settled(page, "A key was found in the environment")
        typed(page, page.get_by_role("textbox", name="Base URL"), asked.url)
        typed(page, page.get_by_role("textbox", name="Model"), "stand-in")

        page.get_by_text("Prompt", exact=True).click()
        settled(page, "A. roads")
        typed(page, page.get_by_role("textbox", name="Instruction"), "Sort <b>this</b> message.")
        preview = page.locator("[data-testid=stCode]")
        preview.filter(has_text="Sort <b>this</b> message.").wait_for()
        typed(page, page.get_by_role("textbox", name="Question"), "From a citizen: {text}")
        preview.filter(has_text="From a citizen: ").wait_for()

        page.get_by_text("Try another prompt or teacher beside it").click()
        settled(page, "So far B is the same as A.")
        other = page.locator(".st-key-side_b")
        other.get_by_text("Prompt", exact=True).click()
        settled(page)
        typed(page, other.get_by_role("textbox", name="Instruction"), "Which office reads this?")
        page.get_by_role("button", name="Try both on five texts").click()
        tried = page.locator(".st-key-tried")
        tried.wait_for(timeout=60_000)
        settled(page, "A: 5 of 5 right, B: 5 of 5 right")
        tries = asked.lines()
        asked_about = {line["text"] for line in tries if "message number" in line["text"]}
        # Five were tried after twelve had chosen how to ask; none of them is paid for again.
        assert len(asked_about) == 17
        left = tried.get_by_text("Asking about 43 texts more would take about")
        left.nth(1).wait_for()
        assert left.count() == 2

        page.get_by_text("Extent, order and budget").click()
        settled(page)
        calls = page.get_by_role("spinbutton", name="Calls to make, at most")
        calls.fill(str(CALLS))
        calls.press("Enter")
        settled(page, "labelling then stops cleanly.")
        page.get_by_role("button", name="Start labelling with A").click()
        page.get_by_text("The budget is spent.").wait_for(timeout=90_000)
        settled(page, f"{CALLS} of {CALLS} calls made")
        figure = page.locator(".st-key-usage").get_by_test_id("stMetric").filter(has_text="Calls")
        figure.filter(has_text=str(CALLS)).wait_for()
        page.get_by_role("button", name="Raise the budget and go on").wait_for()
        assert len(asked.lines()) == len(tries) + CALLS
    assert page.problems == []
    # The key was there all the time, and reached neither the page nor a file.
    raw = [data.encode() if isinstance(data, str) else data for data in frames]
    assert sum(map(len, raw)) > 10_000
    kept = [file.read_bytes() for file in [*home.rglob("*"), server.log] if file.is_file()]
    assert not any(KEY.encode() in part for part in [*raw, *kept, page.content().encode()])
