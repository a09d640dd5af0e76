"""Contrast, size and focus as a browser draws them, in both themes."""

import re

import pytest

from tests.support.browser import new_context, settled
from tests.support.seeded_projects import seeded_project

BEHIND = r"""e => {
  for (let one = e; one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    const alpha = /^rgba/.test(colour) ? Number(colour.match(/[\d.]+/g)[3]) : 1;
    if (alpha > 0.5) return colour;  // a faint tint changes little
  }
  return 'rgb(255, 255, 255)';
}"""
OPACITY = """e => {
  let share = 1;
  for (let one = e; one; one = one.parentElement) share *= Number(getComputedStyle(one).opacity);
  return share;
}"""


def channels(colour):
    return [float(part) for part in re.findall(r"[\d.]+", colour)][:3]


def luminance(rgb):
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(element):
    """WCAG 2: of an element's text against what is drawn behind it."""
    front = channels(element.evaluate("e => getComputedStyle(e).color"))
    behind = channels(element.evaluate(BEHIND))
    share = element.evaluate(OPACITY)
    drawn = [(share * f + (1 - share) * b) / 255 for f, b in zip(front, behind, strict=True)]
    light, dark = sorted([luminance(drawn), luminance([b / 255 for b in behind])], reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_read_has_contrast_and_links_have_size_and_focus(home, server, browser, theme):
    seeded_project(home, 60)[0].close()
    context = new_context(browser, color_scheme=theme)
    page = context.new_page()
    page.goto(f"{server.url}/train?project=city")
    settled(page, "Start training")
    assert contrast(page.get_by_test_id("stBaseButton-primary").first) >= 4.5
    chosen = page.get_by_text("MiniLM (built in)").first
    assert contrast(chosen) >= 4.5
    for caption in page.get_by_test_id("stCaptionContainer").all()[:3]:
        assert contrast(caption) >= 4.5
    links = page.get_by_test_id("stSidebar").get_by_test_id("stPageLink").get_by_role("link")
    assert links.count() == 7  # the six steps, and who decided what
    for link in links.all():
        assert link.bounding_box()["height"] >= 36
    links.nth(0).focus()
    page.keyboard.press("Tab")
    focused = page.evaluate("() => getComputedStyle(document.activeElement).outline")
    assert "2px" in focused and "none" not in focused
    links.nth(1).hover()
    page.wait_for_timeout(700)
    assert page.get_by_role("tooltip").all_inner_texts() == []  # it covered the next steps
    context.close()
