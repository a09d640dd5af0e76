"""An audit by keys in a real Chromium: each answer is of the text that was on the screen.

What was on the screen is recorded by the test: the text of the card in every frame that was shown,
and at each key the last of them.
"""

import random
import re
import threading
import time
import zipfile

import pytest
from playwright.sync_api import TimeoutError

from llkd.evaluation import audits
from llkd.store import Store
from tests.support.browser import settled, slowed
from tests.support.customer_messages import CLASSES, messages
from tests.support.seeded_projects import NAMES, seeded_project

pytestmark = pytest.mark.browser
RECORDER = r"""() => {
  const frames = [], presses = [];
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    const box = document.querySelector(".llkd-text");
    const text = box && box.getBoundingClientRect().height ? box.innerText : null;
    if (frames.at(-1)?.text !== text) frames.push({ at: performance.now(), text });
  };
  const frame = () => { channel.port2.postMessage(0); requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
  addEventListener("keydown", (event) => presses.push({ key: event.key,
    text: frames.filter((shown) => shown.at <= event.timeStamp).at(-1)?.text ?? null }), true);
  window.presses = presses;
}"""
DROPPED = """Math.max(...[...document.querySelectorAll(".llkd-card")].map(
  (card) => +(card.dataset.dropped ?? 0)), 0)"""


def begin(server, page):
    page.goto(f"{server.url}/curate")
    page.get_by_role("button", name="Audit what I keep").click(timeout=60_000)
    page.locator(".llkd-goal:not([hidden]) progress").wait_for()
    settled(page)
    page.wait_for_timeout(200)


def test_forty_texts_at_60_to_150_ms_with_double_presses_and_a_slow_server(server, page):
    store, project = seeded_project(server.home, n=200)
    begin(server, page)
    assert "llkd-card" in page.evaluate("document.activeElement.className")
    page.evaluate(RECORDER)
    page.wait_for_timeout(100)
    draw, done = random.Random(7), threading.Event()
    slow = threading.Thread(target=slowed, args=(server, done))
    slow.start()
    start = time.monotonic()
    try:
        for k in range(40):
            key = draw.choice("1230")
            page.keyboard.press(key)
            if k % 6 == 5:
                page.keyboard.press(key)  # at once again, as a worn key does
            start += draw.uniform(0.06, 0.15)
            page.wait_for_timeout(max(0, 1000 * (start - time.monotonic())))
    finally:
        done.set()
        slow.join()
    presses, dropped = page.evaluate("window.presses"), page.evaluate(DROPPED)
    [audit] = store.audits.all(project.id)
    texts = store.projects.texts(project.id, ["text"])["text"]
    for _ in range(200):
        stored = store.audits.answers(audit)
        if len(stored) == len(presses) - dropped:
            break
        time.sleep(0.1)
    meant = {"1": NAMES[0], "2": NAMES[1], "3": NAMES[2], "0": None}
    pressed = {(one["text"], meant[one["key"]]) for one in presses}
    answers = [(texts.iloc[entry.row], entry.key) for entry in stored]
    wrong = [answer for answer in answers if answer not in pressed]
    print(f"{len(presses)} presses, {len(stored)} stored, {dropped} dropped and said, "
          f"{len(wrong)} of another text")  # fmt: skip
    assert wrong == []
    assert len(stored) == len(presses) - dropped == len({text for text, _ in answers})
    assert 6 <= dropped <= 20, "six presses were doubled"
    order = store.audits.order(audit)[: len(stored)].tolist()
    assert [entry.row for entry in stored] == order
    assert page.problems == []


def cell(page, row, x, words):
    """Type into a cell of the table of classes, as a person does who waits for its editor."""
    box = page.locator("[data-testid=stDataFrame]").first.bounding_box()
    page.mouse.click(box["x"] + x, box["y"] + 52 + 34 * row)
    editor = page.locator("textarea.gdg-input")
    try:
        editor.wait_for(timeout=700)  # a click below the last row adds one and opens its editor
    except TimeoutError:
        page.keyboard.press("Enter")
    editor.fill(words)
    page.keyboard.press("Enter")
    editor.wait_for(state="detached")
    page.wait_for_timeout(200)
    settled(page)


