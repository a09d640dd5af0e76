"""Notes and the history of decisions: what held before and after, and undo by its author."""

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as hyp

from llkd import packing
from llkd.errors import UserError
from llkd.jobs.progress import SilentProgress
from llkd.store import schema
from llkd.store.people.acts import UNDO
from tests.support.seeded_projects import seeded_project


@pytest.fixture
def city(home):
    return seeded_project(home, n=40)


def acts(store, project):
    return [(a.who, a.action, a.before, a.after, a.state) for a in store.history.acts(project.id)]


def test_before_and_after_and_what_stands(city):
    store, project = city
    roads, waste, _ = project.label_set.keys
    decide = store.decisions.decide
    decide(project.id, [3], "label", "roads", who="Ann", batch="a1")
    decide(project.id, [3], "label", "waste", who="Bo", batch="b1")
    decide(project.id, [3], "exclude", who="Ann", batch="a2")
    store.decisions.undo(project.id, "b1")
    assert acts(store, project) == [
        ("Ann", "label", (), (roads,), "stands"),
        ("Bo", "label", (roads,), (roads, waste), "undone"),
        ("Ann", "exclude", (), ("excluded",), "stands"),
        ("Bo", UNDO, (roads, waste), (roads,), "stands"),
    ]
    decide(project.id, [3], "unlabel", who="Bo")
    assert acts(store, project)[0][-1] == "overwritten"
    assert acts(store, project)[-1][2:4] == ((roads,), ())


def test_what_versions_of_before_recorded_is_overwritten_by_the_last_word(city):
    store, project = city
    roads, waste, _ = project.label_set.keys
    for who, label in (("Ann", "roads"), ("Bo", "waste")):
        store.decisions.decide(project.id, [3], "label", label, who=who)
    with store.engine.begin() as connection:
        connection.execute(sa.update(schema.human_labels).values(kind=None))
    assert acts(store, project) == [
        ("Ann", "label", (), (roads,), "overwritten"),
        ("Bo", "label", (roads,), (waste,), "stands"),
    ]
    assert store.history.labellers(project.id) == {3: "Bo"}


def test_only_ones_own_and_only_what_still_holds_is_taken_back(city):
    store, project = city
    decide, undo = store.decisions.decide, store.history.undo_own
    decide(project.id, [3, 4], "label", "roads", who="Ann", batch="a1")
    for who, mark in (("Bo", ""), ("Ann", "b")):
        with pytest.raises(UserError, match="Only what you did yourself"):
            undo(project.id, "a1", who, mark)
    decide(project.id, [4], "label", "waste", who="Bo", batch="b1")
    decide(project.id, [4], "label", "waste", who="Cy", batch="c1", final=True)
    with pytest.raises(UserError, match="'Cy' has decided otherwise on some of these texts"):
        undo(project.id, "a1", "Ann")
    assert store.decisions.current(project.id)["human_label"].tolist() == ["roads", "waste"]
    # A flag or a note of somebody else changes nothing about a label.
    decide(project.id, [4], "flag", who="Bo")
    store.history.add_note(project.id, [4], "hm", who="Bo")
    undo(project.id, "c1", "Cy")
    # Two who differ: each may withdraw what they said.
    assert undo(project.id, "a1", "Ann") == 2
    assert store.decisions.current(project.id)["human_label"].dropna().tolist() == ["waste"]
    with pytest.raises(UserError, match="taken back already"):
        undo(project.id, "a1", "Ann")
    with pytest.raises(UserError, match="Only what you did"):
        undo(project.id, "no such batch", "Ann")
    with pytest.raises(UserError, match="audit"):
        undo(project.id, "audit1.3", "Ann")


STEPS = hyp.lists(
    hyp.tuples(
        hyp.sampled_from(["label", "unlabel", "exclude", "include", "flag", "undo"]),
        hyp.integers(0, 2),
        hyp.sampled_from(["roads", "waste"]),
    ),
    max_size=12,
)


@given(steps=STEPS)
@settings(max_examples=40, deadline=None)
def test_the_last_of_each_side_is_what_holds(tmp_path_factory, steps):
    store, project = seeded_project(tmp_path_factory.mktemp("home"), n=8, labelled=False,
                                    probed=False)  # fmt: skip
    batches = []
    for action, row, label in steps:
        if action == "undo":
            if batches:
                store.decisions.undo(project.id, batches.pop(row % len(batches)))
            continue
        named = label if action == "label" else None
        batches.append(store.decisions.decide(project.id, [row], action, named))
    now = store.decisions.current(project.id)
    last = {}
    for act in store.history.acts(project.id):
        side = {"l": "label", "u": "label", "e": "out", "i": "out", "f": "flag"}[
            (act.undoes or act.action)[0]
        ]
        last[act.row, side] = act.after
    for row in range(3):
        entry = now.loc[row] if row in now.index else None
        label = None if entry is None else entry["human_key"]
        assert last.get((row, "label"), ()) == ((label,) if isinstance(label, str) else ())
        assert (last.get((row, "out")) == ("excluded",)) == bool(
            entry is not None and entry["excluded"]
        )
        assert (last.get((row, "flag")) == ("flagged",)) == bool(
            entry is not None and entry["flagged"]
        )
    store.close()


def test_notes_decide_nothing_and_are_kept_with_author_and_time(city):
    store, project = city
    store.decisions.decide(project.id, [3], "label", "roads", who="Ann")
    before = store.decisions.current(project.id)
    hostile = "<b>x</b> =1+1\n\u05d0\u05d1"
    batch = store.history.add_note(project.id, [3, 5], f" {hostile} ", who="Bo", batch="n1")
    assert store.history.add_note(project.id, [3, 5], "again", who="Bo", batch=batch) == batch
    assert store.decisions.current(project.id).equals(before)
    assert not [e for e in store.decisions.edits(project.id) if e["action"] == "note"]
    notes = store.history.notes(project.id)
    assert {row: [(n.who, n.text) for n in each] for row, each in notes.items()} == {
        3: [("Bo", hostile)], 5: [("Bo", hostile)],
    }  # fmt: skip
    assert store.history.noted_rows(project.id) == [3, 5]
    (latest,) = store.decisions.batches(project.id, "Bo")
    assert (latest.action, latest.rows) == ("note", (3, 5))
    store.decisions.undo(project.id, batch)
    assert not store.history.notes(project.id)
    moment = notes[3][0].created
    assert len(store.history.notes(project.id, at=moment)) == 2
    for text in ("", "  ", "x" * 2001, "a\x00b", "\u202e"):
        with pytest.raises(UserError):
            store.history.add_note(project.id, [3], text)


def test_notes_and_views_go_along_with_a_packed_project(city, tmp_path):
    from llkd.config.text_view import TextView

    store, project = city
    store.history.add_note(project.id, [7], "ask Ann", who="Bo")
    view = TextView.from_address({"filter": "note=yes", "sort": "-by"})
    store.text_views.save(project.id, "noted", view)
    packed = tmp_path / "city.llkd"
    packing.pack(store, project, packed, SilentProgress())
    packing.unpack(store, str(packed), SilentProgress(), name="there")
    there = store.projects.get("there")
    assert store.history.notes(there.id)[7][0].text == "ask Ann"
    assert store.text_views.get(there.id, "noted").view == view
