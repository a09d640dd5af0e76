"""Saved views: kept, renamed, deleted; a damaged one is named, and the others are read."""

import pytest
import sqlalchemy as sa

from llkd.config.text_view import TextView
from llkd.errors import NotFound, UserError
from llkd.maintenance import examine
from llkd.store import Store, schema
from tests.support.seeded_projects import seeded_project

VIEW = TextView.from_address({"filter": "confidence=..0.5;by=@Ann", "words": "a", "sort": "-text"})


def test_views_are_kept_by_name_and_go_with_the_project(home):
    store, project = seeded_project(home)
    store.text_views.save(project.id, " unsure ", VIEW)
    assert store.text_views.get(project.id, "unsure").view == VIEW
    with pytest.raises(UserError, match="already"):
        store.text_views.save(project.id, "unsure", VIEW)
    store.text_views.save(project.id, "Other", TextView())
    assert [view.name for view in store.text_views.all(project.id)] == ["Other", "unsure"]
    with pytest.raises(UserError, match="already"):
        store.text_views.rename(project.id, "Other", "unsure")
    assert store.text_views.rename(project.id, "Other", "everything").view == TextView()
    with pytest.raises(UserError, match="at most 100"):
        store.text_views.save(project.id, "x" * 101, VIEW)
    store.text_views.delete(project.id, "everything")
    with pytest.raises(NotFound):
        store.text_views.delete(project.id, "everything")
    store.projects.delete(project.id)
    with store.engine.connect() as connection:
        assert not connection.execute(sa.select(schema.text_views)).all()


@pytest.mark.parametrize("value", ["{", '{"filters": {"filters": [{"kind": "x"}]}}', '"words"'])
def test_a_damaged_view_is_named_and_the_others_are_read(home, value):
    store, project = seeded_project(home)
    for name in ("good", "bad"):
        store.text_views.save(project.id, name, VIEW)
    with store.engine.begin() as connection:
        connection.execute(
            sa.text("update text_views set view = :value where name = 'bad'"), {"value": value}
        )
    assert [view.name for view in store.text_views.all(project.id)] == ["good"]
    store.close()
    [finding] = [one for one in examine(Store(home).home).findings if one.check == "record"]
    assert finding.where == "saved view 2"
