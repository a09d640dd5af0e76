"""Curate in a real Chromium: what a person does on the plane, and what the page makes of it."""

import re

import pytest

from tests.support.browser import new_context, settled
from tests.support.curate_browser import Curate, tick
from tests.support.seeded_projects import seeded_project
from tests.support.seeded_runs import add_run

pytestmark = pytest.mark.browser
HOSTILE = (
    "<img src=http://e.com/x onerror=alert(1)> ![i](http://e.com/y) %{x} \u202eleft \U0001f600"
)


def test_lines_typing_keys_classes_reload_and_another_page(server, page):
    _, project = seeded_project(server.home, n=2_000)
    seen = Curate(page).open(server)
    assert seen.agrees() == 1_500
    # The first click on a page that was opened by its address is not lost.
    page.get_by_role("button", name="Top 20 %").click()
    assert 270 < seen.agrees(lambda: seen.browser() < 1_500) < 330
    page.get_by_role("button", name="Keep everything").click()
    seen.agrees(lambda: seen.browser() == seen.listed() == 1_500)

    seen.type("Teacher confidence", "0.6")
    page.wait_for_url("**tt=0.6**")
    typed = seen.agrees(lambda: seen.listed() == seen.browser())
    assert typed < 1_500
    seen.drag((0.6, 0.5), (0.8, 0.5))
    dragged = seen.agrees(lambda: seen.listed() == seen.browser() < typed)
    assert 0.78 < float(seen.teacher.get_attribute("aria-valuenow")) < 0.82
    page.get_by_role("button", name="Undo", exact=True).click()
    assert seen.agrees(lambda: seen.browser() == typed)
    page.get_by_role("button", name="Redo", exact=True).click()
    assert seen.agrees(lambda: seen.browser() == dragged)
    seen.type("Teacher confidence", "0.6")
    seen.student.focus()
    page.keyboard.press("Shift+ArrowUp")
    page.wait_for_url("**ts=0.05**")

    # One class gets thresholds of its own; the address says so.
    page.get_by_role("radio", name="waste").click()
    seen.type("Teacher confidence", "0.9")
    page.wait_for_url(re.compile("tt=%7B.*waste"))
    kept = seen.agrees(lambda: seen.listed() == seen.browser() < typed)
    page.get_by_role("link", name="Train").first.click()
    settled(page, "Start training")
    page.get_by_role("link", name="Curate").first.click()
    seen.ready()
    seen.agrees(lambda: seen.browser() == kept)
    assert page.get_by_role("radio", name="waste").get_attribute("aria-checked") == "true"
    page.reload()
    seen.ready()
    seen.agrees(lambda: seen.browser() == kept)
    assert page.problems == []


def test_a_class_picked_just_before_the_page_is_left_is_picked_again_on_return(server, page):
    seeded_project(server.home, n=300)
    seen = Curate(page).open(server)
    page.get_by_role("radio", name="waste").click()
    page.get_by_role("link", name="Train").first.click()
    settled(page, "Start training")
    page.get_by_role("link", name="Curate").first.click()
    seen.ready()
    page.locator("[role=radio][aria-checked=true]").filter(has_text="waste").wait_for()
    assert page.problems == []


def test_a_list_from_results_is_there_after_a_reload(server, page):
    store, project = seeded_project(server.home, n=400)
    add_run(store, project, sharpness=1.0)
    page.goto(f"{server.url}/results")
    settled(page, "One run in detail")
    button = page.get_by_role("button", name=re.compile("taught as .* student says"))
    number, title = re.search(r"(\d+) texts? (taught as .*)", button.inner_text()).groups()
    button.click()
    seen = Curate(page).ready()
    title = page.get_by_text(title[:1].upper() + title[1:], exact=True)
    title.wait_for()
    settled(page)
    assert seen.listed() == int(number) > 1
    page.wait_for_url("**list=**")
    page.reload()
    seen.ready()
    title.wait_for()
    settled(page)
    assert seen.listed() == int(number)
    assert page.problems == []


