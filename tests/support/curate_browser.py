"""Curate in a real browser, as a person sees it."""

import re

from tests.support.browser import settled


class Curate:
    """The page as a person sees it."""

    def __init__(self, page):
        self.page = page
        self.plane = page.locator(".plane")
        self.teacher = page.get_by_role("slider", name="Teacher threshold")
        self.student = page.get_by_role("slider", name="Student threshold")

    def open(self, server, query=""):
        self.page.goto(f"{server.url}/curate{query}")
        return self.ready()

    def ready(self):
        self.page.locator(".plane[data-ready=yes][data-frame]").wait_for()
        settled(self.page)
        return self

    def browser(self):
        return int(self.plane.locator(".kept").inner_text().replace(",", ""))

    def server(self):
        told = self.page.get_by_text(re.compile("Kept by these thresholds: ")).inner_text()
        return int(re.search(r": ([\d,]+) of", told)[1].replace(",", ""))

    def listed(self):
        told = self.page.get_by_text(re.compile(r"^Rows [\d,]+ to")).inner_text()
        return int(told.rsplit(" ", 1)[1].replace(",", ""))

    def agrees(self, until=lambda: True):
        """Wait until browser, server and table count the same."""
        for _ in range(400):
            if self.browser() == self.server() and until():
                break
            self.page.wait_for_timeout(30)
        assert self.browser() == self.server()
        assert until()
        return self.browser()

    def at(self, x, y):
        box = self.plane.locator("canvas").first.bounding_box()
        w, h = box["width"] - 102, box["height"] - 76
        return box["x"] + 50 + (x + 0.015) / 1.03 * w, box["y"] + 30 + (1.02 - y) / 1.04 * h

    def drag(self, *points):
        self.page.mouse.move(*self.at(*points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.at(*point), steps=4)
        self.page.mouse.up()

    def type(self, side, text):
        field = self.page.get_by_label(f"{side} at least")
        field.fill(text)
        field.press("Enter")


def tick(page, *places):
    """Click the boxes before these rows of the table, the first is 1."""
    table = page.locator("[class*=st-key-curate_rows] .dvn-scroller")
    for place in places:
        table.click(position={"x": 17, "y": 17 + 35 * place})
        settled(page)