def tab_to(page, label):
    """By the keyboard alone to a button."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(
            "(l) => document.activeElement.matches('button') && "
            "document.activeElement.innerText.includes(l)",
            label,
        ):
            return
    raise AssertionError(f"no way to {label!r} by the keyboard")


@pytest.mark.models
def test_a_domain_expert_without_gold_ends_with_a_student_on_certified_labels(server, page):
    truth = messages(300)
    page.goto(server.url)
    settled(page, "Open the sample")
    page.get_by_text("Paste texts", exact=True).click()
    page.get_by_label("Texts", exact=True).fill("\n".join(truth))
    page.keyboard.press("Control+Enter")
    settled(page, "What will be kept")
    page.get_by_role("button", name="Create the project").click()
    settled(page, "Save the classes")
    for row, (name, description) in enumerate(CLASSES.items()):
        cell(page, row, 60, name)
        cell(page, row, 400, description)
    page.get_by_role("button", name="Save the classes").click()
    page.get_by_text("3 classes, saved").wait_for()
    page.get_by_role("button", name="Next: label with a teacher").click()
    settled(page, "Who labels the texts?")
    page.get_by_text("Label similarity").first.click()
    settled(page)
    page.get_by_role("button", name="Start labelling").click()
    page.get_by_text("Labels given").first.wait_for(timeout=120_000)
    page.get_by_role("link", name="Curate").first.click()
    page.get_by_role("button", name="Audit what I keep").wait_for(timeout=60_000)
    settled(page)

    # The audit on a phone's width and without a pointer.
    page.set_viewport_size({"width": 390, "height": 844})
    tab_to(page, "Audit what I keep")
    page.keyboard.press("Enter")
    page.locator(".llkd-goal:not([hidden]) progress").wait_for()
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shown = "[...document.querySelectorAll('.llkd-card button')].filter((b) => b.offsetParent)"
    sizes = f"{shown}.map((b) => b.offsetHeight)"
    assert min(page.evaluate(sizes)) >= 44, "a finger needs as much"
    page.wait_for_timeout(200)
    for _ in range(60):
        text = page.locator(".llkd-card:not([hidden]) .llkd-text").inner_text()
        page.keyboard.press(str(list(CLASSES).index(truth[text]) + 1))
        page.wait_for_timeout(100)
    status = page.locator(".st-key-audit_status")
    status.get_by_text("As of 60 answers").wait_for()
    settled(page)
    store = Store(server.home)
    [project] = store.projects.all()
    [audit] = store.audits.all(project.id)
    stored = store.audits.answers(audit)
    texts = store.projects.texts(project.id, ["text"])["text"]
    assert len(stored) == 60 and all(truth[texts[entry.row]] == entry.key for entry in stored)

    # A certificate, or what can be promised instead.
    page.set_viewport_size({"width": 1440, "height": 900})
    if not status.get_by_role("button", name="Train on these").count():
        assert re.search("is not certified yet|is not reachable", status.inner_text())
        status.get_by_role("button", name=re.compile("Certify at least [0-9]+")).click()
    status.get_by_role("button", name="Train on these").wait_for()
    [record] = store.audits.certificates(audit)
    promise = record.document.promise
    assert re.match(r"At least \d\d\s% of these \d+ labels are right \(95\s% confidence\)", promise)
    status.get_by_role("button", name="Train on these").click()
    settled(page, "Start training")
    page.get_by_role("spinbutton", name="Epochs").fill("1")
    page.get_by_role("spinbutton", name="Epochs").press("Enter")
    settled(page)
    page.get_by_role("button", name="Start training").click()
    page.get_by_text("Finished runs (1)").wait_for(timeout=200_000)
    [run] = store.runs.all(project.id)
    assert run.config.selection.saved == audits.saved_selection(store, project, record)
    page.get_by_role("link", name="Export").first.click()
    settled(page, "What to export")
    page.get_by_text("Data set folder, zipped").click()
    settled(page)
    page.get_by_role("button", name="Export ").click()
    page.get_by_text("Finished exports").wait_for(timeout=60_000)
    [packed] = server.home.rglob("exports/**/*.zip")
    archive = zipfile.ZipFile(packed)
    [card] = [name for name in archive.namelist() if name.endswith("README.md")]
    assert promise in archive.read(card).decode()
    store.close()
    assert page.problems == []
