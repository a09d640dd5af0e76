"""A project grows and its classes change, by mouse and keys at a person's speed."""

import pytest

from llkd.store import Store
from tests.support.browser import settled
from tests.support.seeded_projects import seeded_project

pytestmark = pytest.mark.browser


def names(home):
    store = Store(home)
    try:
        return store.projects.get("city").label_set.names
    finally:
        store.close()


def wait_for_names(page, home, wanted):
    for _ in range(100):
        if sorted(names(home)) == sorted(wanted):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"the classes are {names(home)}")


def test_texts_are_added_once_however_often_the_button_is_pressed(server, page, tmp_path):
    store, project = seeded_project(server.home, 60)
    repeat = store.projects.texts(project.id, ["text"])["text"].iloc[0]
    file = tmp_path / "later.csv"
    file.write_text(
        "text\n" + "\n".join([repeat, *(f"a new text of another month, {k}" for k in range(4))])
    )
    page.goto(f"{server.url}/data?project=city")
    settled(page, "Add texts")
    page.get_by_role("button", name="Add texts").click()
    settled(page, "To city, which has 60 texts")
    page.locator("input[type=file]").first.set_input_files(file)
    button = page.get_by_role("button", name="Add 4 texts")
    button.wait_for()
    settled(page)
    button.dblclick(delay=60)
    settled(page, "Added since:")
    project = store.projects.get("city")
    texts = store.projects.texts(project.id, ["text"])["text"]
    assert project.rows == 64 and len(project.additions) == 1
    assert texts.iloc[60:].tolist() == [f"a new text of another month, {k}" for k in range(4)]
    store.close()
    assert page.problems == []


def test_classes_are_merged_and_put_back_once_a_press(server, page):
    store, project = seeded_project(server.home, 60)
    pool = store.projects.texts(project.id, ["split"])["split"]
    rows = pool.index[pool == "pool"][:6].tolist()
    for row, name in zip(rows, ["roads", "waste", "water"] * 2, strict=True):
        store.decisions.decide(project.id, [int(row)], "label", name, who="ann")
    page.goto(f"{server.url}/data?project=city")
    settled(page, "Merge or split classes")
    page.get_by_text("Merge or split classes").click()
    chosen = page.get_by_role("combobox", name="Classes that become one")
    for name in ("roads", "water"):
        chosen.click()
        page.wait_for_timeout(400)  # a person's: the list has opened
        page.keyboard.type(name, delay=40)
        page.wait_for_timeout(400)
        page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    settled(page, "Name of the one class")
    field = page.get_by_role("textbox", name="Name of the one class")
    field.click()
    page.keyboard.press("Control+A")
    page.keyboard.type("outside", delay=40)
    # The press that leaves the field is the press on the button.
    page.get_by_role("button", name="Merge them").click()
    try:
        wait_for_names(page, server.home, ["outside", "waste"])
    except AssertionError:
        # The lines above it moved under the press: it was lost, and a person presses again.
        page.get_by_role("button", name="Merge them").click()
        wait_for_names(page, server.home, ["outside", "waste"])
    settled(page, "Changes of the classes (1)")
    carried = store.decisions.current(project.id)["human_label"]
    assert carried.value_counts().to_dict() == {"outside": 4, "waste": 2}
    page.get_by_text("Changes of the classes (1)").click()
    page.get_by_role("button", name="Undo the last change").click()
    sure = page.get_by_role("button", name="Undo it")
    sure.wait_for()
    settled(page)
    page.wait_for_timeout(500)  # the lines above it come one by one and push it down
    sure.dblclick(delay=60)
    wait_for_names(page, server.home, ["roads", "waste", "water"])
    settled(page)
    carried = store.decisions.current(project.id)["human_label"]
    assert carried.value_counts().to_dict() == {"roads": 2, "waste": 2, "water": 2}
    store.close()
    assert page.problems == []
