"""Several people's decisions on one text: all are kept, and none wins without a word."""

import threading
import time

import pytest
import sqlalchemy as sa

from llkd.errors import NotFound, UserError
from llkd.store import Store, schema
from llkd.store.people.browser_names import person_name
from llkd.store.people.moments import ago
from llkd.store.people.samples import (
    AlreadyLabelled,
    FirstLabel,
    SampleDesign,
    population_sha256,
)
from tests.support.seeded_projects import seeded_project

ROW = 30


@pytest.fixture
def city(home):
    store, project = seeded_project(home)
    yield store, project
    store.close()


def label(store, project, name, who, row=ROW, **more):
    return store.decisions.decide(project.id, [row], "label", name, who, **more)


def held(store, project, row=ROW, at=None):
    return store.decisions.current(project.id, at).loc[row]


def said(disputes):
    return [[(o.who, name) for o, name in zip(d.opinions, d.names, strict=True)] for d in disputes]


class TestDisputes:
    def test_two_labels_that_differ_are_both_there_and_neither_counts(self, city):
        store, project = city
        label(store, project, "roads", "Ana")
        second = label(store, project, "waste", "Ben")
        now = held(store, project)
        assert now["disputed"] and now["excluded"] and now["human_label"] is None
        assert said(store.disputes.all(project.id)) == [[("Ana", "roads"), ("Ben", "waste")]]
        assert said(store.disputes.contradicted(project.id, second)) == [[("Ana", "roads")]]

    def test_the_same_label_of_two_is_no_dispute(self, city):
        store, project = city
        label(store, project, "roads", "Ana")
        second = label(store, project, "roads", "Ben")
        assert held(store, project)["human_label"] == "roads"
        assert not store.disputes.all(project.id)
        assert not store.disputes.contradicted(project.id, second)

    def test_ones_own_label_is_changed_without_a_dispute(self, city):
        store, project = city
        label(store, project, "roads", "Ana")
        label(store, project, "waste", "Ana")
        assert held(store, project)["human_label"] == "waste"
        label(store, project, "roads", "Ben")
        label(store, project, "waste", "Ben")  # comes round
        assert held(store, project)["human_label"] == "waste"

    def test_undoing_ones_label_ends_it_and_leaves_the_others(self, city):
        store, project = city
        label(store, project, "roads", "Ana")
        second = label(store, project, "waste", "Ben")
        store.decisions.undo(project.id, second)
        assert held(store, project)["human_label"] == "roads"

    def test_a_final_word_settles_it_and_its_undo_opens_it_again(self, city):
        store, project = city
        label(store, project, "roads", "Ana")
        label(store, project, "waste", "Ben")
        final = label(store, project, "water", "Eve", final=True)
        now = held(store, project)
        assert (now["human_label"], now["excluded"], now["disputed"]) == ("water", False, False)
        assert [e["who"] for e in store.decisions.edits(project.id)] == ["Ana", "Ben", "Eve"]
        store.decisions.undo(project.id, final)
        assert held(store, project)["disputed"]
        store.decisions.decide(project.id, [ROW], "exclude", who="Eve", final=True)
        now = held(store, project)
        assert now["excluded"] and not now["disputed"]

    def test_after_a_final_word_another_label_is_a_dispute_again(self, city):
        store, project = city
        label(store, project, "roads", "Ana")
        label(store, project, "waste", "Ben")
        label(store, project, "water", "Eve", final=True)
        label(store, project, "roads", "Ana")
        assert said(store.disputes.all(project.id)) == [[("Eve", "water"), ("Ana", "roads")]]

    def test_an_exclusion_and_an_inclusion_are_a_dispute_too(self, city):
        store, project = city
        store.decisions.decide(project.id, [ROW], "exclude", who="Ana")
        batch = store.decisions.decide(project.id, [ROW], "include", who="Ben")
        assert held(store, project)["disputed"] and held(store, project)["excluded"]
        assert store.disputes.contradicted(project.id, batch)[0].opinions[0].excluded
        label(store, project, "water", "Eve", final=True)
        assert not held(store, project)["excluded"]

    def test_excluding_what_another_labelled_is_told_and_no_dispute(self, city):
        store, project = city
        label(store, project, "roads", "Ana")
        batch = store.decisions.decide(project.id, [ROW], "exclude", who="Ben")
        assert said(store.disputes.contradicted(project.id, batch)) == [[("Ana", "roads")]]
        assert held(store, project)["excluded"] and not held(store, project)["disputed"]

    def test_many_at_once_name_every_text_that_another_had_labelled(self, city):
        store, project = city
        for row in (20, 21, 22):
            label(store, project, "roads", "Ana", row)
        batch = store.decisions.decide(project.id, list(range(18, 60)), "label", "waste", "Ben")
        assert [d.row for d in store.disputes.contradicted(project.id, batch)] == [20, 21, 22]
        assert [d.row for d in store.disputes.all(project.id)] == [20, 21, 22]

    def test_a_merge_of_the_two_classes_ends_it_and_its_undo_does_not_lose_it(self, city):
        store, project = city
        label(store, project, "roads", "Ana")
        label(store, project, "waste", "Ben")
        before = time.time()
        store.classes.merge(project.id, ["roads", "waste"], "streets")
        assert held(store, project)["human_label"] == "streets"
        # What was exported before the merge is made again as it was.
        assert held(store, project, at=before)["disputed"]
        store.classes.undo(project.id)
        assert held(store, project)["disputed"]

    def test_flags_and_unlabelling(self, city):
        store, project = city
        label(store, project, "roads", "Ana")
        store.decisions.decide(project.id, [ROW], "flag", who="Ben")
        assert not held(store, project)["disputed"]
        batch = store.decisions.decide(project.id, [ROW], "unlabel", who="Ben")
        assert held(store, project)["human_label"] is None
        assert said(store.disputes.contradicted(project.id, batch)) == [[("Ana", "roads")]]

    def test_counts_of_classes_hold_on_to_both_labels(self, city):
        store, project = city
        label(store, project, "roads", "Ana")
        label(store, project, "waste", "Ben")
        carried = store.classes.carried(project.id)
        keys = project.label_set.keys
        assert [carried[key].people for key in keys[:2]] == [1, 1]

    def test_two_at_the_same_moment_lose_nothing_and_at_least_one_is_told(self, home, city):
        _, project = city
        start, batches = threading.Barrier(2), {}

        def work(who, name):
            mine = Store(home)
            start.wait()
            batch = mine.decisions.decide(project.id, [ROW], "label", name, who)
            batches[who] = mine.disputes.contradicted(project.id, batch)
            mine.close()

        both = [threading.Thread(target=work, args=part) for part in
                (("Ana", "roads"), ("Ben", "waste"))]  # fmt: skip
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        store, _ = city
        assert len(store.disputes.all(project.id)[0].opinions) == 2
        assert any(batches.values()) and len(batches) == 2


