"""Texts are asked about once, and an answer is kept before anybody sees it."""

import numpy as np
import pytest

from llkd.config import LabelSet
from llkd.errors import LLKDError
from llkd.labeling.cached_scoring import cache_key, content_free, forget, score_cached
from llkd.teachers.base import ScoredBatch

LABELS = LabelSet.of(["a", "b"])


class Teacher:
    """Answers in batches of three; 'odd' texts cannot be used, and it may break off."""

    def __init__(self, breaks_at=None, **description):
        self.asked, self.closed, self.free_asked = [], False, 0
        self.breaks_at, self.description = breaks_at, {"kind": "api", "model": "m", **description}
        self.free = np.arange(6, dtype=np.float32).reshape(3, 2)
        self.cut = 0

    def describe(self):
        return self.description

    def score(self, texts):
        try:
            for start in range(0, len(texts), 3):
                part = texts[start : start + 3]
                if self.breaks_at in part:
                    raise LLKDError("The teacher broke off.")
                self.asked += part
                scores = np.array([[len(text), 1.0] for text in part], np.float32)
                scores[[text.startswith("odd") for text in part]] = np.nan
                index = np.arange(start, start + len(part))
                raw = [f"said {text} \ud800" for text in part]
                yield ScoredBatch(index, scores, np.full(len(part), -1), "logprob", raw, 10, 5)
        finally:
            self.closed = True

    def content_free(self):
        self.free_asked += 1
        return self.free


def answers(asked, count):
    """Length of the text as it was scored, at each position; every position exactly once."""
    found = {}
    for one in asked:
        for place, index in enumerate(one.batch.index):
            assert int(index) not in found
            found[int(index)] = one.batch.scores[place][0]
    assert sorted(found) == list(range(count))
    return [found[index] for index in range(count)]


def test_the_second_time_nothing_is_asked_and_the_answers_are_the_same(store):
    texts = ["a", "bb", "odd", "ccc", "dddd"]
    first = list(score_cached(store, Teacher(), LABELS, texts))
    again = Teacher()
    second = list(score_cached(store, again, LABELS, texts))
    assert again.asked == []
    np.testing.assert_array_equal(answers(first, 5), answers(second, 5))
    assert {one.cached for one in first} == {False}
    assert {one.cached for one in second} == {True}
    assert sum(one.batch.tokens_in + one.batch.tokens_out for one in second) == 0
    assert second[0].batch.raw[1] == "said bb ?", "half a character is written as a question mark"
    kept = store.answers.find(cache_key(again, LABELS), texts)
    assert sum(one.tokens_in for one in kept.values()) == 20, "of two batches of ten tokens"


def test_known_texts_come_first_and_only_the_rest_is_asked(store):
    list(score_cached(store, Teacher(), LABELS, ["b", "dddd"]))
    teacher = Teacher()
    found = list(score_cached(store, teacher, LABELS, ["a", "b", "ccc", "dddd", "ccc", "a"]))
    assert teacher.asked == ["a", "ccc"], "a text that stands twice is asked about once"
    assert [one.cached for one in found] == [True, False]
    assert answers(found, 6) == [1, 1, 3, 4, 3, 1]
    assert found[1].batch.tokens_in == 10


def test_an_answer_is_kept_before_it_is_seen(store):
    texts = [f"{i}" for i in range(9)]
    seen = score_cached(store, Teacher(), LABELS, texts)
    next(seen)
    key = cache_key(Teacher(), LABELS)
    assert store.answers.missing(key, texts) == [3, 4, 5, 6, 7, 8]


def test_what_was_answered_before_a_failure_is_kept_and_seen(store):
    seen = []
    with pytest.raises(LLKDError, match="broke off"):
        for one in score_cached(store, Teacher(breaks_at="4"), LABELS, [f"{i}" for i in range(9)]):
            seen += one.batch.index.tolist()
    assert seen == [0, 1, 2]
    teacher = Teacher()
    list(score_cached(store, teacher, LABELS, [f"{i}" for i in range(9)]))
    assert teacher.asked == ["3", "4", "5", "6", "7", "8"]


def test_leaving_early_ends_the_teacher_at_once(store):
    teacher = Teacher()
    seen = score_cached(store, teacher, LABELS, [f"{i}" for i in range(9)])
    next(seen)
    seen.close()
    assert teacher.closed


def test_what_could_not_be_used_is_asked_again_only_after_it_was_forgotten(store):
    list(score_cached(store, Teacher(), LABELS, ["odd", "even"]))
    teacher = Teacher()
    list(score_cached(store, teacher, LABELS, ["odd"]))
    assert teacher.asked == []
    forget(store, teacher, LABELS, ["odd"])
    list(score_cached(store, teacher, LABELS, ["odd", "even"]))
    assert teacher.asked == ["odd"]


def test_another_teacher_or_another_class_is_another_answer(store):
    list(score_cached(store, Teacher(), LABELS, ["x"]))
    for other, labels in ((Teacher(model="n"), LABELS), (Teacher(), LabelSet.of(["a", "c"]))):
        list(score_cached(store, other, labels, ["x"]))
        assert other.asked == ["x"]


@pytest.mark.parametrize(("description", "keep"), [({"kind": "file"}, True), ({}, False)])
def test_files_and_those_who_do_not_want_it_get_no_cache(store, description, keep):
    for _ in range(2):
        teacher = Teacher(**description)
        found = list(score_cached(store, teacher, LABELS, ["x", "x"], keep=keep))
        assert answers(found, 2) == [1, 1]
        assert teacher.asked == ["x"]
    forget(store, Teacher(kind="file"), LABELS, ["x"])
    assert store.answers.size() == (0, 0)


@pytest.mark.parametrize("free", [np.arange(6, dtype=np.float32).reshape(3, 2), None])
def test_texts_without_content_are_asked_about_once_as_well(store, free):
    teachers = [Teacher(), Teacher()]
    for teacher in teachers:
        teacher.free = free
        found = content_free(store, teacher, LABELS)
        assert (found is None) == (free is None)
        if free is not None:
            np.testing.assert_array_equal(found, free)
    assert [teacher.free_asked for teacher in teachers] == [1, 0]


def test_a_key_that_the_server_repeats_is_not_kept(store, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-unique-word")
    seen = next(score_cached(store, Teacher(), LABELS, ["tell sk-unique-word"]))
    assert seen.batch.raw == ["said tell *** ?"]


def test_an_example_of_the_prompt_has_an_answer_of_its_own_in_the_cache(store):
    """An answer that was given with the text's own label in the prompt is not used again."""
    before = Teacher()
    list(score_cached(store, before, LABELS, ["one", "two"]))
    after = Teacher()
    after.holds = lambda text: text == "one"
    found = list(score_cached(store, after, LABELS, ["one", "two"]))
    assert after.asked == ["one"] and len(found) == 2
    again = Teacher()
    again.holds = after.holds
    assert len(list(score_cached(store, again, LABELS, ["one", "two"]))) and again.asked == []
    forget(store, again, LABELS, ["one"])
    list(score_cached(store, again, LABELS, ["one", "two"]))
    assert again.asked == ["one"]
