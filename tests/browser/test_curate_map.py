"""The map of meaning in a real Chromium: the switch, its lasso, a dot's card, and brushing both ways."""

import re

import numpy as np
import pytest

from llkd import curation
from llkd.store import Store
from tests.support.browser import settled
from tests.support.curate_browser import Curate
from tests.support.mapped_projects import add_map
from tests.support.seeded_projects import seeded_project

pytestmark = pytest.mark.browser


class Mapped(Curate):
    """Curate with its map, all of which is seen."""

    def ready(self, kind="map"):
        self.page.locator(f".plane[data-ready=yes][data-kind={kind}][data-frame]").wait_for()
        settled(self.page)
        return self

    def to(self, title, kind):
        self.page.get_by_text(title, exact=True).click()
        return self.ready(kind)

    def on_map(self, x, y):
        """Where a place, from 0 to 1, is on the screen."""
        box = self.plane.locator("canvas").first.bounding_box()
        each = min(box["width"], box["height"]) - 4
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        return middle[0] + (x - 0.5) * each / 1.04, middle[1] - (y - 0.5) * each / 1.04

    def lasso(self, points, at):
        self.page.get_by_role("button", name="Lasso", exact=True).click()
        self.plane.locator("canvas").first.scroll_into_view_if_needed()
        mouse = self.page.mouse
        mouse.move(*at(*points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*at(*point), steps=4)
        mouse.up()

    def dots(self):
        """How many pixels of the picture are strong, of those that are drawn at all."""
        script = """() => {
          const host = [...document.querySelectorAll('*')].find(e => e.shadowRoot?.querySelector('.plane'));
          const c = host.shadowRoot.querySelector('canvas');
          const data = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
          let strong = 0;
          for (let i = 3; i < data.length; i += 4) strong += data[i] > 180;
          return strong;
        }"""
        return self.page.evaluate(script)


def even_odd(places, corners):
    """Which places lie in a polygon: how many of its sides a ray to the right crosses."""
    x, y = places.T
    odd = np.zeros(len(places), bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 != y1:
            odd ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return odd


def pool_rows(home):
    store = Store(home)
    return curation.load_plane(store, store.projects.get("city")).frame["row"].to_numpy()


def test_the_map_is_chosen_lassoed_and_read_and_brushed_both_ways(server, page):
    store, project = seeded_project(server.home, n=600)
    places, _ = add_map(store, project)
    seen = Mapped(page)
    page.goto(f"{server.url}/curate")
    seen.ready("plane")
    seen.to("Map of meaning", "map")
    page.wait_for_url("**pane=map**")
    page.reload()
    seen.ready()
    assert not seen.teacher.is_visible() and not seen.student.is_visible()
    everything = seen.agrees()

    # Round the cloud to the left below, as a person draws, and half of the one to the right.
    rows = pool_rows(server.home)
    shown = (places[rows].astype(float) + 1) / 2
    corners = [(0.05, 0.05), (0.85, 0.08), (0.83, 0.27), (0.42, 0.33), (0.3, 0.5), (0.06, 0.45)]
    middle = np.mean(corners, axis=0)
    # A hand is a pixel or two off: a little less is inside for sure, a little more is the most.
    least, most = (
        set(rows[even_odd(shown, middle + (np.array(corners) - middle) * size)].tolist())
        for size in (0.98, 1.02)
    )
    seen.lasso(corners, seen.on_map)
    page.get_by_text("Marked on the map", exact=True).wait_for()
    settled(page)
    number = seen.listed()
    # The card shows the first of them, and just these are saved.
    page.get_by_text(f"Text 1 of {number}").wait_for()
    name = page.get_by_label("Name of this selection")
    name.fill("two corners")
    name.press("Enter")
    page.get_by_role("button", name="Save the lasso").click()
    page.get_by_text("Saved as 'two corners'.").wait_for()
    [saved] = store.selections.all(project.id)
    assert least <= set(saved.rule.rows) <= most
    assert len(saved.rule.rows) == number and 100 < number < 400 and len(most) - len(least) < 40

    # On the plane they stand out, and can be let go there.
    seen.to("Plane", "plane")
    assert "pane" not in page.url
    seen.plane.get_by_text(f"strong: {number} texts marked on the map").wait_for()
    faint = seen.dots()
    page.get_by_role("button", name="Clear lasso").first.click()
    settled(page)
    seen.plane.get_by_text(f"strong: {number} texts marked on the map").wait_for(state="hidden")
    for _ in range(200):
        if seen.dots() > 1.3 * faint:
            break
        page.wait_for_timeout(30)
    assert seen.dots() > 1.3 * faint

    # The other way round.
    seen.lasso([(0.4, -0.01), (0.7, -0.01), (0.7, 1.01), (0.4, 1.01)], seen.at)
    page.get_by_text("Marked on the plane", exact=True).wait_for()
    settled(page)
    marked = seen.listed()
    assert 0 < marked < everything
    seen.to("Map of meaning", "map")
    seen.plane.get_by_text(f"strong: {marked} texts marked on the plane").wait_for()
    assert seen.listed() == marked
    # A lasso here takes the place of that one.
    seen.lasso(corners, seen.on_map)
    page.get_by_text("Marked on the map", exact=True).wait_for()
    settled(page)
    assert seen.listed() == number
    seen.plane.get_by_text("marked on the plane").wait_for(state="hidden")
    assert page.problems == []


def test_a_click_or_enter_on_a_dot_of_the_map_opens_its_text(server, page):
    store, project = seeded_project(server.home, n=300)
    rows = pool_rows(server.home)
    # One text alone in a corner, and one in the middle of the picture.
    places, topic = add_map(store, project)
    alone, middle = int(rows[5]), int(rows[50])
    places[alone], places[middle] = (0.98, 0.98), (0, 0)
    add_map(store, project, places, topic)
    seen = Mapped(page)
    page.goto(f"{server.url}/curate?pane=map")
    seen.ready()
    seen.agrees()
    seen.plane.locator("canvas").first.scroll_into_view_if_needed()
    page.mouse.click(*seen.on_map(0.99, 0.99))
    page.get_by_text(re.compile(rf"message number {alone}$")).first.wait_for()
    settled(page)
    seen.plane.locator("canvas").first.focus()
    page.keyboard.press("Enter")
    page.get_by_text(re.compile(rf"message number {middle}$")).first.wait_for()
    assert page.problems == []
