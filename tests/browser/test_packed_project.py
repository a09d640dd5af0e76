"""A project goes through the browser: packed, downloaded, deleted, uploaded and taken in again."""

import pytest

from llkd.store import Store
from tests.support.browser import settled
from tests.support.packed_projects import assert_same, full_project, look

pytestmark = pytest.mark.browser


def test_a_project_is_downloaded_and_uploaded_again(server, page, tmp_path):
    store, project = full_project(server.home)
    before = look(store, project)
    page.goto(f"{server.url}/data?project=city")
    settled(page, "Manage")
    page.get_by_role("button", name="Manage").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Pack into one file").click()
    page.get_by_text("Packed on").wait_for(timeout=120_000)
    settled(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download city").click()
    file = tmp_path / "from the browser.llkd"
    download.value.save_as(file)
    store.projects.delete(project.id)
    store.close()
    page.goto(f"{server.url}/data")
    settled(page, "A packed project?")
    page.locator("input[type=file]").last.set_input_files(file)
    page.get_by_role("button", name="Unpack it").click()
    # The only project there is shows itself.
    settled(page, "brought in on", timeout=120_000)
    assert page.problems == []
    store = Store(server.home)
    assert_same(before, look(store, store.projects.get("city")))
    store.close()
