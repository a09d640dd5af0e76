"""The reading card beside the plane in a real Chromium: what opens it, and what its keys do."""

import re

import pytest

from tests.support.browser import settled
from tests.support.curate_browser import Curate, tick
from tests.support.seeded_projects import seeded_project

pytestmark = pytest.mark.browser


def facts(page):
    """Which text the card shows: its place in the list, and its number among the texts."""
    words = page.locator(".llkd-facts").last.inner_text()
    text = page.locator(".llkd-text").last.inner_text()
    return int(re.search(r"Text ([\d,]+) of", words)[1]), int(text.rsplit(" ", 1)[1])


def card_has_focus(page):
    page.wait_for_function("document.activeElement.classList.contains('llkd-card')")


def test_a_dot_a_lasso_and_a_row_open_in_the_card_and_its_keys_decide(server, page):
    store, project = seeded_project(server.home, n=300)
    seen = Curate(page).open(server)
    seen.agrees()
    page.get_by_text("Click a dot, draw a lasso or tick a row").wait_for()
    # The dot under the pointer, the nearest of those that are near, is what the card shows.
    tip = page.locator(".tip")
    for k in range(400):
        page.mouse.move(*seen.at(0.4 + (k % 40) / 66, 0.3 + (k // 40) / 15))
        page.wait_for_timeout(25)
        if tip.is_visible():
            break
    tip.locator(".text").get_by_text("message number").wait_for()
    number = int(tip.locator(".text").inner_text().rsplit(" ", 1)[1])
    page.mouse.down()
    page.mouse.up()
    page.get_by_text(re.compile(r"^Text \d+ of 225")).wait_for()
    card_has_focus(page)
    settled(page)
    assert facts(page)[1] == number
    page.wait_for_timeout(120)
    page.keyboard.press("2")
    page.wait_for_timeout(120)
    page.keyboard.press("b")
    page.wait_for_timeout(900)
    settled(page)
    assert facts(page)[1] == number
    held = store.decisions.current(project.id)
    assert held["human_label"].to_dict() == {number: "waste"}

    # Both stand on a laptop's screen at once, nothing scrolled.
    for part in (page.locator(".stage"), page.locator(".llkd-card").last):
        box = part.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 900, box

    page.get_by_role("button", name="Lasso", exact=True).click()
    seen.drag((0.3, 0.2), (0.6, 0.2), (0.6, 0.6), (0.6, 0.99), (0.3, 0.99), (0.28, 0.5))
    page.get_by_text("Marked on the plane").wait_for()
    settled(page)
    page.get_by_text(re.compile(r"^Text 1 of ")).wait_for()
    marked = seen.listed()
    page.get_by_text(re.compile(rf"^Text 1 of {marked}\b")).wait_for()
    card_has_focus(page)
    page.keyboard.press("n")
    page.get_by_text(re.compile(rf"^Text 2 of {marked}\b")).wait_for()
    second = facts(page)[1]
    page.wait_for_timeout(120)
    page.keyboard.press("x")
    page.wait_for_timeout(900)
    settled(page)
    assert store.decisions.current(project.id)["excluded"].to_dict()[second]

    tick(page, 5)
    page.get_by_text(re.compile(rf"^Text 5 of {marked}\b")).wait_for()
    card_has_focus(page)
    page.locator(".st-key-curate_unmark button").click()
    settled(page)
    # By keys alone: the text nearest to the middle of the plane, then on through the list.
    page.get_by_role("button", name="Move", exact=True).click()
    page.locator(".plane canvas").first.focus()
    page.keyboard.press("Enter")
    card_has_focus(page)
    settled(page)
    place = facts(page)[0]
    page.wait_for_timeout(120)
    page.keyboard.press("n")
    page.get_by_text(re.compile(rf"^Text {place + 1} of ")).wait_for()
    assert page.problems == []


def test_what_is_kept_is_trained_on_and_exported_by_one_button(server, page):
    store, project = seeded_project(server.home, n=300)
    seen = Curate(page).open(server, "?tt=0.7")
    kept = seen.agrees()
    page.get_by_text(re.compile(f"Of the {kept} texts you keep ")).wait_for()
    page.get_by_role("button", name=f"Train on these {kept}").click()
    page.get_by_text(f"You train on {kept} texts kept on Curate").wait_for()
    settled(page, "Start training")
    assert page.locator("[data-testid=stBaseButton-primary]").count() == 1
    [selection] = store.selections.all(project.id)
    page.get_by_role("link", name="Export").first.click()
    settled(page, "Saved selection")
    page.get_by_role("button", name=f"Export {kept} rows").wait_for()
    chosen = page.locator(".st-key-export_saved")
    assert selection.name in chosen.inner_text() + chosen.locator("input").input_value()
    assert page.problems == []
