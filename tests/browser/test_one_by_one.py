"""One by one in a real Chromium: each key decides the text that was on the screen, once, at once.

What was on the screen is recorded by the test itself: in every frame the text that stands in the
page, and at every press of a key the frame that was the last one then.
"""

import os
import re
import signal
import threading
import time

import pytest

from tests.support.browser import settled, slowed
from tests.support.seeded_projects import NAMES, seeded_project

pytestmark = pytest.mark.browser

RECORDER = r"""() => {
  const frames = [], presses = [];
  const shown = () => {
    const box = document.querySelector(".llkd-text");
    if (!box || !box.getBoundingClientRect().height) return null;
    const number = /message number (\d+)/.exec(box.innerText);
    return number ? +number[1] : null;
  };
  // While the page is drawn anew an older card may stand beside the new one.
  const dropped = () => Math.max(...[...document.querySelectorAll(".llkd-card")].map(
    (card) => +(card.dataset.dropped ?? 0)), 0);
  const channel = new MessageChannel();
  let last;
  channel.port1.onmessage = () => {
    const row = shown();
    if (row === last) return;
    last = row;
    frames.push({ at: performance.now(), row });
    const waiting = presses.filter((one) => one.shownAfter === undefined);
    for (const one of waiting) if (row !== one.row) one.shownAfter = performance.now() - one.at;
  };
  const frame = () => { channel.port2.postMessage(0); requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
  addEventListener("keydown", (event) => {
    const then = frames.filter((one) => one.at <= event.timeStamp).at(-1);
    const press = { key: event.key, row: then ? then.row : null, at: event.timeStamp, before: dropped() };
    presses.push(press);
  }, true);
  // The count is compared with that at the next press: which listener runs first does not matter.
  window.record = () => presses.map((one, place) => (
    { ...one, dropped: (presses[place + 1]?.before ?? dropped()) > one.before }));
}"""


def one_by_one(server, page, query=""):
    page.goto(f"{server.url}/curate{query}")
    page.locator(".plane[data-ready=yes][data-frame]").wait_for()
    settled(page)
    page.get_by_text("One by one", exact=True).click()
    page.get_by_text(re.compile("^Text 1 of ")).wait_for()
    settled(page)
    page.wait_for_timeout(150)


def press(page, presses, apart):
    """Keys by the clock, whatever the page makes of them."""
    start = time.monotonic()
    for k in range(presses):
        page.keyboard.press("123x"[k * 7 % 4])
        left = start + (k + 1) * apart / 1000 - time.monotonic()
        if left > 0:
            page.wait_for_timeout(left * 1000)


def stored(store, project):
    return [
        (one["row"], one["label"] if one["action"] == "label" else None)
        for one in store.decisions.edits(project.id)
    ]


def wanted(page):
    """What must be stored by the test's own record, and how many presses were dropped visibly."""
    presses = page.evaluate("record()")
    meant = {"1": NAMES[0], "2": NAMES[1], "3": NAMES[2], "x": None}
    return (
        [(one["row"], meant[one["key"]]) for one in presses if not one["dropped"]],
        [one for one in presses if one["dropped"]],
        [one["shownAfter"] for one in presses if "shownAfter" in one and not one["dropped"]],
    )


def all_stored(page, store, project, number, seconds=30):
    for _ in range(seconds * 20):
        if len(stored(store, project)) >= number:
            break
        time.sleep(0.05)
    page.wait_for_function("![...document.querySelectorAll('.llkd-saving')].some((e) => !e.hidden)")


def check(page, store, project, most_dropped):
    page.wait_for_timeout(100)
    decided, dropped, after = wanted(page)
    all_stored(page, store, project, len(decided))
    assert stored(store, project) == decided
    assert all(row is not None for row, _ in decided)
    assert len({row for row, _ in decided}) == len(decided), "each text once"
    assert len(dropped) <= most_dropped
    return decided, dropped, sorted(after)


def test_each_press_decides_the_text_that_was_painted_when_it_was_pressed(server, page):
    store, project = seeded_project(server.home, n=500)
    one_by_one(server, page)
    page.evaluate(RECORDER)
    page.wait_for_timeout(100)
    pace = {40: 100, 60: 60, 120: 30, 200: 16, 350: 10, 500: 6}
    for apart, presses in pace.items():
        before = len(page.evaluate("record()"))
        press(page, presses, apart)
        page.wait_for_timeout(100)
        mine = page.evaluate("record()")[before:]
        dropped = sum(one["dropped"] for one in mine)
        after = sorted(one["shownAfter"] for one in mine if "shownAfter" in one)
        print(
            f"{apart} ms: {presses - dropped} stored, {dropped} dropped; next text after "
            f"{after[len(after) // 2]:.0f} ms (median), {after[-1]:.0f} ms (longest)"
        )
        # Keys that come faster than a busy machine paints are dropped, visibly. Nobody reads five
        # texts a second, and at that pace no machine drops more than a stray one.
        if apart >= 200:
            assert dropped <= 1
    decided, dropped, _ = check(page, store, project, 190)
    assert len(decided) + len(dropped) == sum(pace.values())
    assert page.problems == []


