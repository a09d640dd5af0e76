"""The decision plane in a real Chromium, on a small page of its own (plane_harness.py)."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The harness on a server of its own, shared by all tests here: it keeps nothing."""
    folder = tmp_path_factory.mktemp("plane")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "tests/support/plane_harness.py", f"--server.port={port}"],
            cwd=ROOT,
            env={**os.environ, "LLKD_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield url
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(20)


class Seen:
    """The plane as a person sees it: what is written beside it, and where its lines are."""

    def __init__(self, page):
        self.page = page
        self.plane = page.locator(".plane")
        self.teacher = page.get_by_role("slider", name="Teacher threshold")
        self.student = page.get_by_role("slider", name="Student threshold")

    def number(self, selector):
        return int(self.plane.locator(selector).inner_text().split("/")[0].strip().replace(",", ""))

    def counts(self):
        return [self.number(".kept"), *(self.number(f'.one[data-k="{k}"] .n') for k in range(len(self.server["per_class"])))]  # fmt: skip

    @property
    def server(self):
        return json.loads(self.page.get_by_test_id("stText").inner_text())

    def values(self):
        return [float(line.get_attribute("aria-valuenow")) for line in (self.teacher, self.student)]

    def agrees(self, **expected):
        """Wait until the server says the same as the browser, count for count; return it."""
        end = time.monotonic() + 15
        while True:
            told = self.server
            right = "–" if told["accuracy"] is None else f"{100 * told['accuracy']:.1f}\u00a0%"
            same = (
                self.counts() == [told["kept"], *told["per_class"]]
                and self.plane.locator(".of").inner_text().startswith(f"{100 * told['share']:.1f}")
                and self.plane.locator(".right").inner_text() == right
                and all(told[name] == value for name, value in expected.items())
            )
            if same or time.monotonic() > end:
                assert self.counts() == [told["kept"], *told["per_class"]]
                assert {name: told[name] for name in expected} == expected
                assert same
                return told
            self.page.wait_for_timeout(50)

    def box(self):
        return self.plane.locator("canvas").first.bounding_box()

    def at(self, x, y):
        """Where a point of the plane is on the screen, by where two lines are seen to be."""
        box = self.box()
        w, h = box["width"] - 102, box["height"] - 76
        return box["x"] + 50 + (x + 0.015) / 1.03 * w, box["y"] + 30 + (1.02 - y) / 1.04 * h

    def on_map(self, x, y):
        """Where a point of a map is on the screen, while all of it is seen."""
        box = self.box()
        w, h = box["width"] - 4, box["height"] - 4
        each = min(w, h) / 1.04  # a step of 1, to the right as upwards
        middle = box["x"] + 2 + w / 2, box["y"] + 2 + h / 2
        return middle[0] + (x - 0.5) * each, middle[1] - (y - 0.5) * each

    def drag(self, *points, at=None):
        mouse, at = self.page.mouse, at or self.at
        mouse.move(*at(*points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*at(*point), steps=4)
        mouse.up()


def wait(page, until):
    end = time.monotonic() + 15
    while not until() and time.monotonic() < end:
        page.wait_for_timeout(30)
    assert until()


@pytest.fixture
def open_plane(page, address):
    def opened(query=""):
        page.goto(f"{address}/?{query}")
        page.locator(".plane[data-ready=yes][data-frame]").wait_for(timeout=30_000)
        return Seen(page)

    yield opened
    assert page.problems == []


def test_drag_keys_and_typing_move_the_lines_and_both_sides_count_the_same(open_plane, page):
    seen = open_plane("n=30000&classes=5&seed=3")
    start = seen.agrees(moves=0)
    assert seen.values() == [0.7, 0.2]

    # What is kept is counted while the line moves, before the server hears of it.
    mouse = page.mouse
    mouse.move(*seen.at(0.7, 0.6))
    mouse.down()
    mouse.move(*seen.at(0.85, 0.6), steps=5)
    wait(page, lambda: seen.number(".kept") < start["kept"])
    assert seen.server["moves"] == 0
    mouse.up()
    told = seen.agrees(moves=1)
    assert told["thresholds"][0] == [round(seen.values()[0] * 60_000)] * 5
    assert seen.values()[0] == pytest.approx(0.85, abs=0.004)

    seen.student.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowUp")
    wait(page, lambda: seen.values()[1] == 0.26)
    seen.agrees(moves=2, thresholds=[told["thresholds"][0], [15_600] * 5])
    page.keyboard.press("End")
    seen.agrees(moves=3)
    wait(page, lambda: seen.values()[1] == 1.0)
    page.keyboard.press("Home")
    told = seen.agrees(moves=4)
    assert told["thresholds"][1] == [0] * 5
    wait(page, lambda: "for all classes" in seen.student.get_attribute("aria-valuetext"))
    status = seen.plane.get_by_role("status").inner_text()
    assert status.startswith(f"Kept {told['kept']:,} of 30,000 texts, {100 * told['share']:.1f}")

    typed = page.get_by_label("Teacher confidence at least")
    typed.fill("0.1234")
    typed.press("Enter")
    seen.agrees(moves=5, thresholds=[[7404] * 5, [0] * 5])
    wait(page, lambda: seen.values()[0] == 0.1234)
    typed.fill("7")
    typed.press("Tab")
    assert typed.input_value() == "0.1234"

    # From the server: a preset, and an undo of it, move the lines without new rows.
    page.get_by_role("button", name="Preset").click()
    seen.agrees(moves=6, thresholds=[[30_000] * 5, [21_000] * 5])
    wait(page, lambda: seen.values() == [0.5, 0.35])


def test_one_class_at_a_time(open_plane, page):
    seen = open_plane("n=8000&classes=77")
    seen.agrees()
    # 77 classes: found by typing, picked by Enter.
    page.get_by_role("searchbox", name="Find a class").fill("travel 3")
    assert page.get_by_role("radio").filter(visible=True).count() == 2
    page.get_by_role("searchbox").press("Enter")
    told = seen.agrees(picked=19)
    seen.teacher.focus()
    page.keyboard.press("ArrowRight")
    told = seen.agrees(moves=told["moves"] + 1, picked=19)
    assert told["thresholds"][0] == [42_000] * 19 + [42_300] + [42_000] * 57
    wait(page, lambda: "travel 3" in seen.teacher.get_attribute("aria-valuetext"))

    page.get_by_role("searchbox").fill("")
    page.get_by_role("radio", name="All classes").click()
    seen.agrees(picked=None)
    differs = "differs by class, from 0.700 to 0.705"
    wait(page, lambda: differs in seen.teacher.get_attribute("aria-valuetext"))
    assert page.get_by_label("Teacher confidence at least").get_attribute("placeholder") == "by class"  # fmt: skip

    page.get_by_role("button", name="Compare classes").click()
    seen.agrees(compare=True)
    panels = page.locator(".panel")
    assert panels.count() == 12
    page.get_by_role("button", name="Next").click()
    panels.filter(has_text="travel 3").wait_for()
    kept = told["per_class"][19]
    assert panels.filter(has_text="travel 3").locator(".n").inner_text().startswith(f"{kept:,} / ")
    panels.filter(has_text="travel 3").click()
    seen.agrees(picked=19, compare=False)


def test_box_lasso_zoom_and_rerun(open_plane, page):
    seen = open_plane("n=4000&classes=3")
    told = seen.agrees(lasso=None)
    kept = seen.counts()
    page.get_by_role("button", name="Box").click()
    seen.drag((0.5, 0.3), (1.01, 0.9))
    wait(page, lambda: seen.server["lasso"])
    boxed = seen.server["lasso"]
    assert 100 < boxed < 4000
    # Half of the box, cut from corner to corner, with some of its texts.
    page.get_by_role("button", name="Lasso", exact=True).click()
    seen.drag((0.5, 0.3), (0.75, 0.3), (1.01, 0.3), (1.01, 0.6), (1.01, 0.9), (0.75, 0.6))
    wait(page, lambda: seen.server["lasso"] != boxed)
    assert 0.4 * boxed < seen.server["lasso"] < boxed
    page.get_by_role("button", name="Unmark").click()
    seen.agrees(lasso=None)
    page.get_by_role("button", name="Clear lasso").wait_for(state="hidden")

    # By keys: two corners of a box round the middle.
    page.get_by_role("button", name="Box").click()
    page.locator(".plane canvas").first.focus()
    for key in ("ArrowLeft", "Enter", "ArrowUp", "ArrowUp", "Shift+ArrowRight", "Enter"):
        page.keyboard.press(key)
    wait(page, lambda: seen.server["lasso"])
    page.keyboard.press("Escape")
    seen.agrees(lasso=None)

    # Zoom changes the view and no count; a rerun and new rows leave the view and the lines alone.
    page.get_by_role("button", name="Move").click()
    page.mouse.move(*seen.at(0.9, 0.3))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    wait(page, lambda: seen.server["zoom"])
    zoom = seen.server["zoom"]
    assert zoom[0] < 0.9 < zoom[1] and zoom[1] - zoom[0] < 0.9
    assert seen.counts() == kept
    page.get_by_role("button", name="Relabel").click()
    wait(page, lambda: seen.server["kept"] > told["kept"])  # people's labels are always kept
    seen.agrees(zoom=zoom, thresholds=told["thresholds"])
    page.get_by_role("button", name="Reset view").click()
    seen.agrees(zoom=None)


def test_a_mark_shows_its_text_as_text_and_nothing_is_fetched(open_plane, page):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    seen = open_plane("n=300&classes=3")
    mine = len(asked)
    tip = page.locator(".tip")
    for k in range(60):
        page.mouse.move(*seen.at(0.95 - k / 200, 0.35))
        page.wait_for_timeout(30)
        if tip.is_visible():
            break
    tip.get_by_text("Text ").wait_for()
    row = seen.server["hovered"]
    assert tip.locator(".text").inner_text() == f"Text {row}: <img src=x onerror=alert(1)> **bold** %{{x}} \u202eright to left"  # fmt: skip
    assert tip.locator("img").count() == 0
    assert page.get_by_role("radio", name="<img src=x onerror=alert(1)>").count() == 1
    own = tuple(page.url.split("?")[0] + path for path in ("static/", "_stcore/"))
    assert [url for url in asked[mine:] if not url.startswith(("blob:", *own))] == []


def test_theme_colours_and_remount(open_plane, page):
    seen = open_plane("n=6000&classes=3&held=no")
    page.wait_for_timeout(200)
    look = "() => { const host = [...document.querySelectorAll('*')].find(e => e.shadowRoot?.querySelector('.plane')); const c = host.shadowRoot.querySelector('canvas'); return [...c.getContext('2d').getImageData(0, c.height / 2, c.width, 1).data].reduce((a, v, i) => (i % 4 === 3 ? a : a + v), 0); }"  # fmt: skip
    light = page.evaluate(look)
    for colour in ("label", "gold", "student", "category:Saved: first look"):
        page.get_by_label("Colour by").select_option(colour)
        seen.agrees(colour=colour)
    wait(page, lambda: "one" in page.locator(".legend").inner_text())
    page.get_by_label("Colour by").select_option("kept")
    seen.agrees(colour="kept")
    page.emulate_media(color_scheme="dark")
    wait(page, lambda: page.evaluate(look) != light)
    assert page.locator(".plane .kept").evaluate("e => getComputedStyle(e).color") == "rgb(63, 160, 224)"  # fmt: skip

    # Starting values stay as they are, and what is moved is kept by the browser's word.
    seen.teacher.focus()
    page.keyboard.press("PageDown")
    seen.agrees(moves=seen.server["moves"] + 1, thresholds=[[36_000] * 3, [12_000] * 3])
    page.get_by_role("button", name="Rerun").click()
    page.wait_for_timeout(400)
    wait(page, lambda: seen.values() == [0.6, 0.2])
    # A keyed component that is taken away and put back starts again, and answers.
    page.get_by_text("Hide", exact=True).click()
    page.locator(".plane").wait_for(state="detached")
    page.get_by_text("Hide", exact=True).click()
    page.locator(".plane[data-ready=yes][data-frame]").wait_for()
    seen.agrees()
    seen.teacher.focus()
    before = seen.values()[0]
    page.keyboard.press("ArrowRight")
    seen.agrees(moves=seen.server["moves"] + 1)
    wait(page, lambda: seen.values()[0] == pytest.approx(before + 0.005))


def test_a_map_is_lassoed_zoomed_and_brushed_and_has_no_lines(open_plane, page):
    seen = open_plane("n=6000&classes=4&map=yes")
    told = seen.agrees(lasso=None)
    assert seen.plane.locator(".line").filter(visible=True).count() == 0
    seen.plane.get_by_text(re.compile(r"texts have no place on the map yet")).wait_for()
    # The first class lies to the right, a cloud of five hundredths round (0.86, 0.5).
    page.get_by_role("button", name="Lasso", exact=True).click()
    middle, ends = np.array([0.86, 0.5]), []
    for turn in np.linspace(0, 2 * np.pi, 9):
        ends.append(middle + 0.13 * np.array([np.cos(turn), np.sin(turn)]))
    seen.drag(*ends, at=seen.on_map)
    wait(page, lambda: seen.server["lasso"])
    first = told["per_class"][0]
    whole = int(
        seen.plane.locator('.one[data-k="0"] .n').inner_text().split("/ ")[1].replace(",", "")
    )
    assert first < seen.server["lasso"] and 0.85 * whole < seen.server["lasso"] <= 1.01 * whole
    page.keyboard.press("Escape")
    seen.agrees(lasso=None)

    # Zoomed by wheel and keys a step to the right stays as long as one upwards.
    page.get_by_role("button", name="Move").click()
    page.mouse.move(*seen.on_map(0.86, 0.5))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    wait(page, lambda: seen.server["zoom"])
    x0, x1, y0, y1 = seen.server["zoom"]
    box = seen.box()
    assert x0 < 0.86 < x1 and x1 - x0 < 1
    assert (x1 - x0) / (y1 - y0) == pytest.approx((box["width"] - 4) / (box["height"] - 4), rel=0.01)  # fmt: skip
    page.locator(".plane canvas").first.focus()
    page.keyboard.press("0")
    seen.agrees(zoom=None)

    # By keys, as on the plane: two corners of a box round the middle.
    page.get_by_role("button", name="Box").click()
    page.locator(".plane canvas").first.focus()
    for key in (
        "Enter",
        "Shift+ArrowUp",
        "Shift+ArrowUp",
        "Shift+ArrowRight",
        "Shift+ArrowRight",
        "Enter",
    ):
        page.keyboard.press(key)
    wait(page, lambda: seen.server["lasso"])
    page.keyboard.press("Escape")
    seen.agrees(lasso=None)

    # What was marked elsewhere stands out: the rest is fainter, and it is said how many there are.
    ink = "() => { const host = [...document.querySelectorAll('*')].find(e => e.shadowRoot?.querySelector('.plane')); const c = host.shadowRoot.querySelector('canvas'); return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.reduce((a, v, i) => a + (i % 4 === 3 ? v : 0), 0); }"  # fmt: skip
    before = page.evaluate(ink)
    page.get_by_role("button", name="Mark", exact=True).click()
    seen.plane.get_by_text("strong: 600 texts marked elsewhere").wait_for()
    wait(page, lambda: page.evaluate(ink) < 0.6 * before)
    page.get_by_role("button", name="Mark", exact=True).click()
    wait(page, lambda: page.evaluate(ink) == pytest.approx(before, rel=0.02))

    # Thresholds are set beside it, and shade it as they shade the plane.
    typed = page.get_by_label("Teacher confidence at least")
    typed.fill("0.95")
    typed.press("Enter")
    seen.agrees(thresholds=[[57_000] * 4, [12_000] * 4])


def test_on_a_phone(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(f"{address}/?n=3000&classes=12&need=no")
    page.locator(".plane[data-ready=yes][data-frame]").wait_for(timeout=30_000)
    seen = Seen(page)
    seen.agrees()
    wide = "() => document.scrollingElement.scrollWidth"
    assert page.evaluate(wide) <= 390
    assert page.locator(".plane").evaluate("e => e.scrollWidth <= e.clientWidth")
    small = page.locator(".plane button:visible, .plane input:visible").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect()).filter(r => r.height < 32).length"
    )
    assert small == 0
    # Without an information need only the teacher's line can be moved; here with a finger.
    assert not seen.student.is_visible()
    touch = context.new_cdp_session(page)
    x, y = seen.at(0.7, 0.5)
    for kind, dx in (("touchStart", 0), ("touchMove", -20), ("touchMove", -60), ("touchEnd", None)):
        points = [] if dx is None else [{"x": x + dx, "y": y}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    told = seen.agrees(moves=1)
    assert 0.35 < told["thresholds"][0][0] / 60_000 < 0.6
    context.close()
