"""Two people in two browsers on one project: nothing that either says is lost, and both are told."""

import re
import time

import pytest

from tests.support.browser import new_context, settled
from tests.support.seeded_projects import NAMES, seeded_project

pytestmark = pytest.mark.browser
APART = 350  # milliseconds between two keys of a person who reads short texts


@pytest.fixture
def two(server, browser):
    """Ana and Ben, each in a browser of their own, at the same project."""
    store, project = seeded_project(server.home, n=120, gold=False)
    pages = {}
    for name in ("Ana", "Ben"):
        context = new_context(browser)
        context.set_default_timeout(30_000)
        page = pages[name] = context.new_page()
        page.problems = []
        page.on("pageerror", lambda error, page=page: page.problems.append(str(error)))
        page.goto(f"{server.url}/curate")
        page.locator(".plane[data-ready=yes][data-frame]").wait_for()
        settled(page)
        page.get_by_role("button", name="Give your name").click()
        field = page.get_by_role("textbox", name="Your name")
        field.fill(name)
        field.press("Enter")
        page.get_by_role("button", name=name, exact=True).first.wait_for()
        settled(page)
        page.keyboard.press("Escape")
    yield store, project, pages["Ana"], pages["Ben"]
    for page in pages.values():
        assert page.problems == []
        page.context.close()
    store.close()


def one_by_one(page):
    page.get_by_text("One by one", exact=True).click()
    page.get_by_text(re.compile("^Text 1 of ")).wait_for()
    settled(page)
    page.wait_for_timeout(300)


def decided(store, project, who):
    """What a person decided and did not undo: row and the class's key."""
    return [(e["row"], e["label"]) for e in store.decisions.edits(project.id) if e["who"] == who]


def stored(store, project, who, number):
    """Wait until so many decisions of a person are stored."""
    for _ in range(200):
        if len(decided(store, project, who)) == number:
            break
        time.sleep(0.1)
    entries = decided(store, project, who)
    assert len(entries) == number
    return entries


def test_both_label_the_same_texts_at_the_same_time_both_undo_and_a_third_settles(
    two, browser, server
):
    store, project, ana, ben = two
    one_by_one(ana)
    one_by_one(ben)
    # Five texts at the same moment: the first three otherwise, the last two alike.
    for keys in ("12", "12", "12", "33", "33"):
        ana.keyboard.press(keys[0])
        ben.keyboard.press(keys[1])
        ben.wait_for_timeout(APART)
    of_ana, of_ben = stored(store, project, "Ana", 5), stored(store, project, "Ben", 5)
    assert [row for row, _ in of_ana] == [row for row, _ in of_ben]
    assert [len(d.opinions) for d in store.disputes.all(project.id)] == [2, 2, 2]
    # Whoever came second was told in the card; the other reads it in the sidebar.
    told = [page.locator(".llkd-against").is_visible() for page in (ana, ben)]
    assert any(told)
    for page, other in ((ana, "Ben"), (ben, "Ana")):
        page.get_by_text("3 disputed texts").first.wait_for()
        page.get_by_text(f"Others differ from you: {other} on 3 texts.").wait_for()
    against = (ben if told[1] else ana).locator(".llkd-against").inner_text()
    assert re.search(r"(Ana|Ben) labelled this \w+ .*; you said \w+\. Both are kept;", against)

    # Both undo their last: each takes back their own, and nothing of the other's.
    for page in (ana, ben):
        page.locator(".llkd-card").focus()
        page.keyboard.press("u")
        page.wait_for_timeout(APART)
    assert stored(store, project, "Ana", 4) == of_ana[:4]
    assert stored(store, project, "Ben", 4) == of_ben[:4]

    # Ben settles the first by one key; both browsers learn of it.
    ben.get_by_role("button", name="Settle", exact=True).click()
    ben.get_by_text(re.compile("^Text 1 of 3")).wait_for()
    settled(ben)
    assert "Ana: roads" in ben.locator(".llkd-facts").inner_text()
    ben.wait_for_timeout(300)
    ben.keyboard.press("3")
    ana.get_by_text("2 disputed texts").first.wait_for()
    row = of_ana[0][0]
    assert store.decisions.current(project.id).loc[row, "human_label"] == NAMES[2]
    # All three words are in the history.
    words = [e for e in store.decisions.edits(project.id) if e["row"] == row]
    assert [(e["who"], e["label"]) for e in words][-1] == ("Ben", NAMES[2]) and len(words) == 3


def test_one_merges_a_class_while_the_other_labels_into_it(two, server):
    store, project, ana, ben = two
    ana.goto(f"{server.url}/data?project=city")
    settled(ana, "Merge or split classes")
    ana.get_by_text("Merge or split classes").click()
    settled(ana)
    box = ana.get_by_role("combobox", name=re.compile("Classes that become one"))
    for name in NAMES[:2]:
        box.click()
        ana.keyboard.type(name, delay=60)
        ana.get_by_role("option", name=name, exact=True).wait_for()
        ana.keyboard.press("Enter")
        # The page draws itself again after each choice; the box takes no key before it has.
        ana.locator("[data-testid=stMultiSelect]").get_by_text(name, exact=True).wait_for()
        settled(ana)
        ana.wait_for_timeout(APART)
    ana.keyboard.press("Escape")
    merge = ana.get_by_role("button", name="Merge them")
    merge.wait_for()
    settled(ana)
    one_by_one(ben)
    pressed = 0
    for k in range(24):
        ben.keyboard.press("2")  # the second class, which is going to be of the first
        pressed += 1
        ben.wait_for_timeout(APART)
        if k == 4:
            merge.click(no_wait_after=True)
        if k > 18 and len(store.projects.by_id(project.id).label_set.labels) == 2:
            break
    ana.get_by_text("are one class now").wait_for()
    dropped = ben.evaluate(
        'Math.max(...[...document.querySelectorAll(".llkd-card")].map('
        "(card) => +(card.dataset.dropped ?? 0)), 0)"
    )
    # Every press that was not said to be dropped is stored, each on a text of its own.
    entries = stored(store, project, "Ben", pressed - dropped)
    print(f"{pressed} presses, {len(entries)} stored, {dropped} dropped and said")
    assert len({row for row, _ in entries}) == len(entries)
    now = store.decisions.current(project.id)
    names = store.projects.by_id(project.id).label_set.names
    assert names == [NAMES[0], NAMES[2]]
    # What was pressed as the second class is of the one class now, also what came after the merge.
    before = [row for row, key in entries if key != NAMES[2]]
    assert len(before) >= 5 and set(now.loc[before, "human_label"]) == {NAMES[0]}
    # When Ben rests, his keys are those of the classes there are now.
    ben.locator(".llkd-gives").get_by_text(NAMES[1], exact=True).wait_for(state="detached")
    assert ben.locator(".llkd-gives").inner_text().split()[0] == NAMES[0]
