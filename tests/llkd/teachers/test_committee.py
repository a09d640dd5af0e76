"""A committee that is tried on a few texts; how it labels is in tests/llkd/workflows."""

import numpy as np
import pytest

from llkd.config import LabelSet
from llkd.errors import UserError
from llkd.teachers import make_teacher
from llkd.teachers.registry import TEACHERS, teacher_settings
from tests.support.toy_teacher import KIND

LABELS = LabelSet.of(["roads", "water"])


@pytest.fixture(autouse=True)
def words(monkeypatch):
    monkeypatch.setitem(TEACHERS, "word", KIND)


def test_it_pools_what_its_members_say_of_a_text(tmp_path):
    config = teacher_settings(teacher="committee", members=["word:pothole", "word:street", "7"])
    teacher = make_teacher(config, LABELS, tmp_path)
    (batch,) = teacher.score(["a pothole in the street", "a leak", "a pothole"])
    np.testing.assert_allclose(
        np.exp(batch.scores), [[0.9, 0.1], [0.1, 0.9], [0.5, 0.5]], atol=1e-6
    )
    assert batch.source == "pooled"
    assert "'pothole'" in teacher.prompt("x") and "'street'" in teacher.prompt("x")


def test_what_cannot_be_tried_says_so(tmp_path):
    with pytest.raises(UserError, match="nothing to try"):
        config = teacher_settings(teacher="committee", members=["3", "7"])
        make_teacher(config, LABELS, tmp_path)
    paid = ["word:a", "api:m"]
    config = teacher_settings(teacher="committee", members=paid, base_url="http://127.0.0.1:9")
    with pytest.raises(UserError, match="Try 'api:m' by itself"):
        make_teacher(config, LABELS, tmp_path)