def test_nothing_is_lost_or_doubled_while_the_server_is_slow(server, page):
    store, project = seeded_project(server.home, n=400)
    one_by_one(server, page)
    page.evaluate(RECORDER)
    page.wait_for_timeout(100)
    done = threading.Event()
    slow = threading.Thread(target=slowed, args=(server, done))
    slow.start()
    try:
        press(page, 60, 60)
        press(page, 8, 400)
    finally:
        done.set()
        slow.join()
    decided, dropped, after = check(page, store, project, 60)
    print(
        f"slow: {len(decided)} stored, {len(dropped)} dropped, next text after {after[-1]:.0f} ms"
    )
    assert page.problems == []


def test_what_was_pressed_before_a_reload_or_another_page_is_stored(server, page):
    store, project = seeded_project(server.home, n=100)
    one_by_one(server, page)
    page.evaluate(RECORDER)
    page.wait_for_timeout(100)
    # The server stands still: nothing of this reaches it before the page is loaded anew.
    os.killpg(server.process.pid, signal.SIGSTOP)
    press(page, 5, 100)
    page.get_by_text("5 of your decisions are not stored yet").wait_for()
    decided, _, _ = wanted(page)
    assert len(decided) == 5 and stored(store, project) == []
    page.evaluate("setTimeout(() => location.reload(), 10)")
    os.killpg(server.process.pid, signal.SIGCONT)
    page.locator(".plane[data-ready=yes][data-frame]").wait_for()
    page.get_by_text("By people: ").wait_for()
    for _ in range(100):
        if len(stored(store, project)) >= 5:
            break
        page.wait_for_timeout(50)
    assert sorted(stored(store, project), key=str) == sorted(decided, key=str)
    settled(page)
    # Another page, chosen right after the last key.
    page.get_by_text("One by one", exact=True).click()
    page.get_by_text(re.compile("^Text 1 of ")).wait_for()
    settled(page)
    page.wait_for_timeout(100)
    page.evaluate(RECORDER)
    page.wait_for_timeout(100)
    press(page, 3, 60)
    again, _, _ = wanted(page)
    page.get_by_role("link", name="Train").first.click()
    settled(page, "Start training")
    for _ in range(60):
        if len(stored(store, project)) >= 5 + len(again):
            break
        time.sleep(0.05)
    # On a busy machine a press that comes before its text is shown is dropped, and said to be.
    assert again and len(stored(store, project)) == 5 + len(again)
    assert page.problems == []


def test_a_link_that_is_clicked_right_after_a_key_leads_away_and_the_key_is_stored(server, page):
    """What a card said after such a click made Streamlit go back to the page that was left."""
    store, project = seeded_project(server.home, n=400)
    one_by_one(server, page)
    # The card speaks at a key, 0.7 s after the last one, and when something was not stored.
    for number, wait in enumerate((0, 20, 60, 120, 640, 680, 700, 720, 0, 690)):
        page.keyboard.press("1")
        page.wait_for_timeout(wait)
        page.get_by_role("link", name="Export").first.click()
        page.get_by_text("What to export").first.wait_for(timeout=10_000)
        assert len(stored(store, project)) == number + 1
        page.wait_for_timeout(wait)
        page.get_by_role("link", name="Curate").first.click()
        page.get_by_text(re.compile(rf"^Text {number + 2} of ")).wait_for()
        settled(page)
        page.wait_for_timeout(150)
    # A server that stands still holds nobody back, and has the key when the page is back.
    os.killpg(server.process.pid, signal.SIGSTOP)
    page.keyboard.press("2")
    page.get_by_role("link", name="Export").first.click()
    page.wait_for_timeout(2500)
    os.killpg(server.process.pid, signal.SIGCONT)
    page.get_by_text("What to export").first.wait_for()
    page.get_by_role("link", name="Curate").first.click()
    page.get_by_text(re.compile("^Text 12 of ")).wait_for()
    all_stored(page, store, project, 11)
    assert len(stored(store, project)) == 11
    # A button is let through as well, once, when the key is stored.
    page.wait_for_timeout(300)
    page.keyboard.press("3")
    page.get_by_role("button", name="Audit what I keep").first.click()
    page.get_by_text("1 of ").first.wait_for()
    assert len(stored(store, project)) == 12 and len(store.audits.all(project.id)) == 1
    assert page.problems == []


