"""Filters, search and notes in a real Chromium, at a person's speed."""

import re

import pytest

from tests.support.browser import settled
from tests.support.curate_browser import Curate
from tests.support.seeded_projects import seeded_project

pytestmark = pytest.mark.browser


def test_chips_words_and_an_address_that_shows_them_again(server, page):
    seeded_project(server.home, n=2_000)
    seen = Curate(page).open(server)
    page.get_by_role("button", name="Filter", exact=False).first.click()
    page.get_by_role("combobox", name=re.compile("Filter by")).click()
    page.get_by_role("option", name="Teacher against student").click()
    page.get_by_role("button", name="Student differs from the teacher").click()
    chip = page.locator(".st-key-curate_chips").get_by_role(
        "button", name=re.compile("Student differs")
    )
    chip.wait_for()
    page.keyboard.press("Escape")
    settled(page)
    some = seen.listed()
    assert 0 < some < 1_500 and seen.browser() == 1_500
    page.locator(".plane .note").get_by_text(f"{1_500 - some:,} of").first.wait_for()
    # What is typed at a person's speed is looked for once it is entered.
    page.get_by_role("textbox", name="Words in the texts").click()
    page.keyboard.type('pothole -"number 7"', delay=60)
    page.keyboard.press("Enter")
    page.get_by_role("button", name=re.compile("Words: pothole")).wait_for()
    settled(page)
    fewer = seen.listed()
    assert 0 < fewer < some
    page.wait_for_url(re.compile("filter=student.*words=pothole"))
    page.reload()
    seen.ready()
    assert seen.listed() == fewer
    # By keyboard: a chip is a button like any other.
    page.get_by_role("button", name=re.compile("Words: pothole")).focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name=re.compile("Words: pothole")).wait_for(state="detached")
    settled(page)
    assert seen.listed() == some
    assert page.get_by_role("textbox", name="Words in the texts").input_value() == ""
    page.get_by_role("button", name="Clear all").click()
    chip.wait_for(state="detached")
    settled(page)
    assert seen.listed() == 1_500
    page.wait_for_function("!location.search.includes('filter=')")
    assert page.problems == []


def test_a_view_is_saved_and_shown_in_another_browser_tab(server, page):
    seeded_project(server.home, n=600)
    seen = Curate(page).open(server, "?filter=student%3Ddiffers")
    some = seen.listed()
    page.get_by_role("button", name=re.compile("^Views|Views$")).first.click()
    page.get_by_label("Name", exact=True).fill("<b>differ</b>")
    page.get_by_role("button", name="Save this view").click()
    page.get_by_text("Saved as").wait_for()
    other = page.context.new_page()
    there = Curate(other).open(server)
    assert there.listed() == 450
    other.get_by_role("button", name=re.compile("Views")).first.click()
    other.get_by_role("button", name="Show", exact=True).click()
    other.get_by_role("button", name=re.compile("Student differs")).wait_for()
    settled(other)
    assert there.listed() == some
    assert page.problems == []
