"""Two servers on one home, and a browser that is closed while it uploads."""

import os
import re

import pytest

from llkd import maintenance
from llkd.store import Store
from tests.support.browser import Server, new_context, settled
from tests.support.seeded_projects import living_job, seeded_project

pytestmark = pytest.mark.browser


def test_two_servers_on_one_home_show_the_same(server, page, browser):
    store, project = seeded_project(server.home, 40)
    other = Server(server.home)
    other.log = server.home.parent / "other.log"
    other.start()
    try:
        context = new_context(browser)
        there = context.new_page()
        page.goto(f"{server.url}/curate?project=city")
        there.goto(f"{other.url}/curate?project=city")
        for one in (page, there):
            settled(one, "One by one")
            one.get_by_text("One by one").click()
            settled(one, "Text 1 of")
        page.get_by_role("button", name="roads").first.click()
        settled(page, re.compile("Labelled as"))
        assert len(store.decisions.current(project.id)) == 1
        there.reload()
        settled(there, "By people: 1 text labelled")
        # A job shows on both servers, whoever started it.
        with living_job(store, project):
            for one in (page, there):
                one.get_by_text("Label city").first.wait_for(timeout=30_000)
        context.close()
    finally:
        other.stop()
        store.close()


def test_a_browser_closed_while_it_uploads_leaves_nothing(server, page, browser, tmp_path):
    large = tmp_path / "large.csv"
    with large.open("w") as file:
        file.write("text\n")
        for number in range(60_000):
            file.write(f"{number} {os.urandom(150).hex()}\n")
    context = new_context(browser)
    closed = context.new_page()
    closed.goto(f"{server.url}/data")
    settled(closed, "Open the sample")
    link = context.new_cdp_session(closed)
    link.send("Network.enable")
    link.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 1_000_000},
    )
    with closed.expect_request(lambda request: request.method == "PUT"):
        closed.locator("input[type=file]").first.set_input_files(large)
    closed.wait_for_timeout(1500)
    context.close()

    store = Store(server.home)
    assert store.projects.all() == []
    drafts = server.home / "drafts"
    assert not drafts.exists() or list(drafts.iterdir()) == []
    assert maintenance.examine(server.home).findings == []
    # The server goes on for everybody else.
    small = tmp_path / "small.csv"
    small.write_text("text\n" + "".join(f"message {number}\n" for number in range(30)))
    page.goto(f"{server.url}/data")
    settled(page, "Open the sample")
    page.locator("input[type=file]").first.set_input_files(small)
    settled(page, "What will be kept")
    page.get_by_role("button", name="Create the project").click()
    settled(page, "brought in on")
    assert [one.rows for one in store.projects.all()] == [30]
    store.close()
