"""The Data page's Manage menu: another name, put away, taken up again."""

from llkd.store import Store
from tests.support.pages import button, opened, said, words
from tests.support.seeded_projects import living_job, seeded_project


def field(app, label):
    return next(entry for entry in app.text_input if entry.label == label)


def test_a_project_is_renamed_and_stays_the_one_that_is_shown(home):
    seeded_project(home, labelled=False, probed=False)
    app = opened("data")
    field(app, "Name").set_value("[town](http://x)").run()
    button(app, "Rename").click().run()
    assert not app.exception and not app.error
    assert app.sidebar.selectbox[0].value == "[town](http://x)"
    assert app.query_params["project"] == "[town](http://x)"
    app.run()  # AppTest: widgets have other identities once the address has changed
    field(app, "Name").set_value("\u200b").run()
    button(app, "Rename").click().run()
    assert "A project name has 1 to 100 printable characters" in said(app.error)


def test_an_archived_project_is_out_of_the_picker_until_it_is_restored(home):
    seeded_project(home, labelled=False, probed=False)
    app = opened("data")
    button(app, "Archive").click().run()
    assert not app.exception and not app.sidebar.selectbox
    assert "Archived (1)" in words(app)
    app.run()  # AppTest: widgets have other identities once the address has changed
    button(app, "Open it").click().run()
    assert "This project was archived on" in words(app)
    assert app.sidebar.selectbox[0].options == ["city"]
    app.run()
    button(app, "Restore it").click().run()
    assert Store(home).projects.names() == ["city"] and "was archived" not in words(app)


def test_a_project_at_work_is_not_put_away(home):
    store, project = seeded_project(home, labelled=False, probed=False)
    with living_job(store, project):
        app = opened("data")
        button(app, "Archive").click().run()
        assert "is working on 'city'" in said(app.error)
    assert store.projects.names() == ["city"]