class TestWithoutAName:
    def test_a_word_with_a_name_takes_the_place_of_one_without(self, city):
        store, project = city
        label(store, project, "roads", "local user", batch="a" * 32)
        batch = label(store, project, "waste", "Ana")
        assert held(store, project)["human_label"] == "waste"
        assert said(store.disputes.contradicted(project.id, batch)) == [[("local user", "roads")]]

    def test_a_word_without_a_name_does_not_take_anothers_place(self, city):
        store, project = city
        label(store, project, "roads", "Ana")
        label(store, project, "waste", "local user", batch="b" * 32)
        assert held(store, project)["disputed"]

    def test_two_browsers_without_names_are_told_apart_by_their_marks(self, city):
        store, project = city
        label(store, project, "roads", "local user", batch="a" * 32)
        again = label(store, project, "water", "local user", batch="a" * 12 + "c" * 20)
        assert not store.disputes.contradicted(project.id, again)
        other = label(store, project, "waste", "local user", batch="b" * 32)
        assert said(store.disputes.contradicted(project.id, other)) == [[("local user", "water")]]
        assert held(store, project)["human_label"] == "waste"


def test_in_decisions_of_a_version_before_the_last_word_wins(city):
    store, project = city
    label(store, project, "roads", "Ana")
    label(store, project, "waste", "Ben")
    with store.engine.begin() as connection:
        connection.execute(sa.update(schema.human_labels).values(kind=None))
    assert held(store, project)["human_label"] == "waste"
    label(store, project, "water", "Cleo")
    assert said(store.disputes.all(project.id)) == [[("Ben", "waste"), ("Cleo", "water")]]


def a_sample(store, project, rows=(20, 21, 22), who="Ana"):
    keys = project.label_set.keys
    for row in rows:
        label(store, project, "roads", who, row)
    texts = tuple(FirstLabel(row=row, key=keys[0], who=who) for row in rows)
    design = SampleDesign(
        population=len(rows), texts=texts, population_sha256=population_sha256(rows)
    )
    return store.label_samples.create(project.id, who, 7, design)