def test_what_is_lassoed_is_labelled_and_undone_and_seen_by_another(server, page, browser):
    store, project = seeded_project(server.home, n=800)
    seen = Curate(page).open(server, "?tt=0.9")
    before = seen.agrees()
    page.get_by_role("button", name="Lasso", exact=True).click()
    seen.drag((0.3, 0.2), (0.6, 0.2), (0.6, 0.6), (0.6, 0.99), (0.3, 0.99), (0.28, 0.5))
    page.get_by_text("Marked on the plane").wait_for()
    settled(page, "rows of this list")
    marked = seen.listed()
    assert 20 < marked < 600
    page.get_by_text(re.compile("rows of this list")).click()
    settled(page)
    page.get_by_role("button", name=f"Set label of {marked}").click()
    if marked > 100:
        page.get_by_role("button", name="Yes, all of them").click()
    page.get_by_text(f"{marked} texts labelled as").wait_for()
    settled(page)
    # The switch that concerned them all is off, in the browser too, and a tick alone counts now.
    assert not page.locator(".st-key-curate_many input").is_checked()
    assert page.get_by_role("button", name="Flag", exact=True).is_disabled()
    page.get_by_text(re.compile("rows of this list")).click()
    page.get_by_role("button", name=f"Flag {marked}", exact=True).wait_for()
    settled(page)
    tick(page, 1)
    page.get_by_role("button", name="Flag 1", exact=True).click()
    page.get_by_text("1 text flagged").wait_for()
    assert store.decisions.current(project.id)["flagged"].sum() == 1
    settled(page)
    page.get_by_role("button", name="Undo last", exact=True).click()
    page.get_by_text("is no longer flagged").wait_for()
    settled(page)
    assert seen.agrees(lambda: seen.browser() == before + marked)

    context = new_context(browser)
    other = Curate(context.new_page()).open(server, "?tt=0.9")
    assert other.agrees() == before + marked
    other.page.get_by_role("textbox", name="Words in the texts").fill("number 777")
    other.page.get_by_role("textbox", name="Words in the texts").press("Enter")
    other.page.get_by_text("All", exact=True).click()
    other.page.get_by_text("Rows 1 to 1 of 1").wait_for()
    settled(other.page)
    other.page.get_by_text("All 1 row of this list").click()
    settled(other.page)
    other.page.get_by_role("button", name="Exclude").click()
    other.page.get_by_text("1 text excluded").wait_for()
    # One's own decision is undone, not what another did since; a refresh shows both.
    page.get_by_role("button", name="Undo last", exact=True).click()
    page.get_by_text(f"Undone for {marked} texts: they are unlabelled again").wait_for()
    page.reload()
    seen.ready()
    page.get_by_text("By people: 0 texts labelled, 1 excluded").wait_for()
    page.get_by_role("button", name="Undo last", exact=True).click()
    page.get_by_text("There is nothing of yours to undo").wait_for()
    assert store.decisions.current(project.id)["excluded"].tolist() == [True]
    # The other browser finds its own decision again, also after a reload.
    other.page.reload()
    other.ready()
    other.page.get_by_role("button", name="Undo last", exact=True).click()
    other.page.get_by_text("is included again").wait_for()
    assert other.agrees() == before
    assert store.decisions.current(project.id).empty
    context.close()
    assert page.problems == []


def test_single_keys_decide_text_by_text_but_not_while_a_number_is_typed(server, page):
    store, project = seeded_project(server.home, n=200)
    seen = Curate(page).open(server, "?tt=0.9")
    before = seen.agrees()
    page.get_by_text("Not kept", exact=True).click()
    settled(page)
    page.get_by_text("One by one", exact=True).click()
    page.get_by_text(re.compile("^Text 1 of ")).wait_for()
    settled(page)
    for k, key in enumerate("213"):
        page.keyboard.press(key)
        page.get_by_text(re.compile(f"^Text {k + 2} of ")).wait_for()
        page.wait_for_timeout(60)
    seen.agrees(lambda: seen.browser() == before + 3)
    assert store.decisions.current(project.id)["human_label"].tolist() == [
        "waste",
        "roads",
        "water",
    ]
    page.keyboard.press("u")
    page.get_by_text("is unlabelled again").wait_for()
    page.get_by_text(re.compile("^Text 3 of ")).wait_for()
    seen.agrees(lambda: seen.browser() == before + 2)
    # The digits of a threshold, or of words looked for, are no decisions.
    field = page.get_by_label("Teacher confidence at least")
    field.click()
    field.press("Control+a")
    page.keyboard.type("0.321", delay=30)
    field.press("Enter")
    page.wait_for_url("**tt=0.321**")
    words = page.get_by_role("textbox", name="Words in the texts")
    words.click()
    page.keyboard.type("number 123", delay=20)
    words.press("Enter")
    settled(page)
    assert len(store.decisions.current(project.id)) == 2
    assert page.problems == []


