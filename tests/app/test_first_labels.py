"""Curate before any teacher: a person labels, and what the labels are good for afterwards."""

import numpy as np
import pandas as pd

from llkd import curation
from llkd.config import TeacherConfig, build
from llkd.evaluation import evaluation_set
from llkd.store import Store
from tests.support.pages import card_data, opened, press, words
from tests.support.seeded_projects import NAMES, WORDS, seeded_project


def unlabelled(home, n=60, **more):
    return seeded_project(home, n=n, labelled=False, probed=False, gold=False, **more)


def test_texts_come_at_random_and_a_key_stores_a_label(home):
    store, project = unlabelled(home)
    app = opened("curate")
    assert "begin yourself" in words(app) and not app.exception
    first = curation.random_rows(store, project)[:3].tolist()
    press(app, ("label", NAMES[1]), ("label", NAMES[0]), ("exclude", None))
    held = store.decisions.current(project.id)
    assert sorted(held.index) == sorted(first)
    assert held.loc[first[0], "human_label"] == NAMES[1]
    assert held.loc[first[1], "human_label"] == NAMES[0] and bool(held.loc[first[2], "excluded"])
    app = opened("curate")
    assert f"2 labels so far: {NAMES[0]} 1, {NAMES[1]} 1" in words(app)


def test_without_classes_they_are_named_first(home):
    store = Store(home)
    frame = pd.DataFrame({"id": ["a"], "text": ["one text"], "gold": None, "split": ["pool"]})
    store.projects.create("p", frame, source="p", report={})
    assert "Name the classes first" in words(opened("curate"))


def test_the_card_says_nothing_of_a_teacher_there_is_none_of(home):
    unlabelled(home)
    app = opened("curate")
    cards = card_data(app)["cards"]
    assert len(cards) == 60 and {(card["label"], card["why"]) for card in cards} == {("", "")}
    assert not any(card["figures"] for card in cards)


def test_labels_in_random_order_judge_later_and_examples_do_not(home):
    store, project = unlabelled(home, holdout=0.0)
    order = curation.random_rows(store, project)
    keys = project.label_set.keys
    for place, row in enumerate(order[:55].tolist()):
        store.decisions.decide(project.id, [row], "label", who="me", key=keys[place % 2])
    config = build(TeacherConfig, teacher="embedded", examples="balanced", example_count=4)
    few = curation.few_shot(store, project, config)
    assert [pair[0] for pair in few.identity["rows"]] == [e.row for e in few.fixed]
    assert sorted(np.bincount([e.label for e in few.fixed], minlength=2)[:2]) == [2, 2]
    again = curation.few_shot(store, project, config)
    assert again.identity == few.identity  # the same for the same labels
    plane = curation.first_plane(store, project)
    texts = store.projects.texts(project, ["gold", "split"])
    judge = evaluation_set.best_evaluation_set(plane, texts)
    assert (judge.kind, judge.sampling, len(judge.rows)) == ("people", "at random", 55)


class TestSpread:
    def test_all_topics_come_early_and_no_text_twice(self, home):
        store, project = unlabelled(home, n=300)
        rows = curation.spread_rows(store, project)
        assert sorted(rows) == sorted(curation.random_rows(store, project))
        texts = store.projects.texts(project, ["text"])["text"]
        topics = [next(k for k, w in enumerate(WORDS) if texts[row].startswith(w)) for row in rows]
        assert len(set(topics[: 2 * len(WORDS)])) == len(WORDS)
        assert (curation.spread_rows(store, project) == rows).all()

    def test_texts_without_words_come_at_random(self, home):
        store, project = unlabelled(home, n=12, words=["…"])
        assert len(curation.spread_rows(store, project)) == len(
            curation.random_rows(store, project)
        )


def test_the_plane_without_a_teacher_holds_people_alone(home):
    store, project = unlabelled(home)
    plane = curation.first_plane(store, project)
    assert (plane.frame["teacher_label"] == -1).all() and plane.frame["confidence"].isna().all()
    assert plane.names == NAMES and plane.open_classes == list(range(len(NAMES)))
    assert store.labeling_runs.all(project.id) == []
