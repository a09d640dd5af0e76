"""Groups of texts, how they join to topics, and the words that are typical of these."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llkd.curation.maps.groups import cut_tree, find_groups, near_centre, nearest_centre
from llkd.curation.maps.pool_map import topic_names
from llkd.curation.maps.words import count_words, typical_words, words_of
from tests.support.map_points import clouds, unit


@pytest.mark.parametrize("count", [0, 1, 2, 5, 20, 41, 300])
def test_every_text_has_a_group_and_no_group_is_empty(count):
    points = unit(np.random.default_rng(count).normal(size=(max(count, 1), 8)))[:count]
    groups = find_groups(points, 0)
    assert groups.group.shape == (count,)
    np.testing.assert_array_equal(
        np.bincount(groups.group, minlength=len(groups.centres)), groups.texts
    )
    assert (groups.texts > 0).all()
    assert groups.tree.shape == (max(len(groups.centres) - 1, 0), 4)
    examples = near_centre(points, groups)
    for number, rows in enumerate(examples):
        assert rows[0] >= 0 and (groups.group[rows[rows >= 0]] == number).all()
    np.testing.assert_array_equal(nearest_centre(points, groups.centres), groups.group)


def test_equal_texts_are_one_group():
    groups = find_groups(np.repeat(unit(np.ones((1, 8))), 50, axis=0), 0)
    assert groups.texts.tolist() == [50]
    points = np.repeat(unit(np.ones((1, 8))), 50, axis=0)
    assert near_centre(points, groups).tolist() == [[0, -1, -1, -1, -1]]


def test_topics_are_the_clouds_and_the_seed_decides():
    points, label = clouds(100, count=5)
    groups = find_groups(points, 7)
    topic = cut_tree(groups.tree, 5)[groups.group]
    table = np.zeros((5, 5), dtype=int)
    np.add.at(table, (topic, label), 1)
    assert (np.sort(table.max(axis=1)) == 100).all()
    again = find_groups(points, 7)
    np.testing.assert_array_equal(again.group, groups.group)
    np.testing.assert_array_equal(again.tree, groups.tree)


@given(st.integers(1, 30), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_any_number_of_topics_can_be_cut_and_a_finer_cut_only_splits(groups, topics):
    from scipy.cluster.hierarchy import ward

    centres = np.random.default_rng(groups).normal(size=(groups, 4))
    tree = ward(centres) if groups > 1 else np.zeros((0, 4))
    cut = cut_tree(tree, topics)
    assert sorted(set(cut.tolist())) == list(range(min(topics, groups)))
    finer = cut_tree(tree, topics + 1)
    for part in set(finer.tolist()):
        assert len(set(cut[finer == part].tolist())) == 1


def test_words_of_many_scripts_and_of_hostile_texts():
    assert words_of("The Rent is DUE, isn't it? 42 x2") >= {"rent", "due", "isn't"}
    assert "42" not in words_of("42 rent")
    assert "हिन्दी" in words_of("हिन्दी भाषा")
    assert words_of("東京都") == {"東京", "京都"}
    assert "\u0645\u0631\u062d\u0628\u0627" in words_of("مرحبا بالعالم")
    assert words_of("<script>alert(1)</script>") == {"script", "alert"}
    assert words_of("a\u202eb\x00\x1b[31m rot") >= {"rot"}
    assert words_of("=cmd|' /C calc'!A0") == {"cmd", "calc", "a0"}
    assert words_of("x" * 5_000_000) == set()
    assert words_of("") == set()


def test_typical_words_tell_topics_apart_and_not_what_all_say():
    topics = {"rent": 0, "goal": 1, "soup": 2}
    texts, group = [], []
    for k in range(120):
        word = list(topics)[k % 3]
        texts.append(f"und das ist {word} nummer {word}" + (" selten" if k == 0 else ""))
        group.append(topics[word])
    counts, vocabulary = count_words(texts, np.array(group), 3)
    assert "selten" not in vocabulary, "it occurs in one text"
    assert counts[0][vocabulary.index("rent")] == 40, "once a text"
    words = typical_words(counts, np.bincount(group), vocabulary)
    assert [line[0] for line in words] == ["rent", "goal", "soup"]
    assert all(len(line) == 1 for line in words), "what all say is typical of none"


def test_a_pool_of_one_topic_shows_its_most_frequent_words():
    counts, vocabulary = count_words(["rent tax", "rent", ""], np.zeros(3, dtype=int), 1)
    assert typical_words(counts, np.array([3]), vocabulary) == [["rent", "tax"]]
    assert typical_words(np.zeros((2, 0)), np.array([1, 1]), ()) == [[], []]


def test_every_name_is_given_once():
    names = topic_names([["a", "b", "c", "d"], ["a", "b", "c", "e"], [], [], ["a", "b", "c", "d"]])
    assert names[:3] == ["a / b / c", "a / b / c / e", "topic 3"]
    assert len(set(names)) == 5