def test_replay_moves_the_lines(server, page):
    store, project = seeded_project(server.home, n=400)
    run = add_run(store, project)
    seen = Curate(page).open(server)
    start = seen.agrees()
    page.get_by_text("Replay a run step by step").click()
    slider = page.get_by_role("slider", name="Step")
    slider.wait_for()
    settled(page)
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"**need={run.id}**")
    seen.agrees(lambda: seen.browser() < start)
    assert "by class" in seen.teacher.inner_text()
    page.get_by_role("button", name="Undo", exact=True).click()
    seen.agrees(lambda: seen.browser() == start)
    assert page.problems == []


def test_hostile_texts_and_names_are_only_shown(server, page):
    foreign = []
    own = (server.url, server.url.replace("http", "ws"), "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(own) else foreign.append(r.url))
    seeded_project(
        server.home, n=60, names=[HOSTILE, "b", "c"], words=[HOSTILE, "x" * 100_000, "=1+1"]
    )
    seen = Curate(page).open(server)
    seen.agrees()
    tip = page.locator(".tip")
    for k in range(400):
        page.mouse.move(*seen.at(0.4 + (k % 40) / 66, 0.3 + (k // 40) / 15))
        page.wait_for_timeout(25)
        if tip.is_visible():
            # The text comes from the server, on a busy machine later than the mark is hit.
            for _ in range(100):
                if tip.locator(".text").inner_text().strip():
                    break
                page.wait_for_timeout(50)
            if "onerror" in tip.locator(".text").inner_text():
                break
    assert HOSTILE in tip.locator(".text").inner_text()
    page.get_by_text("One by one", exact=True).click()
    page.get_by_text(re.compile("^Text 1 of ")).wait_for()
    settled(page)
    card = page.locator(".llkd-text")
    for k in range(12):
        page.get_by_text(re.compile(f"^Text {k + 1} of ")).wait_for()
        if "onerror" in card.inner_text():
            break
        page.wait_for_timeout(60)
        page.get_by_role("button", name="Next Shortcut N").click()
    assert HOSTILE in card.inner_text() and card.locator("*").count() == 0
    settled(page)
    assert page.locator("img[src*='e.com'], a[href*='e.com']").count() == 0
    assert foreign == [] and page.problems == []


def test_the_table_is_reached_by_a_link_hides_no_button_and_offers_no_bare_csv(server, page):
    seeded_project(server.home, n=800)
    seen = Curate(page).open(server)
    seen.agrees()
    stops = 0
    while page.evaluate("document.activeElement.className") != "llkd-skip":
        page.keyboard.press("Tab")
        stops += 1
        assert stops < 25
    page.get_by_text("Skip to the texts").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.closest('.st-key-curate_one_by_one')")
    # The pager shows its pages, and all columns stand side by side.
    table = page.locator("[class*=st-key-curate_rows]")
    table.scroll_into_view_if_needed()
    for number in "123456":
        page.locator("[data-testid=stPagination]").get_by_text(number, exact=True).wait_for()
    scroller = table.locator(".dvn-scroller")
    assert scroller.evaluate("e => e.scrollWidth - e.clientWidth") <= 1
    # The tools of the table cover no button, and none writes cells that a spreadsheet would run.
    table.hover()
    tools = table.locator("[data-testid=stElementToolbar]")
    tools.get_by_role("button").first.wait_for()
    names = [one.get_attribute("aria-label") or "" for one in tools.get_by_role("button").all()]
    assert names and not [name for name in names if "ownload" in name]
    box = tools.bounding_box()
    for button in page.locator("[class*=st-key-curate_do], .st-key-curate_undo").all():
        other = button.bounding_box()
        assert other["y"] + other["height"] <= box["y"] or box["y"] + box["height"] <= other["y"]
    # A click on a header sorts the list, not the page.
    scroller.click(position={"x": 100, "y": 17})
    settled(page)
    page.wait_for_function(
        "document.querySelector('.st-key-curate_order').innerText.trim().endsWith('Text')"
        " || [...document.querySelectorAll('.st-key-curate_order input')].some((i) => i.value == 'Text')"
    )
    assert page.problems == []
