"""Results in a real Chromium: a run is named and deleted by keyboard, a box drawn on the map."""

import re

import numpy as np
import pytest

from tests.support.browser import settled
from tests.support.seeded_projects import seeded_project
from tests.support.seeded_runs import add_run

pytestmark = pytest.mark.browser
HOSTILE = "<img src=http://e.com/x onerror=alert(1)> ![i](http://e.com/y) **b**"


def press(page, name, key="Enter"):
    button = page.get_by_role("button", name=name)
    button.focus()
    button.press(key)


def test_a_run_is_named_and_deleted_without_a_mouse(server, page):
    store, project = seeded_project(server.home)
    run, other = add_run(store, project), add_run(store, project, "all")
    foreign = []
    page.on("request", lambda one: foreign.append(one.url) if "e.com" in one.url else None)
    page.goto(f"{server.url}/results")
    settled(page, "One run in detail")
    press(page, "Name and note")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill(HOSTILE)
    dialog.get_by_label("Name", exact=True).press("Enter")
    dialog.wait_for(state="detached")
    settled(page)
    # Of two that are equally right the earlier is opened.
    assert store.runs.get(run.id).title == HOSTILE
    assert page.get_by_role("combobox", name="Run").input_value() == f"run 1: {HOSTILE}, seed 0"
    press(page, "Pin", "Space")
    page.get_by_role("button", name="Unpin").wait_for()
    press(page, "Delete …")
    page.get_by_role("dialog").get_by_text(HOSTILE).wait_for()
    press(page, "Delete for good")
    page.get_by_role("dialog").wait_for(state="detached")
    settled(page)
    assert [one.id for one in store.runs.all(project.id)] == [other.id]
    assert page.get_by_role("combobox", name="Run").input_value() == "run 2: All texts, seed 0"
    assert foreign == [] and page.problems == []


def test_a_box_on_the_map_lists_the_texts_inside(server, page):
    store, project = seeded_project(server.home, 300)
    run = add_run(store, project, epochs=3)
    page.goto(f"{server.url}/results")
    settled(page, "One run in detail")
    page.get_by_text("Map of the pool", exact=True).click()
    settled(page, "100 texts hard to learn")
    area = page.locator("[class*=st-key-results_map_] .nsewdrag").first
    area.scroll_into_view_if_needed()
    settled(page)
    box = area.bounding_box()
    rows, targets = store.runs.targets(run)
    label = targets.argmax(axis=1)
    own = np.stack([store.runs.signals(run, e)[1][np.arange(len(rows)), label] for e in (1, 2, 3)])
    # The upper half: the axis goes from -0.1 to 1.1.
    middle = box["y"] + box["height"] * 0.5
    page.mouse.move(box["x"] + 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 2, steps=8)
    page.mouse.up()
    told = page.get_by_text(re.compile(r"^[\d,]+ texts marked on the map$"))
    told.wait_for()
    settled(page)
    number = int(told.inner_text().split()[0])
    upper = own.mean(axis=0)
    # A pixel is less than 0.004 of the axis.
    assert (upper >= 0.51).sum() <= number <= (upper >= 0.49).sum()
    assert page.problems == []
