"""The card alone in a real Chromium: what a page that is drawn anew must not forget."""

import base64

import pytest

from ui.review_card.front import HTML, SCRIPT

pytestmark = pytest.mark.browser

MOUNT = """async (script) => {
  window.card ??= await import("data:text/javascript;base64," + script);
  const box = document.body.appendChild(document.createElement("div"));
  box.innerHTML = document.querySelector("template").innerHTML;
  const texts = [1, 2, 3].map((row) => ({ row, text: `text ${row}`, cut: 0, label: "a",
    figures: [], why: "", state: { label: null, excluded: false } }));
  const data = { key: "k", hidden: false, place: "p", confirmed: [], list: "l", total: 3, at: 0,
    start: 0, cards: texts, names: ["a", "b"], keys: ["a", "b"], own: [], nothing: "",
    refused: {}, messages: {}, to: {} };
  const stop = window.card.default({ data, parentElement: box, setStateValue() {}, setTriggerValue() {} });
  window.unmount = () => { stop(); box.remove(); };
  const root = box.querySelector(".llkd-card");
  window.seen = () => [root.dataset.dropped ?? "0", root.querySelector(".llkd-said").textContent];
}"""
# In the same task as the drawing: no frame has shown the text yet.
PRESS = "document.dispatchEvent(new KeyboardEvent('keydown', {key: '1', bubbles: true}))"


@pytest.fixture
def page(browser):
    page = browser.new_page()
    page.set_content(f"<template>{HTML}</template>")
    yield page
    page.close()


def test_a_dropped_press_is_said_and_counted_by_the_card_that_comes_after(page):
    script = base64.b64encode(SCRIPT.encode()).decode()
    page.evaluate(f"async (script) => {{ await ({MOUNT})(script); {PRESS}; }}", script)
    count, words = page.evaluate("seen()")
    assert count == "1" and words.startswith("Too quick")
    page.evaluate("unmount()")
    page.evaluate(MOUNT, script)
    assert page.evaluate("seen()") == [count, words]
    page.wait_for_timeout(100)
    page.keyboard.press("2")
    count, words = page.evaluate("seen()")
    assert count == "1" and words.startswith("Text 1: b")


BLIND = """async ({script, names}) => {
  window.card = await import("data:text/javascript;base64," + script);
  const box = document.body.appendChild(document.createElement("div"));
  box.innerHTML = document.querySelector("template").innerHTML;
  const nobody = { label: null, excluded: false, none: false };
  const cards = [1, 2, 3, 4, 5].map((row) => ({ row, text: `text ${row}`, cut: 0, state: nobody }));
  const goal = { answered: 0, of: 60, words: "", classes: "" };
  const data = { key: "k", hidden: false, blind: true, place: "p", confirmed: [], list: "l", total: 5,
    at: 0, start: 0, cards, names, keys: names, own: [], nothing: "", refused: {}, messages: {},
    to: {}, goal };
  window.sent = [];
  window.card.default({ data, parentElement: box, setTriggerValue() {},
    setStateValue(name, report) { window.sent = report.presses.map((p) => [p.row, p.do, p.label]); } });
  window.facts = () => box.querySelector(".llkd-card").innerText;
}"""


def press(page, *keys, apart=120):
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(apart)


def test_an_audit_has_a_number_for_every_class_and_digits_hold_for_one_text_only(page):
    script = base64.b64encode(SCRIPT.encode()).decode()
    names = [f"class {k}" for k in range(1, 13)]
    page.evaluate(BLIND, {"script": script, "names": names})
    page.wait_for_timeout(100)
    press(page, "0")
    assert page.evaluate("sent") == [] and "Class 0_" in page.evaluate("facts()")
    # The text is left with a digit typed: the digit does not go on to the next one.
    press(page, "n", "1", "2", "4", "4", "?", "0", "0", "7", "Enter")
    assert page.evaluate("sent") == [
        [2, "label", "class 12"],
        [3, "none", None],
        [4, "none", None],
        [5, "label", "class 7"],
    ]
    # There is no class 44: that was said, and nothing done.
    assert page.evaluate("document.querySelector('.llkd-card').dataset.dropped") == "1"
    assert "4 of 60" in page.evaluate("facts()")


def test_a_press_that_bounces_counts_once_and_is_said_to(page):
    script = base64.b64encode(SCRIPT.encode()).decode()
    page.evaluate(BLIND, {"script": script, "names": ["a", "b"]})
    page.wait_for_timeout(100)
    page.evaluate(f"() => {{ {PRESS}; {PRESS}; }}")
    page.wait_for_timeout(150)
    press(page, "2", "2")
    sent = page.evaluate("sent")
    assert [[row, label] for row, _, label in sent] == [[1, "a"], [2, "b"], [3, "b"]]
    assert page.evaluate("document.querySelector('.llkd-card').dataset.dropped") == "1"
    assert "teacher" not in page.evaluate("facts()").lower()