class TestSecondLabels:
    def test_they_take_no_place_and_dispute_where_they_differ(self, city):
        store, project = city
        sample, keys = a_sample(store, project), project.label_set.keys
        store.label_samples.label(sample, 20, keys[0], "Ben", "x1")
        store.label_samples.label(sample, 21, keys[1], "Ben", "x2")
        store.label_samples.label(sample, 22, None, "Ben", "x3")
        assert held(store, project, 20)["human_label"] == "roads"
        assert held(store, project, 20)["who"] == "Ana"
        assert said(store.disputes.all(project.id)) == [
            [("Ana", "roads"), ("Ben", "waste")], [("Ana", "roads"), ("Ben", None)],
        ]  # fmt: skip
        label(store, project, "roads", "Eve", 21, final=True)
        assert [d.row for d in store.disputes.all(project.id)] == [22]

    def test_without_the_first_label_the_second_is_none(self, city):
        store, project = city
        sample, keys = a_sample(store, project), project.label_set.keys
        store.label_samples.label(sample, 20, keys[1], "Ben", "x1")
        store.decisions.undo(project.id, store.decisions.batches(project.id, "Ana", most=3)[2].id)
        assert 20 not in store.decisions.current(project.id).index

    def test_sent_twice_is_done_once_and_undone_by_its_author(self, city):
        store, project = city
        sample, keys = a_sample(store, project), project.label_set.keys
        for _ in range(2):
            store.label_samples.label(sample, 20, keys[1], "Ben", "x1")
        assert len(store.label_samples.labels(sample)) == 1
        with pytest.raises(AlreadyLabelled):
            store.label_samples.label(sample, 20, keys[2], "Ben", "x2")
        assert store.label_samples.undo(sample, "Cleo") is None
        assert store.label_samples.undo(sample, "Ben").row == 20
        assert store.label_samples.undo(sample, "Ben") is None
        assert store.label_samples.undo(sample, "Ben", "x1").undone
        assert not store.label_samples.labels(sample)
        assert not store.decisions.batches(project.id, "Ben")

    def test_the_first_person_and_nobody_cannot_give_one(self, city):
        store, project = city
        sample, keys = a_sample(store, project), project.label_set.keys
        for who, row in (("Ana", 20), ("local user", 20), ("Ben", 50)):
            with pytest.raises(UserError):
                store.label_samples.label(sample, row, keys[0], who, "x9")
        with pytest.raises(UserError, match="no class"):
            store.label_samples.label(sample, 20, "gone", "Ben", "x9")
        assert sample.rows_for("Ana") == [] and sample.rows_for("Ben") == [20, 21, 22]

    def test_all_of_many_or_none(self, city):
        store, project = city
        sample, keys = a_sample(store, project), project.label_set.keys
        with pytest.raises(UserError):
            store.label_samples.label_all(
                sample, [(20, keys[0], "Ben", "y1"), (59, keys[0], "Ben", "y2")]
            )
        assert not store.label_samples.labels(sample)

    def test_one_that_is_not_there_is_named_with_those_that_are(self, city):
        store, project = city
        a_sample(store, project)
        with pytest.raises(NotFound, match="The samples: 1"):
            store.label_samples.get(project.id, 9)


class TestNames:
    def test_a_browsers_name_is_kept_and_forgotten(self, city):
        store, _ = city
        assert store.browser_names.get("m" * 12) is None
        store.browser_names.set("m" * 12, "  Ana \n B\u0000ell ")
        assert store.browser_names.get("m" * 12) == "Ana B ell"
        store.browser_names.set("m" * 12, None)
        assert store.browser_names.get("m" * 12) is None

    @pytest.mark.parametrize("typed", ["", "  ", "\u0000\u202e", "Local  User"])
    def test_a_name_that_is_none_is_refused(self, typed):
        with pytest.raises(UserError):
            person_name(typed)

    def test_hostile_names_are_cut_and_lose_what_cannot_be_seen(self):
        assert person_name("x" * 500) == "x" * 60
        assert person_name("<b>A\u202e\u0007</b>") == "<b>A </b>"


def test_a_saved_selection_is_not_overwritten_and_says_whose_it_is(city):
    from llkd.config.selection_rule import ThresholdRule

    store, project = city
    store.selections.save(project.id, "cut", ThresholdRule(teacher_threshold=0.5), {}, "Ana")
    with pytest.raises(UserError, match="Ana saved it just now"):
        store.selections.save(project.id, "cut", ThresholdRule(), {}, "Ben")
    shown = store.selections.get(project.id, "cut")
    assert (shown.rule.teacher_threshold, shown.who) == (0.5, "Ana")
    store.selections.delete(project.id, "cut")
    store.selections.save(project.id, "cut", ThresholdRule(), {}, "Ana")
    with pytest.raises(UserError, match="another selection"):
        store.selections.delete(project.id, "cut", shown.id)
    assert store.selections.get(project.id, "cut")


def test_how_long_ago():
    assert [ago(0.0, now) for now in (5, 61, 125, 7300, 90_000)] == [
        "just now", "1 minute ago", "2 minutes ago", "2 hours ago", "1 day ago"
    ]  # fmt: skip
