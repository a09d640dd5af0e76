"""A double click on a button that begins something begins it once, and the page knows of it."""

import pytest

from llkd.store import Store
from tests.support.browser import settled
from tests.support.seeded_projects import seeded_project

pytestmark = pytest.mark.browser


def test_a_project_is_made_once_by_a_double_click(server, page, tmp_path):
    file = tmp_path / "city.csv"
    file.write_text("text\n" + "\n".join(f"a text of a street, {k}" for k in range(9)))
    page.goto(f"{server.url}/data")
    settled(page)
    page.locator("input[type=file]").first.set_input_files(file)
    button = page.get_by_role("button", name="Create the project")
    button.wait_for()
    settled(page)
    button.dblclick(delay=60)
    settled(page, "Add texts")
    store = Store(server.home)
    assert [(project.name, project.rows) for project in store.projects.all()] == [("City", 9)]
    store.close()
    assert page.locator("[data-testid=stAlert]").filter(has_text="there is a project").count() == 0
    assert page.problems == []


def test_the_sample_is_opened_once(server, page):
    page.goto(f"{server.url}/data")
    settled(page, "Just looking?")
    page.get_by_role("button", name="Open the sample").dblclick(delay=60)
    settled(page, "Add texts")
    store = Store(server.home)
    assert len(store.projects.all()) == 1
    assert [job.kind for job in store.jobs.all()] == ["label"]
    store.close()
    assert page.problems == []


def test_one_export_and_one_audit_are_begun(server, page):
    store, project = seeded_project(server.home, 60)
    page.goto(f"{server.url}/export?project=city")
    settled(page)
    page.get_by_role("button", name="Export 45 rows").dblclick(delay=60)
    page.get_by_role("button", name="Download").first.wait_for(timeout=60_000)
    assert [job.kind for job in store.jobs.all()] == ["export"]
    page.goto(f"{server.url}/curate?project=city")
    settled(page)
    page.get_by_role("button", name="Audit what I keep").first.dblclick(delay=60)
    page.get_by_text("1 of ").first.wait_for()
    settled(page)
    assert len(store.audits.all(project.id)) == 1
    store.close()
    assert page.problems == []


@pytest.mark.parametrize("apart", [0, 90, 200, 400])
def test_a_second_click_that_meets_the_button_of_after_counts_as_the_first(server, page, apart):
    """A quick server has drawn the next button before a double click is over."""
    store, project = seeded_project(server.home, 60)
    page.goto(f"{server.url}/export?project=city")
    settled(page)
    button = page.get_by_role("button", name="Export 45 rows")
    box = button.bounding_box()
    at = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.click(*at)
    page.wait_for_timeout(apart)
    page.mouse.click(*at)
    page.get_by_role("button", name="Download").first.wait_for(timeout=60_000)
    assert [job.kind for job in store.jobs.all()] == ["export"]
    # Somebody who wants a second export gets it.
    page.wait_for_timeout(1200)
    button.click()
    page.get_by_text("Exports (2)").wait_for(timeout=60_000)
    assert [job.kind for job in store.jobs.all()] == ["export", "export"]
    store.close()
    assert page.problems == []