def test_a_link_without_a_connection_leads_nowhere_and_the_keys_go_on(server, page):
    """Streamlit drops such a click; the card must not wait for a page that does not come."""
    store, project = seeded_project(server.home, n=100)
    one_by_one(server, page)
    server.stop(signal.SIGKILL)
    page.keyboard.press("1")
    page.get_by_role("link", name="Export").first.click()
    page.wait_for_timeout(2500)
    server.start()
    all_stored(page, store, project, 1)
    settled(page)
    began = time.monotonic()
    page.wait_for_timeout(300)
    page.keyboard.press("2")
    all_stored(page, store, project, 2, seconds=5)
    assert len(stored(store, project)) == 2 and time.monotonic() - began < 10
    page.get_by_role("link", name="Export").first.click()
    page.get_by_text("What to export").first.wait_for(timeout=10_000)


def test_clicks_that_wait_for_a_key_are_all_done_in_their_order(server, page):
    store, project = seeded_project(server.home, n=100)
    one_by_one(server, page)
    for name in ("Export", "Curate"):  # plane and card begin together
        page.get_by_role("link", name=name).first.click()
        page.get_by_text("What to export" if name == "Export" else "One by one").first.wait_for()
        settled(page)
    page.get_by_text(re.compile("^Text 1 of ")).wait_for()
    page.wait_for_timeout(150)
    os.killpg(server.process.pid, signal.SIGSTOP)
    page.keyboard.press("1")
    page.get_by_role("button", name="Filter").first.click()
    page.get_by_role("link", name="Export").first.click()
    page.wait_for_timeout(300)
    os.killpg(server.process.pid, signal.SIGCONT)
    page.get_by_text("What to export").first.wait_for(timeout=10_000)
    assert len(stored(store, project)) == 1
    assert page.problems == []


def test_the_card_takes_the_focus_but_not_from_somebody_who_types(server, page):
    store, project = seeded_project(server.home, n=100)
    one_by_one(server, page)
    focus = "document.activeElement.className"
    assert "llkd-card" in page.evaluate(focus)
    page.keyboard.press("1")
    page.get_by_text(re.compile("^Text 2 of ")).wait_for()
    # Clicked on blank space, the keys work all the same.
    page.locator("h1").click()
    page.keyboard.press("2")
    page.get_by_text(re.compile("^Text 3 of ")).wait_for()
    all_stored(page, store, project, 2)
    words = page.get_by_role("textbox", name="Words in the texts")
    words.click()
    page.keyboard.type("number 3", delay=30)
    page.wait_for_timeout(1200)
    assert "llkd-card" not in page.evaluate(focus)
    page.keyboard.type("2", delay=30)
    words.press("Enter")
    page.get_by_text(re.compile("^Text 1 of ")).wait_for()
    settled(page)
    assert words.input_value() == "number 32" and len(stored(store, project)) == 2
    # U goes back to what it undoes, by what it says; past the last of one's own it does nothing.
    words.fill("")
    words.press("Enter")
    page.get_by_text(re.compile("^Text 1 of 75")).wait_for()
    settled(page)
    page.locator("h1").click()
    for key, text in (("3", 2), ("n", 3), ("1", 4), ("u", 3), ("u", 1)):
        page.keyboard.press(key)
        page.get_by_text(re.compile(f"^Text {text} of ")).wait_for()
        page.wait_for_timeout(60)
    page.get_by_text(
        re.compile("^Undone: .message number|^Undone: .*is labelled as 'roads' again")
    ).wait_for()
    for _ in range(3):
        page.keyboard.press("u")
        page.wait_for_timeout(400)
    page.get_by_text("There is nothing of yours to undo.").wait_for()
    assert stored(store, project) == []
    # After the last text nothing is shown, and nothing decided.
    words.fill("number 99")
    words.press("Enter")
    page.get_by_text(re.compile("^Text 1 of 1 ")).wait_for()
    settled(page)
    page.locator("h1").click()
    page.keyboard.press("1")
    page.get_by_text("That was the last text of this list.").wait_for()
    page.wait_for_timeout(300)  # a person's; before the page is shown a key is too quick
    page.keyboard.press("2")
    page.get_by_text("No text is shown, so nothing was done.").wait_for()
    page.keyboard.press("b")
    page.get_by_text(re.compile("^Text 1 of 1 · .*labelled by a person")).wait_for()
    assert stored(store, project) == [(99, NAMES[0])]
    assert page.problems == []
