import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llkd.errors import ConfigError
from llkd.teachers.local.answer_tree import AnswerTree

NAMES = [f"class {i}" for i in range(9)]


def tree(answers, rule="sum"):
    return AnswerTree(answers, NAMES[: len(answers)], rule)


def test_one_token_verbalisers_need_nothing_after_the_prompt():
    made = tree([[5], [7], [9]])
    assert len(made) == 0
    assert made.pairs.tolist() == [[0, 5], [0, 7], [0, 9]]


def test_shared_beginnings_are_fed_once():
    made = tree([[1, 2, 3], [1, 2, 4], [1], [8, 9]])
    assert made.paths == [(1,), (8,), (1, 2)]
    assert made.tokens.tolist() == [1, 8, 2]
    assert made.depth.tolist() == [1, 1, 2]
    assert made.sees.tolist() == [[True, False, False], [False, True, False], [True, False, True]]


@given(
    st.lists(
        st.lists(st.integers(0, 3), min_size=1, max_size=4).map(tuple),
        min_size=2,
        max_size=8,
        unique=True,
    ),
    st.sampled_from(["sum", "mean"]),
)
def test_scores_add_up_the_log_probabilities_of_the_path(answers, rule):
    made = tree(answers, rule)
    rng = np.random.default_rng(0)
    table = {}

    def log_probability(path, token):
        return table.setdefault((path, token), float(rng.normal()))

    paths = [(), *made.paths]
    logs = np.array([[log_probability(paths[node], token) for node, token in made.pairs]])
    expected = []
    for ids in answers:
        terms = [log_probability(ids[:n], token) for n, token in enumerate(ids)]
        expected.append(sum(terms) / (len(terms) if rule == "mean" else 1))
    np.testing.assert_allclose(made.scores(logs)[0], expected, rtol=1e-5, atol=1e-5)
    assert len(set(map(tuple, made.pairs.tolist()))) == len(made.pairs)
    for i, path in enumerate(made.paths):
        assert {made.paths[j] for j in np.flatnonzero(made.sees[i])} == {
            path[:n] for n in range(1, len(path) + 1)
        }


def test_equal_verbalisers_are_refused_by_name():
    with pytest.raises(ConfigError, match="'class 0' and 'class 2' are the same token"):
        tree([[1, 2], [3], [1, 2]])


def test_equal_first_tokens_are_refused_for_that_rule_only():
    assert len(tree([[1, 2], [1, 3]])) == 1
    with pytest.raises(ConfigError, match="begin with the same token.*verbaliser_score 'sum'"):
        tree([[1, 2], [1, 3]], "first_token")
