"""The cache of answers: found by teacher, classes and text, and by nothing less."""

import os
import threading

import numpy as np
import pytest

from llkd.errors import StoreError
from llkd.store import Answer, Store
from llkd.store.answers import Answers

KEY = Answers.key({"model": "m"}, {"labels": ["a", "b"]})


@pytest.fixture
def answers(home):
    store = Store(home)
    yield store.answers
    store.close()


def one(first=-0.5, raw="A", **more):
    return Answer(np.array([first, -1.0], np.float32), -1, "logprob", raw, **more)


def test_what_was_put_is_found_under_the_same_teacher_and_text_only(answers):
    answers.save(KEY, ["x", "y"], [one(-0.25, tokens_in=7, tokens_out=1), one(raw=None)])
    found = answers.find(KEY, ["z", "y", "x", "x"])
    assert sorted(found) == [1, 2, 3]
    assert found[2].scores.tolist() == [-0.25, -1.0]
    assert (found[2].answer, found[2].source, found[2].raw) == (-1, "logprob", "A")
    assert (found[2].tokens_in, found[2].tokens_out, found[1].raw) == (7, 1, None)
    others = [({"model": "n"}, {"labels": ["a", "b"]}), ({"model": "m"}, {"labels": ["b", "a"]})]
    for teacher, classes in others:
        assert answers.find(Answers.key(teacher, classes), ["x"]) == {}


def test_missing_names_each_unknown_text_once(answers):
    assert answers.missing(KEY, ["x", "y", "x"]) == [0, 1]
    answers.save(KEY, ["y"], [one()])
    assert answers.missing(KEY, ["x", "y", "x", "z"]) == [0, 3]


def test_thousands_of_texts_and_odd_ones(answers):
    texts = [f"text {i}" for i in range(1200)] + ["", "\0", "half \ud800", "a\0b", "ü" * 9]
    answers.save(KEY, texts, [one(float(i)) for i in range(len(texts))])
    found = answers.find(KEY, texts)
    assert [float(found[i].scores[0]) for i in range(len(texts))] == list(range(len(texts)))


def test_forgetting_some_and_all(answers, home):
    answers.save(KEY, ["x", "y"], [one(), one()])
    answers.forget(KEY, ["x", "never"])
    assert list(answers.find(KEY, ["x", "y"])) == [1]
    many = [f"{i}" for i in range(3000)]
    answers.save(KEY, many, [one(raw="words " * 20)] * len(many))
    number, size = answers.size()
    assert number == 3001
    answers.delete()
    emptied = answers.size()
    assert emptied[0] == 0
    assert emptied[1] < size / 4, "the room is given back"
    assert answers.find(KEY, ["y"]) == {}


def test_before_anything_was_kept_it_is_empty_and_makes_no_file(answers, home):
    assert answers.find(KEY, ["x"]) == {}
    assert answers.size() == (0, 0)
    answers.forget(KEY, ["x"])
    answers.delete()
    assert not home.joinpath("cache").exists()


def test_a_file_that_was_deleted_meanwhile_is_made_anew(answers, home):
    answers.save(KEY, ["x"], [one()])
    for file in (home / "cache").iterdir():
        file.unlink()
    assert answers.find(KEY, ["x"]) == {}
    answers.save(KEY, ["y"], [one()])
    assert list(Store(home).answers.find(KEY, ["x", "y"])) == [1]


def test_threads_and_a_second_process_write_at_once(answers, home):
    def write(who):
        for number in range(20):
            answers.save(KEY, [f"{who} {number}"], [one()])

    child = os.fork()
    if child == 0:
        try:
            write("child")
        finally:
            os._exit(0)
    threads = [threading.Thread(target=write, args=(who,)) for who in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.waitpid(child, 0)[1] == 0
    assert answers.size()[0] == 80


def test_a_damaged_file_says_what_to_do(answers, home):
    (home / "cache").mkdir()
    (home / "cache" / "answers.db").write_bytes(b"no database" * 500)
    with pytest.raises(StoreError, match="delete the file: the labels stay"):
        answers.find(KEY, ["x"])
